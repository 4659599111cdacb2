/** The rows of money set aside, and of what became of it. */
import { z } from 'zod';
import { JobId, ProposalId } from '#contract/ids.ts';
import { usdFromMicros } from '#contract/money.ts';
import { ApprovalId, ReservationId, ReservationState, SpendCategory, type Reservation } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import type { Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import { next, type ReservationEvent } from './states.ts';

export interface ReservationRow {
  readonly id: ReservationId;
  readonly category: SpendCategory;
  readonly purpose: string;
  readonly jobId: JobId | null;
  readonly proposalId: ProposalId | null;
  readonly state: ReservationState;
  readonly reservedMicros: number;
  readonly postedMicros: number | null;
  readonly approvalId: ApprovalId | null;
  readonly atMs: number;
  readonly deadlineAtMs: number;
  readonly settledAtMs: number | null;
}

const Row = z
  .object({
    id: ReservationId,
    category: SpendCategory,
    purpose: z.string(),
    job_id: JobId.nullable(),
    proposal_id: ProposalId.nullable(),
    state: ReservationState,
    reserved_micros: z.int(),
    posted_micros: z.int().nullable(),
    approval_id: ApprovalId.nullable(),
    at_ms: z.int(),
    deadline_at_ms: z.int(),
    settled_at_ms: z.int().nullable(),
  })
  .transform((row): ReservationRow => ({
    id: row.id,
    category: row.category,
    purpose: row.purpose,
    jobId: row.job_id,
    proposalId: row.proposal_id,
    state: row.state,
    reservedMicros: row.reserved_micros,
    postedMicros: row.posted_micros,
    approvalId: row.approval_id,
    atMs: row.at_ms,
    deadlineAtMs: row.deadline_at_ms,
    settledAtMs: row.settled_at_ms,
  }));

export type NewReservation = Omit<ReservationRow, 'id' | 'state' | 'postedMicros' | 'settledAtMs'>;

export type Reservations = ReturnType<typeof reservationStore>;

/** Every write asserts that it changed one row, and belongs to a transaction that the caller has open. */
export function reservationStore(db: Database, random: Random) {
  const { sqlite } = db;
  const number = (sql: string, ...values: number[]): unknown =>
    sqlite
      .prepare(sql)
      .pluck()
      .get(...values);

  return {
    ...reservationReads(db),
    /** Posted strictly after `sinceMs`, also what a clock that was set back shows as future. */
    postedAfter: (sinceMs: number): number =>
      z
        .int()
        .parse(
          number(
            `select coalesce(sum(posted_micros), 0) from reservation where state = 'posted' and settled_at_ms > ?`,
            sinceMs,
          ),
        ),
    pending: (): number =>
      z.int().parse(number(`select coalesce(sum(reserved_micros), 0) from reservation where state = 'pending'`)),
    /** The oldest settling time after `sinceMs`, or null. */
    firstPostedAfter: (sinceMs: number): number | null =>
      z
        .int()
        .nullable()
        .parse(
          number(
            `select min(settled_at_ms) from reservation where state = 'posted' and posted_micros > 0 and settled_at_ms > ?`,
            sinceMs,
          ),
        ),
    addReservation: (reservation: NewReservation): ReservationId => {
      assert(sqlite.inTransaction, 'money is set aside in the transaction that checked the caps');
      const made = ReservationId.parse(`res_${random.bytes(6).toString('hex')}`);
      sqlite
        .prepare(
          `insert into reservation (id, category, purpose, job_id, proposal_id, state, reserved_micros, approval_id, at_ms, deadline_at_ms)
           values (@id, @category, @purpose, @jobId, @proposalId, 'pending', @reservedMicros, @approvalId, @atMs, @deadlineAtMs)`,
        )
        .run({ ...reservation, id: made });
      return made;
    },
    settle: (reservationId: ReservationId, event: ReservationEvent, micros: number | null, nowMs: number): void => {
      assert(sqlite.inTransaction, 'what became of money is written with its ledger entry');
      const to = next('pending', event);
      assert(to !== null, `a pending reservation can ${event}`);
      const { changes } = sqlite
        .prepare(
          // A clock that was set back must not let it leave the window before an hour has passed since it was set aside.
          `update reservation set state = ?, posted_micros = ?, settled_at_ms = max(?, at_ms) where id = ? and state = 'pending'`,
        )
        .run(to, micros, nowMs, reservationId);
      assert(changes === 1, 'a reservation is settled once');
    },
  };
}

/** What was settled in a span of time, by category, in micro-dollars. */
export interface SpentSums {
  readonly helper: number;
  readonly external_api: number;
}

const Sum = z.object({ category: SpendCategory, micros: z.int() });

/** Looks only. */
export function reservationReads({ sqlite }: Database) {
  const rows = (where: string, ...values: (string | number)[]): ReservationRow[] =>
    sqlite
      .prepare(`select * from reservation ${where}`)
      .all(...values)
      .map((row) => Row.parse(row));

  return {
    reservation: (reservationId: string): ReservationRow | null => rows('where id = ?', reservationId)[0] ?? null,
    pendingRows: (): ReservationRow[] => rows(`where state = 'pending' order by at_ms, id`),
    /** Pending ones first, then the newest. */
    list: (limit: number): ReservationRow[] =>
      rows(`order by state = 'pending' desc, at_ms desc, rowid desc limit ?`, limit),
    ofJob: (jobId: JobId): ReservationRow[] => rows('where job_id = ? order by at_ms, rowid', jobId),
    /** Settled strictly after `afterMs` and not after `untilMs`. */
    postedBetween: (afterMs: number, untilMs: number): SpentSums => {
      const sums = sqlite
        .prepare(
          `select category, sum(posted_micros) as micros from reservation
           where state = 'posted' and settled_at_ms > ? and settled_at_ms <= ? group by category`,
        )
        .all(afterMs, untilMs)
        .map((row) => Sum.parse(row));
      const of = (category: SpendCategory): number => sums.find((sum) => sum.category === category)?.micros ?? 0;
      return { helper: of('helper'), external_api: of('external_api') };
    },
    /** In the order they were made, a page at a time, so that a long history never stands in memory. */
    pages: function* (pageRows: number): Generator<ReservationRow[]> {
      for (let at = 0; ;) {
        const page = sqlite
          .prepare('select rowid as place, * from reservation where rowid > ? order by rowid limit ?')
          .all(at, pageRows);
        if (page.length > 0) yield page.map((row) => Row.parse(row));
        if (page.length < pageRows) return;
        at = z.object({ place: z.int() }).parse(page.at(-1)).place;
      }
    },
  };
}

export function showReservation(row: ReservationRow): Reservation {
  const { reservedMicros, postedMicros, ...rest } = row;
  return {
    ...rest,
    reservedUsd: usdFromMicros(reservedMicros),
    postedUsd: postedMicros === null ? null : usdFromMicros(postedMicros),
  };
}
