import { describe, expect, it } from 'vitest';
import type { ModelPrice } from '#contract/budget.ts';
import { checkPrices } from '../../testing/price-suite.ts';
import { testBudget } from '../../testing/budget.ts';
import { capMicros, costMicros, helperMicros, modelMicros, modelWorstMicros } from './price.ts';

const { billing } = testBudget.helper;
const price: ModelPrice = {
  model: 'some/model',
  inputUsd: 2,
  outputUsd: 10,
  cacheReadUsd: 0.2,
  cacheWriteUsd: 2.5,
  pricedOn: '2026-11-20',
};

describe('an amount in dollars', () => {
  it('is met exactly when it is written with up to six decimals', () => {
    for (let micros = 0; micros <= 300_000; micros += 7) {
      const usd = Number(`${Math.floor(micros / 1e6)}.${(micros % 1e6).toString().padStart(6, '0')}`);
      if (costMicros(usd) !== micros || capMicros(usd) !== micros)
        expect([costMicros(usd), capMicros(usd)]).toBe(micros);
    }
  });
  it('is rounded up as a cost and down as a cap', () => {
    expect([costMicros(0.0000004), capMicros(0.0000004)]).toEqual([1, 0]);
    expect([costMicros(0.2500009), capMicros(0.2500009)]).toEqual([250_001, 250_000]);
  });
});

describe('the price of a machine', () => {
  it.each([
    ['one cent is the least', 0.01786, 45, 10_000],
    ['a minute is billed at least, and that is below a cent', 0.01786, 1, 10_000],
    ['45 minutes of the smallest', 0.01786, 2700, 13_395],
    ['a begun micro-dollar is one', 0.01786, 2701, 13_400],
    ['an hour is the price of an hour', 0.03571, 3600, 35_710],
    ['one second more', 0.03571, 3601, 35_720],
  ])('%s', (_what, usdPerHour, seconds, micros) => {
    expect(helperMicros({ usdPerHour }, billing, seconds)).toBe(micros);
  });
  it('is not known for a time that is not known', () => {
    expect(() => helperMicros({ usdPerHour: 1 }, billing, Number.NaN)).toThrow(/no price/);
    expect(() => helperMicros({ usdPerHour: 1 }, billing, Number.POSITIVE_INFINITY)).toThrow(/no price/);
  });
});

describe('the price of a call', () => {
  it('counts each kind of token, rounded up once', () => {
    expect(modelMicros(price, { input: 1, output: 0, cacheRead: 0, cacheWrite: 0 })).toBe(2);
    expect(modelMicros(price, { input: 0, output: 0, cacheRead: 1, cacheWrite: 0 })).toBe(1);
    expect(modelMicros(price, { input: 1000, output: 1000, cacheRead: 1000, cacheWrite: 1000 })).toBe(14_700);
    expect(
      modelMicros(
        { ...price, cacheReadUsd: null, cacheWriteUsd: null },
        { input: 0, output: 0, cacheRead: 5, cacheWrite: 5 },
      ),
    ).toBe(20);
  });
  it('is at worst what the dearest way to read the input costs, and all of the output', () => {
    expect(modelWorstMicros(price, 1000, 1000)).toBe(12_500);
    expect(modelWorstMicros({ ...price, cacheReadUsd: 7 }, 1000, 0)).toBe(7000);
  });
  it.each([-1, 0.5, Number.NaN])('is not known for %d tokens', (input) => {
    expect(() => modelMicros(price, { input, output: 0, cacheRead: 0, cacheWrite: 0 })).toThrow(/whole numbers/);
  });
});

describe('every price', () => {
  it('is exactly the sum of its fractions, rounded up', () => checkPrices({ helperMicros, modelMicros }, 1000));
});
