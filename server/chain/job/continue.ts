/** What the owner says to a job that was stopped at the cap, or to a proof that could be stronger. */
import type { JobId, ProposalId, RequestId } from '#contract/ids.ts';
import { microsFromUsd, usdText } from '#contract/money.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Proposal } from '#contract/proposal.ts';
import type { ApproveSpend, Escalate, Need, ResumeJob } from '#contract/spend.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Database } from '../../record/db/open.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Till } from '../../resources/budget/perform.ts';
import { optionsFor, withChoice } from '../plan/gather.ts';
import { proveAnew, type ProveAnewParts } from '../proposal/prove-anew.ts';
import { asked, type ReplanParts } from './replan.ts';
import type { Runner } from './runner.ts';
import type { JobRow, Jobs } from './store.ts';

/** Who says yes, and whether the PIN was typed for it (over the unix socket there is none to type). */
export interface Approver {
  readonly by: string;
  readonly isPinChecked: boolean;
}

/** Everything that a yes to an amount can cover; a price that nobody knows cannot be said yes to. */
const approvable: readonly Need[] = ['over_hour_cap', 'over_day_cap', 'larger_helper', 'second_helper', 'external_api'];

interface Grantee {
  readonly jobId: JobId;
  readonly subject: JobId | ProposalId;
  readonly purpose: string;
}

/** In the open transaction. Null, or why nothing was approved. */
export function approveFor(
  till: Pick<Till, 'grant'>,
  { jobId, subject, purpose }: Grantee,
  { id, usd }: { readonly id: RequestId; readonly usd: number },
  { by, isPinChecked }: Approver,
): Problem | null {
  const micros = microsFromUsd(usd);
  const granted = till.grant({ requestId: id, subject, jobId, purpose, needs: approvable, micros, by, isPinChecked });
  return granted.ok ? null : granted.why;
}

type ContinueParts = Omit<ReplanParts, 'jobs' | 'till'> & {
  readonly db: Database;
  readonly jobs: Jobs;
  readonly till: Till;
  readonly repositories: Repositories;
  readonly runner: Pick<Runner, 'enqueue'>;
};

/**
 * Goes on with a job that rests at the cap: with the plan it had, for which the money has to be there or approved, or with the
 * best one that costs nothing. It never goes on by itself.
 */
export async function continueJob(
  parts: ContinueParts,
  job: JobRow,
  { plan: wish, approve }: ResumeJob,
  approver: Approver,
): Promise<Result<null, Problem>> {
  const notStopped = (state: string): Problem =>
    problem('job_not_stopped', `This job is ${state}, not stopped at the cap, so there is nothing to go on with.`);
  if (job.state !== 'stopped_at_cap' || job.plan === null) return no(notStopped(job.state));
  const { plan } = job;
  const short = approve === undefined ? null : tooSmall(approve, plan.option.worstUsd ?? 0);
  if (short !== null && wish === 'same') return no(short);
  const repository = parts.repositories.get(job.repositoryId);
  const lower = await optionsFor(parts, { ...asked(parts, job, repository), plan, freeOnly: true });
  const wanted = (wish === 'same' ? plan.option.key : withChoice(plan, lower, null).option.key) ?? null;
  return parts.db.transaction(() => {
    const now = parts.jobs.get(job.id);
    if (now.state !== 'stopped_at_cap') return no(notStopped(now.state));
    if (approve !== undefined && wish === 'same') {
      const grantee = { jobId: job.id, subject: job.id, purpose: `go on with "${job.title}"` };
      const declined = approveFor(parts.till, grantee, approve, approver);
      if (declined !== null) return no(declined);
    }
    parts.jobs.want(job.id, wanted);
    const body = { plan: wish, option: wanted, by: approver.by };
    parts.jobs.take(job.id, 'continue', { kind: 'job.continued', actor: 'owner', body });
    parts.runner.enqueue(job.id);
    return ok(null);
  });
}

function tooSmall({ usd }: ApproveSpend, worstUsd: number): Problem | null {
  if (usd >= worstUsd) return null;
  const message = `${usdText(usd)} is less than the ${usdText(worstUsd)} that this may cost at most. Nothing was approved. Approve at least that, or take a cheaper plan.`;
  return problem('approval_unusable', message, { current: { worstUsd } });
}

type EscalateParts = ProveAnewParts & { readonly till: Till };

/** Proves what a proposal holds again, in the stronger way that stands beside it. The old proposal closes; it spent nothing. */
export async function escalate(
  parts: EscalateParts,
  proposal: Proposal,
  { digest, approve }: Escalate,
  approver: Approver,
): Promise<Result<JobId, Problem>> {
  const { document } = proposal;
  if (digest !== document.digest) {
    const message = 'This is not the digest of the proposal as it stands. Nothing was spent. Look at it again.';
    return no(problem('stale_digest', message, { current: document.digest }));
  }
  const { escalation } = document;
  if (escalation === undefined) {
    return no(problem('nothing_to_approve', 'There is no stronger proof to pay for here: this GO costs $0.00.'));
  }
  const { needs, worstUsd, title } = escalation;
  if (worstUsd === null) {
    const message = `The price of this is not known, and an unknown price is not free. Type it on the budget page, and prove again.`;
    return no(problem('price_unknown', message));
  }
  if (needs.length > 0 && approve === undefined) {
    const message = `${title} needs your approval. ${escalation.reasons.join(' ')} Nothing was spent.`;
    return no(problem('approval_needed', message, { current: escalation }));
  }
  const short = approve === undefined ? null : tooSmall(approve, worstUsd);
  if (short !== null) return no(short);
  return await proveAnew(parts, proposal, { reason: 'escalate', wantedOption: escalation.option }, (jobId) => {
    const body = { by: jobId, option: escalation.option, worstUsd };
    parts.proposals.note(document.id, 'proposal.escalated', body);
    return approve === undefined
      ? null
      : approveFor(parts.till, { jobId, subject: jobId, purpose: title }, approve, approver);
  });
}
