import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckResult } from '#contract/check.ts';
import { betaQuantile } from '../../lib/beta.ts';
import { checkResult, checkSide } from '../../testing/documents.ts';
import { assessConfidence, type ConfidenceFacts } from './confidence.ts';

const failed = checkSide({ conclusion: 'failure', exitCode: 1, failing: ['x'] });
const anyCheck: fc.Arbitrary<CheckResult> = fc
  .record({
    passedAfter: fc.boolean(),
    passedBefore: fc.boolean(),
    tests: fc.option(fc.nat(500)),
    isBuiltIn: fc.boolean(),
    isNew: fc.boolean(),
  })
  .map(({ passedAfter, passedBefore, tests, isBuiltIn, isNew }) =>
    checkResult({
      source: isBuiltIn ? 'built_in' : 'owner',
      before: passedBefore ? checkSide() : failed,
      after: passedAfter ? checkSide({ passed: tests }) : failed,
      newFailures: isNew && !passedAfter ? ['x'] : [],
    }),
  );
const anyFacts: fc.Arbitrary<ConfidenceFacts> = fc.record({
  checks: fc.array(anyCheck, { maxLength: 6 }),
  risk: fc.constantFrom('low' as const, 'medium' as const, 'high' as const).map((level) => ({ level, reasons: [] })),
  mended: fc.nat(3),
  history: fc.record({ kept: fc.nat(200), undoneOrRejected: fc.nat(200) }),
});

describe('confidence', () => {
  it('is a whole percent, and its interval holds it, whatever the facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { percent, low, high, reasons } = assessConfidence(facts);
        for (const value of [percent, low, high]) {
          expect(Number.isInteger(value)).toBe(true);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(100);
        }
        expect(low).toBeLessThanOrEqual(percent);
        expect(percent).toBeLessThanOrEqual(high);
        expect(reasons.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  it('takes nothing from tests that passed when others are not seen any more', () => {
    const rest = { risk: { level: 'low' as const, reasons: [] }, mended: 0, history: { kept: 0, undoneOrRejected: 0 } };
    const of = (passed: number): ReturnType<typeof assessConfidence> =>
      assessConfidence({
        ...rest,
        checks: [checkResult({ before: checkSide({ passed: 9 }), after: checkSide({ passed }) })],
      });
    expect(of(8).percent).toBeLessThan(of(9).percent);
    expect(of(8).reasons).toContain('1 test that passed before did not show after');
  });

  it('never falls because one more check passes, or because one more change was kept', () => {
    fc.assert(
      fc.property(anyFacts, ({ checks, ...rest }) => {
        const before = assessConfidence({ ...rest, checks }).percent;
        const passing = checkResult({ after: checkSide({ passed: 3 }) });
        expect(assessConfidence({ ...rest, checks: [...checks, passing] }).percent).toBeGreaterThanOrEqual(before);
        const history = { ...rest.history, kept: rest.history.kept + 1 };
        expect(assessConfidence({ ...rest, checks, history }).percent).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it('falls with a new failure, a repair, a higher risk and a change that was undone, and never rises', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const now = assessConfidence(facts).percent;
        const worse: ConfidenceFacts[] = [
          { ...facts, mended: facts.mended + 1 },
          { ...facts, risk: { level: 'high', reasons: [] } },
          { ...facts, history: { ...facts.history, undoneOrRejected: facts.history.undoneOrRejected + 1 } },
        ];
        for (const other of worse) expect(assessConfidence(other).percent).toBeLessThanOrEqual(now);
      }),
      { numRuns: 60 },
    );
    const facts: ConfidenceFacts = {
      checks: [checkResult()],
      risk: { level: 'low', reasons: [] },
      mended: 0,
      history: { kept: 3, undoneOrRejected: 0 },
    };
    const broken = { ...facts, checks: [checkResult({ after: failed, newFailures: ['x'] })] };
    expect(assessConfidence(broken).percent).toBeLessThan(assessConfidence(facts).percent / 2);
  });

  it('is narrower the more outcomes it knows', () => {
    const width = (kept: number): number => {
      const { low, high } = assessConfidence({
        checks: [checkResult()],
        risk: { level: 'low', reasons: [] },
        mended: 0,
        history: { kept, undoneOrRejected: kept / 2 },
      });
      return high - low;
    };
    expect(width(0)).toBeGreaterThan(width(20));
    expect(width(20)).toBeGreaterThan(width(200));
  });

  it('says when nothing was tested and when nothing is known', () => {
    const { reasons } = assessConfidence({
      checks: [checkResult({ source: 'built_in' })],
      risk: { level: 'low', reasons: [] },
      mended: 0,
      history: { kept: 0, undoneOrRejected: 0 },
    });
    expect(reasons).toEqual([
      'No earlier outcome of this kind here yet',
      'No check is configured, so nothing was tested',
    ]);
  });
});

describe('the quantile of a Beta distribution', () => {
  it.each([
    [0.5, 1, 1, 0.5],
    [0.1, 1, 1, 0.1],
    [0.5, 2, 2, 0.5],
    // P(X <= x) = x^a for b = 1, and 1 - (1-x)^b for a = 1.
    [0.5, 3, 1, 0.5 ** (1 / 3)],
    [0.9, 1, 5, 1 - 0.1 ** (1 / 5)],
    // a = b = 2: x²(3 - 2x)
    [0.104, 2, 2, 0.2],
    [0.896, 2, 2, 0.8],
  ])('is right where there is a closed form: p=%f a=%f b=%f', (p, a, b, x) => {
    expect(betaQuantile(p, a, b)).toBeCloseTo(x, 4);
  });

  it('stays within the unit interval and grows with p, also for many outcomes', () => {
    for (const [a, b] of [
      [1, 1],
      [500, 3],
      [3, 500],
      [1200, 1200],
    ] as const) {
      const [low, middle, high] = [betaQuantile(0.1, a, b), betaQuantile(0.5, a, b), betaQuantile(0.9, a, b)];
      expect(0 <= low && low <= middle && middle <= high && high <= 1).toBe(true);
      expect(low).toBeLessThanOrEqual(a / (a + b));
      expect(high).toBeGreaterThanOrEqual(a / (a + b));
    }
  });
});
