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
  'go test whose test prints without a line end': {
    log: `till
glue--- FAIL: TestGlued (0.00s)
--- FAIL: TestOld (0.00s)
FAIL
FAIL\texample.com/till\t0.002s
`,
    failing: ['example.com/till > TestGlued', 'example.com/till > TestOld'],
    passed: null,
    skipped: null,
  },
  'go test -v': {
    log: `=== RUN   TestAdds
no line end--- PASS: TestAdds (0.00s)
=== RUN   TestLater
    till_test.go:6: later
--- SKIP: TestLater (0.00s)
=== RUN   TestTable
=== RUN   TestTable/with_space
    till_test.go:7: bad
        --- FAIL: TestNope (0.00s)
=== RUN   TestTable/a/b
--- FAIL: TestTable (0.00s)
    --- FAIL: TestTable/with_space (0.00s)
    --- PASS: TestTable/a/b (0.00s)
FAIL
FAIL\texample.com/till\t0.005s
=== RUN   TestPrints
--- FAIL: TestFake (0.00s)
--- FAIL: TestPrints (0.00s)
what it prints--- PASS: TestPrints (0.00s)
=== RUN   TestSilent
PASS
ok  \texample.com/safe\t0.002s
?   \texample.com/none\t[no test files]
FAIL
`,
    failing: ['example.com/till > TestTable/with_space'],
    passed: 4,
    skipped: 1,
    passedNames: [
      'example.com/till > TestAdds',
      'example.com/till > TestTable/a/b',
      'example.com/safe > TestPrints',
      'example.com/safe > TestSilent',
    ],
  },
  'go test -v whose test has ended the program': {
    log: `=== RUN   TestAdds
--- PASS: TestAdds (0.00s)
=== RUN   TestKill
FAIL\texample.com/crash\t0.013s
FAIL\texample.com/broken [build failed]
FAIL
`,
    failing: ['example.com/crash > TestKill (it did not come to its end)', 'example.com/broken [build failed]'],
    passed: 1,
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
};

describe('the tests that an output of go names', () => readsOutputs(outputs));
