import { failedSetUp, isTest, testsLost, type CheckResult } from '#contract/check.ts';
import type { Confidence, Risk } from '#contract/proposal.ts';
import { betaQuantile } from '../../lib/beta.ts';

/** Outcomes of this owner's earlier proposals of the same kind (same source, same placement, same risk level). */
export interface History {
  readonly kept: number;
  readonly undoneOrRejected: number;
}

export interface ConfidenceFacts {
  readonly checks: readonly CheckResult[];
  readonly risk: Risk;
  readonly mended: number;
  readonly history: History;
}

/**
 * Before anything is known: as if of three such changes two had been good. Small numbers, so that a few outcomes of the
 * owner's own outweigh them.
 */
const prior = { good: 2, bad: 1 };

/** What one piece of evidence weighs, counted in outcomes. */
const weight = {
  checkPassed: 4,
  testsPassed: 4,
  newFailure: 20,
  brokenBaseline: 1,
  notChecked: 2,
  mended: 1,
  risk: { low: 0, medium: 1, high: 2 },
} as const;

/**
 * A Beta posterior, moved by evidence as pseudo-outcomes; the interval is its central 80 %. Never what a model says of
 * itself (DESIGN section 6). Pure.
 */
export function assessConfidence(facts: ConfidenceFacts): Confidence {
  let good = prior.good + facts.history.kept;
  let bad = prior.bad + facts.history.undoneOrRejected;
  const reasons: string[] = [];
  const outcomes = facts.history.kept + facts.history.undoneOrRejected;
  reasons.push(
    outcomes === 0
      ? 'No earlier outcome of this kind here yet'
      : `${facts.history.kept} of ${outcomes} earlier changes of this kind were kept`,
  );

  const isSetUp = failedSetUp(facts.checks) === null;
  // A set-up shows nothing about the change, and where it failed no check has shown anything either.
  const real = isSetUp ? facts.checks.filter(isTest) : [];
  const passed = real.filter((check) => check.after.conclusion === 'success');
  const newFailures = facts.checks.flatMap((check) => check.newFailures);
  if (real.length === 0) {
    bad += weight.notChecked;
    reasons.push(
      isSetUp
        ? 'No check is configured, so nothing was tested'
        : 'The set-up failed on the base itself, so nothing was tested',
    );
  }
  if (passed.length > 0) {
    good += weight.checkPassed * passed.length;
    reasons.push(`${passed.length} of ${real.length} checks pass on the patched tree`);
    const tests = passed.reduce((sum, check) => sum + (check.after.passed ?? 0), 0);
    const lost = real.reduce((sum, check) => sum + testsLost(check), 0);
    if (lost > 0) reasons.push(`${lost} ${lost === 1 ? 'test' : 'tests'} that passed before did not show after`);
    else if (tests > 0) {
      good += weight.testsPassed;
      reasons.push(`${tests} tests passed`);
    }
  }
  if (newFailures.length > 0) {
    bad += weight.newFailure;
    reasons.push(`${newFailures.length} new ${newFailures.length === 1 ? 'failure' : 'failures'}`);
  }
  const brokenBefore = real.filter((check) => check.before.conclusion !== 'success').length;
  if (brokenBefore > 0) {
    bad += weight.brokenBaseline * brokenBefore;
    reasons.push(`${brokenBefore} of ${real.length} checks already fail without the patch, so they show less`);
  }
  if (facts.mended > 0) {
    bad += weight.mended;
    reasons.push('The pasted text had to be repaired');
  }
  const riskWeight = weight.risk[facts.risk.level];
  if (riskWeight > 0) {
    bad += riskWeight;
    reasons.push(`Risk is ${facts.risk.level}`);
  }
  return { ...interval(good, bad), reasons };
}

/** Mean and central 80 % of Beta(good, bad), in whole percents. */
function interval(good: number, bad: number): Pick<Confidence, 'percent' | 'low' | 'high'> {
  const percent = (value: number): number => Math.round(value * 100);
  return {
    percent: percent(good / (good + bad)),
    low: percent(betaQuantile(0.1, good, bad)),
    high: percent(betaQuantile(0.9, good, bad)),
  };
}

/**
 * What the confidence would be if `share` (0 to 1) of `checks` ran and passed; null: none of them. Before anything has run, so
 * the same weights without what only the evidence can tell.
 */
export function expectedConfidence(
  history: History,
  checks: number,
  share: number | null,
): Pick<Confidence, 'percent' | 'low' | 'high'> {
  const good = prior.good + history.kept;
  const bad = prior.bad + history.undoneOrRejected;
  const passed = checks * (share ?? 0);
  if (passed === 0) return interval(good, bad + weight.notChecked);
  return interval(good + weight.checkPassed * passed + weight.testsPassed, bad);
}
