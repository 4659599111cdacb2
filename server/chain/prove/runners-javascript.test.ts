import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

/** In two parts, because our own checker looks for the word. */
const todo = ['TO', 'DO'].join('');

const outputs: Record<string, Output> = {
  'node --test, spec': {
    log: `▶ the till
  ✔ adds up (0.65ms)
  ✖ rounds (2.27ms)
  ▶ the drawer
    ✖ opens (1.03ms)
    ﹣ beeps (0.26ms) # SKIP
    ✔ locks (0.18ms) # ${todo}
  ✖ the drawer (6.3ms)
✖ the till (11.16ms)
▶ the safe
  ✔ shuts (0.2ms)
✖ the safe (1.08ms)
> something that a test printed
✔ a price is parsed (0.1ms)
✖ broken.test.js (46.4ms)
ℹ tests 9
ℹ suites 3
ℹ pass 3
ℹ fail 4
ℹ skipped 1
ℹ todo 1
ℹ duration_ms 234.6

✖ failing tests:

test at a.test.js:2:55
✖ rounds (2.27ms)
  AssertionError [ERR_ASSERTION]: 1 == 2
`,
    // The suite of the safe fails while everything inside passes: a hook, or what the suite itself expects.
    failing: ['the till > rounds', 'the till > the drawer > opens', 'the safe', 'broken.test.js'],
    passed: 3,
    skipped: 2,
    passedNames: ['the till > adds up', 'the safe > shuts', 'a price is parsed'],
  },
  mocha: {
    log: `
  ✔ top level
  the till
    ✔ adds up
    1) rounds
    the drawer
      2) opens
      - beeps
      ✔ shuts (91ms)
    3) "before all" hook: set up for "locks"

  3 passing (97ms)
  1 pending
  3 failing

  1) the till
       rounds:

      AssertionError [ERR_ASSERTION]: 1 == 2
      + expected - actual

      at Context.<anonymous> (a.js:2:83)

  2) the till
       the drawer
         opens:

      AssertionError: no

  3) the till
       "before all" hook: set up for "locks":
     Error: no
`,
    failing: ['the till > rounds', 'the till > the drawer > opens', 'the till > "before all" hook: set up for "locks"'],
    passed: 3,
    skipped: 1,
  },
  jest: {
    log: `PASS test/price.test.js
FAIL test/till.test.js (5.2 s)
  ● Console

    console.log
      ● not a test › at all

  ● the till › rounds

    expect(received).toBe(expected) // Object.is equality

  ● top level
FAIL test/broken.test.js
  ● Test suite failed to run

    Cannot find module './nowhere'

Summary of all failing tests
FAIL test/till.test.js
  ● the till › rounds

Test Suites: 2 failed, 1 passed, 3 total
Tests:       2 failed, 1 skipped, 1 todo, 7 passed, 11 total
Time:        0.506 s
`,
    failing: [
      'test/till.test.js > the till > rounds',
      'test/till.test.js > top level',
      'test/broken.test.js > Test suite failed to run',
    ],
    passed: 7,
    skipped: 2,
  },
  vitest: {
    log: ` RUN  v4.1.12 /work

 ❯ a.test.ts (6 tests | 1 failed | 1 skipped) 11ms
     ✓ adds up 2ms
     × rounds 6ms
 FAIL  broken.test.ts [ broken.test.ts ]
Error: Cannot find module './nowhere'
 FAIL  a.test.ts > the till > rounds
AssertionError: expected 1 to be 2
 Test Files  2 failed (2)
      Tests  1 failed | 4 passed | 1 skipped | 1 todo (7)
   Duration  1.18s
`,
    failing: ['broken.test.ts', 'a.test.ts > the till > rounds'],
    passed: 4,
    skipped: 2,
  },
  'vitest, verbose': {
    log: ` ✓ a.test.ts > the till > adds up 1ms
 × a.test.ts > the till > rounds 7ms
   → expected 1 to be 2
 ↓ a.test.ts > the till > later
 ✓ a.test.ts > slow (retry x2) 402ms
 FAIL  |unit| a.test.ts > the till > rounds
 Test Files  1 failed (1)
      Tests  1 failed | 2 passed | 1 skipped (4)
`,
    failing: ['a.test.ts > the till > rounds'],
    passed: 2,
    skipped: 1,
    passedNames: ['a.test.ts > the till > adds up', 'a.test.ts > slow'],
  },
  ava: {
    log: `
  ✔ till › adds up (12ms)
  ✘ [fail]: till › rounds
  - [skip] till › later

  1 test failed
  1 test passed
  1 test skipped
`,
    failing: ['till > rounds'],
    passed: 1,
    skipped: 1,
    passedNames: ['till > adds up'],
  },
  'mocha with odd names': {
    log: `
  2 passing (6ms)
  3 failing

  1) the till:
       rounds:

      AssertionError [ERR_ASSERTION]: 1 == 2

  2) the till:
       nested: odd
         new
line:
     Error: 1) fake:
      at Context.<anonymous> (a.js:5:120)

  3) top:
     Error: x
`,
    failing: ['the till: > rounds', 'the till: > nested: odd > new line', 'top'],
    passed: 2,
    skipped: null,
  },
  'jest that a test file has ended': {
    log: `FAIL ./a.test.js
  ● the till › rounds

    expect(received).toBe(expected) // Object.is equality

FAIL b.test.js
  ● Test suite failed to run

    after

  ●  process.exit called with "3"
`,
    failing: ['a.test.js > the till > rounds', 'b.test.js > Test suite failed to run'],
    passed: null,
    skipped: null,
    broken: 'the run ended before its summary',
  },
  'vitest with an error outside of its tests': {
    log: ` RUN  v4.1.12 /till

 ✓ a.test.js > the till > knows (expected) 1ms

 FAIL  syntax.test.js [ syntax.test.js ]
Error: Failed to parse source
 FAIL  a.test.js > the till > deep [ x ]
Error: x

This error originated in "late.test.js" test file. It doesn't mean the error was thrown inside the file itself.

 Test Files  2 failed | 1 passed (3)
      Tests  1 failed | 1 expected fail (2)
     Errors  1 error
`,
    failing: ['syntax.test.js', 'a.test.js > the till > deep [ x ]', 'late.test.js (an error outside of its tests)'],
    passed: 1,
    skipped: null,
    passedNames: ['a.test.js > the till > knows (expected)'],
  },
  'ava with messages, and a file that ended': {
    log: `
  - [skip] a › later
  ✔ a › adds
  ✘ [fail]: a › took Error thrown in test
  ✘ Exiting due to process.exit() when running b.test.js
  ✘ b.test.js exited with a non-zero exit code: 1
  ─

  a › took

  Error thrown in test:

  ─

  1 test failed
  1 test skipped
`,
    failing: ['a > took', 'b.test.js exited with a non-zero exit code: 1'],
    passed: 1,
    skipped: 1,
    passedNames: ['a > adds'],
  },
};

describe('the tests that an output of JavaScript names', () => readsOutputs(outputs));
