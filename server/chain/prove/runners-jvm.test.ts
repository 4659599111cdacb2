import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
  'maven with Surefire 3': {
    log: `[INFO] Running shop.TillTest
[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1, Time elapsed: 0.05 s <<< FAILURE! -- in shop.TillTest
[ERROR] shop.TillTest.rounds -- Time elapsed: 0.01 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <2> but was: <1>
[ERROR] shop.TillTest.drawer -- Time elapsed: 0.01 s <<< ERROR!
[ERROR] Failures:
[ERROR]   TillTest.rounds:12 expected: <2> but was: <1>
[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1
[INFO] BUILD FAILURE
`,
    failing: ['shop.TillTest.rounds', 'shop.TillTest.drawer'],
    passed: 1,
    skipped: 1,
  },
  'maven with Surefire 2': {
    log: `[ERROR] rounds(shop.TillTest)  Time elapsed: 0.01 s  <<< FAILURE!
[WARNING] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0
`,
    failing: ['shop.TillTest.rounds'],
    passed: 1,
    skipped: 0,
  },
  gradle: {
    log: `> Task :test FAILED

TillTest > rounds() FAILED
    org.opentest4j.AssertionFailedError at TillTest.java:12

TillTest > The drawer > opens FAILED

4 tests completed, 2 failed, 1 skipped
`,
    failing: ['TillTest > rounds()', 'TillTest > The drawer > opens'],
    passed: 1,
    skipped: 1,
  },
  'maven whose machine of the tests has ended': {
    log: `[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.09 s <<< FAILURE! - in shop.TillTest
[ERROR] rounds(shop.TillTest)  Time elapsed: 0.01 s  <<< FAILURE!
[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0
[ERROR] The forked VM terminated without properly saying goodbye. VM crash or System.exit called?
[ERROR] Crashed tests:
[ERROR] shop.SafeTest
`,
    failing: ['shop.TillTest.rounds'],
    passed: 1,
    skipped: 0,
    broken: 'the virtual machine of the tests ended before they did',
  },
};

describe('the tests that an output of Maven or Gradle names', () => readsOutputs(outputs));
