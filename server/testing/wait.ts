import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 15;

/**
 * Looks until `look` gives something (not null, not false), and gives that. Bounded: after `wallMs` it says what was waited
 * for. This is how tests wait for a process or a row; nothing waits for a fixed time.
 */
export async function until<T>(
  what: string,
  look: () => T | null | false | Promise<T | null | false>,
  wallMs = 30_000,
  everyMs = lookEveryMs,
): Promise<T> {
  const deadline = Date.now() + wallMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${wallMs / 1000} s in vain: ${what}`);
    await pause(everyMs);
  }
}
