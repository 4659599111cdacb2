/** The rows of helpers, and of machines that no lease owns. */
import { z } from 'zod';
import { Sha256, type JobId } from '#contract/ids.ts';
import { LeaseId, LeaseKind, LeaseState, type Lease } from '#contract/lease.ts';
import { usdFromMicros } from '#contract/money.ts';
import { ReservationId } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import type { Database } from '../../record/db/open.ts';
import type { LeaseRow } from './states.ts';

/** Each column with its member and what it may hold. */
const columns = {
  id: ['id', LeaseId],
  kind: ['kind', LeaseKind],
  name: ['name', z.string()],
  state: ['state', LeaseState],
  version: ['version', z.int()],
  region: ['region', z.string()],
  size: ['size', z.string()],
  image: ['image', z.string()],
  usdPerHour: ['usd_per_hour', z.number()],
  reservationId: ['reservation_id', ReservationId.nullable()],
  plannedAtMs: ['planned_at_ms', z.int()],
  deadlineAtMs: ['deadline_at_ms', z.int()],
  postSentAtMs: ['post_sent_at_ms', z.int().nullable()],
  refusedAtMs: ['refused_at_ms', z.int().nullable()],
  machineId: ['machine_id', z.int().nullable()],
  createdAtMs: ['created_at_ms', z.int().nullable()],
  seenAtMs: ['seen_at_ms', z.int().nullable()],
  address: ['address', z.string().nullable()],
  readyAtMs: ['ready_at_ms', z.int().nullable()],
  destroyAskedAtMs: ['destroy_asked_at_ms', z.int().nullable()],
  destroySentAtMs: ['destroy_sent_at_ms', z.int().nullable()],
  absentSeenAtMs: ['absent_seen_at_ms', z.int().nullable()],
  checkedAtMs: ['checked_at_ms', z.int().nullable()],
  goneAtMs: ['gone_at_ms', z.int().nullable()],
  costMicros: ['cost_micros', z.int().nullable()],
  trouble: ['trouble', z.string().nullable()],
  bootLogSha256: ['boot_log_sha256', Sha256.nullable()],
  bootLogBytes: ['boot_log_bytes', z.int().nullable()],
  bootLogTrouble: ['boot_log_trouble', z.string().nullable()],
} as const satisfies Record<keyof LeaseRow, readonly [string, z.ZodType]>;

const pairs = Object.entries(columns);
const selected = pairs.map(([member, [column]]) => `${column} as "${member}"`).join(', ');
const Row: z.ZodType<LeaseRow> = z.object({
  id: columns.id[1],
  kind: columns.kind[1],
  name: columns.name[1],
  state: columns.state[1],
  version: columns.version[1],
  region: columns.region[1],
  size: columns.size[1],
  image: columns.image[1],
  usdPerHour: columns.usdPerHour[1],
  reservationId: columns.reservationId[1],
  plannedAtMs: columns.plannedAtMs[1],
  deadlineAtMs: columns.deadlineAtMs[1],
  postSentAtMs: columns.postSentAtMs[1],
  refusedAtMs: columns.refusedAtMs[1],
  machineId: columns.machineId[1],
  createdAtMs: columns.createdAtMs[1],
  seenAtMs: columns.seenAtMs[1],
  address: columns.address[1],
  readyAtMs: columns.readyAtMs[1],
  destroyAskedAtMs: columns.destroyAskedAtMs[1],
  destroySentAtMs: columns.destroySentAtMs[1],
  absentSeenAtMs: columns.absentSeenAtMs[1],
  checkedAtMs: columns.checkedAtMs[1],
  goneAtMs: columns.goneAtMs[1],
  costMicros: columns.costMicros[1],
  trouble: columns.trouble[1],
  bootLogSha256: columns.bootLogSha256[1],
  bootLogBytes: columns.bootLogBytes[1],
  bootLogTrouble: columns.bootLogTrouble[1],
});

export type NewLease = Pick<
  LeaseRow,
  'id' | 'kind' | 'name' | 'region' | 'size' | 'image' | 'usdPerHour' | 'plannedAtMs' | 'deadlineAtMs'
> & { readonly reservationId: ReservationId };

export type Leases = ReturnType<typeof leaseStore>;

/** Every write belongs to the transaction of its ledger entry. */
export function leaseStore({ sqlite }: Database) {
  const rows = (where: string, ...values: (string | number)[]): LeaseRow[] =>
    sqlite
      .prepare(`select ${selected} from lease ${where}`)
      .all(...values)
      .map((row) => Row.parse(row));
  const numbers = (sql: string, ...values: number[]): number[] =>
    z.array(z.int()).parse(
      sqlite
        .prepare(sql)
        .pluck()
        .all(...values),
    );

  return {
    lease: (id: string): LeaseRow | null => rows('where id = ?', id)[0] ?? null,
    /** The one that is not gone. */
    live: (): LeaseRow | null => rows(`where state <> 'gone'`)[0] ?? null,
    ofReservation: (id: string): LeaseRow | null => rows('where reservation_id = ?', id)[0] ?? null,
    /** The one that had this machine, when it is over. */
    pastOfMachine: (id: number): LeaseRow | null => rows(`where machine_id = ? and state = 'gone'`, id)[0] ?? null,
    /** Those that are over, the newest first. */
    past: (limit: number): LeaseRow[] => rows(`where state = 'gone' order by planned_at_ms desc limit ?`, limit),
    jobOf: (lease: LeaseRow): JobId | null =>
      lease.reservationId === null
        ? null
        : (sqlite
            .prepare<[string], JobId | null>('select job_id from reservation where id = ?')
            .pluck()
            .get(lease.reservationId) ?? null),
    /** What the names of our leases say about which installations this database has been. */
    installs: (): string[] =>
      z.array(z.string()).parse(sqlite.prepare('select distinct substr(name, 4, 12) from lease').pluck().all()),
    /** How long the newest helpers took from the POST to the first connection, in milliseconds. */
    bootTimes: (limit: number): number[] =>
      numbers(
        `select ready_at_ms - post_sent_at_ms from lease where ready_at_ms is not null and kind = 'work' order by planned_at_ms desc limit ?`,
        limit,
      ),
    /** Helpers since then that were asked for and never became usable. */
    failuresSince: (sinceMs: number): number =>
      numbers(
        `select count(*) from lease where state = 'gone' and ready_at_ms is null and post_sent_at_ms > ? and cost_micros > 0
           and trouble is not null`,
        sinceMs,
      )[0] ?? 0,
    /** Throws SqliteError SQLITE_CONSTRAINT_UNIQUE when another one is live: two daemons can both be sure that there is none. */
    add: (lease: NewLease): void => {
      assert(sqlite.inTransaction, 'a lease is written with its ledger entry');
      sqlite
        .prepare(
          `insert into lease (id, kind, name, state, region, size, image, usd_per_hour, reservation_id, planned_at_ms, deadline_at_ms)
           values (@id, @kind, @name, 'planned', @region, @size, @image, @usdPerHour, @reservationId, @plannedAtMs, @deadlineAtMs)`,
        )
        .run(lease);
    },
    /** False when another process has changed the row since it was read: then nothing was written. */
    save: (before: LeaseRow, changed: LeaseRow): boolean => {
      assert(sqlite.inTransaction, 'a lease is written with its ledger entry');
      const set = pairs.map(([member, [column]]) => `${column} = @${member}`).join(', ');
      const { changes } = sqlite
        .prepare(`update lease set ${set} where id = @id and version = @expected and state = @was`)
        .run({ ...changed, expected: before.version, was: before.state });
      return changes === 1;
    },
  };
}

/** `checkedAtMs`: of the last complete list, when that is newer than what the row says. */
export function showLease(
  row: LeaseRow,
  jobId: JobId | null,
  costSoFarMicros: number,
  checkedAtMs: number | null,
): Lease {
  const { version: _, postSentAtMs, costMicros, bootLogSha256: sha256, bootLogBytes: bytes, ...rest } = row;
  return {
    ...rest,
    bootLog: sha256 === null || bytes === null ? null : { sha256, bytes, path: `/api/artifacts/${sha256}` },
    jobId,
    askedAtMs: postSentAtMs,
    costUsd: usdFromMicros(costMicros ?? costSoFarMicros),
    checkedAtMs:
      row.state === 'gone' || checkedAtMs === null ? row.checkedAtMs : Math.max(checkedAtMs, row.checkedAtMs ?? 0),
  };
}
