import { z } from 'zod';
import { JobId, ProposalId, RequestId, Sha256 } from './ids.ts';
import { Usd } from './money.ts';

export const SpendCategory = z.enum(['helper', 'external_api']);
export type SpendCategory = z.infer<typeof SpendCategory>;

export const ReservationId = z
  .string()
  .regex(/^res_[0-9a-f]{12}$/, 'is not an id of the form res_…')
  .brand<'res'>();
export type ReservationId = z.infer<typeof ReservationId>;
export const ApprovalId = z
  .string()
  .regex(/^appr_[0-9a-f]{12}$/, 'is not an id of the form appr_…')
  .brand<'appr'>();
export type ApprovalId = z.infer<typeof ApprovalId>;

/** TigerBeetle's two phases: set aside, then what it really cost, or nothing. */
export const ReservationState = z.enum(['pending', 'posted', 'voided']);
export type ReservationState = z.infer<typeof ReservationState>;

/** What the owner must say yes to before money may be spent on it. The list is closed. */
export const Need = z.enum([
  'over_hour_cap',
  'over_day_cap',
  'larger_helper',
  'second_helper',
  'external_api',
  'unknown_price',
]);
export type Need = z.infer<typeof Need>;

/** Money set aside for one thing, and what became of it. */
export const Reservation = z.object({
  id: ReservationId,
  category: SpendCategory,
  /** In words for the owner: "helper s-1vcpu-2gb, at most 20 minutes". */
  purpose: z.string(),
  jobId: JobId.nullable(),
  proposalId: ProposalId.nullable(),
  state: ReservationState,
  reservedUsd: z.number(),
  /** What it really cost, once that is known. */
  postedUsd: z.number().nullable(),
  /** The approval it used up, when it went past a cap or needed one. */
  approvalId: ApprovalId.nullable(),
  atMs: z.int(),
  /** What was reserved lasts until then; whatever costs money is ended with a margin before. */
  deadlineAtMs: z.int(),
  settledAtMs: z.int().nullable(),
});
export type Reservation = z.infer<typeof Reservation>;

/** `open` can still be used, once. */
export const ApprovalState = z.enum(['open', 'used', 'expired', 'withdrawn']);

/** The owner's yes to an amount, for one job or proposal, until it expires. */
export const Approval = z.object({
  id: ApprovalId,
  /** The job or the proposal it is for. */
  subject: z.string(),
  purpose: z.string(),
  needs: z.array(Need),
  usd: z.number(),
  /** 'socket', or the device's name. */
  by: z.string(),
  grantedAtMs: z.int(),
  expiresAtMs: z.int(),
  state: ApprovalState,
});
export type Approval = z.infer<typeof Approval>;

/** "Approve extra spend" to an amount: everything the one reservation may come to, not only what is past the cap. */
export const ApproveSpend = z.strictObject({
  /** Made by the client: the same approval sent twice is one. */
  id: RequestId,
  usd: Usd.refine((usd) => usd > 0, 'is nothing: name the amount the run may cost at most'),
  /** Typed again for amounts above `policy.askPinAboveUsd`; never needed over the unix socket. */
  pin: z.string().min(1).max(200).optional(),
});
export type ApproveSpend = z.infer<typeof ApproveSpend>;

/** Runs the work of a proposal in the way its escalation names. `digest`: what was on the screen. */
export const Escalate = z.strictObject({
  digest: Sha256,
  approve: ApproveSpend.optional(),
});
export type Escalate = z.infer<typeof Escalate>;

/** Goes on with a job that was stopped at the cap. */
export const ResumeJob = z.strictObject({
  /** `same`: the plan it had, when the money is there again or approved; `cheaper`: the best plan that needs no approval. */
  plan: z.enum(['same', 'cheaper']),
  approve: ApproveSpend.optional(),
});
export type ResumeJob = z.infer<typeof ResumeJob>;
