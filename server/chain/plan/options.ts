/** Which of the options is taken, and what is shown beside it (DESIGN sections 1.2, 5 and 7). Pure. */
import type { OptionKey, PlanOption } from '#contract/option.ts';

/** From what shows most to what shows least; the ladder only ever goes down it. */
export const ladder: readonly OptionKey[] = [
  'external_api',
  'second_helper',
  'helper_large',
  'helper_medium',
  'helper_small',
  'base',
  'smaller_scope',
  'draft',
  'questions',
];

/** Where the ladder steps when nothing adequate can be had without a yes: questions, a smaller helper, here, less of it, Draft. */
const downward: readonly OptionKey[] = [
  'questions',
  'helper_large',
  'helper_medium',
  'helper_small',
  'base',
  'smaller_scope',
  'draft',
];

export interface Choice {
  readonly chosen: PlanOption;
  /** What would be adequate but needs the owner's yes first; null when the chosen one is adequate. */
  readonly escalation: PlanOption | null;
}

/**
 * The cheapest adequate option that needs no approval. None: one step after the other down the ladder, never up, and the
 * cheapest adequate one that needs a yes is shown beside it.
 */
export function choose(options: readonly PlanOption[]): Choice {
  const free = options.filter((option) => option.usable && option.needs.length === 0);
  const [best] = free.filter((option) => option.adequate).toSorted(cheaperFirst);
  if (best !== undefined) return { chosen: best, escalation: null };
  const lower = downward.flatMap((key) => free.filter((option) => option.key === key))[0];
  const [escalation] = options.filter((option) => option.usable && option.adequate).toSorted(cheaperFirst);
  const chosen = lower ?? options.find((option) => option.key === 'draft');
  if (chosen === undefined) throw new Error('cannot be: a list of options always holds the Draft');
  return { chosen, escalation: escalation ?? null };
}

/** An unknown price counts as the dearest; of what costs the same, the faster, then the smallest that is enough (DESIGN section 2). */
export function cheaperFirst(one: PlanOption, other: PlanOption): number {
  const cost = (option: PlanOption): number => option.estimate.worstUsd ?? Number.MAX_VALUE;
  return (
    cost(one) - cost(other) ||
    one.estimate.expectedMinutes - other.estimate.expectedMinutes ||
    ladder.indexOf(other.key) - ladder.indexOf(one.key)
  );
}
