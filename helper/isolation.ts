/**
 * The argument lists: what starts a sandbox, and what the sandbox is. bubblewrap starts from an empty root, so everything
 * a check can see is named here. Rule that must hold (bubblewrap before 0.12 follows links of the tree while it mounts,
 * CVE-2026-87766): nothing is mounted at or below a path whose bytes are untrusted; the work folder has no child mounts.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Limits } from '#contract/helper-wire.ts';
import { isOpenToAll, sharedSettings, systemPath } from './host.ts';
import type { Host } from './host.ts';
import { inside, prologue } from './workspace.ts';
import type { Strategy } from './workspace.ts';

/** Descriptors that the launcher hands to bubblewrap; of these the prologue gets only `status`, the command none. */
export const descriptors = { input: 0, status: 3, seccomp: 4, json: 5, args: 6, firstFile: 7 } as const;

/** A small file made for the sandbox; its bytes travel through a descriptor, so nothing is written on the host. */
export interface MadeFile {
  readonly path: string;
  readonly text: string;
  readonly executable: boolean;
}

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** bubblewrap's own arguments. They go through a descriptor, because a sandbox can read its init's command line. */
  readonly bwrapArgs: readonly string[];
  /** In the order of their descriptors, from `descriptors.firstFile` on. */
  readonly madeFiles: readonly MadeFile[];
}

export interface LaunchRequest {
  readonly strategy: Strategy;
  readonly lower: string;
  readonly delta: string | null;
  readonly limits: Limits;
  readonly command: string;
  /** `cgroup.procs` files that the launcher enters before anything else. */
  readonly groupFiles: readonly string[];
  /** Set where no cgroup holds the number of processes and the memory. */
  readonly resourceLimits: readonly string[];
  /** The tree belongs to another user and root hands it over first. */
  readonly adopt: boolean;
}

const sandboxUser = 1000;
const sharedMemoryBytesMax = 64 * 1024 * 1024;
/**
 * Where the launcher mounts its own tmpfs, in its own mount namespace: it must exist everywhere, no source may lie below
 * it, and the run user must be able to pass. /sys is that; neither bubblewrap nor the sandbox needs it.
 */
const scratch = '/sys';

/** The whole command line for one step: enter the limits, make the mounts, drop to the run user, become bubblewrap. */
export function planLaunch(host: Host, request: LaunchRequest): Launch {
  const sources = new Sources(host, request);
  const madeFiles = filesToMake(host);
  const { uid, gid } = host.runUser;
  const needsPrlimit = request.resourceLimits.length > 0 || host.coresArePiped;
  const bwrapArgs = [
    namespaceArguments(),
    systemArguments(host, sources, madeFiles, request.limits),
    workspaceArguments(request, sources),
    ['--remount-ro', '/', '--chdir', '/'],
    ['--seccomp', `${descriptors.seccomp}`, '--json-status-fd', `${descriptors.json}`],
  ].flat();
  const launcher = [
    [host.tools.sh, '-c', launcherScript, 'launcher'],
    [...request.groupFiles, '--'],
    [request.lower, sources.needed ? scratchOptions(request, host) : ''],
    [request.strategy === 'overlay' ? overlayOptions(host, request.adopt) : ''],
    [host.asRoot ? `-o ${uid} -g ${gid}` : '', request.adopt ? `${uid}:${gid}` : ''],
    [...sources.moved, '--'],
    host.asRoot ? dropArguments(host) : [],
    [host.tools.bwrap, '--args', `${descriptors.args}`, '--'],
    ['/bin/sh', '-c', prologue, 'prologue'],
    needsPrlimit ? resourceArguments(host, request) : [],
    ['/bin/sh', '-c', request.command],
  ].flat();
  const all = sources.needed ? [...newMountNamespace(host), ...launcher] : launcher;
  const [file = host.tools.sh, ...args] = all;
  return { file, args, bwrapArgs, madeFiles };
}

/**
 * Parameters: cgroup.procs files, "--", the tree, options of the scratch tmpfs (empty: none), options of the overlay
 * (empty: none), words for install(1) that name who shall own the workspace (empty: whoever runs this), uid:gid to whom
 * the whole tree is given first (empty: it has the right owner), pairs of a folder and its name in the scratch, "--", and the argument list to become. It execs at every step, so that its process id
 * is bubblewrap's in the end. `lowerdir=.` because a path could contain the characters that separate layers.
 */
const launcherScript = `set -eu
umask 022
echo 1000 > /proc/self/oom_score_adj
while [ "$1" != -- ]; do echo 0 > "$1"; shift; done
shift
tree=$1 tmpfs=$2 overlay=$3 owner=$4 adopt=$5
shift 5
if [ -n "$tmpfs" ]; then
  mount -t tmpfs -o "$tmpfs" patchgit ${scratch}
  install -d -m 755 $owner ${scratch}/upper ${scratch}/work ${scratch}/ws
fi
while [ "$1" != -- ]; do mkdir "${scratch}/$2"; mount --bind "$1" "${scratch}/$2"; shift 2; done
shift
if [ -n "$overlay" ]; then
  cd "$tree"
  mount -t overlay -o "$overlay" patchgit ${scratch}/ws
  cd /
  if [ -n "$adopt" ]; then chown -R -P -h "$adopt" ${scratch}/ws; fi
fi
exec "$@"
`;

function newMountNamespace(host: Host): string[] {
  const unshare = host.tools.unshare ?? 'unshare';
  return host.asRoot ? [unshare, '--mount', '--'] : [unshare, '--user', '--map-root-user', '--mount', '--'];
}

/** After this nothing of root is left: bubblewrap started by root would map its inner user to root on the host. */
function dropArguments(host: Host): string[] {
  const { uid, gid } = host.runUser;
  const nothing = ['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  return [host.tools.setpriv ?? 'setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...nothing];
}

function scratchOptions(request: LaunchRequest, host: Host): string {
  const owner = host.asRoot ? `,uid=${host.runUser.uid},gid=${host.runUser.gid}` : '';
  // A file that holds nothing costs no page but about a kilobyte of kernel memory, so names are limited too.
  const inodes = Math.min(Math.max(Math.ceil(request.limits.diskBytes / 4096), 65_536), 1_048_576);
  return `size=${request.limits.diskBytes},nr_inodes=${inodes},mode=755${owner}`;
}

function overlayOptions(host: Host, adopt: boolean): string {
  const layers = `lowerdir=.,upperdir=${scratch}/upper,workdir=${scratch}/work`;
  // With `redirect_dir` a folder of the tree can be renamed; the kernel keeps that option, and `metacopy` (a change of
  // owner copies no content), from overlays of unprivileged users.
  if (!host.asRoot) return `${layers},userxattr`;
  return `${layers},redirect_dir=on,metacopy=${adopt ? 'on' : 'off'}`;
}

/** Keeps track of which folders the run user cannot reach by itself and where the launcher binds them. */
class Sources {
  readonly #host: Host;
  readonly #overlay: boolean;
  readonly #moved = new Map<string, string>();

  constructor(host: Host, request: LaunchRequest) {
    this.#host = host;
    this.#overlay = request.strategy === 'overlay';
    if (request.strategy === 'copy') this.at(request.lower);
    if (request.delta !== null) this.at(request.delta);
    this.at(dirname(host.nodePath));
    if (host.npmFolder !== null) this.at(host.npmFolder);
  }

  /** Where the run user finds `folder`. */
  at(folder: string): string {
    if (!this.#host.asRoot || isOpenToAll(folder)) return folder;
    const name = this.#moved.get(folder) ?? `source-${this.#moved.size}`;
    this.#moved.set(folder, name);
    return join(scratch, name);
  }

  /** Whether the launcher needs a mount namespace of its own. */
  get needed(): boolean {
    return this.#overlay || this.#moved.size > 0;
  }

  get moved(): string[] {
    return [...this.#moved].flat();
  }
}

function namespaceArguments(): string[] {
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
  };
  return [
    ['--unshare-all', '--unshare-user', '--disable-userns'],
    ['--uid', `${sandboxUser}`, '--gid', `${sandboxUser}`, '--hostname', 'run'],
    ['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ].flat();
}

function systemArguments(host: Host, sources: Sources, madeFiles: readonly MadeFile[], limits: Limits): string[] {
  const shared = sharedSettings().flatMap((path) => ['--ro-bind', path, path]);
  const made = madeFiles.flatMap(({ path, executable }, index) => {
    const mode = executable ? '0555' : '0444';
    return ['--perms', mode, '--ro-bind-data', `${descriptors.firstFile + index}`, path];
  });
  const node = join(sources.at(dirname(host.nodePath)), basename(host.nodePath));
  return [
    ['--ro-bind', '/usr', '/usr'],
    ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap(systemLink),
    ['/etc', '/opt', '/opt/node', '/opt/node/bin', '/opt/npm-bin'].flatMap((folder) => [
      '--perms',
      '0755',
      '--dir',
      folder,
    ]),
    [...shared, ...made],
    ['--proc', '/proc', '--dev', '/dev'],
    ['--perms', '1777', '--size', `${Math.min(limits.tmpBytes, sharedMemoryBytesMax)}`, '--tmpfs', '/dev/shm'],
    ['--remount-ro', '/dev'],
    ['--perms', '1777', '--size', `${limits.tmpBytes}`, '--tmpfs', '/tmp'],
    ['--perms', '0755', '--dir', inside.home],
    ['--dir', '/run', '--dir', '/var', '--symlink', '/tmp', '/var/tmp'],
    ['--ro-bind', node, '/opt/node/bin/node'],
    host.npmFolder === null ? [] : ['--ro-bind', sources.at(host.npmFolder), '/opt/npm'],
  ].flat();
}

/** The work folder comes last, and nothing is mounted at or below it. */
function workspaceArguments(request: LaunchRequest, sources: Sources): string[] {
  const delta = request.delta === null ? [] : ['--ro-bind', sources.at(request.delta), inside.delta];
  if (request.strategy === 'overlay') return [...delta, '--bind', join(scratch, 'ws'), inside.work];
  const work = ['--perms', '0755', '--size', `${request.limits.diskBytes}`, '--tmpfs', inside.work];
  return [...delta, '--ro-bind', sources.at(request.lower), inside.base, ...work];
}

/** A core limit of exactly 1 byte is how the kernel is told not to start the host's crash program (core(5)). */
function resourceArguments(host: Host, request: LaunchRequest): string[] {
  const core = host.coresArePiped ? ['--core=1:1'] : [];
  return ['/usr/bin/prlimit', ...core, ...request.resourceLimits];
}

/** On a merged-/usr system /bin is a link; elsewhere it is a folder of its own. */
function systemLink(name: string): string[] {
  const path = `/${name}`;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}

function filesToMake(host: Host): MadeFile[] {
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
  ];
}
