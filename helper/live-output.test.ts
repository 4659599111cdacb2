import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { liveOutput } from './live-output.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('sends what was printed, together, ten times a second', () => {
  const sent: string[] = [];
  const live = liveOutput((bytes) => sent.push(bytes.toString()));
  live.push(Buffer.from('a'));
  live.push(Buffer.from('b'));
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(sent).toEqual(['ab']);
  vi.advanceTimersByTime(1000);
  live.push(Buffer.from('c'));
  live.end();
  expect(sent).toEqual(['ab', 'c']);
});

it('shows the newest 16 KiB of a burst, however it is cut', () => {
  const printed = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
  for (const size of [1, 7, 1000, 16_383, 16_384, 16_385, 65_536, 100_000]) {
    const sent: Buffer[] = [];
    const live = liveOutput((bytes) => sent.push(Buffer.from(bytes)));
    for (let at = 0; at < printed.length; at += size) live.push(printed.subarray(at, at + size));
    live.end();
    expect(Buffer.concat(sent).equals(printed.subarray(-16 * 1024))).toBe(true);
  }
});

it('falls silent after a mebibyte', () => {
  let bytes = 0;
  const live = liveOutput((chunk) => (bytes += chunk.length));
  for (let second = 0; second < 70; second += 1) {
    live.push(Buffer.alloc(100_000));
    vi.advanceTimersByTime(1000);
  }
  live.end();
  expect(bytes).toBe(1024 * 1024);
});
