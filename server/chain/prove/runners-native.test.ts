import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
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
  GoogleTest: {
    log: `Running main() from gtest_main.cc
[==========] Running 5 tests from 2 test suites.
[ RUN      ] Till.Adds
noise[       OK ] Till.Adds (0 ms)
[ RUN      ] Till.Rounds
till.cc:4: Failure
[  FAILED  ] Till.Rounds (0 ms)
[ RUN      ] Till.Later
[  SKIPPED ] Till.Later (0 ms)
[ DISABLED ] Till.DISABLED_Off
[ RUN      ] All/P.Is/0
[  FAILED  ] Fake.One (0 ms)
[       OK ] All/P.Is/0 (0 ms)
[ RUN      ] All/P.Is/1
[  FAILED  ] All/P.Is/1, where GetParam() = 2 (0 ms)
[==========] 5 tests from 2 test suites ran. (0 ms total)
[  PASSED  ] 2 tests.
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] Till.Rounds
[  FAILED  ] All/P.Is/1, where GetParam() = 2
`,
    failing: ['Till.Rounds', 'All/P.Is/1'],
    passed: 2,
    skipped: 1,
    passedNames: ['Till.Adds', 'All/P.Is/0'],
  },
  'GoogleTest whose test has ended the program': {
    log: `[==========] Running 3 tests from 1 test suite.
[ RUN      ] Till.Adds
[       OK ] Till.Adds (0 ms)
[ RUN      ] Till.Crash
`,
    failing: ['Till.Crash (it did not come to its end)'],
    passed: 1,
    skipped: 0,
    broken: 'a program ended before its tests did',
  },
  meson: {
    log: `1/7 till / adds         OK              0.01s
2/7 till:money / rounds FAIL            0.01s   exit status 1
>>> /usr/bin/sh -c false
3/7 till / with space   FAIL            0.01s   exit status 1
4/7 till / skip         SKIP            0.01s   exit status 77
5/7 till / xf           EXPECTEDFAIL    0.01s   exit status 1
6/7 till / kill         FAIL            0.01s   killed by signal 9 SIGKILL
7/7 till / late         TIMEOUT         1.02s   killed by signal 15 SIGTERM

Ok:                 1
Expected Fail:      1
Fail:               3
Unexpected Pass:    0
Skipped:            1
Timeout:            1
`,
    failing: ['till:money / rounds', 'till / with space', 'till / kill', 'till / late'],
    passed: 1,
    skipped: 2,
    passedNames: ['till / adds'],
  },
  'prove of Perl': {
    log: `#   Failed test 'rounds'
#   at t/a.t line 2.
t/a.t ..
Failed 3/6 subtests
t/b.t ..
t/d.t .. ok

Test Summary Report
-------------------
t/a.t (Wstat: 768 (exited 3) Tests: 6 Failed: 3)
  Failed tests:  2, 5-6
  Non-zero exit status: 3
t/b.t (Wstat: 9 (Signal: KILL) Tests: 1 Failed: 0)
  Non-zero wait status: 9
  Parse errors: Bad plan.  You planned 3 tests but ran 1.
Files=3, Tests=8,  1 wallclock secs ( 0.02 usr  0.01 sys +  0.08 cusr  0.07 csys =  0.18 CPU)
Result: FAIL
`,
    failing: ['t/a.t > test 2', 't/a.t > test 5', 't/a.t > test 6', 't/b.t (it broke off)'],
    passed: 5,
    skipped: null,
  },
  'prove -v of Perl': {
    log: `t/a.t ..
ok 1 - adds
not ok 2 - rounds
1..2
Dubious, test returned 1 (wstat 256, 0x100)
Failed 1/2 subtests
t/b.t ..
1..3
ok 1 - first
Failed 2/3 subtests

Test Summary Report
-------------------
t/a.t (Wstat: 256 (exited 1) Tests: 2 Failed: 1)
  Failed test:  2
t/b.t (Wstat: 9 (Signal: KILL) Tests: 1 Failed: 0)
  Non-zero wait status: 9
  Parse errors: Bad plan.  You planned 3 tests but ran 1.
Files=2, Tests=3,  0 wallclock secs ( 0.03 usr  0.01 sys +  0.13 cusr  0.03 csys =  0.20 CPU)
Result: FAIL
`,
    failing: ['rounds', 't/b.t (it broke off)'],
    passed: 2,
    skipped: 0,
  },
};

describe('the tests that an output of CMake, Meson, Automake or Perl names', () => readsOutputs(outputs));
