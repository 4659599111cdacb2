/** The way a job is carried out: chosen when it is planned, and again when the owner or the money says otherwise. */
import type { Problem } from '#contract/problem.ts';
import type { Plan } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { assert } from '../../lib/assert.ts';
import { optionsFor, withChoice, type OptionParts } from '../plan/gather.ts';
import type { Proposals } from '../proposal/store.ts';
import type { JobRow, Jobs } from './store.ts';

export type ReplanParts = OptionParts & {
  readonly jobs: Pick<Jobs, 'get' | 'planned'>;
  readonly proposals: Pick<Proposals, 'recent' | 'history'>;
};

/** The plan of the job, made anew when the owner has chosen another way since. */
export async function currentPlan(parts: ReplanParts, job: JobRow, repository: Repository): Promise<Plan> {
  assert(job.plan !== null, 'a planned job has its plan');
  if (job.wantedOption === null || job.wantedOption === job.plan.option.key) return job.plan;
  return await planAgain(parts, job, repository, job.plan, { freeOnly: false });
}

/** Chooses among the ways again, with what is true now, and writes the choice down. */
async function planAgain(
  parts: ReplanParts,
  job: JobRow,
  repository: Repository,
  plan: Plan,
  { freeOnly }: { readonly freeOnly: boolean },
): Promise<Plan> {
  assert(job.baseSha !== null, 'a planned job has its base');
  const offered = await optionsFor(parts, { ...asked(parts, job, repository), plan, freeOnly });
  const chosen = withChoice(plan, offered, freeOnly ? null : job.wantedOption);
  if (isRunning(parts, job)) parts.jobs.planned(job.id, chosen, job.baseSha);
  return chosen;
}

/** What was planned cannot be paid, or the helper failed: the best of what costs nothing is done instead, and says why. */
export async function stepDown(
  parts: ReplanParts,
  job: JobRow,
  repository: Repository,
  plan: Plan,
  why: Problem,
): Promise<void> {
  assert(job.baseSha !== null, 'a planned job has its base');
  const lower = await planAgain(parts, job, repository, plan, { freeOnly: true });
  const option = { ...lower.option, why: `${why.message} So: ${lower.option.why ?? ''}` };
  if (isRunning(parts, job)) parts.jobs.planned(job.id, { ...lower, option }, job.baseSha);
}

const proofsLookedAt = 5;

/** What the choice looks at besides the plan and the money. */
export function asked({ proposals }: ReplanParts, job: JobRow, repository: Repository) {
  const proofs = proposals.recent(repository.id, proofsLookedAt);
  return { jobId: job.id, proofs, history: proposals.history(repository.id, 'low') };
}

/** The owner may have stopped it while a stage was at work: then what the stage found is not needed any more. */
export function isRunning(parts: { readonly jobs: Pick<Jobs, 'get'> }, job: JobRow): boolean {
  return parts.jobs.get(job.id).state === 'running';
}
