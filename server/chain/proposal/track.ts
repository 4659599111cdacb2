import type { Proposal } from '#contract/proposal.ts';
import type { RepositoryId } from '#contract/ids.ts';
import { PortError, type Clock, type Log } from '../../ports.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Proposals } from './store.ts';

/** A webhook makes it sooner; GO looks again anyway. */
const everyMs = 5 * 60_000;
/** The newest; whoever opens an older one has it looked at then. */
const trackedMax = 20;

export interface BaseTracker {
  /** Something was pushed there: its open proposals are held against the base as it is now. */
  readonly nudge: (repositoryId: RepositoryId) => void;
  readonly idle: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly repositories: Pick<Repositories, 'list'>;
  readonly proposals: Pick<Proposals, 'openFor'>;
  /** Fetches the base and stores how the proposal stands. */
  readonly refresh: (proposal: Proposal) => Promise<unknown>;
  /** A job runs or waits: it fetches by itself, and the machine is its own. */
  readonly isBusy: () => boolean;
}

/** Keeps the open proposals honest: a push to the base makes them stale before anybody presses GO. */
export function baseTracker(parts: Parts): BaseTracker {
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  const track = (repositoryId: RepositoryId): void => {
    running = running.then(async () => {
      const newest = parts.proposals
        .openFor(repositoryId)
        .toSorted((one, other) => other.document.createdAtMs - one.document.createdAtMs);
      for (const proposal of newest.slice(0, trackedMax)) {
        if (isStopped) return;
        await parts.refresh(proposal).catch((error: unknown) => {
          if (!(error instanceof PortError)) throw error;
          parts.log.warn({ proposalId: proposal.document.id, err: error }, 'the base could not be looked at');
        });
      }
    });
  };
  const stopTimer = parts.clock.every(everyMs, () => {
    if (parts.isBusy()) return;
    for (const { id } of parts.repositories.list()) track(id);
  });
  return {
    nudge: track,
    idle: () => running,
    stop: async () => {
      stopTimer();
      isStopped = true;
      await running;
    },
  };
}
