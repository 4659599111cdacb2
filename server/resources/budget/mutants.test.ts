import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { checkTill, type MakeTill } from '../../testing/money-suite.ts';
import { mutant, type Fault } from '../../testing/mutants.ts';
import { checkPrices, type PriceFunctions } from '../../testing/price-suite.ts';
import * as price from './price.ts';

/** As many histories as the suite runs on the real till: a fault that takes more to be seen would not be seen there. */
const histories = 150;

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const one = (what: string, file: string, from: string, to: string): Fault => ({ what, changes: [{ file, from, to }] });

const inTheTill: readonly Fault[] = [
  one(
    'what is pending is not counted',
    'decide.ts',
    'spentMicros + money.pendingMicros + micros',
    'spentMicros + micros',
  ),
  one('the cap itself is over the cap', 'decide.ts', '> capMicros;', '>= capMicros;'),
  one('one more than the cap is let through', 'decide.ts', 'micros > capMicros', 'micros > capMicros + 1'),
  one(
    'what was spent an hour ago to the millisecond still counts',
    'store.ts',
    `where state = 'posted' and settled_at_ms > ?\`,\n            sinceMs`,
    `where state = 'posted' and settled_at_ms >= ?\`,\n            sinceMs`,
  ),
  one('the hour is a millisecond short', 'window.ts', 'return nowMs - hourMs;', 'return nowMs - hourMs + 1;'),
  one('the first moment of the day is not part of it', 'perform.ts', 'startMs - 1', 'startMs'),
  one('the day begins in UTC', 'perform.ts', 'dayOf(nowMs, zone)', `dayOf(nowMs, 'UTC')`),
  one('the day is remembered beyond its end', 'perform.ts', '&& nowMs < known.day.endMs', ''),
  one('the day is remembered in another zone', 'perform.ts', 'known.zone === zone && ', ''),
  one('an approval is used again', 'decide.ts', `if (approval.isUsed) return 'used';`, ''),
  one('a withdrawn approval is used', 'decide.ts', `if (approval.isWithdrawn) return 'withdrawn';`, ''),
  one('an expired approval is used', 'decide.ts', `if (nowMs >= approval.expiresAtMs) return 'expired';`, ''),
  one(
    'an approval holds a millisecond too long',
    'decide.ts',
    'nowMs >= approval.expiresAtMs',
    'nowMs > approval.expiresAtMs',
  ),
  one('an approval holds before it was given', 'decide.ts', `if (nowMs < approval.grantedAtMs) return 'not_yet';`, ''),
  one(
    'an approval covers more than its amount',
    'decide.ts',
    `if (ask.micros > approval.micros) return 'too_small';`,
    '',
  ),
  one('an approval covers what it does not name', 'decide.ts', 'needs.every(', 'needs.some('),
  one('the day cap does not hold', 'decide.ts', `...(over(money.day) ? (['over_day_cap'] as const) : []),`, ''),
  one('an external call needs no yes', 'perform.ts', `[...ask.needs, 'external_api']`, 'ask.needs'),
  one(
    'an overrun is hidden',
    'perform.ts',
    `store.settle(id, 'post', micros,`,
    `store.settle(id, 'post', Math.min(micros, row.reservedMicros),`,
  ),
  one(
    'a late reservation is given back',
    'perform.ts',
    `store.settle(row.id, 'post', row.reservedMicros,`,
    `store.settle(row.id, 'void', null,`,
  ),
  one('what was set aside by a clock ahead leaves the hour early', 'store.ts', 'max(?, at_ms)', '?'),
];

const inThePrices: readonly Fault[] = [
  one('a cost is rounded down', 'price.ts', '(total + by - 1n) / by', 'total / by'),
  one('a price is rounded to the nearest', 'price.ts', '? nearest + 1 : nearest', '? nearest : nearest'),
  one('a begun step is not billed', 'price.ts', 'Math.ceil(', 'Math.floor('),
  one(
    'what is written to the cache is free',
    'price.ts',
    'price.cacheWriteUsd ?? price.inputUsd',
    'price.cacheWriteUsd ?? 0',
  ),
];

describe('the property suite', () => {
  it.each(inTheTill)('sees that $what', async (fault) => {
    const copy = mutant('server/resources/budget', fault);
    try {
      const { till } = (await copy.load('perform.ts')) as { till: MakeTill };
      await expect(checkTill(till, folder, { count: histories, isShrunk: false })).rejects.toThrow(/^Property failed/);
    } finally {
      copy.remove();
    }
  });

  it.each(inThePrices)('sees that $what', async (fault) => {
    const copy = mutant('server/resources/budget', fault);
    try {
      const functions = (await copy.load('price.ts')) as PriceFunctions;
      expect(() => checkPrices(functions, 300)).toThrow(/^Property failed/);
    } finally {
      copy.remove();
    }
  });

  it('finds nothing wrong with a copy in which nothing was changed', async () => {
    const copy = mutant('server/resources/budget', { what: 'nothing', changes: [] });
    try {
      const { till } = (await copy.load('perform.ts')) as { till: MakeTill };
      await checkTill(till, folder, { count: 10 });
      checkPrices((await copy.load('price.ts')) as PriceFunctions, 300);
      checkPrices(price, 300);
    } finally {
      copy.remove();
    }
  });
});
