/** The two windows of the caps: the rolling 60 minutes, and the owner's calendar day (DESIGN section 7). Pure. */

export const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

/** What was settled at this very moment counts for a whole hour from then: strictly after this time is inside. */
export function hourStartMs(nowMs: number): number {
  return nowMs - hourMs;
}

/**
 * The calendar day that `nowMs` falls in, in the owner's zone. Days of 23 and 25 hours are as long as they are; a
 * day whose midnight is skipped begins with its first moment, and of a midnight that comes twice the first one counts.
 * `startMs <= nowMs < endMs` always holds, and the end of one day is the start of the next.
 */
export function dayOf(nowMs: number, timeZone: string): Day {
  const today = localDay(nowMs, timeZone);
  let found: Day = { startMs: firstMomentOf(today, timeZone), endMs: firstMomentOf(today + 1, timeZone) };
  // Clocks turned back over midnight (America/St_Johns until 2011) show the old date again: the new day has begun all the same.
  // A day that a zone leaves out (Pacific/Apia, 2011-12-30) begins and ends in one moment, and is passed over.
  for (let day = today + 2; nowMs >= found.endMs; day += 1)
    found = { startMs: found.endMs, endMs: firstMomentOf(day, timeZone) };
  return found;
}

/** The newest `count` days, the one of `nowMs` last. A day that the zone leaves out is not among them. */
export function daysUntil(nowMs: number, timeZone: string, count: number): Day[] {
  const days: Day[] = [];
  for (let atMs = nowMs; days.length < count;) {
    const day = dayOf(atMs, timeZone);
    days.unshift(day);
    atMs = day.startMs - 1;
  }
  return days;
}

/** From its first moment to the first moment of the next, which is not part of it. */
export interface Day {
  readonly startMs: number;
  readonly endMs: number;
}

/** No zone is further ahead of UTC than 14 hours, so a local day never begins earlier than that before the UTC one. */
const searchMs = 15 * hourMs;

/** The first moment whose local date is `day` (counted from 1970-01-01) or later. */
function firstMomentOf(day: number, timeZone: string): number {
  if (timeZone === 'UTC') return day * dayMs;
  const reached = (atMs: number): boolean => localDay(atMs, timeZone) >= day;
  // Clocks that are turned back at midnight make "reached" true, false and true again within an hour or two: step by step to
  // the first quarter of an hour in which it is true (no zone changes at another time), then exactly.
  const stepMs = 15 * 60_000;
  let atMs = day * dayMs - searchMs;
  while (!reached(atMs)) atMs += stepMs;
  let beforeMs = atMs - stepMs;
  while (atMs - beforeMs > 1) {
    const middleMs = Math.floor((atMs + beforeMs) / 2);
    if (reached(middleMs)) atMs = middleMs;
    else beforeMs = middleMs;
  }
  return atMs;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The local date as days since 1970-01-01. */
function localDay(atMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return Math.floor(atMs / dayMs);
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      calendar: 'gregory',
    });
    formats.set(timeZone, format);
  }
  const parts = format.formatToParts(atMs);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  // oxlint-disable-next-line no-restricted-globals -- The calendar, not the time.
  return Date.UTC(part('year'), part('month') - 1, part('day')) / dayMs;
}
