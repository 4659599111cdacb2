import type { Clock } from '../../ports.ts';

export interface RateMeter {
  /** Counts one request and says whether it may go on. */
  readonly take: () => boolean;
  /** What every answer carries. */
  readonly headers: () => Record<string, string>;
}

const hour = { spanMs: 3_600_000, limit: 5000 };
const minute = { spanMs: 60_000, limit: 250 };

/** Sliding windows, as the API describes its own; `retry-after` comes with the minute's only. */
export function rateMeter(clock: Clock, isOn: boolean): RateMeter {
  let seen: number[] = [];
  let isBurst = false;
  const within = (spanMs: number): number[] => seen.filter((atMs) => atMs > clock.nowMs() - spanMs);
  return {
    take: () => {
      if (!isOn) return true;
      seen = within(hour.spanMs);
      isBurst = within(minute.spanMs).length >= minute.limit;
      if (isBurst || seen.length >= hour.limit) return false;
      seen.push(clock.nowMs());
      return true;
    },
    headers: () => {
      const nowMs = clock.nowMs();
      const oldestMs = seen[0] ?? nowMs;
      const inMinute = within(minute.spanMs)[0] ?? nowMs;
      const retrySeconds = Math.ceil((inMinute + minute.spanMs - nowMs) / 1000);
      return {
        date: new Date(nowMs).toUTCString(),
        'ratelimit-limit': String(hour.limit),
        'ratelimit-remaining': String(hour.limit - seen.length),
        'ratelimit-reset': String(Math.ceil((oldestMs + hour.spanMs) / 1000)),
        ...(isBurst ? { 'retry-after': String(retrySeconds) } : {}),
      };
    },
  };
}
