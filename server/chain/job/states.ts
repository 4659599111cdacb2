import type { JobState } from '#contract/job.ts';

/**
 * Every state of a job, what may happen in it, and whether it may cost money. A resting state never may.
 * `resting`: nothing of ours is going on; only the owner moves it (by asking for something new).
 */
export const jobStates = {
  queued: { mayCost: false, resting: false, on: { start: 'running', cancel: 'cancelled' } },
  running: {
    mayCost: true,
    resting: false,
    on: {
      propose: 'proposed',
      refuse: 'refused',
      fail: 'failed',
      cancel: 'cancelling',
      requeue: 'queued',
      cap: 'stopped_at_cap',
    },
  },
  cancelling: { mayCost: true, resting: false, on: { stopped: 'cancelled' } },
  // Resting, because it never spends again by itself: the owner goes on with it, with a cheaper plan, or ends it.
  stopped_at_cap: { mayCost: false, resting: true, on: { continue: 'queued', cancel: 'cancelled' } },
  proposed: { mayCost: false, resting: true, on: {} },
  refused: { mayCost: false, resting: true, on: {} },
  failed: { mayCost: false, resting: true, on: {} },
  cancelled: { mayCost: false, resting: true, on: {} },
} as const satisfies Record<JobState, { mayCost: boolean; resting: boolean; on: Readonly<Record<string, JobState>> }>;

export type JobEvent = { [S in JobState]: keyof (typeof jobStates)[S]['on'] }[JobState];

/** The state after `event`, or null when it cannot happen in `state`. */
export function next(state: JobState, event: JobEvent): JobState | null {
  const on: Readonly<Record<string, JobState>> = jobStates[state].on;
  return on[event] ?? null;
}
