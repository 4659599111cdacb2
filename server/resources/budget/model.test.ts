import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestId } from '#contract/ids.ts';
import { openDatabase } from '../../record/db/open.ts';
import { ledgerStore } from '../../record/ledger/store.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { testBudget } from '../../testing/budget.ts';
import { fakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import { allHouseRules, houseModel, type HouseRules } from '../../testing/house-spec.ts';
import { everyWay, explore, someWay, type Move } from '../../testing/model.ts';
import { moneyFolder, testJob, type MoneyFolder } from '../../testing/money-record.ts';
import { moneyModel, type MoneySpec } from '../../testing/money-spec.ts';
import { migrationsFolder } from '../../testing/record.ts';
import { till, type Till } from './perform.ts';
import type { ReservationRow } from './store.ts';

describe('the model of helper, budget, approval and GO', () => {
  it('keeps every promise in every state it can reach, also with requests in flight across a kill', () => {
    const { states, broken } = explore(houseModel());
    expect(broken).toBeNull();
    expect(states).toBeGreaterThan(5_000);
  });

  it.each<[keyof HouseRules, RegExp]>([
    ['drainsHelper', /at most one helper|paid for/],
    ['drainsPublish', /GO publishes at most once/],
    ['looksBeforePublishing', /GO publishes at most once/],
    ['booksFirst', /paid for/],
    ['countsPending', /above the cap/],
    ['usesOnce', /used once/],
    ['expiryHolds', /expired/],
  ])('breaks a promise when the rule %s is dropped', (rule, promise) => {
    const { broken } = explore(houseModel({ ...allHouseRules, [rule]: false }));
    expect(broken?.promise).toMatch(promise);
    // The shortest way there: a story that a person can follow.
    expect(broken?.way.length).toBeGreaterThan(1);
    expect(broken?.way.length).toBeLessThan(13);
  });
});

const unitMicros = 100_000;
const minuteMs = 60_000;
const settings = () => ({
  ...testBudget,
  caps: { hourUsd: 0.2, dayUsd: 100 },
  policy: { ...testBudget.policy, askPinAboveUsd: 100, approvalMinutes: 1 },
});

/** A till on one file for all ways, which opens it anew for each. */
interface Replay {
  readonly clock: FakeClock;
  readonly open: () => Till;
  readonly close: () => void;
}

function replayOn(file: string): Replay {
  const clock = fakeClock();
  const random = systemRandom();
  let db = openDatabase(file, migrationsFolder);
  return {
    clock,
    open: () => {
      db.close();
      db = openDatabase(file, migrationsFolder);
      db.sqlite.pragma('synchronous = off');
      return till({ db, ledger: ledgerStore(db, clock), clock, random, settings });
    },
    close: () => db.close(),
  };
}

let request = 0;

/** Does on the till what one way through the model does, and holds the rows against each state that it passes. */
function replay({ clock, open }: Replay, way: readonly Move<MoneySpec>[]): void {
  let money = open();
  // What the way before has left is given back, and what it has spent is out of both windows.
  for (const { id } of money.reservations.pendingRows()) money.void(id, 'The way before is over.');
  clock.advance(48 * 60 * minuteMs);
  const rows: ReservationRow[] = [];
  const approvals: string[] = [];
  const show = (): MoneySpec => ({
    bookings: rows.map((was): MoneySpec['bookings'][number] => {
      const row = money.reservations.reservation(was.id);
      const asked = was.reservedMicros === unitMicros ? 1 : 2;
      const under = row === null || row.approvalId === null ? null : approvals.indexOf(row.approvalId);
      const isLate = (row?.deadlineAtMs ?? 0) <= clock.nowMs();
      const isOld = (row?.settledAtMs ?? 0) <= clock.nowMs() - 60 * minuteMs;
      const state =
        row?.state === 'pending' && isLate
          ? 'late'
          : row?.state === 'posted' && isOld
            ? 'old'
            : (row?.state ?? 'voided');
      return { asked, state, billed: (row?.postedMicros ?? 0) / unitMicros, under, isLapsed: false };
    }),
    approvals: approvals.map((id) => {
      const isOpen = money.now().approvals.some((one) => one.id === id);
      const isUsed = rows.some((row) => row.approvalId === id);
      return isUsed ? 'used' : isOpen ? 'open' : 'expired';
    }),
  });
  for (const { name, to } of way) {
    const [verb = '', number] = name.split(' ');
    const row = rows[Number(number)];
    switch (verb) {
      case 'book': {
        const said = money.reserve({
          category: 'helper',
          purpose: 'A helper',
          jobId: testJob(0),
          proposalId: null,
          micros: Number(number) * unitMicros,
          deadlineAtMs: clock.nowMs() + 60 * minuteMs,
          needs: [],
        });
        if (said.ok) rows.push(said.value);
        break;
      }
      case 'approve': {
        request += 1;
        const requestId = RequestId.parse(`00000000-0000-4000-8000-${request.toString(16).padStart(12, '0')}`);
        const grant = { requestId, subject: testJob(0), jobId: testJob(0), purpose: 'A helper', by: 'laptop' };
        const said = money.grant({
          ...grant,
          needs: ['over_hour_cap'],
          micros: 2 * unitMicros,
          isPinChecked: false,
        });
        if (said.ok) approvals.push(said.value);
        break;
      }
      case 'post':
        if (row !== undefined) money.post(row.id, row.reservedMicros);
        break;
      case 'overrun':
        if (row !== undefined) money.post(row.id, row.reservedMicros + unitMicros);
        break;
      case 'void':
        if (row !== undefined) money.void(row.id, 'Nothing was billed.');
        break;
      case 'expire':
        clock.advance(minuteMs);
        break;
      case 'hour':
        clock.advance(60 * minuteMs);
        break;
      case 'kill':
        money = open();
        break;
      case 'reconcile':
        money.reconcile(() => false);
        break;
      default:
        throw new Error(`the model does "${name}", which cannot be replayed`);
    }
    expect(show(), way.map((move) => move.name).join(', ')).toEqual(to);
  }
}

describe('the till, following ways through the model', () => {
  let folder: MoneyFolder;
  beforeAll(() => {
    folder = moneyFolder();
  });
  afterAll(() => folder.remove());

  /** On a new file after some ways: a job with thousands of approvals is slow, and is nobody's. */
  function replayAll(ways: Iterable<readonly Move<MoneySpec>[]>): number {
    let count = 0;
    let on = replayOn(folder.newFile());
    for (const way of ways) {
      replay(on, way);
      count += 1;
      if (count % 40 > 0) continue;
      on.close();
      on = replayOn(folder.newFile());
    }
    on.close();
    return count;
  }

  it('is in the same state after every move of every short way', () => {
    expect(replayAll(everyWay(moneyModel(), 3))).toBeGreaterThan(250);
  });

  it('is in the same state after every move of longer ways', () => {
    let seed = 20_261_121;
    const choose = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const ways = Array.from({ length: 100 }, () => someWay(moneyModel(), 14, choose));
    expect(replayAll(ways)).toBe(100);
  });
});
