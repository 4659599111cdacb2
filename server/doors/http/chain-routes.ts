import type { z } from 'zod';
import { Decide } from '#contract/api.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { DecisionKind, Proposal } from '#contract/proposal.ts';
import { Escalate } from '#contract/spend.ts';
import { escalate } from '../../chain/job/continue.ts';
import { decideProposal, proveAgain, refresh, undo } from '../../chain/proposal/actions.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { approverOf } from './approver.ts';
import { jobRoutes, type JobRouteParts } from './job-routes.ts';
import { plainText } from './reply.ts';
import { route, type Owner, type Routes } from './route.ts';

type Parts = Parameters<typeof decideProposal>[0] & Parameters<typeof escalate>[0] & JobRouteParts;

const listMax = 200;

/** Jobs and proposals: what the owner asked for, and what the owner decides. */
export function chainRoutes(parts: Parts): Routes {
  return (table) => {
    jobRoutes(parts)(table);
    proposalRoutes(parts)(table);
    decisionRoutes(parts)(table);
  };
}

interface Desk {
  readonly withProposal: (
    id: string,
    use: (proposal: Proposal) => Promise<Result<unknown, Problem>>,
  ) => Promise<Result<unknown, Problem>>;
  readonly shown: (id: string) => Result<Proposal, Problem>;
}

function deskOf({ proposals }: Parts): Desk {
  const withProposal: Desk['withProposal'] = async (
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
  return { withProposal, shown };
}

function proposalRoutes(parts: Parts): Routes {
  const { proposals, artifacts } = parts;
  const { withProposal, shown } = deskOf(parts);
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
  };
}

/** What the owner says to a proposal. */
function decisionRoutes(parts: Parts): Routes {
  const { withProposal, shown } = deskOf(parts);
  const decide = (
    id: string,
    kind: z.infer<typeof DecisionKind>,
    { pin, ...body }: Decide,
    owner: Owner,
  ): Promise<Result<unknown, Problem>> =>
    withProposal(id, async (proposal) => {
      const approver = await approverOf(parts.door, owner, pin);
      if (!approver.ok) return approver;
      const decided = decideProposal(parts, proposal, { kind, ...body, ...approver.value });
      return decided.ok ? shown(id) : decided;
    });
  return (table) => {
    route(table, 'post', '/api/proposals/:id/go', { body: Decide, status: 202 }, ({ params, body, owner }) =>
      decide(params.id, 'go', body, owner),
    );
    route(table, 'post', '/api/proposals/:id/reject', { body: Decide }, ({ params, body, owner }) =>
      decide(params.id, 'reject', body, owner),
    );
    route(table, 'post', '/api/proposals/:id/revise', { body: Decide }, ({ params, body, owner }) =>
      decide(params.id, 'revise', body, owner),
    );
    route(table, 'post', '/api/proposals/:id/prove-again', { status: 202 }, ({ params }) =>
      withProposal(params.id, async (proposal) => {
        const job = await proveAgain(parts, proposal);
        return job.ok ? ok(parts.jobs.show(job.value, parts.runner.progress(job.value))) : job;
      }),
    );
    route(table, 'post', '/api/proposals/:id/escalate', { body: Escalate, status: 202 }, ({ params, body, owner }) =>
      withProposal(params.id, async (proposal) => {
        const approver = await approverOf(parts.door, owner, body.approve?.pin);
        if (!approver.ok) return approver;
        const job = await escalate(parts, proposal, body, approver.value);
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
