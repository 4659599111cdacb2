import { z } from 'zod';
import { assert } from '../../lib/assert.ts';
import type { Database } from '../../record/db/open.ts';

/** A machine of ours by name that no live lease owns. */
export interface StrayRow {
  readonly machineId: number;
  readonly name: string;
  readonly size: string;
  readonly billedFromMs: number;
  readonly seenAtMs: number;
  readonly destroySentAtMs: number | null;
  readonly absentSeenAtMs: number | null;
}

const Row = z
  .object({
    machine_id: z.int(),
    name: z.string(),
    size: z.string(),
    billed_from_ms: z.int(),
    seen_at_ms: z.int(),
    destroy_sent_at_ms: z.int().nullable(),
    absent_seen_at_ms: z.int().nullable(),
  })
  .transform((row): StrayRow => ({
    machineId: row.machine_id,
    name: row.name,
    size: row.size,
    billedFromMs: row.billed_from_ms,
    seenAtMs: row.seen_at_ms,
    destroySentAtMs: row.destroy_sent_at_ms,
    absentSeenAtMs: row.absent_seen_at_ms,
  }));

export type Strays = ReturnType<typeof strayStore>;

export function strayStore({ sqlite }: Database) {
  const columns = 'machine_id, name, size, billed_from_ms, seen_at_ms, destroy_sent_at_ms, absent_seen_at_ms';
  return {
    /** Not confirmed gone yet. */
    there: (): StrayRow[] =>
      sqlite
        .prepare(`select ${columns} from stray where gone_at_ms is null order by machine_id`)
        .all()
        .map((row) => Row.parse(row)),
    /** When it was taken for gone already, or null. */
    goneAtMs: (machineId: number): number | null =>
      sqlite
        .prepare<[number], number | null>('select gone_at_ms from stray where machine_id = ?')
        .pluck()
        .get(machineId) ?? null,
    /** One that was gone already and shows again is there again. */
    add: (stray: Omit<StrayRow, 'destroySentAtMs' | 'absentSeenAtMs'>): void => {
      assert(sqlite.inTransaction, 'a stray is written with its ledger entry');
      sqlite
        .prepare(
          `insert into stray (machine_id, name, size, billed_from_ms, seen_at_ms) values (@machineId, @name, @size, @billedFromMs, @seenAtMs)
           on conflict (machine_id) do update set name = excluded.name, size = excluded.size, billed_from_ms = excluded.billed_from_ms,
             seen_at_ms = excluded.seen_at_ms, destroy_sent_at_ms = null, absent_seen_at_ms = null, gone_at_ms = null, cost_micros = null`,
        )
        .run(stray);
    },
    mark: (
      { machineId }: Pick<StrayRow, 'machineId'>,
      marks: Pick<StrayRow, 'destroySentAtMs' | 'absentSeenAtMs'>,
    ): void => {
      sqlite
        .prepare(
          `update stray set destroy_sent_at_ms = @destroySentAtMs, absent_seen_at_ms = @absentSeenAtMs
           where machine_id = @machineId and gone_at_ms is null`,
        )
        .run({ machineId, ...marks });
    },
    /** False when another process was faster. */
    end: (machineId: number, goneAtMs: number, costMicros: number | null): boolean => {
      assert(sqlite.inTransaction, 'what a stray has cost is written with its ledger entry');
      const { changes } = sqlite
        .prepare(
          'update stray set gone_at_ms = ?, cost_micros = ?, absent_seen_at_ms = null where machine_id = ? and gone_at_ms is null',
        )
        .run(goneAtMs, costMicros, machineId);
      return changes === 1;
    },
  };
}
