import { z } from 'zod';
import { Message } from '#contract/chat.ts';
import { Job } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { Proposal, type ProposalDocument } from '#contract/proposal.ts';
import { no, ok, type Result } from '../lib/result.ts';
import { escalated, extraSpend } from './money-commands.ts';
import { getProposal, jobOutcome, lookEveryMs, refusedProposal, waitForJob } from './outcomes.ts';
import { proposalText } from './print.ts';
import { done, refusedWith, usageError, type Command, type Run } from './run.ts';

/** Sends a patch, and with --wait the answer is the proposal (DESIGN section 6) with its `state`. */
export const propose: Command = async (run) => {
  const { repo, diff, base, title, wait } = run.options;
  const extra = extraSpend(run);
  if (typeof extra === 'string') return usageError(extra);
  if (repo === undefined || diff === undefined)
    return usageError('propose needs --repo NAME and --diff FILE (or --diff - for standard input)');
  let patch: Buffer;
  try {
    patch = await run.readInput(diff);
  } catch (error) {
    return refusedWith(
      problem('invalid_body', `${diff} cannot be read: ${error instanceof Error ? error.message : String(error)}.`),
    );
  }
  const query = new URLSearchParams({ id: run.newId(), repository: repo });
  if (base !== undefined) query.set('base', base);
  if (title !== undefined) query.set('title', title);
  if (extra.usd !== null) query.set('approveExtraUsd', String(extra.usd));
  const sent = await run.client.sendBytes(`/api/jobs?${query}`, patch);
  if (!sent.ok) return refusedProposal(null, 'refused', sent.why);
  const job = Job.parse(sent.value);
  if (wait !== true)
    return done(
      { state: job.state, jobId: job.id, id: job.id },
      `Accepted as ${job.id}. See it with: patchgit show ${job.id}`,
    );
  const ended = await waitForJob(run, job.id);
  return ended.ok ? await jobOutcome(run, ended.value) : refusedWith(ended.why);
};

export const show: Command = async (run) => {
  const [id] = run.positionals;
  if (id === undefined) return usageError('show needs the id of a proposal or a job');
  if (id.startsWith('job_')) {
    const answer = await run.client.get(`/api/jobs/${encodeURIComponent(id)}`);
    if (!answer.ok) return refusedWith(answer.why);
    const job = Job.parse(answer.value);
    if (['queued', 'running', 'cancelling'].includes(job.state))
      return done(job, `${job.title}: ${job.state}, stage ${job.stage}`);
    return await jobOutcome(run, job);
  }
  const proposal = await getProposal(run, id);
  if (!proposal.ok) return refusedWith(proposal.why);
  const { document, ...rest } = proposal.value;
  return done({ ...document, ...rest }, proposalText(proposal.value));
};

const Published = z.object({ branch: z.string(), commit: z.string(), tree: z.string(), pr: z.unknown() });

/** GO on exactly the digest that was shown; waits until it is known what came of it. */
export const go: Command = async (run) => {
  const [id] = run.positionals;
  const { digest } = run.options;
  if (id === undefined || digest === undefined)
    return usageError('go needs the proposal and --digest DIGEST, as "patchgit show" prints it');
  const extra = extraSpend(run);
  if (typeof extra === 'string') return usageError(extra);
  if (extra.usd !== null) {
    const proposal = await getProposal(run, id);
    if (!proposal.ok) return refusedWith(proposal.why);
    const stronger = await escalated(run, proposal.value, digest, extra.usd);
    if (stronger !== null) return stronger;
  }
  const decided = await run.client.send('POST', `/api/proposals/${encodeURIComponent(id)}/go`, { digest });
  if (!decided.ok) return refusedWith(decided.why);
  const ended = await waitForRest(run, id);
  if (!ended.ok) return refusedWith(ended.why);
  const { state, refusal, publication } = ended.value;
  if (state === 'open') return refusedWith(refusal ?? problem('internal', 'GO was not carried out.'));
  if (state === 'unknown')
    return refusedWith(
      problem('outcome_unknown', publication?.trouble ?? 'It is not known what the forge did. patchgit keeps asking.'),
    );
  if (state !== 'published')
    return refusedWith(problem('already_decided', `This proposal is ${state} already.`, { current: state }));
  const { branch, commit, tree, pr } = Published.parse(publication);
  const shown = publication?.pr;
  return done(
    { branch, commit, tree, pr },
    `Pull request ${shown ? `#${shown.number}` : ''} opened: branch ${branch}, commit ${commit.slice(0, 12)}.`,
  );
};

async function waitForRest(run: Run, id: string): Promise<Result<Proposal, Problem>> {
  for (;;) {
    const proposal = await getProposal(run, id);
    if (!proposal.ok || !['publishing', 'undoing'].includes(proposal.value.state)) return proposal;
    await run.pause(lookEveryMs);
  }
}

const decide =
  (kind: 'reject' | 'revise'): Command =>
  async (run) => {
    const [id] = run.positionals;
    if (id === undefined) return usageError(`${kind} needs the id of a proposal`);
    const digest = await digestFor(run, id);
    if (!digest.ok) return refusedWith(digest.why);
    const { note } = run.options;
    const answer = await run.client.send('POST', `/api/proposals/${encodeURIComponent(id)}/${kind}`, {
      digest: digest.value,
      ...(note === undefined ? {} : { note }),
    });
    if (!answer.ok) return refusedWith(answer.why);
    const { state } = Proposal.parse(answer.value);
    return done(
      { id, state },
      kind === 'reject'
        ? 'Rejected. Nothing was published.'
        : 'Closed with your note. Send the changed patch as a new proposal.',
    );
  };

async function digestFor(run: Run, id: string): Promise<Result<ProposalDocument['digest'], Problem>> {
  const proposal = await getProposal(run, id);
  if (!proposal.ok) return proposal;
  const { digest } = proposal.value.document;
  const given = run.options.digest;
  return given === undefined || given === digest
    ? ok(digest)
    : no(problem('stale_digest', 'This is not the digest of the proposal as it stands.', { current: digest }));
}

export const reject = decide('reject');
export const revise = decide('revise');

export const undo: Command = async (run) => {
  const [id] = run.positionals;
  if (id === undefined) return usageError('undo needs the id of a proposal');
  const asked = await run.client.send('POST', `/api/proposals/${encodeURIComponent(id)}/undo`);
  if (!asked.ok) return refusedWith(asked.why);
  const ended = await waitForRest(run, id);
  if (!ended.ok) return refusedWith(ended.why);
  const { state, publication } = ended.value;
  if (state !== 'undone')
    return refusedWith(
      problem('outcome_unknown', publication?.trouble ?? `The undo did not get through; the proposal is ${state}.`),
    );
  return done(
    { id, state, ...publication },
    publication?.trouble ?? 'The pull request is closed and its branch is deleted.',
  );
};

/** A request in the owner's name with what the repository's own CI said. */
export const fix: Command = async (run) => {
  const [id] = run.positionals;
  if (id === undefined) return usageError('fix needs the id of a proposal');
  const asked = await run.client.send('POST', `/api/proposals/${encodeURIComponent(id)}/fix`);
  if (!asked.ok) return refusedWith(asked.why);
  const message = Message.parse(asked.value);
  return done(message, `Asked for, in the thread ${message.threadId}.`);
};

export const cancel: Command = async (run) => {
  const [id] = run.positionals;
  if (id === undefined) return usageError('cancel needs the id of a job');
  const asked = await run.client.send('POST', `/api/jobs/${encodeURIComponent(id)}/cancel`);
  if (!asked.ok) return refusedWith(asked.why);
  const ended = await waitForJob(run, id);
  return ended.ok ? done(ended.value, `The job is ${ended.value.state}.`) : refusedWith(ended.why);
};
