import type { Budget, BudgetFile } from '#contract/budget.ts';
import type { Cost } from '#contract/proposal.ts';

/** What the caps leave. Nothing in this build can spend, so spent and pending are the zeroes they really are. */
export function budgetNow(file: BudgetFile, nowMs: number): Budget {
  const { hourUsd, dayUsd } = file.caps;
  return {
    hour: { capUsd: hourUsd, spentUsd: 0, pendingUsd: 0, leftUsd: hourUsd },
    day: { capUsd: dayUsd, spentUsd: 0, pendingUsd: 0, leftUsd: dayUsd },
    timeZone: file.timeZone,
    reservations: [],
    asOfMs: nowMs,
  };
}

/** The cost line of a proposal that was made and will be published on the base placement: free. */
export function baseCost(budget: Budget): Cost {
  return { spentUsd: 0, projectedUsd: 0, hourLeftUsd: budget.hour.leftUsd, dayLeftUsd: budget.day.leftUsd };
}
