/**
 * The daemon with a helper that is this machine's own sandbox, had for money: what a lease is, without a cloud. Its clock runs
 * faster than a wall's, so that minutes which cost money pass within a test.
 */
import { systemClock } from '../adapters/system-clock.ts';
import { helperOf } from '../main-helper.ts';
import { start } from '../main.ts';
import { testBudget } from './budget.ts';
import { fastClock } from './fast-clock.ts';
import { rentedSandbox } from './rented-sandbox.ts';

const clock = fastClock(systemClock(), {
  speed: Number(process.env['PATCHGIT_TEST_CLOCK_SPEED'] ?? 1),
  sinceMs: Date.now(),
});

start({
  clock,
  followsBranches: true,
  helper: ({ base }) =>
    helperOf(rentedSandbox(base, { clock, usdPerHour: 0.018, billing: testBudget.helper.billing }), clock),
});
