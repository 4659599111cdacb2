import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
  'go test': {
    log: `--- FAIL: TestTill (0.00s)
    --- FAIL: TestTill/rounds (0.00s)
        till_test.go:12: got 1, want 2
FAIL
FAIL\texample.com/till\t0.002s
--- FAIL: TestTill (0.00s)
FAIL
FAIL\texample.com/safe\t0.002s
ok  \texample.com/price\t0.003s
FAIL\texample.com/broken [build failed]
?   \texample.com/none\t[no test files]
FAIL
`,
    failing: ['example.com/till > TestTill/rounds', 'example.com/safe > TestTill', 'example.com/broken [build failed]'],
    passed: null,
    skipped: null,
  },
  'go test -json': {
    log: [
      { Action: 'run', Package: 'example.com/till', Test: 'TestTill' },
      { Action: 'output', Package: 'example.com/till', Test: 'TestTill', Output: '    --- FAIL: TestTill/x (0.00s)\n' },
      { Time: '2026-01-01T00:00:00Z', Action: 'pass', Package: 'example.com/till', Test: 'TestAdds', Elapsed: 0.1 },
      { Action: 'fail', Package: 'example.com/till', Test: 'TestTill/rounds', Elapsed: 0 },
      { Action: 'fail', Package: 'example.com/till', Test: 'TestTill', Elapsed: 0 },
      { Action: 'skip', Package: 'example.com/till', Test: 'TestLater', Elapsed: 0 },
      { Action: 'fail', Package: 'example.com/till', Elapsed: 0 },
      { Action: 'fail', Package: 'example.com/broken', Elapsed: 0 },
    ]
      .map((event) => JSON.stringify(event))
      .join('\n'),
    failing: ['example.com/till > TestTill/rounds', 'example.com/broken'],
    passed: 1,
    skipped: 1,
    passedNames: ['example.com/till > TestAdds'],
  },
  'cargo test': {
    log: `     Running unittests src/lib.rs (target/debug/deps/till-08a90677e73daa2f)

running 4 tests
test tests::later ... ignored, not yet
test tests::adds ... ok
test tests::rounds ... FAILED
test tests::panics - should panic ... FAILED

test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.08s

     Running tests/whole.rs (target/debug/deps/whole-53b7fbf272521be3)
test tests::rounds ... FAILED
test whole ... ok
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.17s

   Doc-tests till
test src/lib.rs - add (line 12) ... FAILED
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s
`,
    failing: ['till > tests::rounds', 'till > tests::panics', 'whole > tests::rounds', 'till > src/lib.rs - add'],
    passed: 2,
    skipped: 1,
    passedNames: ['till > tests::adds', 'whole > whole'],
  },
  nextest: {
    log: `    Starting 3 tests across 1 binary
        PASS [   0.003s] (1/3) till tests::adds
        FAIL [   0.004s] (2/3) till tests::rounds
     SIGSEGV [   0.004s] (3/3) till tests::crashes
────────────
     Summary [   0.013s] 3 tests run: 1 passed, 2 failed, 1 skipped
        FAIL [   0.004s] (2/3) till tests::rounds
`,
    failing: ['till tests::rounds', 'till tests::crashes'],
    passed: 1,
    skipped: 1,
    passedNames: ['till tests::adds'],
  },
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
  'dotnet test': {
    log: `  Failed Shop.TillTest.Rounds [12 ms]
  Error Message:
   Assert.Equal() Failure
  Passed Shop.TillTest.Adds [< 1 ms]
  Skipped Shop.TillTest.Later

Failed!  - Failed:     1, Passed:     1, Skipped:     1, Total:     3, Duration: 12 ms - Shop.dll (net8.0)
`,
    failing: ['Shop.TillTest.Rounds'],
    passed: 1,
    skipped: 1,
    passedNames: ['Shop.TillTest.Adds'],
  },
  ctest: {
    log: `    Start 1: adds
1/5 Test #1: adds .............................   Passed    0.01 sec
2/5 Test #2: rounds.up ........................***Failed    0.00 sec
3/5 Test #3: late .............................***Timeout   1.00 sec
4/5 Test #4: gone .............................***Not Run   0.00 sec
5/5 Test #5: off ..............................***Not Run (Disabled)   0.00 sec

25% tests passed, 3 tests failed out of 4

The following tests FAILED:
\t  2 - rounds.up (Failed)
`,
    failing: ['rounds.up', 'late', 'gone'],
    passed: 1,
    skipped: 1,
    passedNames: ['adds'],
  },
  'make check of Automake': {
    log: `PASS: adds
FAIL: rounds.sh
XFAIL: later
============================================================================
# TOTAL: 3
# PASS:  1
# SKIP:  0
# XFAIL: 1
# FAIL:  1
============================================================================
`,
    failing: ['rounds.sh'],
    passed: 1,
    skipped: 1,
    passedNames: ['adds'],
  },
};

describe('the tests that an output of a compiled language names', () => readsOutputs(outputs));
