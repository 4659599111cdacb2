/**
 * Everything that can happen to two leases in a row, in steps of five minutes: the real decisions and the real rows, in a world
 * where each call may be done or not and answered or not, a list may lag, a create may land late, and the process may end.
 */
import { LeaseId } from '#contract/lease.ts';
import { ReservationId } from '#contract/spend.ts';
import type { CloudFailure, CloudMachine } from '../../../ports-cloud.ts';
import type { Model, Move as Way } from '../../../testing/model.ts';
import { decide, landingMsMax, type Facts, type FindFact, type ListFact } from '../decide.ts';
import { after, type Move } from '../moves.ts';
import type { LeaseRow } from '../states.ts';

const tickMs = 300_000;
const ticksMax = 6;
const leasesMax = 2;

interface Machine {
  readonly id: number;
  readonly name: string;
  /** Null while the cloud has not made it yet. */
  readonly landedAt: number | null;
  readonly isLate: boolean;
}

export interface World {
  readonly tick: number;
  readonly lease: LeaseRow | null;
  readonly leases: number;
  readonly machines: readonly Machine[];
  /** POSTs by lease. */
  readonly posts: readonly number[];
  readonly hasKeys: boolean;
  readonly isWanted: boolean;
  readonly settled: number;
  /** Something that is not there any more or never was ours was written off while it was billed. */
  readonly isForgotten: boolean;
}

/** The promises must break with each of these. */
export interface Plants {
  readonly decide?: typeof decide;
  readonly isRowWrittenAfter?: boolean;
  readonly areStraysForgotten?: boolean;
}

const failure: CloudFailure = { kind: 'unauthorized', code: null, message: 'm', retryAfterMs: null };

export function leaseModel(plants: Plants = {}): Model<World> {
  return {
    start: {
      tick: 0,
      lease: null,
      leases: 0,
      machines: [],
      posts: [],
      hasKeys: false,
      isWanted: false,
      settled: 0,
      isForgotten: false,
    },
    moves: (world) => [
      ...(world.tick < ticksMax ? [{ name: 'time', to: { ...world, tick: world.tick + 1 } }] : []),
      ...landings(world),
      ...(world.hasKeys ? [{ name: 'the process ends', to: { ...world, hasKeys: false, isWanted: false } }] : []),
      ...(world.isWanted ? [{ name: 'stop', to: { ...world, isWanted: false } }] : []),
      ...plans(world),
      ...passes(world, plants),
    ],
    promises: {
      'one POST for each lease': ({ posts }) => posts.every((count) => count <= 1),
      'never two machines, but for one that lands after its time': ({ machines }) =>
        machines.filter(({ landedAt, isLate }) => landedAt !== null && !isLate).length <= 1,
      'no POST without a row': ({ posts, leases }) => posts.length <= leases,
      'nothing is written off while it is billed': ({ isForgotten }) => !isForgotten,
      'each lease is settled once, when it is gone': ({ lease, leases, settled }) =>
        settled === leases - (lease !== null && lease.state !== 'gone' ? 1 : 0),
      'a new process brings everything to its end': (world) => endsWell(world, plants),
    },
  };
}

function landings(world: World): Way<World>[] {
  return world.machines
    .filter(({ landedAt }) => landedAt === null)
    .map((machine) => ({ name: 'it lands', to: { ...world, machines: landed(world, machine.id) } }));
}

function landed({ machines, tick, lease }: World, id: number): Machine[] {
  return machines.map((machine) => {
    if (machine.id !== id) return machine;
    const postAtMs = lease?.name === machine.name ? lease.postSentAtMs : null;
    return { ...machine, landedAt: tick, isLate: postAtMs === null || tick * tickMs - postAtMs > landingMsMax };
  });
}

function plans(world: World): Way<World>[] {
  const isFree = world.lease === null || world.lease.state === 'gone';
  if (!isFree || world.leases >= leasesMax || world.tick > 3) return [];
  const hex = `${world.leases}`.padStart(12, '0');
  const lease: LeaseRow = {
    ...blank,
    id: LeaseId.parse(`lease_${hex}`),
    name: `pg-0123456789ab-${hex}-1`,
    reservationId: ReservationId.parse(`res_${hex}`),
    plannedAtMs: world.tick * tickMs,
    deadlineAtMs: (world.tick + 3) * tickMs,
  };
  return [{ name: 'plan', to: { ...world, lease, leases: world.leases + 1, hasKeys: true, isWanted: true } }];
}

/** Each way the cloud may answer the list and the look at one machine. */
function passes(world: World, plants: Plants): Way<World>[] {
  const answers = [
    { name: 'all answers', isListed: true, isFound: true, lag: 0 },
    { name: 'the list lags', isListed: true, isFound: true, lag: 1 },
    { name: 'everything is 404', isListed: false, isFound: true, lag: 0 },
    { name: 'only the list answers', isListed: true, isFound: false, lag: 0 },
  ];
  return answers.flatMap((answer) =>
    passed(world, answer, plants).map(({ name, to }) => ({ name: `${name}, ${answer.name}`, to })),
  );
}

interface Answer {
  readonly isListed: boolean;
  readonly isFound: boolean;
  readonly lag: number;
}

function passed(world: World, answer: Answer, plants: Plants): Way<World>[] {
  const strayless = plants.areStraysForgotten ? [{ name: 'pass', to: world }] : straysDestroyed(world, answer);
  return strayless.flatMap(({ name, to }) =>
    onLease(to, answer, plants).map((way) => ({ name: `${name}, ${way.name}`, to: way.to })),
  );
}

function shown({ machines, tick }: World, { lag }: Answer): CloudMachine[] {
  return machines
    .filter(({ landedAt }) => landedAt !== null && landedAt + lag <= tick)
    .map(({ id, name }) => cloudMachine(id, name));
}

/** Destroying takes, or the cloud says yes and it stays. */
function straysDestroyed(world: World, answer: Answer): Way<World>[] {
  const { lease } = world;
  const owned = (name: string): boolean => lease !== null && lease.state !== 'gone' && lease.name === name;
  const found = answer.isListed ? shown(world, answer).filter(({ name }) => !owned(name)) : [];
  const gone = found.map(({ id }) => id);
  if (found.length === 0) return [{ name: 'no stray', to: world }];
  return [
    { name: 'stray destroyed', to: { ...world, machines: world.machines.filter(({ id }) => !gone.includes(id)) } },
    { name: 'stray stays', to: world },
  ];
}

function onLease(world: World, answer: Answer, plants: Plants): Way<World>[] {
  const { lease } = world;
  if (lease === null || lease.state === 'gone') return [{ name: 'no lease', to: world }];
  const facts = factsOf(world, lease, answer);
  const step = (plants.decide ?? decide)(lease, facts);
  const nowMs = facts.nowMs;
  const to = (move: Move): World => ({ ...world, lease: { ...after(lease, move, nowMs), version: 0 } });
  switch (step.step) {
    case 'wait':
      // Boots and is reached in the same five minutes.
      return lease.state === 'booting' && lease.address !== null && world.isWanted
        ? [
            { name: 'connect', to: to({ move: 'connect' }) },
            { name: 'wait', to: world },
          ]
        : [{ name: 'wait', to: world }];
    case 'drop':
      return [{ name: 'drop', to: ended(to({ move: 'end', costMicros: 0, trouble: null })) }];
    case 'ask':
      return asked(world, lease, nowMs, plants);
    case 'lose':
      return [{ name: 'lose', to: to({ move: 'lose', trouble: 't' }) }];
    case 'see':
      return [{ name: 'see', to: to({ move: 'see', machine: step.machine }) }];
    case 'note_absent':
      return [{ name: 'absent', to: to({ move: 'note_absent' }) }];
    case 'destroy':
      return [{ name: step.why, to: to({ move: 'destroy', machineId: step.machineId, trouble: null }) }];
    case 'delete': {
      const sent = to({ move: 'delete' });
      const machines = world.machines.filter(({ id }) => id !== step.machineId);
      return [
        { name: 'deleted', to: { ...sent, machines } },
        { name: 'delete does not take', to: sent },
      ];
    }
    case 'end':
      return [{ name: 'end', to: ended(to({ move: 'end', costMicros: 1, trouble: null })) }];
  }
}

function ended(world: World): World {
  const { lease, machines } = world;
  const isBilled = machines.some(({ name, landedAt, isLate }) => name === lease?.name && landedAt !== null && !isLate);
  return {
    ...world,
    settled: world.settled + 1,
    hasKeys: false,
    isWanted: false,
    isForgotten: world.isForgotten || isBilled,
  };
}

/** The one POST: done or not, answered or not, and the process may end before and after it. */
function asked(world: World, lease: LeaseRow, nowMs: number, plants: Plants): Way<World>[] {
  const at = world.leases - 1;
  const id = 100 + at;
  const written: LeaseRow =
    lease.state === 'planned'
      ? { ...after(lease, { move: 'ask' }, nowMs), version: 0 }
      : // Only a planted fault comes here.
        { ...lease, state: 'creating' };
  const row: World = { ...world, lease: written };
  const posts = Array.from(
    { length: Math.max(world.posts.length, at + 1) },
    (_, index) => (world.posts[index] ?? 0) + (index === at ? 1 : 0),
  );
  const made = (landedAt: number | null): Machine[] => [
    ...world.machines,
    { id: id + 10 * (posts[at] ?? 0), name: lease.name, landedAt, isLate: false },
  ];
  const there: World = { ...row, posts, machines: made(world.tick) };
  const dead = { hasKeys: false, isWanted: false };
  const answered = after(
    written,
    { move: 'answer', machine: cloudMachine(there.machines.at(-1)?.id ?? 0, lease.name) },
    nowMs,
  );
  // With the row written after the call, whoever ends between the two leaves the row as it was.
  const before = plants.isRowWrittenAfter ? { lease } : {};
  return [
    { name: 'made', to: { ...there, lease: { ...answered, version: 0 } } },
    { name: 'made, answer lost', to: there },
    { name: 'lands late, answer lost', to: { ...row, posts, machines: made(null) } },
    { name: 'not made, answer lost', to: { ...row, posts } },
    {
      name: 'refused',
      to: { ...row, posts, lease: { ...after(written, { move: 'refuse', trouble: 't' }, nowMs), version: 0 } },
    },
    { name: 'ends before the POST', to: { ...row, ...dead } },
    { name: 'ends after the POST', to: { ...there, ...dead, ...before } },
  ];
}

function factsOf(world: World, lease: LeaseRow, answer: Answer): Facts {
  const nowMs = world.tick * tickMs;
  const list: ListFact = answer.isListed
    ? { kind: 'complete', askedAtMs: nowMs, machines: shown(world, answer) }
    : { kind: 'failed', failure };
  const there = world.machines.find(({ id, landedAt }) => id === lease.machineId && landedAt !== null);
  const isSeen = answer.isListed && there !== undefined;
  const find: FindFact = !answer.isFound
    ? { kind: 'failed', failure }
    : isSeen
      ? { kind: 'found', machine: cloudMachine(there.id, there.name) }
      : { kind: 'absent' };
  return {
    nowMs,
    list,
    find: lease.machineId === null ? { kind: 'not_asked' } : find,
    keysInMemory: world.hasKeys,
    wanted: world.isWanted,
    mayBeOff: false,
    cleared: true,
    funded: true,
    othersThere: list.kind === 'complete' && list.machines.some(({ name }) => name !== lease.name),
  };
}

/** A new process, a cloud that answers, and time. */
function endsWell(world: World, plants: Plants): boolean {
  const all = { isListed: true, isFound: true, lag: 0 };
  let now: World = { ...world, hasKeys: false, isWanted: false };
  for (let round = 0; round < 18; round += 1) {
    for (const { id, landedAt } of now.machines) if (landedAt === null) now = { ...now, machines: landed(now, id) };
    // The first way is the one where everything takes.
    now = passed(now, all, plants)[0]?.to ?? now;
    if (round % 3 === 2) now = { ...now, tick: now.tick + 1 };
  }
  return now.machines.length === 0 && (now.lease === null || now.lease.state === 'gone');
}

function cloudMachine(id: number, name: string): CloudMachine {
  return { id, name, status: 'active', size: 's', region: 'r', createdAtMs: 0, address: '10.0.0.1', tags: [] };
}

/** What a row holds of which nothing has happened yet, apart from who it is and how long it lasts. */
export const blank = {
  kind: 'work' as const,
  state: 'planned' as const,
  version: 0,
  region: 'r',
  size: 's',
  image: 'i',
  usdPerHour: 1,
  postSentAtMs: null,
  refusedAtMs: null,
  machineId: null,
  createdAtMs: null,
  seenAtMs: null,
  address: null,
  readyAtMs: null,
  destroyAskedAtMs: null,
  destroySentAtMs: null,
  absentSeenAtMs: null,
  checkedAtMs: null,
  goneAtMs: null,
  costMicros: null,
  trouble: null,
  bootLogSha256: null,
  bootLogBytes: null,
  bootLogTrouble: null,
};
