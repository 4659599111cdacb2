/** What the host allows a sandbox, and who holds the daemon: read from the kernel, said in sentences with what to do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Doctor } from '#contract/api.ts';

type Finding = Doctor['findings'][number];

export interface HostFacts {
  /** How many user namespaces a user may have here; null where the kernel does not say. */
  readonly userNamespacesMax: number | null;
  /** Debian's own switch: 0 leaves user namespaces to root. Null where the kernel has none. */
  readonly unprivilegedClone: number | null;
  /** Ubuntu's: 1 takes a user namespace's rights away from programs without an AppArmor profile that allows it. */
  readonly apparmorRestricts: number | null;
  /** The systemd unit this process belongs to. */
  readonly unit: string | null;
  readonly isRoot: boolean;
}

export async function readHostFacts(proc = '/proc'): Promise<HostFacts> {
  const setting = async (name: string): Promise<number | null> => {
    const text = await readIfThere(join(proc, 'sys', name));
    return text === null ? null : Number(text);
  };
  return {
    userNamespacesMax: await setting('user/max_user_namespaces'),
    unprivilegedClone: await setting('kernel/unprivileged_userns_clone'),
    apparmorRestricts: await setting('kernel/apparmor_restrict_unprivileged_userns'),
    unit: unitOf((await readIfThere(join(proc, 'self/cgroup'))) ?? ''),
    isRoot: process.getuid?.() === 0,
  };
}

/** Why the host would not have a sandbox, where that can be read off it. Empty for a host that allows it. */
export function whatForbids({ userNamespacesMax, unprivilegedClone, apparmorRestricts, isRoot }: HostFacts): string[] {
  const reasons: string[] = [];
  if (userNamespacesMax === 0) {
    reasons.push(
      'This host forbids user namespaces: user.max_user_namespaces is 0. To allow them: echo user.max_user_namespaces=10000 > /etc/sysctl.d/60-patchgit.conf; sysctl --system',
    );
  }
  // Root may always; these two are about everybody else.
  if (unprivilegedClone === 0 && !isRoot) {
    reasons.push(
      'This host leaves user namespaces to root: kernel.unprivileged_userns_clone is 0. To allow them: echo kernel.unprivileged_userns_clone=1 > /etc/sysctl.d/60-patchgit.conf; sysctl --system',
    );
  }
  // The profile of the distribution itself (Ubuntu 24.04, package apparmor-profiles): bubblewrap may, what it starts may not.
  if (apparmorRestricts === 1 && !isRoot) {
    reasons.push(
      'This host allows user namespaces only to programs with an AppArmor profile: kernel.apparmor_restrict_unprivileged_userns is 1. To give bubblewrap its profile: apt-get install apparmor-profiles; cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/; apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict',
    );
  }
  return reasons;
}

/** The lines of `doctor` about the host. What could forbid a sandbox only counts where the sandbox does not work. */
export function hostFindings(
  facts: HostFacts,
  sandbox: { readonly usable: boolean },
  runUser: string | null,
): Finding[] {
  const forbidding = sandbox.usable
    ? []
    : whatForbids(facts).map((sentence) => ({ name: 'host', verdict: 'bad', sentence }) as const);
  const users = runUser !== null && !facts.isRoot ? 'good' : 'warned';
  return [...forbidding, { name: 'users', verdict: users, sentence: usersSentence(facts, runUser) }];
}

function usersSentence({ unit, isRoot }: HostFacts, runUser: string | null): string {
  if (runUser !== null && !isRoot) {
    return `${unit ?? 'A user of its own'} runs the daemon as one user, who reads no patch and runs no check; ${runUser} does, who has no secret and reaches nothing but the repositories and the trees.`;
  }
  if (runUser !== null) {
    return `The daemon runs as root and checks run as ${runUser}. On a droplet give the daemon a user of its own.`;
  }
  if (unit !== null && !isRoot) {
    return `${unit} runs the daemon and the checks as one user of its own, who owns nothing else. Prove changes from strangers elsewhere.`;
  }
  return 'One Unix user does everything, which is right for a laptop. On a droplet use scripts/provision.sh, which makes three.';
}

/** The last service in the path of a group: lines of cgroups(7), "0::/system.slice/patchgit.service/daemon". */
function unitOf(groups: string): string | null {
  const names = groups.split('\n').flatMap((line) => /.*\/([^/]+\.service)(?:\/|$)/.exec(line)?.[1] ?? []);
  return names.at(-1) ?? null;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return null;
    throw error;
  }
}
