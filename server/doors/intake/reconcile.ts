import type { RepositoryId } from '#contract/ids.ts';
import { passes, type Passes } from '../../lib/passes.ts';
import { PortError } from '../../ports.ts';
import { takeRequests, type IntakeParts } from './perform.ts';

const everyMs = 2 * 60_000;

/** One repository after the other; a forge that cannot be asked does not keep the next one waiting for ever. */
export function intake(given: Omit<IntakeParts, 'lookedAtMs'> & { readonly crash: (error: unknown) => void }): Passes {
  const parts = { ...given, lookedAtMs: new Map<RepositoryId, number>() };
  return passes({
    every: (run) => parts.clock.every(everyMs, run),
    crash: parts.crash,
    pass: async (signal) => {
      for (const repository of parts.repositories.list()) {
        if (signal.aborted) return;
        try {
          await takeRequests(parts, repository, signal);
        } catch (error) {
          if (!(error instanceof PortError)) throw error;
          parts.log.warn({ repository: repository.name, err: error }, 'the requests on the forge could not be taken');
        }
      }
    },
  });
}
