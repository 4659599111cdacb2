/** From the order of a job to its helper, and back. What the cloud does meanwhile is the reconciler's to know. */
import type { LeaseId, LeaseKind } from '#contract/lease.ts';
import { ReservationId } from '#contract/spend.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { PaidSandbox, Sandbox } from '../../ports.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { keepBootLog, missBootLog } from './boot-log.ts';
import { bootMsMax } from './decide.ts';
import type { Counter } from './desk.ts';
import { plan, rowOf, save, type Held } from './perform.ts';
import { preflight, type Wish } from './preflight.ts';
import { whenReady } from './ready.ts';
import type { LeaseRow } from './states.ts';

type Order = Parameters<PaidSandbox['rent']>[0];
/** An order with all that tells a helper for work from one for an image. */
export interface Loan extends Order {
  readonly kind: LeaseKind;
  /** Null: not known, and then there is none. */
  readonly usdPerHour: number | null;
  readonly wish: Omit<Wish, 'size' | 'usdPerHourMax'>;
}

export interface Lent {
  readonly connection: HelperConnection;
  readonly lease: LeaseRow;
}

/** `logged`: resolves when what the machine printed is kept, or is not to be had; soon after the connection is closed, at the latest. */
interface Reached extends Lent {
  readonly logged: Promise<void>;
}

export interface Rented<T> {
  readonly outcome: Result<T, string>;
  readonly costMicros: number | null;
}

/** An earlier helper takes about a minute to be confirmed gone. */
const waitMsMax = 3 * 60_000;
const giveBackMsMax = 10_000;

/**
 * As PaidSandbox says, but that the cost is always null once there was a row: the lease settles itself in the transaction that
 * writes that it is gone, so that no crash can come between the two.
 */
export async function rent<T>(
  counter: Counter,
  order: Order,
  use: (sandbox: Sandbox, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Rented<T>> {
  const { policy, bakes, priceOf, remoteSandbox } = counter.parts;
  const { regions, image } = policy();
  const wish = { regions, image, form: 'plain' as const, baked: bakes.good() };
  const loan = { ...order, kind: 'work' as const, usdPerHour: priceOf(order.size), wish };
  return lend(counter, loan, ({ connection }, both) => use(remoteSandbox(connection), both), signal);
}

/** The same with the machine itself, for whoever makes images. */
export async function lend<T>(
  counter: Counter,
  order: Loan,
  use: (lent: Lent, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Rented<T>> {
  const held = await planned(counter, order, signal);
  if (!held.ok) return { outcome: held, costMicros: 0 };
  const giveUp = (): void => {
    held.value.wanted = false;
    void counter.nudge();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  // A clock that was set back does not lengthen a lease: this timer does not look at it.
  const endTimer = counter.parts.clock.after(Math.max(0, order.deadlineAtMs - counter.parts.clock.nowMs()), giveUp);
  try {
    return { outcome: await used(counter, held.value, order, use, signal), costMicros: null };
  } finally {
    endTimer();
    signal.removeEventListener('abort', giveUp);
    await giveBack(counter, held.value);
  }
}

/** Waits for an earlier helper to be gone, then writes the row. */
async function planned(counter: Counter, order: Loan, signal: AbortSignal): Promise<Result<Held, string>> {
  const { parts, memory } = counter;
  const sinceMs = parts.clock.nowMs();
  while (isTaken(counter, order) && !signal.aborted && !counter.isClosed() && parts.clock.nowMs() - sinceMs < waitMsMax)
    await aborted(counter.nextPass(), signal);
  if (signal.aborted || counter.isClosed()) return no('It was stopped before a helper was ordered.');
  const { usdPerHour } = order;
  if (usdPerHour === null) return no(`The price of ${order.size} is not known, and an unknown price is not free.`);
  const { regions, image, form } = order.wish;
  const place = { region: regions[0] ?? 'none', usdPerHour, image, form };
  const id = parts.db.transaction((): LeaseId | null => {
    if (isTaken(counter, order)) return null;
    return plan(parts, {
      ...rowOf(place),
      kind: order.kind,
      size: order.size,
      deadlineAtMs: order.deadlineAtMs,
      reservationId: ReservationId.parse(order.reservationId),
    });
  });
  if (id === null)
    return no(
      'The last helper is not confirmed to be gone yet, and there is never a second one. Try again in a minute.',
    );
  const held: Held = {
    leaseId: id,
    keys: null,
    wanted: true,
    cleared: false,
    trouble: null,
    place: null,
    placesLeft: [],
    refusal: null,
  };
  memory.held = held;
  return ok(held);
}

/** There is another one, or there will be: those for an image have their turn one after the other. */
function isTaken({ parts, memory }: Counter, { kind }: Loan): boolean {
  return parts.leases.live() !== null || (memory.isBaking && kind === 'work');
}

async function used<T>(
  counter: Counter,
  held: Held,
  order: Loan,
  use: (lent: Lent, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Result<T, string>> {
  const clearing = await cleared(counter, held, order);
  if (!clearing.ok) return failed(counter, held, clearing.why);
  const booted = await untilBooted(counter, held, signal);
  if (!booted.ok) return failed(counter, held, booted.why);
  const ended = new AbortController();
  const watching = watch(counter, held, ended);
  const both = AbortSignal.any([signal, ended.signal]);
  try {
    const reached = await connect(counter, held, booted.value, both, signal);
    if (!reached.ok) return await failed(counter, held, reached.why);
    try {
      const value = await use(reached.value, both);
      return ended.signal.aborted && !signal.aborted ? no(troubleOf(counter, held)) : ok(value);
    } finally {
      await reached.value.connection.close();
      await reached.value.logged;
    }
  } finally {
    watching.stop();
  }
}

/** Size, price, image and account; then the first place goes into the row. */
async function cleared({ parts }: Counter, held: Held, order: Loan): Promise<Result<null, string>> {
  const found = await preflight(parts.cloud, { ...order.wish, size: order.size, usdPerHourMax: order.usdPerHour ?? 0 });
  if (!found.ok) return found;
  parts.takePrices(found.value.offers);
  const [first, ...rest] = found.value.places;
  const lease = parts.leases.lease(held.leaseId);
  if (lease?.state !== 'planned') return no(lease?.trouble ?? 'It was stopped before a helper was ordered.');
  const placed = { ...lease, ...rowOf(first), version: lease.version + 1 };
  if (!parts.db.transaction(() => parts.leases.save(lease, placed)))
    return no('Another process has taken over this helper.');
  held.place = first;
  held.placesLeft = rest;
  held.cleared = true;
  return ok(null);
}

/** Passes go on until the machine has an address, or until it is clear that it will not. */
async function untilBooted(counter: Counter, held: Held, signal: AbortSignal): Promise<Result<LeaseRow, string>> {
  for (;;) {
    await aborted(counter.nudge(), signal);
    const lease = counter.parts.leases.lease(held.leaseId);
    if (signal.aborted) return no('It was stopped before the helper was ready.');
    if (lease?.state === 'booting' && lease.address !== null) return ok(lease);
    const isUnderway =
      lease?.state === 'planned' ||
      lease?.state === 'booting' ||
      (lease?.state === 'creating' && lease.refusedAtMs !== null);
    if (!isUnderway || !held.wanted) return no(troubleOf(counter, held));
    await aborted(counter.nextPass(), signal);
  }
}

/** `cancelled`: by whoever wanted the helper. Nobody waits for a log then. */
async function connect(
  { parts, memory }: Counter,
  held: Held,
  lease: LeaseRow,
  signal: AbortSignal,
  cancelled: AbortSignal,
): Promise<Result<Reached, string>> {
  const { keys } = held;
  const { address } = lease;
  if (keys === null || address === null) return no('The helper has no address that can be reached.');
  const { user, port } = parts.policy();
  const late = new AbortController();
  const stop = parts.clock.after(bootMsMax, () => late.abort());
  const both = AbortSignal.any([signal, late.signal]);
  try {
    const answer = await parts.link.connect({ address, port, user, keys }, both);
    if (!answer.ok) return answer;
    const ready = await (parts.whenReady === undefined
      ? whenReady(answer.value, lease.name, parts.clock, both)
      : parts.whenReady(answer.value, lease.name, both));
    const now = parts.leases.lease(held.leaseId);
    const isUsable = ready.ok && now?.state === 'booting' && save(parts, now, { move: 'connect' }, 'lease.ready');
    const log = (): Promise<void> => keepBootLog({ ...parts, memory }, lease.id, answer.value, keys);
    // Beside the work, which does not wait for it.
    if (isUsable) return ok({ connection: answer.value, lease: now, logged: log() });
    // The machine goes as soon as it is given back, and with it the only thing that says what was wrong.
    if (cancelled.aborted) missBootLog({ ...parts, memory }, lease.id, 'It was stopped before that.');
    else await log();
    await answer.value.close();
    return ready.ok ? no(now?.trouble ?? 'The helper was given up before it was ready.') : ready;
  } finally {
    stop();
  }
}

/** Ends the use when the lease is not a living one any more, whoever has ended it. */
function watch(counter: Counter, held: Held, ended: AbortController): { readonly stop: () => void } {
  let stopped = false;
  const look = (): void => {
    if (stopped) return;
    const state = counter.parts.leases.lease(held.leaseId)?.state;
    if (held.wanted && (state === 'booting' || state === 'ready')) void counter.nextPass().then(look);
    else ended.abort();
  };
  look();
  return {
    stop: () => {
      stopped = true;
    },
  };
}

async function failed(counter: Counter, held: Held, why: string): Promise<Result<never, string>> {
  held.trouble ??= why;
  await giveBack(counter, held);
  return no(why);
}

/** Destroying is asked for before the job goes on, but the job does not wait for a cloud that is slow. */
async function giveBack({ parts, nudge }: Counter, held: Held): Promise<void> {
  held.wanted = false;
  let stopTimer = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    stopTimer = parts.clock.after(giveBackMsMax, resolve);
  });
  await Promise.race([nudge(), late]);
  stopTimer();
}

function troubleOf({ parts }: Counter, held: Held): string {
  return held.trouble ?? parts.leases.lease(held.leaseId)?.trouble ?? 'The helper could not be had.';
}

/** Resolves when either does; what it waits for goes on. */
async function aborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const abort = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([work, abort]);
  signal.removeEventListener('abort', stop);
}
