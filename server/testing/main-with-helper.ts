/**
 * The daemon with a helper that is this machine's own sandbox, had for money: what a lease is, without a cloud. Its clock runs
 * faster than a wall's, so that minutes which cost money pass within a test.
 */
import { systemClock } from '../adapters/system-clock.ts';
import { helperOf } from '../main-helper.ts';
import { start } from '../main.ts';
import type { Clock } from '../ports.ts';
import { testBudget } from './budget.ts';
import { rentedSandbox } from './rented-sandbox.ts';

const clock = fastClock(systemClock(), Number(process.env['PATCHGIT_TEST_CLOCK_SPEED'] ?? 1));

start({
  clock,
  followsBranches: true,
  helper: ({ base }) =>
    helperOf(rentedSandbox(base, { clock, usdPerHour: 0.018, billing: testBudget.helper.billing }), clock),
});

function fastClock(real: Clock, speed: number): Clock {
  const startMs = real.nowMs();
  return {
    nowMs: () => Math.round(startMs + (real.nowMs() - startMs) * speed),
    every: (everyMs, run) => real.every(everyMs / speed, run),
    after: (delayMs, run) => real.after(delayMs / speed, run),
  };
}
