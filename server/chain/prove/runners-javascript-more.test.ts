import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
  jasmine: {
    log: `Started
.F*F

Failures:
1) the till rounds
  Message:
    Expected 1 to be 2.

2) the till nested deep
  Message:
    Error: x

Suite error: the till nested
  Message:
    Error: after
Pending:

1) the till later
  Temporarily disabled with xit

4 specs, 3 failures, 1 pending spec
Finished in 0.01 seconds
`,
    failing: ['the till rounds', 'the till nested deep', 'the till nested (an error outside of its tests)'],
    passed: 1,
    skipped: 1,
  },
  playwright: {
    log: `Running 5 tests using 1 worker

  ✓  1 till.spec.js:2:1 › adds (6ms)
  ✘  2 till.spec.js:2:65 › the till › rounds (8ms)
  -  3 till.spec.js:2:121 › the till › later
  ✘  4 till.spec.js:9:3 › the till › tries (3ms)
  ✓  5 till.spec.js:9:3 › the till › tries (retry #1) (3ms)

  1) till.spec.js:2:65 › the till › rounds ─────────────────────

    Error: expect(received).toBe(expected)

  1 failed
    till.spec.js:2:65 › the till › rounds ──────────────────────
  1 flaky
    till.spec.js:9:3 › the till › tries ────────────────────────
  1 skipped
  1 passed (1.3s)
`,
    failing: ['till.spec.js > the till > rounds'],
    passed: 2,
    skipped: 1,
    passedNames: ['till.spec.js > adds', 'till.spec.js > the till > tries'],
  },
  uvu: {
    log: `till.js
• ✘   (1 / 2)

   FAIL  "rounds"
    Expected values to be strictly equal:  (is)

  Total:     2
  Passed:    1
  Skipped:   1
  Duration:  1.10ms
`,
    failing: ['rounds'],
    passed: 1,
    skipped: 1,
  },
  'node --test, in two packages of an npm workspace': {
    log: `
> shop@1.0.0 test
> node --test

✖ rounds (0.3ms)
ℹ tests 1
ℹ pass 0
ℹ fail 1

> @till/safe@2.1.0 test
> node --test

✔ shuts (0.9ms)
✖ rounds (0.3ms)
ℹ tests 2
ℹ pass 1
ℹ fail 1
`,
    failing: ['shop: rounds', '@till/safe: rounds'],
    passed: 1,
    skipped: null,
    passedNames: ['@till/safe: shuts'],
  },
  'node --test, in two packages that pnpm runs at once': {
    log: `Scope: 2 of 3 workspace projects
packages/a test$ node --test
packages/b test$ node --test
packages/a test: ✖ rounds (0.3ms)
packages/b test: ✔ shuts (0.2ms)
packages/a test: ℹ pass 0
packages/b test: ✖ rounds (0.3ms)
packages/b test: ℹ pass 1
packages/a test: Failed
`,
    failing: ['packages/a: rounds', 'packages/b: rounds'],
    passed: 1,
    skipped: null,
    passedNames: ['packages/b: shuts'],
  },
  'node --test that prints what looks like TAP': {
    log: `ok 7 - fake
✔ adds (0.3ms)
ℹ tests 1
ℹ pass 1
ℹ fail 0
`,
    failing: [],
    passed: 1,
    skipped: null,
    passedNames: ['adds'],
  },
};

describe('the tests that an output of more of JavaScript names', () => readsOutputs(outputs));
