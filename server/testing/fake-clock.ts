import type { Clock } from '../ports.ts';

export interface FakeClock extends Clock {
  /** Moves time forward and runs what falls due, in order. */
  readonly advance: (ms: number) => void;
}

/** Time that moves only when a test says so. */
export function fakeClock(startMs = 1_800_000_000_000): FakeClock {
  let now = startMs;
  let due: { at: number; everyMs: number | null; run: () => void }[] = [];
  const add = (at: number, everyMs: number | null, run: () => void): (() => void) => {
    const timer = { at, everyMs, run };
    due.push(timer);
    return () => {
      due = due.filter((other) => other !== timer);
    };
  };
  return {
    nowMs: () => now,
    every: (everyMs, run) => add(now + everyMs, everyMs, run),
    after: (delayMs, run) => add(now + delayMs, null, run),
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = due.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
        if (!next) break;
        now = next.at;
        if (next.everyMs === null) due = due.filter((other) => other !== next);
        else next.at += next.everyMs;
        next.run();
      }
      now = end;
    },
  };
}
