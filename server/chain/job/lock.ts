import PQueue from 'p-queue';
import type { Lock } from '#contract/api.ts';
import type { Clock } from '../../ports.ts';

export interface Holder {
  readonly kind: 'job' | 'publication';
  readonly id: string;
  readonly title: string;
}

/** The serialization lock: one job or one publication at a time (DESIGN section 2). The tables are the truth, this only limits. */
export interface SerialLock {
  /** Runs `work` when its turn comes. The owner's decisions go before new work. */
  readonly run: (holder: Holder, work: () => Promise<void>) => Promise<void>;
  readonly now: () => Lock;
  /** Resolves when nothing runs or waits. */
  readonly idle: () => Promise<void>;
  /** Drops everything that has not started; what runs goes on. */
  readonly clear: () => void;
}

const decisionsFirst = 1;

export function serialLock(clock: Clock): SerialLock {
  const queue = new PQueue({ concurrency: 1 });
  let holder: (Holder & { readonly sinceMs: number }) | null = null;
  return {
    run: async (next, work) => {
      let started = false;
      const turn = queue.add(
        async () => {
          started = true;
          holder = { ...next, sinceMs: clock.nowMs() };
          try {
            await work();
          } finally {
            holder = null;
          }
        },
        { priority: next.kind === 'publication' ? decisionsFirst : 0 },
      );
      try {
        await turn;
      } catch (error) {
        // Dropped by `clear` before its turn came: the tables still have it, and the next start goes on with it.
        if (started) throw error;
      }
    },
    now: () => ({ holder, waiting: queue.size }),
    idle: () => queue.onIdle(),
    clear: () => queue.clear(),
  };
}
