import { z } from 'zod';
import { CheckDefinition, CheckResult, SetUpDefinition } from './check.ts';
import { Outcome } from './forge.ts';
import { JobId, ObjectId, ProposalId, RepositoryId, Sha256 } from './ids.ts';
import { OptionKey, PlanOption } from './option.ts';
import { PatchSummary } from './patch.ts';
import { Policy } from './policy.ts';
import { Problem } from './problem.ts';
import { Need } from './spend.ts';

/** What will be done and where; written before anything runs. */
export const Plan = z.object({
  goal: z.string(),
  /** Paths the change touches. */
  targets: z.array(z.string()),
  steps: z.array(z.string()),
  questions: z.array(z.string()),
  checks: z.array(CheckDefinition),
  formatter: z.string().nullable(),
  /** Absent: the checks need nothing that is not in the tree, or the owner wants none. */
  setUp: SetUpDefinition.optional(),
  /** What the base's own `.patchgit.yml` adds. */
  policy: Policy,
  /** The chosen option: where it runs, with which model, for how much. `key` is missing in plans of before there was a choice. */
  option: z.object({
    key: OptionKey.optional(),
    placement: z.enum(['none', 'base', 'helper', 'external']),
    model: z.string().nullable(),
    /** Slug of the helper's size. */
    size: z.string().nullable().optional(),
    estimateUsd: z.number(),
    worstUsd: z.number().optional(),
    /** Why it is this one, when it is not what would have been enough. */
    why: z.string().optional(),
  }),
  /** Checks that this option leaves out, because they do not fit. */
  leftOut: z.array(z.string()).optional(),
  /** All of them, the strongest first. */
  options: z.array(PlanOption).optional(),
});
export type Plan = z.infer<typeof Plan>;

export const RiskLevel = z.enum(['low', 'medium', 'high']);
export const Risk = z.object({
  level: RiskLevel,
  reasons: z.array(z.object({ code: z.string(), level: RiskLevel, message: z.string(), paths: z.array(z.string()) })),
});
export type Risk = z.infer<typeof Risk>;

/** Derived from the owner's own outcomes and the evidence, never self-reported (DESIGN section 6). Whole percents. */
export const Confidence = z.object({
  percent: z.int().min(0).max(100),
  low: z.int().min(0).max(100),
  high: z.int().min(0).max(100),
  reasons: z.array(z.string()),
});
export type Confidence = z.infer<typeof Confidence>;

export const Cost = z.object({
  /** Spent on this job so far. */
  spentUsd: z.number(),
  /** What GO itself will cost, worst case. */
  projectedUsd: z.number(),
  hourLeftUsd: z.number(),
  dayLeftUsd: z.number(),
});
export type Cost = z.infer<typeof Cost>;

/** A named condition that must hold before GO. `warned` lets GO through but is said in amber. */
export const Gate = z.object({
  name: z.string(),
  verdict: z.enum(['open', 'warned', 'closed']),
  reason: z.string(),
  /** GO asks for the PIN again, for this digest: the change touches what protects the project. */
  asksPin: z.boolean().optional(),
});
export type Gate = z.infer<typeof Gate>;

/** What GO will write: decided before it is shown, so that the digest covers it. */
export const Publishing = z.object({
  branch: z.string(),
  commitMessage: z.string(),
  author: z.object({ name: z.string(), email: z.string() }),
  pullTitle: z.string(),
  pullBody: z.string(),
  /** As the repository's settings were; absent where they said nothing. */
  isDraft: z.boolean().optional(),
  labels: z.array(z.string()).optional(),
});
export type Publishing = z.infer<typeof Publishing>;

/** A stronger proof than this one, beside it: why, what it would cost, what it would bring, and what it needs first. */
export const Escalation = z.object({
  option: OptionKey,
  title: z.string(),
  why: z.string(),
  /** null: the price is not known, which is not free. */
  estimateUsd: z.number().nullable(),
  /** Never above this. */
  worstUsd: z.number().nullable(),
  expectedMinutes: z.number(),
  /** In words: "confidence from 61 % to about 85 % (78 to 91 %)". */
  confidenceGain: z.string(),
  needs: z.array(Need),
  reasons: z.array(z.string()),
});
export type Escalation = z.infer<typeof Escalation>;

/** The Proposed Execution: frozen, with a digest over everything GO would act on (DESIGN section 6). */
export const ProposalDocument = z.object({
  id: ProposalId,
  jobId: JobId,
  title: z.string(),
  repo: z.object({ id: RepositoryId, name: z.string(), url: z.string() }),
  base: z.object({ ref: z.string(), sha: ObjectId }),
  plan: Plan,
  patch: PatchSummary,
  checks: z.array(CheckResult),
  /** "0 failing before, 1 after, 1 new", summed over the checks. */
  proof: z.object({
    failingBefore: z.int(),
    failingAfter: z.int(),
    newFailures: z.int(),
    /** `none`: a Draft, nothing ran. */
    placement: z.enum(['none', 'base', 'helper']),
    /** sha256 of the helper program that ran the checks. */
    helperSha256: Sha256,
    limits: z.string(),
    formatter: z.object({ command: z.string(), clean: z.boolean() }).nullable(),
    /** What was not shown by this proof, in plain words. */
    notProved: z.array(z.string()),
  }),
  risk: Risk,
  confidence: Confidence,
  cost: Cost,
  gates: z.array(Gate),
  escalation: Escalation.optional(),
  publishing: Publishing,
  createdAtMs: z.int(),
  digest: Sha256,
});
export type ProposalDocument = z.infer<typeof ProposalDocument>;

export const ProposalState = z.enum([
  'open',
  'superseded',
  'rejected',
  'publishing',
  'unknown',
  'published',
  'undoing',
  'undone',
]);
export type ProposalState = z.infer<typeof ProposalState>;

/** How the base stands now, compared with the proposal's. Unknown is stale (notes R12, DESIGN section 1.3). */
export const Freshness = z.object({
  verdict: z.enum(['current', 'moved_apart', 'moved_overlap', 'no_longer_applies', 'unknown']),
  baseNow: ObjectId.nullable(),
  commitsSince: z.int().nullable(),
  /** Files changed on the base since, that the patch touches too. */
  overlapping: z.array(z.string()),
  message: z.string(),
  checkedAtMs: z.int(),
});
export type Freshness = z.infer<typeof Freshness>;

/** GO accepts only these two (states_may_go in server/chain/proposal/freshness.ts derives from it). */
export const freshEnough: readonly Freshness['verdict'][] = ['current', 'moved_apart'];

export const Publication = z.object({
  branch: z.string(),
  commit: ObjectId,
  tree: ObjectId,
  pr: z.object({ number: z.int(), url: z.string(), state: z.enum(['open', 'closed', 'merged']) }).nullable(),
  /** How far it got: each step is found again after a crash. */
  step: z.enum(['decided', 'committed', 'pushed', 'opened', 'closed', 'undone']),
  trouble: z.string().nullable(),
});
export type Publication = z.infer<typeof Publication>;

export const DecisionKind = z.enum(['go', 'reject', 'revise']);

/** A proposal as the doors show it: the frozen document plus what has happened to it. */
export const Proposal = z.object({
  document: ProposalDocument,
  state: ProposalState,
  freshness: Freshness.nullable(),
  decision: z
    .object({ kind: DecisionKind, digest: Sha256, atMs: z.int(), by: z.string(), note: z.string().nullable() })
    .nullable(),
  publication: Publication.nullable(),
  /** Why the last GO reached nothing outside: the proposal is open again. */
  refusal: Problem.nullable(),
  /** The job that proves it again or revises it, once asked for. */
  supersededBy: JobId.nullable(),
  /** What became of it, once the forge was asked. */
  outcome: Outcome.optional(),
});
export type Proposal = z.infer<typeof Proposal>;
