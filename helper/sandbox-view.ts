/**
 * What a sandbox is, as bubblewrap's arguments. It starts from an empty root, so everything a check can see is named
 * here. Rule that must hold (bubblewrap before 0.12 follows links of the tree while it mounts, CVE-2026-87766): nothing
 * is mounted at or below a path whose bytes are untrusted; the work folder has no child mounts.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '#contract/helper-wire.ts';
import { forwarderPath, forwarderProgram, proxyEnvironment } from './forwarder.ts';
import { sharedSettings, systemPath } from './host.ts';
import type { Host } from './host.ts';
import { scratch } from './sources.ts';
import type { Sources } from './sources.ts';
import { inside } from './workspace.ts';
import type { Strategy } from './workspace.ts';

/**
 * Descriptors that the launcher gets. It keeps `tree` and hands the others to bubblewrap; of these the prologue gets only
 * `status` and `reports`, the command none.
 */
export const descriptors = {
  input: 0,
  status: 3,
  seccomp: 4,
  json: 5,
  args: 6,
  tree: 7,
  reports: 8,
  firstFile: 9,
} as const;

/** A small file made for the sandbox; its bytes travel through a descriptor, so nothing is written on the host. */
export interface MadeFile {
  readonly path: string;
  readonly text: string;
  readonly executable: boolean;
}

const sandboxUser = 1000;
const sharedMemoryBytesMax = 64 * 1024 * 1024;
const ownFolders = ['/etc', '/opt', '/opt/node', '/opt/node/bin', '/opt/npm-bin', '/run', '/var'];

interface Asked {
  readonly strategy: Strategy;
  readonly limits: Limits;
}

/** `bwrap --args`: everything but what runs inside. */
export function sandboxArguments(
  { strategy, limits }: Asked,
  sources: Sources,
  madeFiles: readonly MadeFile[],
): string[] {
  return [
    namespaceArguments(sources.door !== null),
    systemArguments(sources, madeFiles, limits),
    homeArguments(strategy, sources, limits),
    workspaceArguments(strategy, sources, limits),
    ['--remount-ro', '/', '--chdir', '/'],
    ['--seccomp', `${descriptors.seccomp}`, '--json-status-fd', `${descriptors.json}`],
  ].flat();
}

export function filesToMake(host: Host, hasDoor: boolean): MadeFile[] {
  const plain = (path: string, text: string): MadeFile => ({ path, text, executable: false });
  const runs = (name: string): MadeFile => ({
    path: `/opt/npm-bin/${name}`,
    text: `#!/bin/sh\nexec node /opt/npm/bin/${name}-cli.js "$@"\n`,
    executable: true,
  });
  return [
    plain('/etc/passwd', `root:x:0:0::/:/bin/false\nrun:x:${sandboxUser}:${sandboxUser}::${inside.home}:/bin/sh\n`),
    plain('/etc/group', `root:x:0:\nrun:x:${sandboxUser}:\n`),
    plain('/etc/hosts', '127.0.0.1 localhost run\n::1 localhost\n'),
    plain('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n'),
    ...(host.npmFolder === null ? [] : [runs('npm'), runs('npx')]),
    ...(hasDoor ? [plain(forwarderPath, forwarderProgram)] : []),
  ];
}

function namespaceArguments(hasDoor: boolean): string[] {
  const environment: Record<string, string> = {
    PATH: `/opt/node/bin:/opt/npm-bin:${systemPath}`,
    HOME: inside.home,
    USER: 'run',
    LOGNAME: 'run',
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    TMPDIR: '/tmp',
    TZ: 'UTC',
    CI: '1',
    ...(hasDoor ? proxyEnvironment() : {}),
  };
  return [
    ['--unshare-all', '--unshare-user', '--disable-userns'],
    ['--uid', `${sandboxUser}`, '--gid', `${sandboxUser}`, '--hostname', 'run'],
    ['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ].flat();
}

function systemArguments(sources: Sources, madeFiles: readonly MadeFile[], limits: Limits): string[] {
  const shared = sharedSettings().flatMap((path) => ['--ro-bind', path, path]);
  const made = madeFiles.flatMap(({ path, executable }, index) => {
    const mode = executable ? '0555' : '0444';
    return ['--perms', mode, '--ro-bind-data', `${descriptors.firstFile + index}`, path];
  });
  return [
    ['--ro-bind', '/usr', '/usr'],
    ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap(systemLink),
    ownFolders.flatMap((folder) => ['--perms', '0755', '--dir', folder]),
    [...shared, ...made],
    ['--proc', '/proc', '--dev', '/dev'],
    ['--perms', '1777', '--size', `${Math.min(limits.tmpBytes, sharedMemoryBytesMax)}`, '--tmpfs', '/dev/shm'],
    ['--remount-ro', '/dev'],
    ['--perms', '1777', '--size', `${limits.tmpBytes}`, '--tmpfs', '/tmp'],
    ['--perms', '0755', '--dir', inside.home],
    ['--symlink', '/tmp', '/var/tmp'],
    ['--ro-bind', sources.node, '/opt/node/bin/node'],
    sources.npm === null ? [] : ['--ro-bind', sources.npm, '/opt/npm'],
    sources.door === null ? [] : ['--ro-bind', sources.door, inside.door],
  ].flat();
}

/**
 * The home is an empty folder in /tmp, unless there is a layer: then it is at the same path what the set-up left, under a layer of
 * its own that can be written; and in the set-up itself it is the folder on disk that will be kept.
 */
function homeArguments(strategy: Strategy, { keep, layer }: Sources, limits: Limits): string[] {
  if (keep !== null) return ['--bind', keep.home, inside.home];
  if (layer === null) return [];
  if (strategy === 'overlay') return ['--bind', join(scratch, 'home'), inside.home];
  return [
    ['--perms', '0755', '--size', `${limits.diskBytes}`, '--tmpfs', inside.home],
    ['--ro-bind', layer.tree, inside.layerTree, '--ro-bind', layer.home, inside.layerHome],
  ].flat();
}

/** The work folder comes last. The tree is mounted on it, and nothing is mounted below it. */
function workspaceArguments(strategy: Strategy, sources: Sources, limits: Limits): string[] {
  if (strategy === 'overlay') {
    return ['--ro-bind', join(scratch, 'delta'), inside.delta, '--bind', join(scratch, 'ws'), inside.work];
  }
  const delta = sources.delta === null ? [] : ['--ro-bind', sources.delta, inside.delta];
  const base = sources.lower === null ? [] : ['--ro-bind', sources.lower, inside.base];
  if (sources.keep !== null) return [...delta, ...base, '--bind', sources.keep.tree, inside.work];
  return [...delta, ...base, '--perms', '0755', '--size', `${limits.diskBytes}`, '--tmpfs', inside.work];
}

/** On a merged-/usr system /bin is a link; elsewhere it is a folder of its own. */
function systemLink(name: string): string[] {
  const path = `/${name}`;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}
