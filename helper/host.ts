/** What this machine has that a sandbox needs. Looked up in fixed folders, never by an inherited PATH. */
import { accessSync, constants, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { Answer } from './answer.ts';

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface RunUser {
  readonly uid: number;
  readonly gid: number;
}

interface Tools {
  readonly bwrap: string;
  readonly sh: string;
  readonly mkfifo: string;
  readonly unshare: string | null;
  readonly setpriv: string | null;
  readonly prlimit: string | null;
}

export interface Host {
  readonly asRoot: boolean;
  /** Who the sandbox is on the host. */
  readonly runUser: RunUser;
  readonly tools: Tools;
  /** Absolute path of the Node that checks get, and the npm folder to bind when /usr has no npm. */
  readonly nodePath: string;
  readonly npmFolder: string | null;
  /** An overlay made by an unprivileged user keeps its marks in `user.*` attributes, which tmpfs has since Linux 6.6. */
  readonly userOverlay: boolean;
  /** A crash would start a program of the host as root on bytes of the sandbox (core_pattern begins with "|"). */
  readonly coresArePiped: boolean;
}

export interface HostOptions {
  readonly runAs: RunUser | null;
  readonly npmFolder: string | null;
}

/** The overflow user: owns nothing on a sane host. Used when root was not told whom to become. */
const nobody: RunUser = { uid: 65534, gid: 65534 };

export function findHost(options: HostOptions): Answer<Host> {
  const uid = process.getuid?.() ?? -1;
  const gid = process.getgid?.() ?? -1;
  const wanted = options.runAs ?? nobody;
  // In a container without that user, "root" is an unprivileged user of the machine, and is treated as one.
  const asRoot = uid === 0 && exists(wanted);
  const tools = { bwrap: findTool('bwrap'), sh: findTool('sh'), mkfifo: findTool('mkfifo') };
  const { bwrap, sh, mkfifo } = tools;
  if (bwrap === null) return { ok: false, why: 'bubblewrap is not installed: apt-get install bubblewrap.' };
  if (sh === null || mkfifo === null) return { ok: false, why: 'sh or mkfifo is missing: apt-get install coreutils.' };
  const setpriv = findTool('setpriv');
  if (asRoot && setpriv === null) return { ok: false, why: 'setpriv is missing: apt-get install util-linux.' };
  const runUser = asRoot ? wanted : { uid, gid };
  if (wanted.uid === 0 || wanted.gid === 0) return { ok: false, why: 'Checks would run as root: name another user.' };
  const npmFolder = systemNpm() === null ? options.npmFolder : null;
  return {
    ok: true,
    value: {
      asRoot,
      runUser,
      tools: { bwrap, sh, mkfifo, unshare: findTool('unshare'), setpriv, prlimit: findTool('prlimit') },
      nodePath: realpathSync(process.execPath),
      npmFolder: npmFolder === null ? null : realpathSync(npmFolder),
      userOverlay: kernelIsAtLeast(6, 6),
      coresArePiped: readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|'),
    },
  };
}

/** Sentences about what would make this host better, each with how to add it. Costs a process start: for `inspect` only. */
export function whatIsMissing(host: Host): string[] {
  const missing: string[] = [];
  const version = spawnSync(host.tools.bwrap, ['--version'], { encoding: 'utf8', env: {} }).stdout.trim();
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) === 0 && Number(minor) < 8) {
    missing.push(`${version} is too old, 0.8 is needed to forbid nested user namespaces: upgrade bubblewrap.`);
  }
  if (host.asRoot && host.runUser.uid === nobody.uid) {
    missing.push(
      'Checks run as "nobody", which other programs may share: useradd --system --no-create-home patchgit-run.',
    );
  }
  if (host.tools.unshare === null || host.tools.prlimit === null) {
    missing.push('unshare or prlimit is missing: apt-get install util-linux.');
  }
  if (systemNpm() === null && host.npmFolder === null) missing.push('Checks have no npm: apt-get install npm.');
  return missing;
}

/** Whether a user is known in this user namespace: lines of "first here, first outside, how many" in user_namespaces(7). */
function exists({ uid, gid }: RunUser): boolean {
  const holds = (file: string, id: number): boolean =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .some(([first = 0, , count = 0]) => id >= first && id < first + count);
  return holds('/proc/self/uid_map', uid) && holds('/proc/self/gid_map', gid);
}

function findTool(name: string): string | null {
  const found = systemPath
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path));
  return found ?? null;
}

function isExecutable(path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EACCES')) return false;
    throw error;
  }
}

/** An npm that every sandbox sees anyway, because it lies wholly under /usr. */
function systemNpm(): string | null {
  const npm = findTool('npm');
  return npm !== null && realpathSync(npm).startsWith('/usr/') ? npm : null;
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [, hereMajor, hereMinor] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  if (hereMajor === undefined || hereMinor === undefined) return false;
  return Number(hereMajor) > major || (Number(hereMajor) === major && Number(hereMinor) >= minor);
}

/** Whether an unprivileged user can get to `path`, judged by the modes alone: everybody may pass and read. */
export function isOpenToAll(path: string): boolean {
  const found = statSync(path);
  const read = found.isDirectory() ? 0o005 : 0o004;
  if ((found.mode & read) !== read) return false;
  for (let above = dirname(path); above !== '/'; above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Folders of /etc that programs under /usr cannot do without; none of them holds secrets on a distribution's defaults. */
export function sharedSettings(): string[] {
  const named = ['alternatives', 'ld.so.cache', 'php', 'ssl/certs', 'ssl/openssl.cnf'];
  const java = readdirSync('/etc').filter((name) => /^java-\d+-openjdk$/.test(name));
  return [...named, ...java]
    .map((name) => join('/etc', name))
    .filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined && isOpenToAll(path));
}

export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
