/** A cloud in memory, on a clock in the test's hand, which does the wrong things that real ones do when a test says so. */
import { no, ok, type Result } from '../lib/result.ts';
import type { Clock, Cloud, CloudFailure, CloudMachine, CloudSizeOffer, NewCloudMachine } from '../ports.ts';
import { testBudget } from './budget.ts';

export type CloudCall = 'account' | 'sizes' | 'snapshots' | 'create' | 'list' | 'find' | 'destroy';

/**
 * `lost`: done, and the answer never came. `not_sent`: not done, and nobody knows. `late`: create only; not answered, and done
 * after a while. `ignored`: destroy only; answered with yes, and not done. `vanishes`: create only; answered with yes, and the
 * machine never comes. The others are answered with a no, and nothing is done.
 */
export type CloudFault =
  | 'lost'
  | 'not_sent'
  | 'late'
  | 'ignored'
  | 'vanishes'
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
  /** Made beside another one by the same order. */
  readonly isTwin: boolean;
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
}

export interface FakeCloudOptions {
  readonly clock: Clock;
  /** Asked before each call; `count` is from 1 for each kind of call. */
  readonly fault?: (call: CloudCall, count: number) => CloudFault | null;
  /** How long a list does not show a new machine. */
  readonly lagMs?: number;
  readonly bootMs?: number;
  readonly lateMs?: number;
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
const notFound = failure('not_found', 'not_found', 'The resource you requested could not be found.');

export const fakeOffers: readonly CloudSizeOffer[] = testBudget.helper.sizes.map((size) => ({
  ...size,
  regions: ['fra1', 'ams3'],
  available: true,
}));

export function fakeCloud(options: FakeCloudOptions): FakeCloud {
  const { clock, lateMs = 90_000, offers = fakeOffers } = options;
  const { all, set, living, shown, make, listed } = machineRoom(options);
  const creates: NewCloudMachine[] = [];
  const destroyCalls: number[] = [];
  const counts = new Map<CloudCall, number>();
  let most = 0;
  /** Does `work` or not, and answers or not, as the plan says. */
  const call = async <T>(
    kind: CloudCall,
    work: (fault: CloudFault | null) => Result<T, CloudFailure>,
  ): Promise<Result<T, CloudFailure>> => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const fault = options.fault?.(kind, count) ?? null;
    await Promise.resolve();
    const said = fault === null ? undefined : failures[fault];
    if (said !== undefined) return no(said);
    if (fault === 'not_sent') return no(unanswered);
    const answer = work(fault);
    return fault === 'lost' || fault === 'late' ? no(unanswered) : answer;
  };
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
      make({ name, region: 'fra1', size: 's-1vcpu-2gb', tag: 'by-hand' }, atMs).machine.id,
    powerOffByHand: (id) => set(id, { isOff: true }),
    rename: (id, name) => {
      const found = all.find(({ machine }) => machine.id === id);
      if (found !== undefined) set(id, { machine: { ...found.machine, name } });
    },
    account: () => call('account', () => ok({ status: 'active', machinesMax: 3 })),
    sizes: () => call('sizes', () => ok([...offers])),
    snapshots: () => call('snapshots', () => ok([])),
    create: (order) => {
      creates.push(order);
      return call('create', (fault) => ok(ordered(order, fault).machine));
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
        if (fault !== 'ignored') set(id, { destroyedAtMs: clock.nowMs() });
        return ok(null);
      });
    },
    powerOff: () => Promise.resolve(ok(null)),
    snapshot: () => Promise.resolve(ok(null)),
    deleteSnapshot: () => Promise.resolve(ok(null)),
    ensureFirewall: () => Promise.resolve(ok(null)),
  };
}

/** The machines there are and were. */
function machineRoom({ clock, lagMs = 0, bootMs = 20_000 }: FakeCloudOptions) {
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
    const status = one.isOff ? 'off' : isActive ? 'active' : 'new';
    return { ...one.machine, status, address: isActive ? `10.0.0.${one.machine.id % 250}` : null };
  };
  const make = (order: Pick<NewCloudMachine, 'name' | 'region' | 'size' | 'tag'>, atMs: number): FakeMachine => {
    const id = 1000 + all.length;
    const { name, region, size, tag } = order;
    const machine = { id, name, region, size, tags: [tag], createdAtMs: atMs, address: null, status: 'new' as const };
    const made = {
      machine,
      listedAtMs: atMs + lagMs,
      activeAtMs: atMs + bootMs,
      destroyedAtMs: null,
      isOff: false,
      isTwin: false,
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

function failure(kind: CloudFailure['kind'], code: string | null, message: string): CloudFailure {
  return { kind, code, message, retryAfterMs: null };
}
