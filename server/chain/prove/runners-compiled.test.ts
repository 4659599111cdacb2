import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
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
  'cargo test whose binary a test has ended': {
    log: `     Running unittests src/lib.rs (target/debug/deps/till-08a90677e73daa2f)

running 2 tests
test tests::adds ... ok
test tests::rounds ... FAILED

failures:

---- tests::rounds stdout ----
test tests::fake ... FAILED
thread 'tests::rounds' panicked at src/lib.rs:9:5:

failures:
    tests::rounds

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass \`--lib\`
     Running tests/crash.rs (target/debug/deps/crash-5e0b8b442f7817fd)

running 3 tests
error: test failed, to rerun pass \`--test crash\`

Caused by:
  process didn't exit successfully: (signal: 6, SIGABRT: process abort signal)
     Running benches/own.rs (target/debug/deps/own-15e0b8b442f7817f)
a harness of its own, which passes
   Doc-tests till

running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: 2 targets failed:
`,
    failing: ['till > tests::rounds', 'crash (it ended before its tests did)'],
    passed: 1,
    skipped: 0,
    passedNames: ['till > tests::adds'],
  },
  // On one processor the name of a test stands in front of what it prints.
  'cargo test with output between a name and its end': {
    log: `     Running unittests src/lib.rs (target/debug/deps/till-08a90677e73daa2f)

running 2 tests
test tests::adds ... noise ok
test tests::rounds ... noise
FAILED

failures:

failures:
    tests::rounds

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`,
    failing: ['till > tests::rounds'],
    passed: 1,
    skipped: 0,
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
};

describe('the tests that an output of a compiled language names', () => readsOutputs(outputs));
