import { problem } from '#contract/problem.ts';
import type { Proposals } from '../../chain/proposal/store.ts';
import { no } from '../../lib/result.ts';
import { route, type Routes } from '../http/route.ts';
import { askForFix } from './fix.ts';

type Parts = Parameters<typeof askForFix>[0] & { readonly proposals: Pick<Proposals, 'get'> };

/** "Fix it", when the CI of a published change is red. */
export function fixRoutes(parts: Parts): Routes {
  return (table) => {
    route(table, 'post', '/api/proposals/:id/fix', { status: 202 }, async ({ params }) => {
      const proposal = parts.proposals.get(params.id);
      return proposal ? await askForFix(parts, proposal) : no(problem('not_found', 'There is no such proposal.'));
    });
  };
}
