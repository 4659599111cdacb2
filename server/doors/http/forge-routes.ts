import type { ForgeCandidates } from '#contract/forge.ts';
import type { Problem } from '#contract/problem.ts';
import type { Result } from '../../lib/result.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import { route, type Routes } from './route.ts';

interface Parts {
  readonly repositories: Pick<Repositories, 'list'>;
  /** Asks the connected forge; `addedAs` says under which name an address is here already. `not_configured` without a forge. */
  readonly candidates: (addedAs: (url: string) => string | null) => Promise<Result<ForgeCandidates, Problem>>;
}

/** Repositories of the connected forge, to pick from. */
export function forgeRoutes({ repositories, candidates }: Parts): Routes {
  return (table) => {
    route(table, 'get', '/api/forge/candidates', {}, () => {
      const names = new Map(repositories.list().map(({ url, name }) => [addressOf(url), name]));
      return candidates((url) => names.get(addressOf(url)) ?? null);
    });
  };
}

/** A repository may be added under any of its addresses; GitHub tells names apart without letter case. */
function addressOf(url: string): string {
  return url
    .toLowerCase()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
}
