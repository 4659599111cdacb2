import type { PullOutcome } from '#contract/forge.ts';

/** What a pull request can come to. `rests`: nothing is expected any more, so it is looked at seldom. None of them costs money. */
export const outcomeStates = {
  open: { rests: false },
  merged: { rests: true },
  /** Somebody can open it again. */
  closed: { rests: true },
} as const satisfies Record<PullOutcome['state'], { rests: boolean }>;
