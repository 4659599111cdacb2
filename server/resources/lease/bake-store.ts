/** The rows of images, made and in the making. */
import { z } from 'zod';
import { BakeId, BakeState, type Bake } from '#contract/lease.ts';
import { ReservationId } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import type { Database } from '../../record/db/open.ts';
import type { BakeRow } from './bake-states.ts';

const selected = `id, state, name, region, snapshot_id as snapshotId, size_gib as sizeGiB,
  builder_reservation_id as builderReservationId, probe_reservation_id as probeReservationId,
  started_at_ms as startedAtMs, ended_at_ms as endedAtMs, trouble`;
const Row: z.ZodType<BakeRow> = z.object({
  id: BakeId,
  state: BakeState,
  name: z.string(),
  region: z.string().nullable(),
  snapshotId: z.int().nullable(),
  sizeGiB: z.number().nullable(),
  builderReservationId: ReservationId,
  probeReservationId: ReservationId,
  startedAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  trouble: z.string().nullable(),
});

/** A snapshot that a helper was booted from and was ready. */
export interface GoodImage {
  /** Of the snapshot. */
  readonly id: number;
  readonly name: string;
  readonly region: string;
  readonly sizeGiB: number | null;
  readonly bakedAtMs: number;
}

export type Bakes = ReturnType<typeof bakeStore>;

/** Good ones beyond so many have long been deleted at the cloud. */
const goodMax = 10;

/** Every write belongs to the transaction of its ledger entry. */
export function bakeStore({ sqlite }: Database) {
  const rows = (where: string, ...values: (string | number)[]): BakeRow[] =>
    sqlite
      .prepare(`select ${selected} from bake ${where}`)
      .all(...values)
      .map((row) => Row.parse(row));
  return {
    bake: (id: string): BakeRow | null => rows('where id = ?', id)[0] ?? null,
    /** The one that is under way. */
    live: (): BakeRow | null => rows('where ended_at_ms is null')[0] ?? null,
    newest: (): BakeRow | null => rows('order by started_at_ms desc, id limit 1')[0] ?? null,
    named: (name: string): BakeRow | null => rows('where name = ?', name)[0] ?? null,
    /** Those that passed their trial, the newest first. Whether the cloud still has them is for its list to say. */
    good: (): GoodImage[] => rows(`where state = 'good' order by ended_at_ms desc, id limit ${goodMax}`).map(goodImage),
    /** Whether somebody here still says what becomes of this reservation. */
    holds: (id: string): boolean =>
      rows('where ended_at_ms is null and (builder_reservation_id = ? or probe_reservation_id = ?)', id, id).length > 0,
    /** Throws SqliteError SQLITE_CONSTRAINT_UNIQUE when another one is under way. */
    add: (bake: Pick<BakeRow, 'id' | 'name' | 'builderReservationId' | 'probeReservationId' | 'startedAtMs'>): void => {
      assert(sqlite.inTransaction, 'a bake is written with its ledger entry');
      sqlite
        .prepare(
          `insert into bake (id, state, name, builder_reservation_id, probe_reservation_id, started_at_ms)
           values (@id, 'building', @name, @builderReservationId, @probeReservationId, @startedAtMs)`,
        )
        .run(bake);
    },
    /** False when another process has moved it since it was read: then nothing was written. */
    save: (before: BakeRow, changed: BakeRow): boolean => {
      assert(sqlite.inTransaction, 'a bake is written with its ledger entry');
      const { changes } = sqlite
        .prepare(
          `update bake set state = @state, region = @region, snapshot_id = @snapshotId, size_gib = @sizeGiB,
             ended_at_ms = @endedAtMs, trouble = @trouble where id = @id and state = @was`,
        )
        .run({ ...changed, was: before.state });
      return changes === 1;
    },
  };
}

function goodImage({ snapshotId, name, region, sizeGiB, endedAtMs }: BakeRow): GoodImage {
  assert(snapshotId !== null && region !== null && endedAtMs !== null, 'what is good is a snapshot somewhere');
  return { id: snapshotId, name, region, sizeGiB, bakedAtMs: endedAtMs };
}

export function showBake({ id, state, name, region, startedAtMs, endedAtMs, trouble }: BakeRow): Bake {
  return { id, state, name, region, startedAtMs, endedAtMs, trouble };
}
