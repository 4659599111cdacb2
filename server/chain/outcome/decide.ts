import type { ForgeChecks, PullOutcome } from '#contract/forge.ts';
import { outcomeStates } from './states.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** After a day of silence a closed pull request is hardly opened again; a merged one never is. */
const restMsMax = 14 * dayMs;

export interface LookFacts {
  readonly state: PullOutcome['state'];
  readonly checks: ForgeChecks['state'];
  readonly openedAtMs: number;
  readonly nowMs: number;
}

/**
 * When to look at a pull request again, in epoch milliseconds; null: never. Often while its CI runs and it is young, then less and
 * less: a thousand old pull requests must not use up what a forge allows in an hour. A webhook makes it sooner. Pure.
 */
export function nextLookAtMs({ state, checks, openedAtMs, nowMs }: LookFacts): number | null {
  const ageMs = Math.max(0, nowMs - openedAtMs);
  if (outcomeStates[state].rests) return state === 'closed' && ageMs < restMsMax ? nowMs + dayMs : null;
  if (ageMs < 10 * minuteMs) return nowMs + minuteMs / 2;
  if (checks === 'pending' && ageMs < 6 * hourMs) return nowMs + 2 * minuteMs;
  if (ageMs < dayMs) return nowMs + 10 * minuteMs;
  return nowMs + (ageMs < restMsMax ? hourMs : dayMs);
}

/** What is worth an entry in the ledger, in this order. Pure. */
export type News =
  | 'merged'
  | 'closed'
  | 'reopened'
  | 'checks_failed'
  | 'checks_passed'
  | 'pushed_by_others'
  | 'commented';

export function newsOf(before: PullOutcome | null, after: PullOutcome, ourCommit: string): News[] {
  const news: News[] = [];
  const was = before?.state ?? 'open';
  if (after.state !== was) news.push(after.state === 'open' ? 'reopened' : after.state);
  const checksWere = before?.checks.state ?? 'none';
  if (after.checks.state !== checksWere) {
    if (after.checks.state === 'failure') news.push('checks_failed');
    if (after.checks.state === 'success') news.push('checks_passed');
  }
  const isForeign = (outcome: PullOutcome | null): boolean =>
    outcome !== null && outcome.head !== null && outcome.head !== ourCommit;
  if (isForeign(after) && !isForeign(before)) news.push('pushed_by_others');
  if (after.comments > (before?.comments ?? 0)) news.push('commented');
  return news;
}
