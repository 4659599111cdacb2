import { describe, expect, it } from 'vitest';
import type { PullOutcome } from '#contract/forge.ts';
import { ObjectId } from '#contract/ids.ts';
import { newsOf, nextLookAtMs, type LookFacts, type News } from './decide.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = 1_000 * day;

describe('when a pull request is looked at again', () => {
  const after = (facts: Partial<LookFacts>, ageMs: number): number | null => {
    const at = nextLookAtMs({ state: 'open', checks: 'success', openedAtMs: now - ageMs, nowMs: now, ...facts });
    return at === null ? null : at - now;
  };

  it.each([
    ['just opened', {}, 0, minute / 2],
    ['open for an hour', {}, hour, 10 * minute],
    ['open for an hour, and its CI runs', { checks: 'pending' }, hour, 2 * minute],
    ['open for a day, and its CI never ends', { checks: 'pending' }, day, hour],
    ['open for a month', {}, 30 * day, day],
    ['opened in the future, by a clock that was ahead', {}, -hour, minute / 2],
    ['closed yesterday', { state: 'closed' }, day, day],
    ['closed long ago', { state: 'closed' }, 15 * day, null],
    ['merged', { state: 'merged' }, 0, null],
  ] as const)('%s', (_, facts, ageMs, waitMs) => expect(after(facts, ageMs)).toBe(waitMs));

  it('costs one that nobody touches fewer than 300 looks in its first day, and at most one a day in the end', () => {
    let looks = 0;
    for (let ageMs = 0; ageMs < day; looks += 1) ageMs += after({}, ageMs) ?? day;
    expect(looks).toBeLessThan(300);
  });
});

describe('what is news about a pull request', () => {
  const ours = ObjectId.parse('a'.repeat(40));
  const theirs = ObjectId.parse('b'.repeat(40));
  const outcome = (changed: Partial<PullOutcome> = {}): PullOutcome => ({
    state: 'open',
    isDraft: false,
    head: ours,
    mergedAtMs: null,
    mergeCommit: null,
    closedAtMs: null,
    comments: 0,
    checks: { state: 'none', total: 0, failed: [] },
    ...changed,
  });
  const checks = (state: PullOutcome['checks']['state']): Partial<PullOutcome> => ({
    checks: { state, total: 1, failed: [] },
  });

  it.each<[string, Partial<PullOutcome> | null, Partial<PullOutcome>, News[]]>([
    ['the first look, and nothing happened', null, {}, []],
    ['the first look, long after', null, { state: 'merged', ...checks('success') }, ['merged', 'checks_passed']],
    ['nothing new', { state: 'merged' }, { state: 'merged' }, []],
    ['merged', {}, { state: 'merged' }, ['merged']],
    ['closed', {}, { state: 'closed' }, ['closed']],
    ['opened again', { state: 'closed' }, {}, ['reopened']],
    ['merged after it was closed', { state: 'closed' }, { state: 'merged' }, ['merged']],
    ['its CI began', {}, checks('pending'), []],
    ['its CI failed', checks('pending'), checks('failure'), ['checks_failed']],
    ['its CI still fails', checks('failure'), checks('failure'), []],
    ['its CI passes now', checks('failure'), checks('success'), ['checks_passed']],
    ['somebody else pushed', {}, { head: theirs }, ['pushed_by_others']],
    ['somebody else pushed before', { head: theirs }, { head: theirs }, []],
    ['its branch is gone', {}, { head: null }, []],
    ['a comment', { comments: 1 }, { comments: 2 }, ['commented']],
    ['a comment less', { comments: 2 }, { comments: 1 }, []],
  ])('%s', (_, before, after, news) => {
    expect(newsOf(before === null ? null : outcome(before), outcome(after), ours)).toEqual(news);
  });
});
