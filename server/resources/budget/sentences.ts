/** What the owner reads when money is not set aside. Pure. */
import { usdFromMicros } from '#contract/money.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Need } from '#contract/spend.ts';
import type { ApprovalTrouble, CapFacts, MoneyFacts } from './decide.ts';

export const needWords: Record<Need, string> = {
  over_hour_cap: "goes past this hour's cap",
  over_day_cap: "goes past today's cap",
  larger_helper: 'needs a larger helper than policy allows',
  second_helper: 'needs a second helper',
  external_api: 'calls an external API',
  unknown_price: 'has a price that is not known',
};

const troubleWords: Record<Exclude<ApprovalTrouble, 'none'>, string> = {
  used: 'has been used already',
  withdrawn: 'was withdrawn',
  restored: 'is from before this installation was restored from a backup',
  expired: 'has expired',
  not_yet: 'is from a later time than the clock of this machine shows now',
  other_subject: 'was given for something else',
  too_small: 'is for less than this',
  other_needs: 'does not cover that',
};

export function refusal(
  ask: { readonly purpose: string; readonly micros: number },
  money: MoneyFacts,
  needs: readonly Need[],
  approval: ApprovalTrouble,
): Problem {
  const left = (cap: CapFacts): string =>
    amountText(Math.max(0, cap.capMicros - cap.spentMicros - money.pendingMicros));
  const what = `${ask.purpose} may cost ${amountText(ask.micros)} and ${needs.map((need) => needWords[need]).join(' and ')}`;
  const have = `Left: ${left(money.hour)} this hour, ${left(money.day)} today.`;
  const current = { needs, askedUsd: usdFromMicros(ask.micros) };
  if (approval !== 'none') {
    const message = `${what}. The approval for it ${troubleWords[approval]}. ${have} Nothing was spent. Approve it anew, or use a cheaper plan.`;
    return problem('approval_unusable', message, { current });
  }
  const isOverCap = needs.some((need) => need === 'over_hour_cap' || need === 'over_day_cap');
  const message = `${what}. ${have} Nothing was spent. Approve extra spend, or use a cheaper plan.`;
  return problem(isOverCap ? 'over_cap' : 'approval_needed', message, { current });
}

/**
 * Cents when it is whole cents, and else as many digits as it has: rounded, "may cost $0.25" beside "left: $0.25" would not
 * tell why it is refused.
 */
export function amountText(micros: number): string {
  const digits = [2, 4].find((count) => micros % 10 ** (6 - count) === 0) ?? 6;
  return `$${usdFromMicros(micros).toFixed(digits)}`;
}
