import { describe, expect, it } from 'vitest';
import { usdText } from '#contract/money.ts';
import { bytesText, clock, count, duration, ends, joinNames, sentenceCase, usd, when } from './format.ts';

const at = Date.UTC(2026, 10, 21, 14, 2, 5);

describe('figures for the owner', () => {
  it('writes money as the server does, and never shows a small cost as free', () => {
    for (const amount of [0, 0.25, 0.0042, 12, 0.009]) expect(usd(amount)).toBe(usdText(amount));
    expect(usd(0.0042)).toBe('$0.0042');
  });

  it('writes sizes and numbers of things', () => {
    expect([bytesText(812), bytesText(1240), bytesText(52_428_800)]).toEqual(['812 B', '1.2 KB', '52 MB']);
    expect([count(1, 'file'), count(2, 'file'), count(2150, 'entry', 'entries')]).toEqual([
      '1 file',
      '2 files',
      '2,150 entries',
    ]);
  });

  it('writes how long something took', () => {
    expect([duration(430), duration(48_200), duration(130_000), duration(3_725_000), duration(-5)]).toEqual([
      '0.4 s',
      '48 s',
      '2:10',
      '1:02:05',
      '0.0 s',
    ]);
  });

  it('writes when something was, shorter the nearer it is', () => {
    expect(clock(at, 'UTC')).toBe('14:02');
    expect(when(at, at + 10_000, 'UTC')).toBe('just now');
    expect(when(at, at + 12 * 60_000, 'UTC')).toBe('12 min ago');
    expect(when(at, at + 3 * 3_600_000, 'UTC')).toBe('14:02');
    expect(when(at, at + 30 * 3_600_000, 'UTC')).toBe('21 Nov, 14:02');
  });

  it('shortens a digest so that both ends can be compared', () => {
    expect(ends('a1b2c3d4e5f6')).toBe('a1b2c3…e5f6');
  });

  it('joins names as people do', () => {
    expect(joinNames(['a'])).toBe('a');
    expect(joinNames(['a', 'b'])).toBe('a and b');
    expect(joinNames(['a', 'b', 'c', 'd', 'e'])).toBe('a, b and 3 more');
    expect(sentenceCase('timed_out')).toBe('Timed out');
  });
});
