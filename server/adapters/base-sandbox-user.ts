import { readFile } from 'node:fs/promises';

/** The user that runs checks, where there is one; `nobody` owns nothing on a sane machine and stands in for it. */
const runUserName = 'patchgit-run';
const nobody: RunUser = { name: 'nobody', uid: 65_534, gid: 65_534 };

export interface RunUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who checks run as, on the host, when this process is root; null when it is not, for then they run as this process's
 * own user, in namespaces of their own (also in a container whose root has no such user to become). Give what is exported as `Workspace.lower` to this user (the folder itself
 * last): an overlay shows the owners of `lower`, and a tree of somebody else costs a change of owner at every step.
 */
export async function findRunUser(): Promise<RunUser | null> {
  if (process.getuid?.() !== 0) return null;
  const user = parseRunUser(await readFile('/etc/passwd', 'utf8')) ?? nobody;
  const exists = holds(await readFile('/proc/self/uid_map', 'utf8'), user.uid);
  return exists && holds(await readFile('/proc/self/gid_map', 'utf8'), user.gid) ? user : null;
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
