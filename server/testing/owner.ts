/** What the owner does over the unix socket, step by step, with the answers parsed by the contract. */
import { randomUUID } from 'node:crypto';
import { Job } from '#contract/job.ts';
import { Problem } from '#contract/problem.ts';
import { Proposal, type ProposalDocument } from '#contract/proposal.ts';
import { Repository, type NewRepository } from '#contract/repository.ts';
import type { Client } from '../cli/client.ts';
import type { Result } from '../lib/result.ts';
import { until } from './wait.ts';

/** The value, or an error that shows the refusal. */
export function must<T>(answer: Result<T, unknown>): T {
  if (answer.ok) return answer.value;
  throw new Error(`refused: ${JSON.stringify(answer.why)}`);
}

export async function addRepository(client: Client, request: NewRepository): Promise<Repository> {
  return Repository.parse(must(await client.send('POST', '/api/repositories', request)));
}

export interface Sending {
  readonly repository: string;
  readonly patch: string | Buffer;
  readonly id?: string;
  readonly title?: string;
  readonly base?: string;
  readonly approveExtraUsd?: string;
}

export async function sendPatch(client: Client, sending: Sending): Promise<Result<Job, Problem>> {
  const { patch, id = randomUUID(), ...rest } = sending;
  const query = new URLSearchParams({ id, ...rest });
  const answer = await client.sendBytes(`/api/jobs?${query}`, Buffer.from(patch));
  return answer.ok ? { ok: true, value: Job.parse(answer.value) } : { ok: false, why: Problem.parse(answer.why) };
}

const underWay: readonly Job['state'][] = ['queued', 'running', 'cancelling'];

export async function jobAtRest(client: Client, id: string): Promise<Job> {
  return await until(`job ${id} rests`, async () => {
    const job = Job.parse(must(await client.get(`/api/jobs/${id}`)));
    return !underWay.includes(job.state) && job;
  });
}

export async function getProposal(client: Client, id: string): Promise<Proposal> {
  return Proposal.parse(must(await client.get(`/api/proposals/${id}`)));
}

const moving: readonly Proposal['state'][] = ['publishing', 'undoing'];

export async function proposalAtRest(client: Client, id: string): Promise<Proposal> {
  return await until(`proposal ${id} rests`, async () => {
    const proposal = await getProposal(client, id);
    return !moving.includes(proposal.state) && proposal;
  });
}

/** Sends the patch and waits for its proposal. */
export async function propose(client: Client, sending: Sending): Promise<Proposal> {
  const job = await jobAtRest(client, must(await sendPatch(client, sending)).id);
  if (job.proposalId === null) throw new Error(`no proposal: ${JSON.stringify(job.problem)}`);
  return await getProposal(client, job.proposalId);
}

type Decided = Result<unknown, Problem>;

export async function decide(
  client: Client,
  { id, digest }: Pick<ProposalDocument, 'id' | 'digest'>,
  kind: 'go' | 'reject' | 'revise' = 'go',
): Promise<Decided> {
  return await client.send('POST', `/api/proposals/${id}/${kind}`, { digest });
}

/** GO, and what came of it. */
export async function goAndRest(client: Client, { document }: Proposal): Promise<Proposal> {
  must(await decide(client, document));
  return await proposalAtRest(client, document.id);
}
