import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { leaseDesk } from './desk.ts';
import { allPairs, fewPairs, livePair } from './testing/fault-pairs.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

describe('a helper whose cloud has two faults in one life', () => {
  it.each(fewPairs(7))('is gone and paid for after $first and $second', async (pair) => {
    const { mostAtOnce } = await livePair(pair, folder.newFile(), leaseDesk);
    expect(mostAtOnce).toBeLessThanOrEqual(1);
  });

  it('is tried with each fault in both places here, and with all pairs by `npm run simulate`', () => {
    const few = fewPairs(7);
    expect(new Set(few.map(({ second }) => second)).size).toBe(few.length);
    expect(allPairs()).toHaveLength(few.length ** 2);
  });
});
