import type { HelperView } from '#contract/lease.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../../lib/result.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly desk: {
    readonly view: () => HelperView;
    /** Asks for the end of the helper and returns at once; asking again is safe. */
    readonly destroyNow: () => Result<null, Problem>;
    /** Begins an image, and resolves when that is accepted; the view says how it stands. */
    readonly bake: () => Promise<Result<null, Problem>>;
  };
}

/** The one helper: how it stands, its end, and the images that later ones are made of. Accepted is not gone: gone is when the view says so. */
export function helperRoutes({ desk }: Parts): Routes {
  return (table) => {
    route(table, 'get', '/api/helper', {}, () => ok(desk.view()));
    route(table, 'post', '/api/helper/destroy', { status: 202 }, () => {
      const asked = desk.destroyNow();
      return asked.ok ? ok(desk.view()) : asked;
    });
    route(table, 'post', '/api/helper/bake', { status: 202 }, async () => {
      const asked = await desk.bake();
      return asked.ok ? ok(desk.view()) : asked;
    });
  };
}
