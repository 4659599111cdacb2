import { z } from 'zod';
import { Decide, JobQuery } from '#contract/api.ts';
import { RequestId } from '#contract/ids.ts';
import { titleMax, type Job } from '#contract/job.ts';
import { patchBytesMax } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { DecisionKind, Proposal } from '#contract/proposal.ts';
import type { Accepting } from '../../chain/job/accept.ts';
import type { Runner } from '../../chain/job/runner.ts';
import type { Jobs } from '../../chain/job/store.ts';
import { decideProposal, proveAgain, refresh, undo } from '../../chain/proposal/actions.ts';
import type { Proposals } from '../../chain/proposal/store.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { plainText } from './reply.ts';
import { rawRoute, route, type Routes } from './route.ts';

type Parts = Parameters<typeof decideProposal>[0] & {
  readonly accepting: Accepting;
  readonly runner: Runner;
  readonly jobs: Jobs;
  readonly proposals: Proposals;
};

const listMax = 200;
const ListQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(listMax).default(50) });

/** Jobs and proposals: what the owner asked for, and what the owner decides. */
export function chainRoutes(parts: Parts): Routes {
  return (table) => {
    jobRoutes(parts)(table);
    proposalRoutes(parts)(table);
  };
}

function jobRoutes(parts: Parts): Routes {
  const { jobs, runner, accepting } = parts;
  const show = (id: string): Result<Job, Problem> => {
    const job = jobs.show(id, runner.progress(id));
    return job ? ok(job) : no(problem('not_found', 'There is no such job.'));
  };
  return (table) => {
    route(table, 'get', '/api/jobs', { query: ListQuery }, ({ query }) =>
      ok({ jobs: jobs.list(query.limit, runner.progress) }),
    );
    rawRoute(
      table,
      'post',
      '/api/jobs',
      { query: JobQuery, rawBytesMax: patchBytesMax, tooLarge: 'patch_too_large', status: 202 },
      async ({ query, body }) => {
        const id = RequestId.safeParse(query.id);
        if (!id.success) return no(problem('invalid_query', 'The query\'s "id" must be a UUID made by the client.'));
        if ((query.title ?? '').length > titleMax)
          return no(problem('invalid_query', `The title is longer than ${titleMax} characters.`));
        const accepted = await accepting.accept({ ...query, id: id.data, patch: body, messageId: null });
        return accepted.ok ? show(accepted.value) : accepted;
      },
    );
    route(table, 'get', '/api/jobs/:id', {}, ({ params }) => show(params.id));
    route(table, 'post', '/api/jobs/:id/cancel', {}, ({ params }) => {
      const job = jobs.find(params.id);
      if (!job) return no(problem('not_found', 'There is no such job.'));
      const cancelled = runner.cancel(job);
      return cancelled.ok ? show(params.id) : cancelled;
    });
  };
}

function proposalRoutes(parts: Parts): Routes {
  const { proposals, artifacts } = parts;
  const withProposal = async (
    id: string,
    use: (proposal: Proposal) => Promise<Result<unknown, Problem>>,
  ): Promise<Result<unknown, Problem>> => {
    const proposal = proposals.get(id);
    return proposal ? await use(proposal) : no(problem('not_found', 'There is no such proposal.'));
  };
  const shown = (id: string): Result<Proposal, Problem> => {
    const proposal = proposals.get(id);
    assert(proposal, 'a proposal that was just used has a row');
    return ok(proposal);
  };
  const decide = (
    id: string,
    kind: z.infer<typeof DecisionKind>,
    body: Decide,
    by: string,
  ): Promise<Result<unknown, Problem>> =>
    withProposal(id, async (proposal) => {
      const decided = decideProposal(parts, proposal, { kind, ...body, by });
      return decided.ok ? shown(id) : decided;
    });
  return (table) => {
    route(table, 'get', '/api/proposals', {}, () => ok({ proposals: proposals.list(listMax) }));
    route(table, 'get', '/api/proposals/:id', {}, ({ params }) =>
      withProposal(params.id, async (proposal) => ok(proposal)),
    );
    route(table, 'get', '/api/proposals/:id/diff', {}, ({ params }) =>
      withProposal(params.id, async ({ document }) => {
        const bytes = await artifacts.read(document.patch.diff.sha256);
        return bytes === null
          ? no(problem('not_found', 'The stored diff is gone from the data folder.'))
          : ok(plainText(bytes));
      }),
    );
    route(table, 'post', '/api/proposals/:id/refresh', {}, ({ params }) =>
      withProposal(params.id, async (proposal) => {
        // What was decided is no longer about the base; looking at it must not move its figures.
        if (proposal.state === 'open') await refresh(parts, proposal);
        return shown(params.id);
      }),
    );
    route(table, 'post', '/api/proposals/:id/go', { body: Decide, status: 202 }, ({ params, body, owner }) =>
      decide(params.id, 'go', body, owner.by),
    );
    route(table, 'post', '/api/proposals/:id/reject', { body: Decide }, ({ params, body, owner }) =>
      decide(params.id, 'reject', body, owner.by),
    );
    route(table, 'post', '/api/proposals/:id/revise', { body: Decide }, ({ params, body, owner }) =>
      decide(params.id, 'revise', body, owner.by),
    );
    route(table, 'post', '/api/proposals/:id/prove-again', { status: 202 }, ({ params }) =>
      withProposal(params.id, async (proposal) => {
        const job = await proveAgain(parts, proposal);
        return job.ok ? ok(parts.jobs.show(job.value, parts.runner.progress(job.value))) : job;
      }),
    );
    route(table, 'post', '/api/proposals/:id/undo', { status: 202 }, ({ params }) =>
      withProposal(params.id, async (proposal) => {
        const undone = undo(parts, proposal);
        return undone.ok ? shown(params.id) : undone;
      }),
    );
  };
}
