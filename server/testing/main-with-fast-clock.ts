/** The daemon as it is, with a clock that runs faster: what it waits for passes within a test. */
import { systemClock } from '../adapters/system-clock.ts';
import { realHelper } from '../main-helper.ts';
import { start } from '../main.ts';
import { fastClock } from './fast-clock.ts';

const sinceMs = Number(process.env['PATCHGIT_TEST_CLOCK_SINCE_MS'] ?? Date.now());
const speed = Number(process.env['PATCHGIT_TEST_CLOCK_SPEED'] ?? 1);

start({ clock: fastClock(systemClock(), { speed, sinceMs }), helper: realHelper, followsBranches: true });
