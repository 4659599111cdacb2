/** A cloud in memory, on a clock in the test's hand, which does the wrong things that real ones do when a test says so. */
import { no, ok, type Result } from '../lib/result.ts';
import type { Clock } from '../ports.ts';
import type { Cloud, CloudFailure, CloudImage, CloudMachine, CloudSizeOffer, NewCloudMachine } from '../ports-cloud.ts';
import { testBudget } from './budget.ts';

export type CloudCall =
  | 'account'
  | 'sizes'
  | 'snapshots'
  | 'create'
  | 'list'
  | 'find'
  | 'destroy'
  | 'snapshot'
  | 'action'
  | 'deleteSnapshot';

/**
 * `lost`: done, and the answer never came. `not_sent`: not done, and nobody knows. `late`: create only; not answered, and done
 * after a while. `ignored`: destroy only; answered with yes, and not done. `vanishes`: create only; answered with yes, and the
 * machine never comes. `errored`: snapshot only; answered with yes, and it fails later. The others are answered with a no, and nothing is done.
 */
export type CloudFault =
  | 'lost'
  | 'not_sent'
  | 'late'
  | 'ignored'
  | 'vanishes'
  | 'errored'
  | 'twice'
  | 'refused'
  | 'no_capacity'
  | 'unauthorized'
  | 'all_404'
  | 'rate_limited';

export interface FakeMachine {
  readonly machine: CloudMachine;
  /** From when on a list shows it. */
  readonly listedAtMs: number;
  readonly activeAtMs: number;
  /** Null while it is billed. */
  readonly destroyedAtMs: number | null;
  readonly isOff: boolean;
  readonly offAtMs: number | null;
  /** Made beside another one by the same order. */
  readonly isTwin: boolean;
  /** A snapshot is taken of it: it cannot be destroyed meanwhile. */
  readonly lockedUntilMs: number;
}

export interface FakeCloud extends Cloud {
  readonly creates: readonly NewCloudMachine[];
  /** Every machine there has ever been. */
  readonly history: () => readonly FakeMachine[];
  readonly living: () => readonly FakeMachine[];
  /** The most machines that were billed at one moment, without those that came late. */
  readonly mostAtOnce: () => number;
  readonly destroyCalls: readonly number[];
  /** Puts a machine there that somebody else has made, or we in another life. Returns its id. */
  readonly put: (name: string, atMs?: number) => number;
  readonly powerOffByHand: (id: number) => void;
  readonly rename: (id: number, name: string) => void;
  /** Those that the account is billed for. */
  readonly images: () => readonly CloudImage[];
  readonly putImage: (name: string) => number;
}

export interface FakeCloudOptions {
  readonly clock: Clock;
  /** Asked before each call; `count` is from 1 for each kind of call. */
  readonly fault?: (call: CloudCall, count: number) => CloudFault | null;
  /** How long a list does not show a new machine. */
  readonly lagMs?: number;
  readonly bootMs?: number;
  readonly lateMs?: number;
  /** From a machine's being active to its switching itself off; null: it does not. */
  readonly offAfterMs?: (order: Pick<NewCloudMachine, 'userData'>) => number | null;
  readonly snapshotMs?: number;
  readonly offers?: readonly CloudSizeOffer[];
}

const failures: Partial<Record<CloudFault, CloudFailure>> = {
  refused: failure('refused', 'unprocessable_entity', 'creating this droplet will exceed your droplet limit'),
  no_capacity: failure('refused', 'unprocessable_entity', 'Size is not available in this region.'),
  unauthorized: failure('unauthorized', 'unauthorized', 'Unable to authenticate you.'),
  all_404: failure('not_found', 'not_found', 'The resource you requested could not be found.'),
  rate_limited: { ...failure('rate_limited', 'too_many_requests', 'API rate limit exceeded.'), retryAfterMs: 20_000 },
};
const unanswered = failure('unknown', null, 'The connection was lost before an answer came.');
const imageGone = failure('refused', 'unprocessable_entity', 'You specified an invalid image for Droplet creation.');
const pendingEvent = failure('refused', 'unprocessable_entity', 'Droplet already has a pending event.');
const notFound = failure('not_found', 'not_found', 'The resource you requested could not be found.');

export const fakeOffers: readonly CloudSizeOffer[] = [
  { slug: 's-1vcpu-1gb', memoryMiB: 1024, cpus: 1, usdPerHour: 0.009 },
  ...testBudget.helper.sizes,
].map((size, at) => ({
  ...size,
  diskGiB: [25, 50, 80, 160][at] ?? 320,
  regions: ['fra1', 'ams3'],
  available: true,
}));

export function fakeCloud(options: FakeCloudOptions): FakeCloud {
  const { clock, lateMs = 90_000, offers = fakeOffers } = options;
  const { all, set, living, shown, make, listed } = machineRoom(options);
  const gallery = imageRoom(options);
  const creates: NewCloudMachine[] = [];
  const destroyCalls: number[] = [];
  let most = 0;
  const call = callerOf(options);
  const ordered = (order: NewCloudMachine, fault: CloudFault | null): FakeMachine => {
    const nowMs = clock.nowMs();
    const made = make(order, fault === 'late' ? nowMs + lateMs : nowMs);
    if (fault === 'vanishes') set(made.machine.id, { destroyedAtMs: nowMs });
    else if (fault === 'twice') set(make(order, nowMs).machine.id, { isTwin: true });
    else if (fault !== 'late') most = Math.max(most, living().length);
    return made;
  };
  return {
    creates,
    destroyCalls,
    history: () => all,
    living,
    mostAtOnce: () => most,
    put: (name, atMs = clock.nowMs()) =>
      make({ name, region: 'fra1', size: 's-1vcpu-2gb', tag: 'by-hand', userData: '' }, atMs).machine.id,
    powerOffByHand: (id) => set(id, { isOff: true }),
    rename: (id, name) => {
      const found = all.find(({ machine }) => machine.id === id);
      if (found !== undefined) set(id, { machine: { ...found.machine, name } });
    },
    account: () => call('account', () => ok({ status: 'active', machinesMax: 3 })),
    sizes: () => call('sizes', () => ok([...offers])),
    images: gallery.shown,
    putImage: gallery.put,
    create: (order) => {
      creates.push(order);
      return call('create', (fault) => {
        const isThere = typeof order.image === 'string' || gallery.shown().some(({ id }) => id === order.image);
        return isThere ? ok(ordered(order, fault).machine) : no(imageGone);
      });
    },
    list: () => call('list', () => ok(listed())),
    find: (id) =>
      call('find', () => {
        const found = living().find(({ machine }) => machine.id === id);
        return found === undefined ? no(notFound) : ok(shown(found));
      }),
    destroy: (id) => {
      destroyCalls.push(id);
      return call('destroy', (fault) => {
        const found = living().find(({ machine }) => machine.id === id);
        if (found === undefined) return no(notFound);
        if (found.lockedUntilMs > clock.nowMs()) return no(pendingEvent);
        if (fault !== 'ignored') set(id, { destroyedAtMs: clock.nowMs() });
        return ok(null);
      });
    },
    powerOff: () => Promise.resolve(ok(null)),
    ...imageCalls(call, gallery, { living, set }),
    ensureFirewall: () => Promise.resolve(ok(null)),
  };
}

type Caller = <T>(
  kind: CloudCall,
  work: (fault: CloudFault | null) => Result<T, CloudFailure>,
) => Promise<Result<T, CloudFailure>>;

/** Does `work` or not, and answers or not, as the plan says. */
function callerOf({ fault: faultOf }: FakeCloudOptions): Caller {
  const counts = new Map<CloudCall, number>();
  return async (kind, work) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const fault = faultOf?.(kind, count) ?? null;
    await Promise.resolve();
    const said = fault === null ? undefined : failures[fault];
    if (said !== undefined) return no(said);
    if (fault === 'not_sent') return no(unanswered);
    const answer = work(fault);
    return fault === 'lost' || fault === 'late' ? no(unanswered) : answer;
  };
}

function imageCalls(
  call: Caller,
  gallery: ReturnType<typeof imageRoom>,
  { living, set }: Pick<ReturnType<typeof machineRoom>, 'living' | 'set'>,
): Pick<Cloud, 'snapshots' | 'snapshot' | 'action' | 'deleteSnapshot'> {
  return {
    snapshots: () => call('snapshots', () => ok(gallery.shown())),
    snapshot: (id, name) =>
      call('snapshot', (fault) => {
        const found = living().find(({ machine }) => machine.id === id);
        if (found === undefined) return no(notFound);
        const taken = gallery.take(found.machine, name, fault === 'errored');
        set(id, { lockedUntilMs: taken.doneAtMs });
        return ok({ actionId: taken.actionId });
      }),
    action: (id) =>
      call('action', () => {
        const state = gallery.action(id);
        return state === null ? no(notFound) : ok(state);
      }),
    deleteSnapshot: (id) =>
      call('deleteSnapshot', (fault) => {
        if (!gallery.shown().some((one) => one.id === id)) return no(notFound);
        if (fault !== 'ignored') gallery.remove(id);
        return ok(null);
      }),
  };
}

/** The machines there are and were. */
function machineRoom({ clock, lagMs = 0, bootMs = 20_000, offAfterMs = () => null }: FakeCloudOptions) {
  const all: FakeMachine[] = [];
  const set = (id: number, change: Partial<FakeMachine>): void => {
    const at = all.findIndex(({ machine }) => machine.id === id);
    const found = all[at];
    if (found !== undefined) all[at] = { ...found, ...change };
  };
  const begun = ({ machine }: FakeMachine): boolean => machine.createdAtMs <= clock.nowMs();
  const living = (): FakeMachine[] => all.filter((one) => one.destroyedAtMs === null && begun(one));
  const shown = (one: FakeMachine): CloudMachine => {
    const isActive = one.activeAtMs <= clock.nowMs();
    const isOff = one.isOff || (one.offAtMs !== null && one.offAtMs <= clock.nowMs());
    const status = isOff ? 'off' : isActive ? 'active' : 'new';
    return { ...one.machine, status, address: isActive ? `10.0.0.${one.machine.id % 250}` : null };
  };
  const make = (order: Omit<NewCloudMachine, 'image'>, atMs: number): FakeMachine => {
    const id = 1000 + all.length;
    const { name, region, size, tag } = order;
    const machine = { id, name, region, size, tags: [tag], createdAtMs: atMs, address: null, status: 'new' as const };
    const offMs = offAfterMs(order);
    const made = {
      machine,
      listedAtMs: atMs + lagMs,
      activeAtMs: atMs + bootMs,
      destroyedAtMs: null,
      isOff: false,
      isTwin: false,
      lockedUntilMs: 0,
      offAtMs: offMs === null ? null : atMs + bootMs + offMs,
    };
    all.push(made);
    return made;
  };
  const listed = (): CloudMachine[] =>
    living()
      .filter((one) => one.listedAtMs <= clock.nowMs())
      .map(shown);
  return { all, set, living, shown, make, listed };
}

/** The snapshots there are, and those that are being made. */
function imageRoom({ clock, snapshotMs = 60_000 }: FakeCloudOptions) {
  const all: { image: CloudImage; actionId: number; isBad: boolean; isGone: boolean }[] = [];
  const add = (name: string, region: string, doneAtMs: number, isBad: boolean): (typeof all)[number] => {
    const id = 9000 + all.length;
    const image = { id, slug: null, name, regions: [region], minDiskGiB: 25, sizeGiB: 6, createdAtMs: doneAtMs };
    const made = { image, actionId: id + 1_000_000, isBad, isGone: false };
    all.push(made);
    return made;
  };
  return {
    shown: (): CloudImage[] =>
      all
        .filter(({ image, isBad, isGone }) => image.createdAtMs <= clock.nowMs() && !isBad && !isGone)
        .map(({ image }) => image),
    put: (name: string): number => add(name, 'fra1', clock.nowMs(), false).image.id,
    take: ({ region }: CloudMachine, name: string, isBad: boolean) => {
      const doneAtMs = clock.nowMs() + snapshotMs;
      return { actionId: add(name, region, doneAtMs, isBad).actionId, doneAtMs };
    },
    action: (id: number): 'in-progress' | 'completed' | 'errored' | null => {
      const found = all.find(({ actionId }) => actionId === id);
      if (found === undefined) return null;
      if (found.image.createdAtMs > clock.nowMs()) return 'in-progress';
      return found.isBad ? 'errored' : 'completed';
    },
    remove: (id: number): void => {
      for (const one of all) if (one.image.id === id) one.isGone = true;
    },
  };
}

function failure(kind: CloudFailure['kind'], code: string | null, message: string): CloudFailure {
  return { kind, code, message, retryAfterMs: null };
}
