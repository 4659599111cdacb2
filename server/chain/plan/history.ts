/** What earlier proofs of a repository teach about the next one. Pure. */
import { failedSetUp, isTest, setUpName, type CheckResult } from '#contract/check.ts';
import type { ProposalDocument } from '#contract/proposal.ts';

type Proof = Pick<ProposalDocument, 'checks' | 'proof'>;

export interface Lesson {
  /** Checks of the plan, and the set-up, that a limit of this machine ended the last time they ran here. */
  readonly tooHeavy: readonly string[];
  /** Of all checks of one proof, both sides; null when none has run yet. */
  readonly minutes: number | null;
  /** Of its set-up, both sides, which is nothing when it was kept from an earlier job; null when it has not run yet. */
  readonly setUpMinutes: number | null;
}

/**
 * `proofs`: the newest first. A check is known by its command, because a name may be given to something else. `setUp`: the
 * command of the plan's set-up, if it has one.
 */
export function learn(
  proofs: readonly Proof[],
  checks: readonly { name: string; command: string }[],
  setUp: string | null = null,
): Lesson {
  const wanted = setUp === null ? checks : [{ name: setUpName, command: setUp }, ...checks];
  const tooHeavy = wanted.filter(({ command }) => {
    const last = proofs
      .filter(({ proof }) => proof.placement === 'base')
      .flatMap((document) => document.checks.filter((check) => check.command === command && hasRun(check)))[0];
    return last !== undefined && [last.before.limit, last.after.limit].some((limit) => isOfMachine(limit, last));
  });
  const proved = proofs.filter(({ checks: ran }) => failedSetUp(ran) === null && ran.some(isTest));
  const setUps = proofs.map(({ checks: ran }) =>
    ran.filter(({ phase, command }) => phase === 'set_up' && command === setUp),
  );
  return {
    tooHeavy: tooHeavy.map(({ name }) => name),
    minutes: middleMinutes(proved.map(({ checks: ran }) => ran.filter(({ phase }) => phase === undefined))),
    setUpMinutes: middleMinutes(setUps.filter((ran) => ran.length > 0)),
  };
}

/** After a set-up that failed, checks are listed and did not run: that says nothing about what they need. */
function hasRun({ before }: CheckResult): boolean {
  return before.conclusion !== 'skipped';
}

/** How much a set-up may leave is budget.json's to say, and the same on every machine. */
function isOfMachine(limit: string | null, { phase }: CheckResult): boolean {
  return limit !== null && !(phase === 'set_up' && limit.startsWith('disk'));
}

function middleMinutes(proofs: readonly (readonly CheckResult[])[]): number | null {
  const took = proofs
    .map((ran) => ran.reduce((sum, { before, after }) => sum + before.durationMs + after.durationMs, 0))
    .toSorted((one, other) => one - other);
  const middle = took[Math.floor(took.length / 2)];
  return middle === undefined ? null : middle / 60_000;
}
