import { z } from 'zod';

/** What happened, as `noun.verb` in the past. Closed, so that a filter can list them. */
export const LedgerKind = z.enum([
  'daemon.started',
  'daemon.stopped',
  'budget.loaded',
  'budget.changed',
  'budget.refused',
  'price.taken',
  'spend.approved',
  'spend.withdrawn',
  'spend.refused',
  'spend.reserved',
  'spend.posted',
  'spend.voided',
  'enrol_link.made',
  'enrol_link.refused',
  'device.enrolled',
  'device.revoked',
  'pin.chosen',
  'pin.changed',
  'pin.reset',
  'session.opened',
  'session.refused',
  'session.ended',
  'request.refused',
  'repository.added',
  'repository.changed',
  'repository.removed',
  'repository.fetched',
  'repository.unreachable',
  'thread.created',
  'message.accepted',
  'message.answered',
  'job.queued',
  'job.started',
  'job.planned',
  'job.patched',
  'job.resumed',
  'job.cancel_asked',
  'job.stopped_at_cap',
  'job.continued',
  'job.proposed',
  'job.refused',
  'job.failed',
  'job.cancelled',
  'check.completed',
  'proposal.frozen',
  'proposal.superseded',
  'proposal.base_moved',
  'proposal.escalated',
  'decision.recorded',
  'decision.refused',
  'publication.committed',
  'publication.pushed',
  'publication.opened',
  'publication.refused',
  'publication.unknown',
  'publication.undo_asked',
  'publication.closed',
  'publication.undone',
  'outcome.merged',
  'outcome.closed',
  'outcome.reopened',
  'outcome.checks_failed',
  'outcome.checks_passed',
  'outcome.pushed_by_others',
  'outcome.commented',
  'outcome.not_marked',
  'intake.accepted',
  'intake.ignored',
  'intake.refused',
  'lease.planned',
  'lease.asked',
  'lease.refused',
  'lease.unknown',
  'lease.booting',
  'lease.ready',
  'lease.destroying',
  'lease.trouble',
  'lease.gone',
  'lease.stray',
  'lease.stray_gone',
  'bake.started',
  'bake.snapshot_asked',
  'bake.good',
  'bake.failed',
  'bake.snapshot_deleted',
  'backup.made',
]);
export type LedgerKind = z.infer<typeof LedgerKind>;

export const Actor = z.enum(['owner', 'system', 'stranger']);
export type Actor = z.infer<typeof Actor>;

/** One link of the chain. `body` never holds a secret; ids in it are what a page links to. */
export const LedgerEntry = z.object({
  seq: z.int().min(1),
  atMs: z.int(),
  kind: LedgerKind,
  actor: Actor,
  /** The id the entry is about (a job, a proposal, a repository …), or null. */
  subject: z.string().nullable(),
  /** The job it belongs to, so that one job's history is one query. */
  jobId: z.string().nullable(),
  body: z.record(z.string(), z.unknown()),
  prevHash: z.string(),
  hash: z.string(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** An entry as it is shown to people (ledger-mask.ts). Its hash is over the true bytes. */
export const ShownEntry = LedgerEntry.extend({
  /** Something in it has the shape of a credential, and is masked here. */
  isMasked: z.boolean().optional(),
});
export type ShownEntry = z.infer<typeof ShownEntry>;

/** What a page or the CLI asks of the ledger; newest first. */
export const AuditFilter = z.strictObject({
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  kind: LedgerKind.optional(),
  subject: z.string().max(100).optional(),
  job: z.string().max(100).optional(),
});
export type AuditFilter = z.infer<typeof AuditFilter>;

export const ChainVerdict = z.object({
  ok: z.boolean(),
  entries: z.int(),
  head: z.string(),
  firstBad: z.object({ seq: z.int(), why: z.string() }).optional(),
});
export type ChainVerdict = z.infer<typeof ChainVerdict>;
