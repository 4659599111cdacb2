/** The rows of what the owner said yes to. */
import { z } from 'zod';
import type { RequestId } from '#contract/ids.ts';
import { usdFromMicros } from '#contract/money.ts';
import { ApprovalId, Need, type Approval } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import type { Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';

export interface ApprovalRow {
  readonly id: ApprovalId;
  readonly subject: string;
  readonly purpose: string;
  readonly needs: readonly Need[];
  readonly micros: number;
  readonly by: string;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number;
  readonly isUsed: boolean;
  readonly isWithdrawn: boolean;
  /** Given before this installation was restored from a backup: whether it was used since is not known here. */
  readonly isRestored: boolean;
}

const Granted = z
  .object({
    id: ApprovalId,
    subject: z.string(),
    purpose: z.string(),
    needs: z.string(),
    micros: z.int(),
    by: z.string(),
    granted_at_ms: z.int(),
    expires_at_ms: z.int(),
    withdrawn_at_ms: z.int().nullable(),
    used: z.int(),
    restored: z.int(),
  })
  .transform((row): ApprovalRow => ({
    id: row.id,
    subject: row.subject,
    purpose: row.purpose,
    needs: z.array(Need).parse(JSON.parse(row.needs)),
    micros: row.micros,
    by: row.by,
    grantedAtMs: row.granted_at_ms,
    expiresAtMs: row.expires_at_ms,
    isUsed: row.used > 0,
    isWithdrawn: row.withdrawn_at_ms !== null,
    isRestored: row.restored === 1,
  }));

const selectApproval = `select approval.*,
  (select count(*) from reservation where approval_id = approval.id) as used,
  install is not (select id from install) as restored
  from approval`;

export type NewApproval = Omit<ApprovalRow, 'id' | 'isUsed' | 'isWithdrawn' | 'isRestored'> & {
  readonly requestId: RequestId;
};

export type Approvals = ReturnType<typeof approvalStore>;

/** Whether an approval was used is what the reservations say: it has no column that could say otherwise. */
export function approvalStore(db: Database, random: Random) {
  const { sqlite } = db;
  const approvals = (where: string, ...values: (string | number)[]): ApprovalRow[] =>
    sqlite
      .prepare(`${selectApproval} ${where}`)
      .all(...values)
      .map((row) => Granted.parse(row));

  return {
    add: (approval: NewApproval): ApprovalId => {
      const made = ApprovalId.parse(`appr_${random.bytes(6).toString('hex')}`);
      sqlite
        .prepare(
          `insert into approval (id, request_id, subject, purpose, needs, micros, by, granted_at_ms, expires_at_ms, install)
           values (@id, @requestId, @subject, @purpose, @needs, @micros, @by, @grantedAtMs, @expiresAtMs, (select id from install))`,
        )
        .run({ ...approval, id: made, needs: JSON.stringify(approval.needs) });
      return made;
    },
    ofRequest: (requestId: RequestId): ApprovalRow | null => approvals('where request_id = ?', requestId)[0] ?? null,
    find: (approvalId: string): ApprovalRow | null => approvals('where id = ?', approvalId)[0] ?? null,
    /** Newest first. */
    forSubjects: (subjects: readonly string[]): ApprovalRow[] =>
      approvals(
        'where subject in (select value from json_each(?)) order by granted_at_ms desc, approval.rowid desc',
        JSON.stringify(subjects),
      ),
    /** The ones that can be used now, oldest first. */
    open: (nowMs: number): ApprovalRow[] =>
      approvals(
        'where withdrawn_at_ms is null and granted_at_ms <= ? and expires_at_ms > ? order by granted_at_ms',
        nowMs,
        nowMs,
      ).filter(({ isUsed, isRestored }) => !isUsed && !isRestored),
    withdraw: (approvalId: ApprovalId, nowMs: number): void => {
      const { changes } = sqlite
        .prepare('update approval set withdrawn_at_ms = ? where id = ? and withdrawn_at_ms is null')
        .run(nowMs, approvalId);
      assert(changes === 1, 'an approval is withdrawn once');
    },
  };
}

export function showApproval(row: ApprovalRow, nowMs: number): Approval {
  const { micros, isUsed, isWithdrawn, isRestored, ...rest } = row;
  const state = isUsed
    ? 'used'
    : isWithdrawn || isRestored
      ? 'withdrawn'
      : nowMs >= row.expiresAtMs
        ? 'expired'
        : 'open';
  return { ...rest, needs: [...row.needs], usd: usdFromMicros(micros), state };
}
