/** One seeded history of a desk: jobs, faults of the cloud, and processes that end between two outside calls. */
import type { BudgetFile } from '#contract/budget.ts';
import { assert } from '../../../lib/assert.ts';
import { openDatabase, type Database } from '../../../record/db/open.ts';
import { fakeClock } from '../../../testing/fake-clock.ts';
import {
  fakeCloud,
  type CloudCall,
  type CloudFault,
  type FakeCloud,
  type FakeMachine,
} from '../../../testing/fake-cloud-port.ts';
import { migrationsFolder } from '../../../testing/record.ts';
import { helperMicros } from '../../budget/price.ts';
import { reservationReads } from '../../budget/store.ts';
import type { leaseDesk } from '../desk.ts';
import { parseMachineName } from '../names.ts';
import { z } from 'zod';
import { house, numbers, pass, settle, wideBudget, type House } from './house.ts';

const faults: Readonly<Record<CloudCall, readonly CloudFault[]>> = {
  account: ['not_sent', 'unauthorized'],
  sizes: ['not_sent', 'rate_limited'],
  snapshot: [],
  action: [],
  deleteSnapshot: [],
  snapshots: [],
  create: ['lost', 'not_sent', 'late', 'vanishes', 'refused', 'no_capacity', 'rate_limited', 'unauthorized', 'twice'],
  list: ['not_sent', 'lost', 'unauthorized', 'all_404', 'rate_limited'],
  find: ['not_sent', 'unauthorized', 'all_404', 'rate_limited'],
  destroy: ['lost', 'not_sent', 'ignored', 'refused', 'all_404', 'rate_limited'],
};

/** Without the cent that it costs at least, every second shows in what is booked. */
const budget: BudgetFile = {
  ...wideBudget,
  helper: { ...wideBudget.helper, billing: { stepSeconds: 1, minimumSeconds: 60, minimumUsd: 0.0003 } },
};
const worldMs = 1_800_000_000_000;

export interface History {
  readonly seed: number;
  readonly file: string;
  readonly make: typeof leaseDesk;
}

/** What one history has seen. */
export interface Seen {
  /** How often the process ended between two outside calls. */
  readonly crashes: number;
  readonly leases: number;
  readonly machines: number;
  /** "create: lost" and how often it was done. */
  readonly faults: Readonly<Record<string, number>>;
  /** Of ours, without those that landed after their time. */
  readonly mostAtOnce: number;
  readonly left: number;
  /** By the cloud's meter for what was ours. */
  readonly billedMicros: number;
  readonly postedMicros: number;
}

/** Throws with the seed when a promise is broken. */
export async function simulate({ seed, file, make }: History): Promise<Seen> {
  const next = numbers(seed);
  const clock = fakeClock(worldMs + next(1000) * 7);
  let isCalm = false;
  /** A token that nobody knows for a while. */
  let badUntilMs = 0;
  const percent = [0, 5, 20][next(3)] ?? 0;
  const faultsDone: Record<string, number> = {};
  const done = (call: CloudCall, fault: CloudFault | null): CloudFault | null => {
    if (fault !== null) faultsDone[`${call}: ${fault}`] = (faultsDone[`${call}: ${fault}`] ?? 0) + 1;
    return fault;
  };
  const cloud = fakeCloud({
    clock,
    lagMs: [0, 15_000, 100_000][next(3)] ?? 0,
    bootMs: 1_000 * (1 + next(60)),
    lateMs: [20_000, 240_000, 30 * 60_000][next(3)] ?? 0,
    fault: (call) => {
      const kinds = faults[call];
      if (isCalm || kinds.length === 0) return null;
      if (clock.nowMs() < badUntilMs) return done(call, 'all_404');
      if (next(60) === 0) badUntilMs = clock.nowMs() + 60_000 * next(5);
      // There is one of it in the life of a helper, so every second one goes wrong.
      return next(100) < (call === 'create' ? 50 : percent) ? done(call, kinds[next(kinds.length)] ?? null) : null;
    },
  });
  const foreign = cloud.put('web-server');
  const stranger = cloud.put('pg-ffffffffffff-aaaaaaaaaaaa-1');
  let crashes = 0;
  const start = (): House =>
    house({
      file,
      clock,
      cloud,
      seed: seed * 1000 + crashes,
      make,
      budget,
      dieAt: next(4) === 0 ? null : 1 + next(30),
    });
  let one = start();
  for (let round = 0; round < 3; round += 1) {
    const stop = new AbortController();
    const { life } = one;
    // Who would stop it ends with its process.
    if (next(4) === 0) clock.after(next(300_000), () => void (life.isDead() || stop.abort()));
    void one.work(round, next(400_000), stop.signal);
    for (let step = 0; step < 40; step += 1) {
      await pass(clock, 5_000 + next(10_000));
      if (one.life.isDead()) {
        one.close();
        crashes += 1;
        one = start();
      }
    }
  }
  one.life.die();
  one.close();
  await settle();
  isCalm = true;
  one = house({ file, clock, cloud, seed: seed * 1000 + 999, make, budget });
  await pass(clock, 75 * 60_000, 30_000);
  one.reconcileTill();
  one.close();
  const counted = check(file, cloud, [foreign, stranger], seed);
  return { ...counted, crashes, faults: faultsDone };
}

function check(
  file: string,
  cloud: FakeCloud,
  foreign: readonly number[],
  seed: number,
): Omit<Seen, 'crashes' | 'faults'> {
  const says = (what: string): string => `${what} (seed ${seed})`;
  const ours = cloud.history().filter(({ machine }) => !foreign.includes(machine.id));
  assert(cloud.living().length === foreign.length, says('no machine of ours is left, and every other one is'));
  for (const id of foreign) assert(!cloud.destroyCalls.includes(id), says('only what is ours by name is destroyed'));
  const names = cloud.creates.map(({ name }) => name);
  assert(new Set(names).size === names.length, says('one POST for each lease'));
  for (const name of names) assert(parseMachineName(name) !== null, says('every name is ours'));
  assert(!cloud.creates.some((order) => JSON.stringify(order).includes('PRIVATE')), says('keys go nowhere here'));
  assert(cloud.mostAtOnce() <= foreign.length + 1, says('never two helpers'));
  const db = openDatabase(file, migrationsFolder);
  try {
    const count = (sql: string): unknown => db.sqlite.prepare(sql).pluck().get();
    assert(count(`select count(*) from lease where state <> 'gone'`) === 0, says('every lease is over'));
    assert(count('select count(*) from stray where gone_at_ms is null') === 0, says('every stray is gone'));
    const rows = new Set(db.sqlite.prepare('select name from lease').pluck().all());
    assert(
      names.every((name) => rows.has(name)),
      says('no POST without its row'),
    );
    const reservations = [...reservationReads(db).pages(100)].flat();
    assert(
      reservations.every(({ state }) => state !== 'pending'),
      says('all money is settled'),
    );
    const settled = db.sqlite
      .prepare(`select subject from ledger where kind in ('spend.posted', 'spend.voided')`)
      .pluck()
      .all();
    assert(new Set(settled).size === settled.length, says('all money is settled once'));
    return {
      ...checkMoney(db, ours, says),
      leases: rows.size,
      machines: ours.length,
      mostAtOnce: cloud.mostAtOnce() - foreign.length,
      left: cloud.living().length - foreign.length,
    };
  } finally {
    db.close();
  }
}

const Booked = z.array(
  z.object({
    name: z.string(),
    machineId: z.int().nullable(),
    goneAtMs: z.int(),
    costMicros: z.int(),
    settledMicros: z.int().nullable(),
  }),
);

/** Gone was gone, and every second that was billed is booked where it belongs. */
function checkMoney(
  { sqlite }: Database,
  ours: readonly FakeMachine[],
  says: (what: string) => string,
): Pick<Seen, 'billedMicros' | 'postedMicros'> {
  const leases = Booked.parse(
    sqlite
      .prepare(
        `select name, machine_id as machineId, gone_at_ms as goneAtMs, cost_micros as costMicros, coalesce(posted_micros, 0) as settledMicros
         from lease left join reservation on reservation.id = reservation_id`,
      )
      .all(),
  );
  for (const { name, costMicros, settledMicros } of leases)
    assert(costMicros === settledMicros, says(`${name} was settled at what it cost`));
  const strayCost = sqlite.prepare('select cost_micros from stray where machine_id = ?').pluck();
  let billedMicros = 0;
  for (const { machine, destroyedAtMs, isTwin } of ours) {
    assert(destroyedAtMs !== null, says('no machine is left'));
    // What vanished at once was never there.
    if (destroyedAtMs === machine.createdAtMs) continue;
    const lease = leases.find(({ name }) => name === machine.name);
    assert(lease !== undefined, says('each machine has its lease'));
    const isItsOwn = lease.machineId === machine.id;
    const wasInTime = machine.createdAtMs <= lease.goneAtMs;
    assert(isItsOwn || isTwin || !wasInTime, says('no lease ends without its machine'));
    assert(!isItsOwn || destroyedAtMs <= lease.goneAtMs, says('what was said to be gone was gone'));
    const seconds = (destroyedAtMs - machine.createdAtMs) / 1000;
    const billed = helperMicros({ usdPerHour: 0.018 }, budget.helper.billing, seconds);
    billedMicros += billed;
    const booked = isItsOwn ? lease.costMicros : Number(strayCost.get(machine.id) ?? 0);
    assert(
      booked >= billed,
      says(`what was booked for ${machine.name} (${booked}) covers what was billed (${billed})`),
    );
  }
  const posted = Number(sqlite.prepare('select coalesce(sum(posted_micros), 0) from reservation').pluck().get());
  const strays = sqlite.prepare('select coalesce(sum(cost_micros), 0) from stray').pluck().get();
  const own = leases.reduce((sum, { costMicros }) => sum + costMicros, 0);
  assert(posted >= own + Number(strays), says('all that was booked is in the till'));
  return { billedMicros, postedMicros: posted };
}
