/** What earlier proofs of a repository teach about the next one. Pure. */
import type { ProposalDocument } from '#contract/proposal.ts';

type Proof = Pick<ProposalDocument, 'checks' | 'proof'>;

export interface Lesson {
  /** Checks of the plan that a limit of this machine ended the last time they ran here. */
  readonly tooHeavy: readonly string[];
  /** Of one whole proof, both sides; null when none has run yet. */
  readonly minutes: number | null;
}

/** `proofs`: the newest first. A check is known by its command, because a name may be given to something else. */
export function learn(proofs: readonly Proof[], checks: readonly { name: string; command: string }[]): Lesson {
  const tooHeavy = checks.filter(({ command }) => {
    const last = proofs
      .filter(({ proof }) => proof.placement === 'base')
      .flatMap((document) => document.checks.filter((check) => check.command === command))[0];
    return last !== undefined && (last.before.limit !== null || last.after.limit !== null);
  });
  const took = proofs
    .filter(({ checks: ran }) => ran.some((check) => check.source !== 'built_in'))
    .map(({ checks: ran }) => ran.reduce((sum, { before, after }) => sum + before.durationMs + after.durationMs, 0));
  const middle = took.toSorted((one, other) => one - other)[Math.floor(took.length / 2)];
  return { tooHeavy: tooHeavy.map(({ name }) => name), minutes: middle === undefined ? null : middle / 60_000 };
}
