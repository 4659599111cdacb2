import { z } from 'zod';
import { JobId, ObjectId, ProposalId, RepositoryId, RequestId, Sha256 } from './ids.ts';
import { Problem } from './problem.ts';
import { Plan } from './proposal.ts';
import { RefName } from './repository.ts';

export const titleMax = 120;

/** plan -> patch -> prove, the three-stage chain. */
export const Stage = z.enum(['plan', 'patch', 'prove']);
export type Stage = z.infer<typeof Stage>;

export const JobState = z.enum([
  'queued',
  'running',
  'cancelling',
  'stopped_at_cap',
  'proposed',
  'refused',
  'failed',
  'cancelled',
]);
export type JobState = z.infer<typeof JobState>;

/** Asks for a job: the patch itself travels as the raw body, or base64 inside a message. */
export const NewJob = z.strictObject({
  id: RequestId,
  repository: z.string().min(1).max(100),
  base: RefName.optional(),
  title: z.string().trim().max(titleMax).optional(),
});
export type NewJob = z.infer<typeof NewJob>;

/** One check as it runs, for the live rail; the frozen result is in the proposal. */
export const CheckProgress = z.object({
  name: z.string(),
  side: z.enum(['before', 'after']),
  status: z.enum(['queued', 'running', 'completed']),
  conclusion: z.string().nullable(),
});
export type CheckProgress = z.infer<typeof CheckProgress>;

export const Job = z.object({
  id: JobId,
  requestId: RequestId,
  repositoryId: RepositoryId,
  repository: z.string(),
  title: z.string(),
  state: JobState,
  /** The stage it is in, or ended in. */
  stage: Stage,
  stageStartedAtMs: z.int().nullable(),
  base: z.object({ ref: z.string(), sha: ObjectId.nullable() }),
  /** The bytes as they arrived. */
  received: z.object({ sha256: Sha256, bytes: z.int() }),
  plan: Plan.nullable(),
  progress: z.array(CheckProgress),
  proposalId: ProposalId.nullable(),
  problem: Problem.nullable(),
  messageId: RequestId.nullable(),
  /** Jobs ahead in the lock's queue; 0 when it is next or running. */
  ahead: z.int(),
  attempts: z.int(),
  createdAtMs: z.int(),
  startedAtMs: z.int().nullable(),
  endedAtMs: z.int().nullable(),
});
export type Job = z.infer<typeof Job>;
