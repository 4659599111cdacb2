import type { StepOutcome } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import type { GroupEvents } from './cgroup.ts';

export type Limit = NonNullable<StepOutcome['limit']>;

/** What was seen from outside the sandbox. Nothing here was printed by the command. */
export interface StepFacts {
  /** The limit for which we killed it, if we did. */
  readonly killedFor: Limit | null;
  /** Whether the prologue finished, so that the command really began. */
  readonly began: boolean;
  /** How the outermost bubblewrap ended, by its wait status. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The exit code in bubblewrap's own status report: only there when the command ran and ended. */
  readonly reportedExitCode: number | null;
  readonly events: GroupEvents;
  /** A writable place of the sandbox was full at the end. */
  readonly diskIsFull: boolean;
  /** Only shown when the sandbox could not be set up. */
  readonly printed: string;
}

export type Verdict = Pick<StepOutcome, 'exitCode' | 'signal' | 'limit'>;

/**
 * One rule per line, first match wins. What is not certainly the command's own doing is no verdict on the tree: a broken
 * sandbox must never look like a failing check. A limit takes the exit code's place, because a command that ran out of
 * memory or room says nothing about the tree. A command that met no more room, or no more processes, and succeeded all
 * the same has succeeded; one of which the kernel has killed a part has not.
 * A command ended by signal N inside has exit code 128 + N, as in every shell: bubblewrap's init reports it so.
 */
export function judge(facts: StepFacts): Answer<Verdict> {
  const limited = (limit: Limit): Answer<Verdict> => ({ ok: true, value: { exitCode: null, signal: null, limit } });
  const failed = facts.exitCode !== 0;
  if (!facts.began) return { ok: false, why: setUpFailure(setUpTrouble(facts)) };
  if (facts.killedFor !== null) return limited(facts.killedFor);
  if (facts.events.outOfMemoryKills > 0) return limited('memory');
  if (facts.signal !== null) return { ok: false, why: `The sandbox was killed from outside (${facts.signal}).` };
  if (facts.reportedExitCode === null || facts.reportedExitCode !== facts.exitCode) {
    return { ok: false, why: 'bubblewrap ended without reporting how the command ended.' };
  }
  if (failed && facts.diskIsFull) return limited('disk');
  if (failed && facts.events.refusedForks > 0) return limited('processes');
  return { ok: true, value: { exitCode: facts.exitCode, signal: null, limit: null } };
}

/** The sentence for a sandbox that did not come up, with what to do where the reason is a known one. */
export function setUpFailure(why: string): string {
  const hint = hints.find(([pattern]) => pattern.test(why))?.[1];
  return `The sandbox could not be set up: ${why}${hint === undefined ? '' : ` ${hint}`}`;
}

/** What bubblewrap prints when the host forbids it. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /setting up uid map: Permission denied|Failed RTM_NEWADDR/,
    'This looks like AppArmor: apt-get install apparmor-profiles and load its profile bwrap-userns-restrict.',
  ],
  [
    /reating new namespace failed|No permissions to creat|unprivileged user namespaces/,
    'This machine or container forbids user namespaces: see the sysctls user.max_user_namespaces and kernel.unprivileged_userns_clone.',
  ],
  [
    /Can't mount proc/,
    'Something is mounted over parts of /proc: the unit must not set ProtectKernelTunables= or ProtectKernelLogs=.',
  ],
];

function setUpTrouble({ events, killedFor, signal, printed }: StepFacts): string {
  if (events.outOfMemoryKills > 0 || killedFor === 'memory') return 'the memory limit is too small for it.';
  const said = printed.trim();
  if (said !== '') return said;
  return signal === null ? 'it ended before the command began.' : `it was killed (${signal}).`;
}
