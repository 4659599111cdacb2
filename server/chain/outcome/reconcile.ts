import { passes, type Passes } from '../../lib/passes.ts';
import { PortError } from '../../ports.ts';
import { findOutcomes, type OutcomeParts } from './perform.ts';

const everyMs = 30_000;

/** Beside the jobs, because it changes nothing that a job reads. Nudged when a forge said that something happened. */
export function outcomeReconciler(parts: OutcomeParts & { readonly crash: (error: unknown) => void }): Passes {
  return passes({
    every: (run) => parts.clock.every(everyMs, run),
    crash: parts.crash,
    pass: async (signal) => {
      try {
        await findOutcomes(parts, signal);
      } catch (error) {
        // The world failed: the next pass asks again. Anything else is our own bug.
        if (!(error instanceof PortError)) throw error;
        parts.log.warn({ err: error }, 'the outcomes could not be looked at');
      }
    },
  });
}
