import type { Problem } from '#contract/problem.ts';
import { problem } from '#contract/problem.ts';
import type { Clock } from '../ports.ts';

/**
 * Nothing goes out while GitHub wants nothing: asking on may get a credential banned (GitHub's best practices for REST). The limits
 * count per credential, and an adapter has one.
 */
export interface RateGate {
  /** The refusal while it is shut, else null. */
  readonly shut: () => Problem | null;
  /** Looks at an answer. Not null: it was refused for its rate, and this is the problem. */
  readonly judge: (answer: {
    readonly status: number;
    readonly headers: Headers;
    readonly message: string;
  }) => Problem | null;
}

/** Names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** Without `retry-after` a secondary limit lasts a minute at least, and longer each time it is met again. */
const secondaryWaitMs = 60_000;
const waitMsMax = 3_600_000;
/** The reset is told in whole seconds of GitHub's clock. */
const marginMs = 1000;

export function rateGate(clock: Clock, skewMs: () => number): RateGate {
  let openAtMs = 0;
  let metInARow = 0;
  const shutFor = (waitMs: number): void => {
    const bounded = Math.min(Math.max(Math.ceil(waitMs), 1000), waitMsMax);
    openAtMs = Math.max(openAtMs, clock.nowMs() + bounded);
  };
  const shut = (): Problem | null => {
    const leftMs = openAtMs - clock.nowMs();
    if (leftMs <= 0) return null;
    const minutes = Math.max(1, Math.ceil(leftMs / 60_000));
    const when = minutes === 1 ? 'a minute' : `${minutes} minutes`;
    return problem(
      'forge_rate_limited',
      `GitHub takes no more requests for now. patchgit asks again in ${when}; nothing was done meanwhile.`,
      { retryAfterMs: leftMs },
    );
  };
  const untilReset = (headers: Headers): number | null => {
    const reset = headers['x-ratelimit-reset'] ?? '';
    return /^\d{1,12}$/.test(reset) ? Number(reset) * 1000 + marginMs - (clock.nowMs() + skewMs()) : null;
  };
  return {
    shut,
    judge: ({ status, headers, message }) => {
      const isUsedUp = headers['x-ratelimit-remaining'] === '0';
      const after = headers['retry-after'] ?? '';
      const isSaid = /rate limit|abuse detection/i.test(message);
      const isLimited = status === 429 || (status === 403 && (isUsedUp || isSaid || after !== ''));
      if (!isLimited) {
        metInARow = status < 400 ? 0 : metInARow;
        // This one was still answered; the next would not be.
        if (isUsedUp) shutFor(untilReset(headers) ?? secondaryWaitMs);
        return null;
      }
      const reset = isUsedUp ? untilReset(headers) : null;
      if (/^\d{1,9}$/.test(after)) shutFor(Number(after) * 1000);
      else if (reset !== null) shutFor(reset);
      else shutFor(secondaryWaitMs * 2 ** Math.min(metInARow, 6));
      metInARow += 1;
      return shut();
    },
  };
}
