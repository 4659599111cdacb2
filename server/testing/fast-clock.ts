import type { Clock } from '../ports.ts';

/**
 * A clock that runs faster since a moment, so that minutes pass within a test. Whoever is given the same moment and the same speed has
 * the same time: a process after a restart, and the far end that it talks to.
 */
export function fastClock(
  real: Clock,
  { speed, sinceMs }: { readonly speed: number; readonly sinceMs: number },
): Clock {
  return {
    nowMs: () => Math.round(sinceMs + (real.nowMs() - sinceMs) * speed),
    every: (everyMs, run) => real.every(everyMs / speed, run),
    after: (delayMs, run) => real.after(delayMs / speed, run),
  };
}
