import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oddZones, wallDate } from '../../testing/money-model.ts';
import { dayOf, daysUntil, hourMs, hourStartMs } from './window.ts';

const hours = (zone: string, at: string): number => {
  const { startMs, endMs } = dayOf(Date.parse(at), zone);
  return (endMs - startMs) / hourMs;
};

describe('the hour of the cap', () => {
  it('holds what was spent less than an hour ago, to the millisecond', () => {
    const spentAtMs = 5 * hourMs;
    expect(spentAtMs > hourStartMs(spentAtMs + hourMs - 1)).toBe(true);
    expect(spentAtMs > hourStartMs(spentAtMs + hourMs)).toBe(false);
  });
});

describe("the owner's calendar day", () => {
  it.each([
    ['UTC', '2026-03-29T12:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', 25],
    ['America/Sao_Paulo', '2017-10-15T12:00:00Z', 23],
    ['America/Sao_Paulo', '2018-02-17T12:00:00Z', 25],
    ['Africa/Cairo', '2026-04-24T12:00:00Z', 23],
    ['Africa/Cairo', '2026-10-29T12:00:00Z', 25],
    ['Asia/Beirut', '2026-03-29T12:00:00Z', 23],
    ['Asia/Beirut', '2026-10-24T12:00:00Z', 25],
    ['America/Havana', '2026-11-01T12:00:00Z', 25],
    ['Australia/Lord_Howe', '2026-10-03T20:00:00Z', 23.5],
    ['America/St_Johns', '2010-11-07T12:00:00Z', 25],
  ])('in %s at %s is as long as it is: %d hours', (zone, at, length) => {
    expect(hours(zone, at)).toBe(length);
  });

  it('begins with its first moment where midnight is skipped, and after a day that never was', () => {
    expect(dayOf(Date.parse('2017-10-15T12:00:00Z'), 'America/Sao_Paulo').startMs).toBe(
      Date.parse('2017-10-15T03:00Z'),
    );
    expect(dayOf(Date.parse('2011-12-30T12:00:00Z'), 'Pacific/Apia')).toEqual({
      startMs: Date.parse('2011-12-30T10:00Z'),
      endMs: Date.parse('2011-12-31T10:00Z'),
    });
  });

  it('does not come back when clocks are turned back over midnight', () => {
    // St. John's until 2011: one minute after midnight it was 23:01 of the day before again.
    const day = dayOf(Date.parse('2010-11-07T02:30:30Z'), 'America/St_Johns');
    expect(dayOf(Date.parse('2010-11-07T02:45:00Z'), 'America/St_Johns')).toEqual(day);
    expect(day.startMs).toBe(Date.parse('2010-11-07T02:30:00Z'));
  });

  it('holds its own time, meets the next one, and is what a calendar on the wall says', () => {
    const zones = [...new Set(oddZones.map(({ zone }) => zone)), 'America/New_York', 'Asia/Tehran', 'Pacific/Chatham'];
    const from = Date.parse('2000-01-01T00:00Z');
    const until = Date.parse('2035-01-01T00:00Z');
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: from, max: until }), (zone, atMs) => {
        const { startMs, endMs } = dayOf(atMs, zone);
        expect(startMs <= atMs && atMs < endMs).toBe(true);
        expect([wallDate(startMs, zone), wallDate(endMs - 1, zone)]).toEqual([
          wallDate(atMs, zone),
          wallDate(atMs, zone),
        ]);
        expect(wallDate(startMs - 1, zone) < wallDate(atMs, zone)).toBe(true);
        expect(dayOf(endMs, zone).startMs).toBe(endMs);
      }),
      { numRuns: 300 },
    );
  });

  it('is one of thirty that follow each other without a gap, also past a day that never was', () => {
    const days = daysUntil(Date.parse('2012-01-10T12:00Z'), 'Pacific/Apia', 30);
    expect(days).toHaveLength(30);
    days.slice(1).forEach(({ startMs }, at) => expect(startMs).toBe(days[at]?.endMs));
    expect(days.map(({ startMs }) => wallDate(startMs, 'Pacific/Apia'))).not.toContain('2011-12-30');
  });
});
