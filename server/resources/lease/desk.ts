/** One helper at a time, for as long as somebody uses it: ordered, reached, used, given back, and looked after until it is gone. */
import type { HelperView } from '#contract/lease.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { PaidSandbox, Sandbox } from '../../ports.ts';
import type { CloudSizeOffer, HelperConnection, HelperLink } from '../../ports-cloud.ts';
import { bake, type Baking } from './bake.ts';
import { bakeStore, showBake } from './bake-store.ts';
import { landingMsMax } from './decide.ts';
import { reconcileImages, showImages } from './images.ts';
import type { BakeParts } from './bake-perform.ts';
import { costSoFar, type LeaseParts, type LeaseTools } from './perform.ts';
import { reconcile, type Memory } from './reconcile.ts';
import { rent } from './rent.ts';
import { leaseStore, showLease } from './store.ts';
import { strayStore } from './stray-store.ts';

export interface LeaseDeskParts extends LeaseTools {
  readonly link: HelperLink;
  /** How to tell that a machine is ready; as its orders say it, when this is left out. `machine`: the name it must call itself by. */
  readonly whenReady?: (
    connection: HelperConnection,
    machine: string,
    signal: AbortSignal,
  ) => Promise<Result<null, string>>;
  readonly remoteSandbox: (connection: HelperConnection) => Sandbox;
  /** The cloud's own prices, as they came. */
  readonly takePrices: (offers: readonly CloudSizeOffer[]) => void;
  readonly policy: () => HelperPolicy;
}

export interface HelperPolicy {
  /** In the order of preference; at least one. */
  readonly regions: readonly string[];
  /** Slug of a public image, or the id of a snapshot. */
  readonly image: string | number;
  readonly user: string;
  readonly port: number;
}

export interface LeaseDesk extends PaidSandbox {
  readonly view: () => HelperView;
  /** STOP: ends what runs on the helper and destroys it. Not ok: the sentence that says that there is none. */
  readonly destroyNow: () => Result<null, string>;
  /** Begins to make an image for later helpers, and resolves when that is accepted. Not ok: the sentence that says why not. */
  readonly bake: () => Promise<Result<null, string>>;
  /** Looks at the cloud and the rows now. Resolves when it has. */
  readonly nudge: () => Promise<void>;
  /** Gives back what there is, as far as that is quick; the next start does the rest. */
  readonly close: () => Promise<void>;
}

/** What `rent` needs of the desk. */
export interface Counter {
  readonly parts: LeaseDeskParts & BakeParts;
  readonly memory: Memory;
  readonly nudge: () => Promise<void>;
  /** Resolves after the next pass. */
  readonly nextPass: () => Promise<void>;
  readonly isClosed: () => boolean;
}

const everyMs = 60_000;
const imagesEveryMs = 15 * 60_000;
const closeMsMax = 5_000;
const stuckMs = 5 * 60_000;
const hourMs = 60 * 60_000;
const failuresMax = 3;
const pastShown = 50;
const bootMinutesDefault = 2;
const bootsCounted = 9;

export function leaseDesk(tools: LeaseDeskParts): LeaseDesk {
  const parts = { ...tools, leases: leaseStore(tools.db), strays: strayStore(tools.db), bakes: bakeStore(tools.db) };
  const memory: Memory = {
    held: null,
    listedAtMs: null,
    failure: null,
    quietUntilMs: 0,
    isBaking: false,
    images: [],
    isEnded: false,
  };
  const passes = passRunner(parts, memory);
  let closed = false;
  const counter: Counter = { parts, memory, nudge: passes.nudge, nextPass: passes.next, isClosed: () => closed };
  /** What somebody has asked for and has no row yet. */
  const asked = new Set<string>();
  const available = (): Result<null, string> => {
    const why = unavailable(parts, memory);
    return why === null ? ok(null) : no(why);
  };
  const stop = (trouble: string): void => {
    if (memory.held === null) return;
    memory.held.wanted = false;
    memory.held.trouble ??= trouble;
  };
  const images = imageKeeper(parts, memory);
  const bakery = bakeryOf(counter, available, images.look);
  const endTimer = parts.clock.every(everyMs, () => void passes.nudge());
  void passes.nudge();
  return {
    available,
    bootMinutes: () => median(parts.leases.bootTimes(bootsCounted)) ?? bootMinutesDefault,
    holds: (id) => {
      const lease = parts.leases.ofReservation(id);
      return lease === null ? asked.has(id) || parts.bakes.holds(id) : lease.state !== 'gone';
    },
    rent: async (order, use, signal) => {
      asked.add(order.reservationId);
      try {
        return await rent(counter, order, use, signal);
      } finally {
        asked.delete(order.reservationId);
      }
    },
    view: () => view(parts, memory),
    destroyNow: () => {
      const wasBaking = bakery.stop('You stopped it.');
      if (parts.leases.live() === null && !wasBaking) return no('There is no helper, so there is nothing to destroy.');
      stop('You stopped it.');
      void passes.nudge();
      return ok(null);
    },
    bake: bakery.begin,
    nudge: passes.nudge,
    close: async () => {
      closed = true;
      endTimer();
      images.stop();
      bakery.stop('patchgit was stopped.');
      stop('patchgit was stopped.');
      const late = new Promise<void>((resolve) => void parts.clock.after(closeMsMax, resolve));
      await Promise.race([Promise.all([passes.nudge(), bakery.over(), images.seen()]), late]);
      passes.stop();
      memory.isEnded = true;
    },
  };
}

interface Bakery {
  readonly begin: LeaseDesk['bake'];
  /** Whether there was anything to stop. */
  readonly stop: (why: string) => boolean;
  readonly over: () => Promise<void>;
}

/** At most one image in the making, and a look at the images after each. */
function bakeryOf(counter: Counter, available: PaidSandbox['available'], look: () => Promise<void>): Bakery {
  let baking: Baking | null = null;
  return {
    begin: async () => {
      const free = available();
      if (!free.ok || counter.isClosed()) return free.ok ? no('patchgit is being stopped.') : free;
      const begun = await bake(counter);
      if (!begun.ok) return begun;
      baking = begun.value;
      void baking.over.then(() => {
        baking = null;
        return look();
      });
      return ok(null);
    },
    stop: (why) => {
      baking?.stop(why);
      return baking !== null;
    },
    over: () => baking?.over ?? Promise.resolve(),
  };
}

/** Looks at the images at the start, every now and then, and after each that was made. One look at a time. */
function imageKeeper(
  parts: BakeParts,
  memory: Memory,
): { readonly look: () => Promise<void>; readonly seen: () => Promise<void>; readonly stop: () => void } {
  let looking: Promise<void> = Promise.resolve();
  const look = (): Promise<void> => {
    looking = looking.then(() => reconcileImages(parts, memory));
    return looking;
  };
  void look();
  return { look, seen: () => looking, stop: parts.clock.every(imagesEveryMs, () => void look()) };
}

interface Passes {
  readonly nudge: () => Promise<void>;
  readonly next: () => Promise<void>;
  readonly stop: () => void;
}

/** One pass at a time; a nudge during one means another one after it. */
function passRunner(parts: LeaseParts, memory: Memory): Passes {
  let running: Promise<void> | null = null;
  let again: Promise<void> | null = null;
  let cancelTimer = (): void => undefined;
  let stopped = false;
  let waiting: (() => void)[] = [];
  const tellAll = (): void => {
    const told = waiting;
    waiting = [];
    for (const tell of told) tell();
  };
  const once = async (): Promise<void> => {
    cancelTimer();
    const nextMs = await reconcile(parts, memory);
    tellAll();
    if (nextMs !== null && !stopped) cancelTimer = parts.clock.after(nextMs, () => void nudge());
  };
  const start = (): Promise<void> => {
    running = once().finally(() => {
      running = null;
    });
    return running;
  };
  const nudge = (): Promise<void> => {
    if (stopped) return Promise.resolve();
    if (running === null && again === null) return start();
    // Its pass is the one after that which runs: that one may have looked already.
    again ??= (running ?? Promise.resolve()).then(() => {
      again = null;
      return start();
    });
    return again;
  };
  return {
    nudge,
    next: () => (stopped ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    stop: () => {
      stopped = true;
      cancelTimer();
      tellAll();
    },
  };
}

/** Null: one can be had, as far as is known. */
function unavailable({ leases, strays, clock }: LeaseParts, { failure, isBaking }: Memory): string | null {
  const nowMs = clock.nowMs();
  if (isBaking) return 'An image for helpers is being made, which needs the one helper. It takes some minutes.';
  if (failure?.kind === 'unauthorized' || failure?.kind === 'not_found')
    return `The cloud refuses the token, so no helper can be had. Make a new one and put it in place of the old. The cloud said: ${failure.message}`;
  const live = leases.live();
  const sinceMs = live?.destroyAskedAtMs ?? null;
  const isStuck = live?.state === 'destroying' && sinceMs !== null && nowMs - sinceMs >= stuckMs;
  if (isStuck)
    return `The last helper could not be destroyed yet, so there is no new one. ${live.trouble ?? ''}`.trim();
  const isLost = live?.state === 'unknown' || (live?.state === 'creating' && live.refusedAtMs === null);
  if (isLost && nowMs - (live.postSentAtMs ?? nowMs) < 2 * landingMsMax)
    return 'The cloud has not said yet what became of the last order, so there is no new helper until that is known.';
  if (strays.there().some(({ seenAtMs }) => nowMs - seenAtMs >= stuckMs))
    return 'A machine of this installation that no job owns could not be destroyed yet, so there is no new helper.';
  if (leases.failuresSince(nowMs - hourMs) >= failuresMax)
    return `${failuresMax} helpers in a row came to nothing within an hour. patchgit orders none for a while; the helper page says what was wrong.`;
  return null;
}

function view(parts: BakeParts, memory: Memory): HelperView {
  const nowMs = parts.clock.nowMs();
  const { leases, strays, bakes } = parts;
  const live = leases.live();
  const newest = bakes.newest();
  const shown = (row: NonNullable<typeof live>): HelperView['past'][number] =>
    showLease(row, leases.jobOf(row), costSoFar(parts, row, nowMs), memory.listedAtMs);
  return {
    unavailable: unavailable(parts, memory),
    current: live === null ? null : shown(live),
    past: leases.past(pastShown).map(shown),
    strays: strays.there().map(({ machineId, name }) => ({ id: machineId, name })),
    bake: newest === null ? null : showBake(newest),
    images: showImages(parts, memory.images),
    asOfMs: nowMs,
  };
}

function median(times: readonly number[]): number | null {
  const middle = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
  return middle === undefined ? null : Math.max(middle, 1) / 60_000;
}
