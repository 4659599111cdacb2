/**
 * One helper's life against DigitalOcean's API as its fake speaks it, through the real adapter, with two named faults: one before
 * anything is ordered, one when the machine is there. What is wrong for as long as nobody mends it is mended after half an hour.
 */
import { digitalOcean } from '../../../adapters/digitalocean.ts';
import { assert } from '../../../lib/assert.ts';
import type { Cloud } from '../../../ports-cloud.ts';
import { startFakeCloud, type FakeCloud } from '../../../testing/cloud/cloud.ts';
import { openContract } from '../../../testing/cloud/contract.ts';
import { faultNames, plantFault, type FaultName } from '../../../testing/cloud/named-faults.ts';
import { defaultConditions } from '../../../testing/cloud/world.ts';
import { fakeClock, type FakeClock } from '../../../testing/fake-clock.ts';
import type { leaseDesk } from '../desk.ts';
import { house, settle, type House } from './house.ts';

export interface Pair {
  readonly first: FaultName;
  readonly second: FaultName;
}

/** Every fault with every other one, in both orders, and each with itself. */
export function allPairs(): Pair[] {
  return faultNames().flatMap((first) => faultNames().map((second) => ({ first, second })));
}

/** Each fault once in each place, with others that differ from `turn` to `turn`. */
export function fewPairs(turn: number): Pair[] {
  const names = faultNames();
  return names.flatMap((first, at) => {
    const second = names[(at + turn) % names.length];
    return second === undefined ? [] : [{ first, second }];
  });
}

export interface PairOutcome {
  readonly machines: number;
  readonly mostAtOnce: number;
  readonly billedMicros: number;
  readonly postedMicros: number;
}

const minuteMs = 60_000;
const mendedAfterMs = 30 * minuteMs;
const endsAfterMs = 60 * minuteMs;
/** For the one that lands an hour and a half after it was ordered. */
const endsLateMs = 110 * minuteMs;

/** Throws with the names of the pair when a promise is broken. */
export async function livePair(pair: Pair, file: string, make: typeof leaseDesk): Promise<PairOutcome> {
  const clock = fakeClock();
  const fake = await startFakeCloud({ clock, contract: openContract(), hasRateLimit: false });
  try {
    return await liveWith({ fake, clock }, pair, file, make);
  } finally {
    await fake.close();
  }
}

async function liveWith(
  { fake, clock }: { readonly fake: FakeCloud; readonly clock: FakeClock },
  pair: Pair,
  file: string,
  make: typeof leaseDesk,
): Promise<PairOutcome> {
  const says = (what: string): string => `${what} (${pair.first}, then ${pair.second})`;
  const foreign = fake.plant({ name: 'web-server' });
  plantFault(fake, pair.first);
  const { port, idle } = counted(digitalOcean({ token: fake.token, apiUrl: fake.url, wallMs: 10_000 }));
  const one = house({ file, clock, cloud: port, seed: 1, make });
  let most = 0;
  const pass = async (untilMs: number, stepMs: number): Promise<void> => {
    while (clock.nowMs() < untilMs) {
      clock.advance(stepMs);
      await idle();
      const isLate = [pair.first, pair.second].some((name) => name.includes('late') || name.includes('after_90'));
      const isTwice = [pair.first, pair.second].includes('create_twice');
      const ours = fake.alive().length - 1;
      // Who was ordered and not seen for ten minutes, and whoever the cloud made of its own, is nobody's to prevent.
      if (!isLate && !isTwice) most = Math.max(most, ours);
    }
  };
  try {
    const startMs = clock.nowMs();
    void one.work(1, 10 * minuteMs);
    await idle();
    await pass(startMs + 2 * minuteMs, 5_000);
    plantFault(fake, pair.second);
    await pass(startMs + mendedAfterMs, 15_000);
    mend(fake);
    const hasLate = [pair.first, pair.second].includes('create_lands_after_90_minutes');
    await pass(startMs + (hasLate ? endsLateMs : endsAfterMs), 30_000);
    assert(most <= 1, says('never two helpers'));
    return check(one, fake, foreign.id, most, says);
  } finally {
    one.close();
  }
}

/** A fault of one call is used up by then, or is for a call that nobody makes any more. */
function mend(fake: FakeCloud): void {
  Object.assign(fake.conditions, defaultConditions);
  fake.faults.clear();
}

function check(
  one: House,
  fake: FakeCloud,
  foreignId: number,
  mostAtOnce: number,
  says: (what: string) => string,
): PairOutcome {
  const count = (sql: string): number => Number(one.db.sqlite.prepare(sql).pluck().get());
  assert(
    fake.alive().every(({ id }) => id === foreignId),
    says('no machine of ours is left'),
  );
  assert(
    fake.alive().some(({ id }) => id === foreignId),
    says('the machine of somebody else is'),
  );
  assert(count(`select count(*) from lease where state <> 'gone'`) === 0, says('every lease is over'));
  assert(count('select count(*) from stray where gone_at_ms is null') === 0, says('every stray is gone'));
  assert(count(`select count(*) from reservation where state = 'pending'`) === 0, says('all money is settled'));
  const posts = fake.calls.filter(({ operation }) => operation === 'create');
  const names = posts.map(({ body }) => JSON.stringify(body));
  assert(new Set(names).size === names.length, says('one POST for each lease'));
  assert(
    count('select count(*) from lease where post_sent_at_ms is not null') === posts.length,
    says('no POST without its row'),
  );
  const ours = fake.bill().filter(({ id }) => id !== foreignId);
  const billedMicros = ours.reduce((sum, { usdMicros }) => sum + usdMicros, 0);
  const postedMicros = count('select coalesce(sum(posted_micros), 0) from reservation');
  assert(postedMicros >= billedMicros, says(`what was booked (${postedMicros}) covers the bill (${billedMicros})`));
  assert(one.desk.view().current === null, says('none is shown'));
  return { machines: ours.length, mostAtOnce, billedMicros, postedMicros };
}

/** Time may go on when no request is under way and nothing that was waiting for one is left to do. */
function counted(cloud: Cloud): { readonly port: Cloud; readonly idle: () => Promise<void> } {
  const running = new Set<Promise<unknown>>();
  const wrapped =
    <In extends unknown[], Out>(work: (...values: In) => Promise<Out>) =>
    (...values: In): Promise<Out> => {
      const answer = work(...values);
      running.add(answer);
      void answer.finally(() => running.delete(answer));
      return answer;
    };
  const port: Cloud = {
    account: wrapped(cloud.account),
    sizes: wrapped(cloud.sizes),
    snapshots: wrapped(cloud.snapshots),
    create: wrapped(cloud.create),
    list: wrapped(cloud.list),
    find: wrapped(cloud.find),
    destroy: wrapped(cloud.destroy),
    powerOff: wrapped(cloud.powerOff),
    snapshot: wrapped(cloud.snapshot),
    action: wrapped(cloud.action),
    deleteSnapshot: wrapped(cloud.deleteSnapshot),
    ensureFirewall: wrapped(cloud.ensureFirewall),
  };
  const idle = async (): Promise<void> => {
    await settle();
    while (running.size > 0) {
      await Promise.all(running);
      await settle();
    }
  };
  return { port, idle };
}
