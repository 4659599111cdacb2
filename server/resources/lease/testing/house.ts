/** A desk on a real database, with a cloud in memory, and a switch that ends its process between two outside calls. */
import { PassThrough } from 'node:stream';
import type { BudgetFile } from '#contract/budget.ts';
import { no, ok } from '../../../lib/result.ts';
import type { Clock, Sandbox } from '../../../ports.ts';
import type { Cloud, HelperConnection } from '../../../ports-cloud.ts';
import { artifactStore, type Artifacts } from '../../../record/artifact/store.ts';
import { openDatabase, type Database } from '../../../record/db/open.ts';
import { installId } from '../../../record/install.ts';
import { ledgerStore } from '../../../record/ledger/store.ts';
import { spendOnHelper } from '../../../chain/prove/spend.ts';
import { testBudget } from '../../../testing/budget.ts';
import type { FakeClock } from '../../../testing/fake-clock.ts';
import { testJob } from '../../../testing/money-record.ts';
import { migrationsFolder } from '../../../testing/record.ts';
import { till, type Till } from '../../budget/perform.ts';
import { leaseDesk, type HelperPolicy, type LeaseDesk, type LeaseDeskParts } from '../desk.ts';

export const wideBudget: BudgetFile = { ...testBudget, caps: { hourUsd: 100, dayUsd: 100 } };
export const testPolicy: HelperPolicy = { regions: ['fra1', 'ams3'], image: 'debian-12-x64', user: 'pgctl', port: 22 };

/** One process: after `die`, nothing that it began goes on. */
export interface Life {
  readonly isDead: () => boolean;
  readonly die: () => void;
  /** Outside calls so far; each counts twice, before and after. */
  readonly moments: () => number;
}

export interface House {
  readonly db: Database;
  readonly desk: LeaseDesk;
  readonly artifacts: Artifacts;
  readonly till: Till;
  readonly life: Life;
  /** As a job does it: reserves, rents, uses it for so long. Resolves to what became of it; never, when the process dies. */
  readonly work: (job: number, forMs: number, signal?: AbortSignal) => Promise<string>;
  readonly reconcileTill: () => void;
  readonly close: () => void;
}

export interface HouseOptions {
  readonly file: string;
  readonly clock: FakeClock;
  readonly cloud: Cloud;
  /** Bytes that differ from house to house. */
  readonly seed: number;
  /** The process ends at this moment (Life.moments), when it comes. */
  readonly dieAt?: number | null;
  readonly connect?: LeaseDeskParts['link']['connect'];
  readonly whenReady?: LeaseDeskParts['whenReady'];
  readonly make?: typeof leaseDesk;
  readonly policy?: HelperPolicy;
  readonly budget?: BudgetFile;
}

export function house(options: HouseOptions): House {
  const { clock, cloud, seed } = options;
  const db = openDatabase(options.file, migrationsFolder);
  const { life, wrap } = mortal(options.dieAt ?? null);
  const mortalClock = clockOf(clock, life);
  const ledger = ledgerStore(db, clock);
  const random = randomOf(seed);
  const artifacts = artifactStore(db, `${options.file}.artifacts`, clock, random);
  const settings = (): BudgetFile => options.budget ?? wideBudget;
  const money = till({ db, ledger, clock, random, settings });
  const priceOf = (slug: string): number | null =>
    wideBudget.helper.sizes.find((size) => size.slug === slug)?.usdPerHour ?? null;
  const desk = (options.make ?? leaseDesk)({
    db,
    ledger,
    artifacts,
    known: [],
    clock: mortalClock,
    random,
    log: silent,
    cloud: wrap({ ...cloud }),
    link: wrap({
      makeKeys: () => Promise.resolve(keys),
      connect: options.connect ?? (() => Promise.resolve(ok(testConnection))),
    }),
    till: money,
    settings,
    priceOf,
    takePrices: () => undefined,
    policy: () => options.policy ?? testPolicy,
    install: installId(db, clock, random),
    cloudInit: ({ hostname, form }) => `#cloud-config\nhostname: ${hostname}\n# ${form}\n`,
    ...wrap({ whenReady: options.whenReady ?? (() => Promise.resolve(ok(null))) }),
    remoteSandbox: () => sandbox,
  });
  const spending = { clock: mortalClock, till: money, settings, priceOf, paid: desk };
  return {
    db,
    desk,
    artifacts,
    till: money,
    life,
    work: async (job, forMs, signal = new AbortController().signal) => {
      const order = { jobId: testJob(job), proposalId: null, option: 'helper' as never, size: 's-1vcpu-2gb' };
      const answer = await spendOnHelper(
        spending,
        { ...order, worstUsd: 0.0179 },
        (_, ended) => untilOver(mortalClock, forMs, ended),
        signal,
      );
      return answer.ok ? answer.value : answer.why.problem.message;
    },
    reconcileTill: () => money.reconcile(({ id }) => desk.holds(id)),
    close: () => {
      life.die();
      db.close();
    },
  };
}

/** Lets everything that is ready go on, until nothing is. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Moves time in steps, so that what falls due can go on before the next falls due. */
export async function pass(clock: FakeClock, ms: number, stepMs = 5_000): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await settle();
  }
}

function untilOver(clock: Clock, forMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve('aborted');
    clock.after(forMs, () => resolve('used'));
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

function mortal(dieAt: number | null): { life: Life; wrap: <T extends object>(ports: T) => T } {
  let dead = false;
  let moments = 0;
  const forever = new Promise<never>(() => undefined);
  const moment = (): void => {
    if (dead) return;
    moments += 1;
    if (moments === dieAt) dead = true;
  };
  const wrapped =
    (work: (...values: unknown[]) => Promise<unknown>) =>
    async (...values: unknown[]): Promise<unknown> => {
      moment();
      if (dead) return forever;
      const answer = await work(...values);
      moment();
      return dead ? forever : answer;
    };
  return {
    life: { isDead: () => dead, die: () => void (dead = true), moments: () => moments },
    // What is not a function stays as it is.
    wrap: (ports) =>
      Object.fromEntries(
        Object.entries(ports).map(([name, value]) => [name, typeof value === 'function' ? wrapped(value) : value]),
      ) as typeof ports,
  };
}

function clockOf(clock: FakeClock, life: Life): Clock {
  const alive = (run: () => void) => (): void => {
    if (!life.isDead()) run();
  };
  return {
    nowMs: clock.nowMs,
    every: (ms, run) => clock.every(ms, alive(run)),
    after: (ms, run) => clock.after(ms, alive(run)),
  };
}

/** Bytes that are told by a number, all different. */
export function randomOf(seed: number): { bytes: (count: number) => Buffer } {
  const next = numbers(seed);
  return { bytes: (count) => Buffer.from(Array.from({ length: count }, () => next(256))) };
}

/** A number below the one it is given (mulberry32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** The form of OpenSSH, and nothing in it. */
export const hostKeyLine = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW';
const hostPrivateKey = `-----BEGIN OPENSSH PRIVATE KEY-----\n${hostKeyLine}\n-----END OPENSSH PRIVATE KEY-----\n`;
const keys = { clientPrivateKey: 'PRIVATE', clientPublicKey: 'p', hostPrivateKey, hostPublicKey: 'h' };
export const testConnection: HelperConnection = {
  // It can be told to begin, and nothing has gone wrong there.
  start: (command) => {
    const code = command.join(' ').includes('touch') ? 0 : 1;
    const ended = Promise.resolve({ code, signal: null });
    return Promise.resolve(ok({ input: new PassThrough(), ended, stop: () => undefined }));
  },
  forward: () => Promise.resolve({ ok: false, why: 'not in this test' }),
  isOpen: () => true,
  close: () => Promise.resolve(),
};
const sandbox: Sandbox = {
  placement: 'helper',
  inspect: () => Promise.resolve({ usable: true, isolation: [], missing: [], helperSha256: '' }),
  prepare: () => undefined,
  standDown: () => Promise.resolve(),
  run: () => Promise.resolve(ok([])),
  hasLayer: () => Promise.resolve(false),
  setUp: () => Promise.resolve(no('This house has no set-up phase.')),
};
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
