import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpendSeries, type BudgetFile } from '#contract/budget.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { testBudget } from '../../testing/budget.ts';
import { addTestJob, testJob } from '../../testing/money-record.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { till, type Till } from './perform.ts';
import { budgetReads, type BudgetReads } from './reads.ts';

const hourMs = 60 * 60_000;
let record: TestRecord;
let budget: BudgetFile;
let money: Till;
let reads: BudgetReads;
beforeEach(() => {
  record = testRecord();
  addTestJob(record.db, testJob(0));
  budget = { ...testBudget, caps: { hourUsd: 100, dayUsd: 1000 } };
  const settings = () => budget;
  money = till({ ...record, random: systemRandom(), settings });
  reads = budgetReads({ ...record, settings });
});
afterEach(() => record.close());

function spend(micros: number, purpose = 'A helper', isPosted = true): void {
  const { clock } = record;
  const deadlineAtMs = clock.nowMs() + hourMs;
  const ask = { category: 'helper' as const, jobId: testJob(0), proposalId: null, micros, deadlineAtMs, needs: [] };
  const said = money.reserve({ ...ask, purpose });
  if (!said.ok) throw new Error(said.why.message);
  if (isPosted) money.post(said.value.id, micros);
}

describe('spend over time', () => {
  it('is 24 hours that end now, and the last one is what the gauge of the hour shows', () => {
    spend(1_000_000);
    record.clock.advance(hourMs - 1);
    spend(20_000);
    expect(reads.series('24h').buckets.at(-1)?.helperUsd).toBe(1.02);
    record.clock.advance(1);
    const series = reads.series('24h');
    expect(SpendSeries.parse(series)).toEqual(series);
    expect(series).toMatchObject({ range: '24h', capUsd: 100 });
    expect(series.buckets).toHaveLength(24);
    expect(series.buckets.slice(-2).map(({ helperUsd }) => helperUsd)).toEqual([1, 0.02]);
    expect(money.now().hour.spentUsd).toBe(0.02);
    expect(series.buckets.at(-1)?.untilMs).toBe(record.clock.nowMs());
    record.clock.advance(24 * hourMs);
    expect(reads.series('24h').buckets.every(({ helperUsd }) => helperUsd === 0)).toBe(true);
  });

  it("is the owner's last 30 days, as long as they are", () => {
    budget = { ...budget, timeZone: 'Europe/Berlin' };
    // From the test clock's January over the end of March 2027.
    record.clock.advance(Date.parse('2027-03-28T21:59:59.999Z') - record.clock.nowMs());
    spend(10);
    expect(reads.series('30d').buckets.at(-1)).toMatchObject({ helperUsd: 0.00001, externalApiUsd: 0 });
    record.clock.advance(1);
    spend(30);
    const { buckets, capUsd } = reads.series('30d');
    expect(capUsd).toBe(1000);
    expect(buckets).toHaveLength(30);
    expect(buckets.slice(-2).map(({ helperUsd }) => helperUsd)).toEqual([0.00001, 0.00003]);
    expect(buckets.slice(-2).map(({ fromMs, untilMs }) => (untilMs - fromMs) / hourMs)).toEqual([23, 24]);
    expect(money.now().day.spentUsd).toBe(0.00003);
  });
});

describe('the table of reservations as CSV', () => {
  it('has a line for each, with whole amounts and times in UTC', () => {
    spend(12_345);
    spend(2, 'A "big", helper', false);
    const [head, first, second, ...rest] = [...reads.csv()].join('').split('\r\n');
    expect(head).toBe(
      'id,state,category,purpose,job,proposal,reserved_usd,posted_usd,approval,reserved_at,deadline_at,settled_at',
    );
    expect(first).toMatch(
      /^res_[0-9a-f]{12},posted,helper,A helper,job_000000000001,,0\.012345,0\.012345,,2027-01-15T08:00:00\.000Z,2027-01-15T09:00:00\.000Z,2027-01-15T08:00:00\.000Z$/,
    );
    expect(second).toMatch(/,pending,helper,"A ""big"", helper",job_000000000001,,0\.000002,,,.*Z,$/);
    expect(rest).toEqual(['']);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])('holds no formula: %j', (purpose) => {
    spend(1, purpose);
    const text = [...reads.csv()].join('');
    expect(text).toContain(`'${purpose}`);
    expect(text).not.toContain(`,${purpose}`);
    expect(text).not.toContain(`,"${purpose}`);
  });

  it('comes in pieces, so that a long history never stands in memory', () => {
    record.db.sqlite.exec(`
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000)
      insert into reservation (id, category, purpose, state, reserved_micros, at_ms, deadline_at_ms)
      select printf('res_%012x', i), 'helper', 'A helper', 'pending', 1, i, i from n;
    `);
    let lines = 0;
    let longest = 0;
    for (const piece of reads.csv()) {
      lines += piece.split('\r\n').length - 1;
      longest = Math.max(longest, piece.length);
    }
    expect(lines).toBe(100_001);
    expect(longest).toBeLessThan(200_000);
  });
});
