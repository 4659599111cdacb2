import { SeriesQuery, TypePrice } from '#contract/budget.ts';
import { ok } from '../../lib/result.ts';
import type { Till } from '../../resources/budget/perform.ts';
import type { PriceDesk } from '../../resources/budget/prices.ts';
import type { BudgetReads } from '../../resources/budget/reads.ts';
import { Reply } from './reply.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly till: Pick<Till, 'now' | 'withdraw'>;
  readonly prices: PriceDesk;
  readonly reads: BudgetReads;
}

/** What was spent and reserved, what was approved, and what things cost. */
export function moneyRoutes({ till, prices, reads }: Parts): Routes {
  return (table) => {
    route(table, 'get', '/api/budget', {}, () => ok(till.now()));
    route(table, 'get', '/api/budget/series', { query: SeriesQuery }, ({ query }) => ok(reads.series(query.range)));
    route(table, 'get', '/api/budget/export', {}, () =>
      ok(
        new Reply({
          content: { body: reads.csv() },
          headers: {
            'content-type': 'text/csv; charset=utf-8',
            'content-disposition': 'attachment; filename="patchgit-spend.csv"',
          },
        }),
      ),
    );
    route(table, 'get', '/api/budget/prices', {}, () => ok(prices.table()));
    route(table, 'post', '/api/budget/prices', { body: TypePrice }, ({ body, owner }) => {
      const taken = prices.take(body, owner.by);
      return taken.ok ? ok(prices.table()) : taken;
    });
    route(table, 'delete', '/api/approvals/:id', {}, ({ params }) => {
      const withdrawn = till.withdraw(params.id);
      return withdrawn.ok ? ok(till.now()) : withdrawn;
    });
  };
}
