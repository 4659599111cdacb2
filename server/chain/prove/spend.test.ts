import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BudgetFile } from '#contract/budget.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { ok } from '../../lib/result.ts';
import type { PaidSandbox, Sandbox } from '../../ports.ts';
import { till, type Till } from '../../resources/budget/perform.ts';
import { testBudget } from '../../testing/budget.ts';
import { addTestJob, testJob } from '../../testing/money-record.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { spendOnHelper, type HelperOrder } from './spend.ts';

const minuteMs = 60_000;
const jobId = testJob(0);
const order: HelperOrder = { jobId, proposalId: null, option: 'helper_small', size: 's-1vcpu-2gb', worstUsd: 0.012 };
const never = new AbortController().signal;

let record: TestRecord;
let money: Till;
let budget: BudgetFile;
let given: { size: string; deadlineAtMs: number }[];
beforeEach(() => {
  record = testRecord();
  addTestJob(record.db, jobId);
  budget = testBudget;
  given = [];
  money = till({ ...record, random: systemRandom(), settings: () => budget });
});
afterEach(() => record.close());

/** A helper whose work lasts until the test says so, and which costs what the test says. */
function helper(costMicros: number | null): PaidSandbox {
  return {
    available: () => ok(null),
    bootMinutes: () => 1,
    holds: () => false,
    rent: async (asked, use, signal) => {
      given.push(asked);
      return { outcome: ok(await use({} as Sandbox, signal)), costMicros };
    },
  };
}

const run = (paid: PaidSandbox, use: (signal: AbortSignal) => Promise<string>, wanted = order, signal = never) =>
  spendOnHelper(
    {
      clock: record.clock,
      till: money,
      settings: () => budget,
      priceOf: (slug) => budget.helper.sizes.find((size) => size.slug === slug)?.usdPerHour ?? null,
      paid,
    },
    wanted,
    (_sandbox, stop) => use(stop),
    signal,
  );
const only = () => money.now().reservations[0];

describe('work on a helper', () => {
  it('is paid from a reservation that lasts for the time the money buys, and books what it cost', async () => {
    const done = await run(helper(10_500), async () => 'done');
    expect(done).toEqual({ ok: true, value: 'done' });
    // 0.012 dollars buy 40 minutes at 0.018 an hour.
    expect(given).toEqual([
      expect.objectContaining({ size: 's-1vcpu-2gb', deadlineAtMs: record.clock.nowMs() + 40 * minuteMs }),
    ]);
    expect(only()).toMatchObject({ state: 'posted', reservedUsd: 0.012, postedUsd: 0.0105, jobId });
  });

  it('is stopped with a margin before the reservation runs out, and what it cost is booked', async () => {
    let stopped = false;
    const running = run(
      helper(11_000),
      (stop) =>
        new Promise((resolve) => {
          stop.addEventListener('abort', () => {
            stopped = true;
            resolve('half done');
          });
        }),
    );
    record.clock.advance(37 * minuteMs - 1);
    expect(stopped).toBe(false);
    record.clock.advance(1);
    expect(stopped).toBe(true);
    expect(await running).toMatchObject({ ok: false, why: { kind: 'at_cap', problem: { code: 'stopped_at_cap' } } });
    expect(only()).toMatchObject({ state: 'posted', postedUsd: 0.011 });
  });

  it('that the owner stops is ended, and is no stop at the cap', async () => {
    const owner = new AbortController();
    const running = run(
      helper(10_000),
      (stop) => new Promise((resolve) => stop.addEventListener('abort', () => resolve('stopped'))),
      order,
      owner.signal,
    );
    owner.abort();
    expect(await running).toMatchObject({ ok: true });
    expect(only()?.state).toBe('posted');
  });

  it('whose cost is not known yet stays reserved and counts', async () => {
    await run(helper(null), async () => 'done');
    expect(only()?.state).toBe('pending');
    expect(money.now().hour).toMatchObject({ spentUsd: 0, pendingUsd: 0.012, leftUsd: 0.238 });
  });

  it.each<[string, Partial<HelperOrder>, Partial<BudgetFile>, string]>([
    ['that the hour cannot pay', {}, { caps: { hourUsd: 0.011, dayUsd: 1 } }, 'over_cap'],
    ['that the day cannot pay', {}, { caps: { hourUsd: 0.011, dayUsd: 0.011 } }, 'over_cap'],
    ['on a larger size than policy allows', { size: 's-4vcpu-8gb', worstUsd: 0.05 }, {}, 'approval_needed'],
    ['on a second helper', { option: 'second_helper' }, {}, 'approval_needed'],
    ['on a size whose price nobody knows', { size: 's-unknown' }, {}, 'price_unknown'],
    ['whose money buys no minute', { worstUsd: 0.000001 }, {}, 'over_cap'],
  ])('%s is never started', async (_what, wanted, settings, code) => {
    budget = { ...testBudget, ...settings };
    const refused = await run(helper(1), async () => 'done', { ...order, ...wanted });
    expect(refused).toMatchObject({ ok: false, why: { kind: 'no_money', problem: { code } } });
    expect(given).toEqual([]);
    expect(money.now().reservations).toEqual([]);
  });

  it('of a size whose price has risen since it was planned lasts for less, and never costs more', async () => {
    const sizes = testBudget.helper.sizes.map((size) => ({ ...size, usdPerHour: size.usdPerHour * 2 }));
    budget = { ...testBudget, helper: { ...testBudget.helper, sizes } };
    await run(helper(10_000), async () => 'done');
    expect(given[0]?.deadlineAtMs).toBe(record.clock.nowMs() + 20 * minuteMs);
    expect(only()?.reservedUsd).toBe(0.012);
  });

  it('that is billed more than was set aside is shown and counted', async () => {
    await run(helper(300_000), async () => 'done');
    expect(money.now().hour).toMatchObject({ spentUsd: 0.3, leftUsd: 0 });
    const refused = await run(helper(1), async () => 'done');
    expect(refused).toMatchObject({ ok: false, why: { kind: 'no_money' } });
  });
});
