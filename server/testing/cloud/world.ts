import type { Clock } from '../../ports.ts';
import { fakeImages, fakeRegions, fakeSizes, type FakeImage, type FakeSize } from './catalogue.ts';
import type { Does } from './faults.ts';
import { meter, type BillLine } from './meter.ts';

/** What is so for the whole cloud, until a test says otherwise. */
export interface Conditions {
  /** From `new` to `active`; null is never. */
  bootMs: number | null;
  /** From the 204 of a destroy to the 404. */
  destroyMs: number;
  /** A destroy of a machine that is still `new`: it works, it is answered with 422, or with 204 and nothing happens. */
  destroyWhileNew: 'takes' | 'refused' | 'ignored';
  snapshotMs: number;
  /** A new machine shows in lists so much later, and not before so many lists were read. */
  listLagMs: number;
  listLagCalls: number;
  /** A machine that is gone still shows in lists for so long, while its own id answers 404. */
  goneLagMs: number;
  /** A new machine answers 404 to its own id for so long. */
  findLagMs: number;
  /** Its tags show so much later; null is never. */
  tagsLagMs: number | null;
  machinesMax: number;
  accountStatus: 'active' | 'warning' | 'locked';
  soldOut: readonly { readonly size: string; readonly region: string }[];
  /** Prices from now on, by this factor. */
  priceFactor: number;
  /** Every token was revoked: DigitalOcean answers so, or so (notes/helper-fleet.md 1.4). */
  token: 'good' | 'answers_401' | 'answers_404';
}

export interface FakeDroplet {
  readonly id: number;
  readonly name: string;
  readonly size: FakeSize;
  readonly usdPerHour: number;
  readonly region: string;
  readonly image: FakeImage;
  readonly tags: readonly string[];
  readonly userData: string;
  readonly createdAtMs: number;
  status: 'new' | 'active' | 'off';
  isLocked: boolean;
  /** Public IPv4 address; null before it has one. */
  address: string | null;
  privateAddress: string | null;
  goneAtMs: number | null;
  /** Lists that must be read before it shows. */
  hiddenLists: number;
}

export interface Hooks {
  /** Starts a real machine for it; resolves with its address. Null leaves the made-up one. */
  readonly onBoot?: (droplet: FakeDroplet, userData: string) => Promise<string | null>;
  /** Resolves when it has switched itself off, or was ended. */
  readonly whenOff?: (droplet: FakeDroplet) => Promise<void>;
  /** Ends it. Called once, after its start has been settled. */
  readonly onDestroy?: (droplet: FakeDroplet) => Promise<void>;
  /** The cloud is closed, and every machine has ended. */
  readonly onClose?: () => void;
}

export interface Order {
  readonly name: string;
  readonly size: FakeSize;
  readonly region: string;
  readonly image: FakeImage;
  readonly tags: readonly string[];
  readonly userData: string;
}

export interface FakeAction {
  readonly id: number;
  readonly type: string;
  readonly dropletId: number;
  readonly region: string;
  readonly startedAtMs: number;
  status: 'in-progress' | 'completed' | 'errored';
  completedAtMs: number | null;
}

export const defaultConditions: Conditions = {
  bootMs: 20_000,
  destroyMs: 4000,
  destroyWhileNew: 'takes',
  snapshotMs: 60_000,
  listLagMs: 0,
  listLagCalls: 0,
  goneLagMs: 0,
  findLagMs: 0,
  tagsLagMs: 5000,
  machinesMax: 10,
  accountStatus: 'active',
  soldOut: [],
  priceFactor: 1,
  token: 'good',
};

/** The truth behind the API: machines, snapshots, what they cost. Time is its clock's; nothing here knows HTTP. */
export class World {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly sizes = fakeSizes;
  readonly regions = fakeRegions;
  readonly images: FakeImage[] = [...fakeImages];
  /** All that ever were. */
  readonly droplets: FakeDroplet[] = [];
  readonly actions: FakeAction[] = [];
  readonly #hooks: Hooks;
  readonly #work = new Map<number, Promise<unknown>>();
  #lastId = 400_000_000;

  constructor(clock: Clock, conditions: Partial<Conditions>, hooks: Hooks) {
    this.clock = clock;
    this.conditions = { ...defaultConditions, ...conditions };
    this.#hooks = hooks;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  alive(): FakeDroplet[] {
    return this.droplets.filter(({ goneAtMs }) => goneAtMs === null);
  }

  bill(): BillLine[] {
    return this.droplets.map(({ id, name, size, usdPerHour, createdAtMs, goneAtMs }) => {
      const cost = meter(usdPerHour, createdAtMs, goneAtMs ?? this.clock.nowMs());
      return { id, name, size: size.slug, createdAtMs, goneAtMs, ...cost };
    });
  }

  /** Takes an order on. What is returned is what the answer shows, which may never come to be. */
  create(order: Order, does: Does): FakeDroplet {
    const droplet = this.#make(order);
    if (does.kind === 'nothing') return droplet;
    if (does.kind === 'late') {
      // Nothing exists and nothing is billed before it lands, under the id that was promised.
      this.clock.after(does.afterMs, () => this.#land(this.#make(order, droplet.id), does));
      return droplet;
    }
    this.#land(droplet, does);
    if (does.kind === 'twice') this.#land(this.#make(order), does);
    if (does.kind === 'placement_fails') this.clock.after(does.afterMs, () => this.#end(droplet));
    return droplet;
  }

  /** Says whether the order was taken on. */
  destroy(droplet: FakeDroplet, does: Does): 'accepted' | 'pending_event' {
    const { destroyWhileNew, destroyMs } = this.conditions;
    if (droplet.status === 'new' && destroyWhileNew === 'refused') return 'pending_event';
    const isIgnored = does.kind === 'nothing' || (droplet.status === 'new' && destroyWhileNew === 'ignored');
    if (!isIgnored) this.clock.after(does.kind === 'late' ? does.afterMs : destroyMs, () => this.#end(droplet));
    return 'accepted';
  }

  /** Something outside patchgit: a person at the control panel. */
  remove(id: number): void {
    for (const droplet of this.alive()) if (droplet.id === id) this.#end(droplet);
  }

  act(droplet: FakeDroplet, type: string, name: string, does: Does): FakeAction | 'pending_event' {
    if (droplet.isLocked) return 'pending_event';
    const nowMs = this.clock.nowMs();
    const action: FakeAction = {
      id: this.nextId(),
      type,
      dropletId: droplet.id,
      region: droplet.region,
      startedAtMs: nowMs,
      status: 'in-progress',
      completedAtMs: null,
    };
    this.actions.push(action);
    if (does.kind === 'nothing') return action;
    droplet.isLocked = true;
    const tookMs = type === 'snapshot' ? this.conditions.snapshotMs : 2000;
    this.clock.after(tookMs, () => {
      droplet.isLocked = false;
      const isGood = does.kind !== 'errors' && droplet.goneAtMs === null;
      action.status = isGood ? 'completed' : 'errored';
      action.completedAtMs = this.clock.nowMs();
      if (isGood) this.#complete(droplet, type, name);
    });
    return action;
  }

  /** Resolves when no machine is being started or ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#work.values());
  }

  #complete(droplet: FakeDroplet, type: string, name: string): void {
    if (type === 'power_off') droplet.status = 'off';
    if (type === 'power_on') droplet.status = 'active';
    if (type !== 'snapshot') return;
    this.images.push({
      id: this.nextId(),
      name,
      slug: null,
      type: 'snapshot',
      regions: [droplet.region],
      minDiskGiB: droplet.size.disk,
      createdAtMs: this.clock.nowMs(),
      fromId: droplet.id,
    });
  }

  #make(order: Order, id = this.nextId()): FakeDroplet {
    return {
      ...order,
      id,
      usdPerHour: order.size.usdPerHour * this.conditions.priceFactor,
      createdAtMs: this.clock.nowMs(),
      status: 'new',
      isLocked: false,
      address: null,
      privateAddress: null,
      goneAtMs: null,
      hiddenLists: this.conditions.listLagCalls,
    };
  }

  #land(droplet: FakeDroplet, does: Does): void {
    this.droplets.push(droplet);
    const bootMs = does.kind === 'stays_new' ? does.forMs : this.conditions.bootMs;
    // The real machine starts now, as a real one would; it is `active` when the time is up and it is there.
    const started = this.#hooks.onBoot?.(droplet, droplet.userData) ?? Promise.resolve(null);
    this.#work.set(droplet.id, started);
    if (bootMs === null) return;
    const number = droplet.id % 250;
    const isUp = (address: string | null): void => {
      if (droplet.goneAtMs !== null) return;
      droplet.status = 'active';
      if (does.kind === 'no_address' && does.but === 'nothing') return;
      droplet.privateAddress = `10.110.0.${number + 1}`;
      // 203.0.113.0/24 is set aside for documentation (RFC 5737): nothing answers there.
      if (does.kind !== 'no_address') droplet.address = address ?? `203.0.113.${number + 1}`;
      void this.#hooks.whenOff?.(droplet).then(() => {
        if (droplet.goneAtMs === null) droplet.status = 'off';
      });
    };
    this.clock.after(bootMs, () => {
      if (this.#hooks.onBoot) this.#work.set(droplet.id, started.then(isUp));
      else isUp(null);
    });
  }

  #end(droplet: FakeDroplet): void {
    if (droplet.goneAtMs !== null) return;
    droplet.goneAtMs = this.clock.nowMs();
    const { onDestroy } = this.#hooks;
    if (!onDestroy) return;
    const started = this.#work.get(droplet.id) ?? Promise.resolve();
    this.#work.set(
      droplet.id,
      started.then(() => onDestroy(droplet)),
    );
  }
}
