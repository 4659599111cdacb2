import { describe, expect, it } from 'vitest';
import { Budget } from '#contract/budget.ts';
import { baseCost, budgetNow } from './window.ts';

describe('the budget', () => {
  const file = { caps: { hourUsd: 0.25, dayUsd: 1 }, timeZone: 'Europe/Berlin', proof: { checkSecondsMax: 600 } };

  it('shows what the caps leave, in the shape of the contract', () => {
    const budget = budgetNow(file, 42);
    expect(Budget.parse(budget)).toEqual(budget);
    expect(budget).toMatchObject({
      hour: { capUsd: 0.25, spentUsd: 0, pendingUsd: 0, leftUsd: 0.25 },
      day: { capUsd: 1, leftUsd: 1 },
      timeZone: 'Europe/Berlin',
      asOfMs: 42,
    });
  });

  it('never shows more left than the cap, and the base placement costs nothing', () => {
    const budget = budgetNow({ ...file, caps: { hourUsd: 0, dayUsd: 0 } }, 0);
    expect(budget.hour.leftUsd).toBe(0);
    expect(baseCost(budget)).toEqual({ spentUsd: 0, projectedUsd: 0, hourLeftUsd: 0, dayLeftUsd: 0 });
  });
});
