import type { Clock } from '../ports.ts';

export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    every: (everyMs, run) => {
      const timer = setInterval(run, everyMs);
      timer.unref();
      return () => clearInterval(timer);
    },
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
