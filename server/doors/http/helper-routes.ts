import type { HelperView } from '#contract/lease.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../../lib/result.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly desk: {
    readonly view: () => HelperView;
    /** Asks for the end of the helper and returns at once; asking again is safe. */
    readonly destroyNow: () => Result<null, Problem>;
  };
}

/** The one helper: how it stands, and its end. Accepted is not gone: gone is when the view says so. */
export function helperRoutes({ desk }: Parts): Routes {
  return (table) => {
    route(table, 'get', '/api/helper', {}, () => ok(desk.view()));
    route(table, 'post', '/api/helper/destroy', { status: 202 }, () => {
      const asked = desk.destroyNow();
      return asked.ok ? ok(desk.view()) : asked;
    });
  };
}
