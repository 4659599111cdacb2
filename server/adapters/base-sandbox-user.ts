import { readFile } from 'node:fs/promises';
import { giveFolder } from './base-sandbox-give.ts';
import { findRunSocket } from './base-sandbox-socket.ts';

/** The user that runs checks, where there is one; `nobody` owns nothing on a sane machine and stands in for it. */
const runUserName = 'patchgit-run';
const nobody: RunUser = { name: 'nobody', uid: 65_534, gid: 65_534 };

export interface RunUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Where this process is not root: hands a new checkout over; absent: this process changes owners itself. */
  readonly handOver?: (folder: string) => Promise<void>;
}

/** The unit of the daemon names it (systemd/patchgit-give.socket). */
const giveVariable = 'PATCHGIT_GIVE_SOCKET';

/**
 * Who checks run as, on the host, when this process is root or the run user's helpers stand behind a socket; null otherwise,
 * for then they run as this process's own user, in namespaces of their own (also in a container whose root has no such user to
 * become). Give what is exported as `Workspace.lower` to this user (the folder itself
 * last): an overlay shows the owners of `lower`, and a tree of somebody else costs a change of owner at every step.
 */
export async function findRunUser(): Promise<RunUser | null> {
  if (findRunSocket() !== null) return await behindSocket();
  if (process.getuid?.() !== 0) return null;
  const user = parseRunUser(await readFile('/etc/passwd', 'utf8')) ?? nobody;
  const exists = holds(await readFile('/proc/self/uid_map', 'utf8'), user.uid);
  return exists && holds(await readFile('/proc/self/gid_map', 'utf8'), user.gid) ? user : null;
}

/** Null on a machine without that user, where no helper can be behind the socket either. */
async function behindSocket(): Promise<RunUser | null> {
  const user = parseRunUser(await readFile('/etc/passwd', 'utf8'));
  const give = process.env[giveVariable] ?? '';
  // A tree that stays the daemon's can be read by the run user, and is copied for each check.
  const handOver = async (folder: string): Promise<void> => (give === '' ? undefined : await giveFolder(give, folder));
  return user === null ? null : { ...user, handOver };
}

/** Finds `patchgit-run` in passwd(5) text: name, password, uid, gid, and what does not matter here. */
export function parseRunUser(passwd: string): RunUser | null {
  const fields = passwd.split('\n').map((line) => line.split(':'));
  const [name, , uid, gid] = fields.find(([name]) => name === runUserName) ?? [];
  if (name === undefined || !/^[1-9]\d*$/.test(uid ?? '') || !/^[1-9]\d*$/.test(gid ?? '')) return null;
  return { name, uid: Number(uid), gid: Number(gid) };
}

/** Lines of "first here, first outside, how many" in user_namespaces(7): a container's root may have nobody to become. */
function holds(map: string, id: number): boolean {
  return map
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => id >= first && id < first + count);
}
