import { describe, expect, it } from 'vitest';
import { CheckConclusion, type CheckResult, type CheckSide } from '#contract/check.ts';
import { Sha256 } from '#contract/ids.ts';
import { changeText, factFor, timeFor } from './evidence.tsx';

const log = { sha256: Sha256.parse('a'.repeat(64)), bytes: 1, omittedBytes: 0 };
const side = (more: Partial<CheckSide> = {}): CheckSide => ({
  conclusion: 'success',
  exitCode: 0,
  failing: [],
  passed: null,
  durationMs: 5,
  log,
  limit: null,
  ...more,
});
const check = (
  before: Partial<CheckSide>,
  after: Partial<CheckSide>,
  more: Partial<CheckResult> = {},
): CheckResult => ({
  name: 'test',
  command: 'npm test',
  source: 'owner',
  before: side(before),
  after: side(after),
  newFailures: [],
  flaky: [],
  ...more,
});

describe('the evidence of a check', () => {
  it.each<[string, Partial<CheckSide>, Partial<CheckSide>, string]>([
    [
      'numbers on both sides',
      { conclusion: 'failure', passed: 12, failing: ['a'], skipped: 2 },
      { passed: 13, skipped: 2 },
      '12 passed, 1 failed, 2 skipped → 13 passed, 2 skipped',
    ],
    ['a document from before there were numbers of skipped tests', { passed: 3 }, { passed: 3 }, '3 passed → 3 passed'],
    ['no numbers at all', {}, { conclusion: 'failure', failing: ['test'] }, 'passed → failed'],
    [
      'a run that ended without a name',
      { passed: 3 },
      { conclusion: 'timed_out', failing: ['test'], passed: 2 },
      '3 passed → ran out of time, 2 passed',
    ],
    ['nothing skipped', { passed: 3, skipped: 0 }, { passed: 3, skipped: null }, '3 passed → 3 passed'],
  ])('says what changed with %s', (_what, before, after, text) => {
    expect(changeText(check(before, after))).toBe(text);
  });

  it('has words for every conclusion', () => {
    for (const conclusion of CheckConclusion.options)
      expect(changeText(check({ conclusion }, { conclusion }))).toMatch(/^[a-z ]+ → [a-z ]+$/);
  });

  it('says the worst first in its row', () => {
    const gone = { count: 2, names: ['a', 'b'] };
    const failed = { conclusion: 'failure' as const, failing: ['x'] };
    expect(factFor(check({}, failed, { newFailures: ['x'], flaky: ['y'], vanished: gone }))).toBe('1 new failure');
    expect(factFor(check({}, {}, { flaky: ['y'], vanished: gone }))).toBe('1 test not reliable, 0 new');
    expect(factFor(check({}, { passed: 5 }, { vanished: gone, leftOut: { count: 1, names: ['c'] } }))).toBe(
      '3 tests not run any more, 0 new',
    );
    expect(factFor(check({ passed: 5 }, { passed: 5 }))).toBe('5 passed');
    expect(factFor(check(failed, { passed: 5 }))).toBe('5 passed, failed before');
  });

  it.each<[string, Partial<CheckSide>, Partial<CheckSide>, Partial<CheckResult>, string]>([
    ['installed', {}, {}, {}, 'installed'],
    ['kept from before', { durationMs: 0 }, { durationMs: 0 }, {}, 'taken from an earlier job'],
    ['failed on the base', { conclusion: 'failure' }, { conclusion: 'skipped' }, {}, 'failed on the base: nothing ran'],
    ['failed with the change', {}, { conclusion: 'failure' }, { newFailures: ['set-up'] }, 'new failure'],
    ['not reliable', {}, {}, { flaky: ['set-up'] }, 'failed once, then passed'],
  ])('says of a set-up in its closed row that it is %s', (_what, before, after, more, fact) => {
    expect(factFor(check(before, after, { phase: 'set_up', ...more }))).toBe(fact);
  });

  it('says of a check behind a set-up that failed that it did not run, and nothing of how it would have ended', () => {
    const skipped = { conclusion: 'skipped' as const };
    expect(factFor(check({ passed: 5 }, skipped))).toBe('not run');
    expect(factFor(check(skipped, skipped))).toBe('not run');
  });
});

describe('the time of a check', () => {
  it('is that with the change; of a set-up, that of both sides, and none when it was taken', () => {
    expect(timeFor(check({ durationMs: 9000 }, { durationMs: 4000 }))).toBe('4.0 s');
    expect(timeFor(check({ durationMs: 9000 }, { durationMs: 0 }, { phase: 'set_up' }))).toBe('9.0 s');
    expect(timeFor(check({ durationMs: 0 }, { durationMs: 0 }, { phase: 'set_up' }))).toBe('');
  });
});
