/** The daemon whose git commands are those of its jobs alone: nothing is exported in the background, so they can be counted. */
import { systemClock } from '../adapters/system-clock.ts';
import { realHelper } from '../main-helper.ts';
import { start } from '../main.ts';

start({ clock: systemClock(), helper: realHelper, followsBranches: false });
