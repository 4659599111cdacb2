import { Job } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { Proposal } from '#contract/proposal.ts';
import { ok, type Result } from '../lib/result.ts';
import { proposalText } from './print.ts';
import { done, refusedWith, type Outcome, type Run } from './run.ts';

/** Between two looks at something that is under way. */
export const lookEveryMs = 150;

export function refusedProposal(jobId: string | null, state: 'refused' | 'failed', why: Problem): Outcome {
  const where =
    why.file === undefined
      ? ''
      : ` [${why.file}${why.hunk === undefined ? '' : `, hunk ${why.hunk}`}${why.line === undefined ? '' : `, line ${why.line}`}]`;
  return {
    kind: 'done',
    json: { state, id: jobId, jobId, problem: why },
    text: `${state}: ${why.message}${where} (${why.code})`,
    failed: true,
  };
}

export async function waitForJob(run: Run, id: string): Promise<Result<Job, Problem>> {
  for (;;) {
    const answer = await run.client.get(`/api/jobs/${id}`);
    if (!answer.ok) return answer;
    const job = Job.parse(answer.value);
    if (!['queued', 'running', 'cancelling'].includes(job.state)) return ok(job);
    await run.pause(lookEveryMs);
  }
}

/** What a job that rests has come to, as `propose --wait` answers. */
export async function jobOutcome(run: Run, job: Job): Promise<Outcome> {
  if (job.state === 'stopped_at_cap') {
    const why = job.problem ?? problem('stopped_at_cap', 'The job was stopped at the cap.');
    const ways = `Go on with: patchgit continue ${job.id} --plan same|cheaper [--approve-extra-spend USD], or: patchgit cancel ${job.id}`;
    const json = { state: job.state, id: job.id, jobId: job.id, problem: why };
    return { kind: 'done', json, text: `stopped at the cap: ${why.message}\n${ways}`, failed: true };
  }
  if (job.proposalId === null) {
    const why = job.problem ?? problem('internal', `The job is ${job.state}.`);
    return refusedProposal(job.id, job.state === 'refused' ? 'refused' : 'failed', why);
  }
  const proposal = await getProposal(run, job.proposalId);
  if (!proposal.ok) return refusedWith(proposal.why);
  return done({ ...proposal.value.document, state: 'proposed' }, proposalText(proposal.value));
}

export async function getProposal(run: Run, id: string): Promise<Result<Proposal, Problem>> {
  const answer = await run.client.get(`/api/proposals/${encodeURIComponent(id)}`);
  return answer.ok ? ok(Proposal.parse(answer.value)) : answer;
}
