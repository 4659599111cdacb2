import type { Clock } from '../../ports.ts';
import type { Conditions } from './world.ts';

export interface Quota {
  readonly limit: number;
  readonly used: number;
  readonly resetAtMs: number;
}

export interface RateMeter {
  /** Counts one request of this caller and says what stands against it. */
  readonly take: (who: string, isContent: boolean) => 'goes' | 'primary' | 'secondary';
  /** A 304 is not counted: gives back what `take` took. */
  readonly giveBack: (who: string) => void;
  readonly quota: (who: string) => Quota;
}

const hourMs = 3_600_000;
/** Callers without a credential share this much. */
const nobodyMax = 60;

/** The hour of a caller starts with its first request and ends as a whole; it does not slide. */
export function rateMeter(clock: Clock, conditions: Conditions): RateMeter {
  const hours = new Map<string, { used: number; readonly resetAtMs: number }>();
  let contents: { readonly who: string; readonly atMs: number }[] = [];
  const hourOf = (who: string): { used: number; readonly resetAtMs: number } => {
    const there = hours.get(who);
    if (there && there.resetAtMs > clock.nowMs()) return there;
    const fresh = { used: 0, resetAtMs: clock.nowMs() + hourMs };
    hours.set(who, fresh);
    return fresh;
  };
  const limitOf = (who: string): number => (who === 'nobody' ? nobodyMax : conditions.requestsPerHourMax);
  return {
    take: (who, isContent) => {
      const hour = hourOf(who);
      if (hour.used >= limitOf(who)) return 'primary';
      hour.used += 1;
      if (!isContent) return 'goes';
      contents = contents.filter(({ atMs }) => atMs > clock.nowMs() - 60_000);
      if (contents.filter((one) => one.who === who).length >= conditions.contentPerMinuteMax) return 'secondary';
      contents.push({ who, atMs: clock.nowMs() });
      return 'goes';
    },
    giveBack: (who) => {
      hourOf(who).used -= 1;
    },
    quota: (who) => {
      const { used, resetAtMs } = hourOf(who);
      return { limit: limitOf(who), used, resetAtMs };
    },
  };
}
