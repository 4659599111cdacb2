import { describe } from 'vitest';
import { readsOutputs, type Output } from './testing/outputs.ts';

const outputs: Record<string, Output> = {
  pytest: {
    log: `============================= test session starts ==============================
collected 9 items

tests/test_till.py .F.Fsx                                                [100%]
------------------------------ Captured log call -------------------------------
ERROR    root:till.py:10 a message that is no test
=========================== short test summary info ============================
FAILED tests/test_till.py::test_rounds - assert [1] == [2]
FAILED tests/test_till.py::test_names[two words] - AssertionError: no - really
FAILED tests/test_till.py::test_names[a - b] - assert 'a - b' == '[c]'
SUBFAILED(i=0) tests/test_till.py::TillTest::test_each - AssertionError: 0 != 1
ERROR tests/test_till.py::test_drawer - ValueError: no
ERROR tests/test_broken.py - ModuleNotFoundError: No module named 'nowhere'
==== 3 failed, 4 passed, 2 skipped, 1 xfailed, 1 warning, 2 errors in 61.03s (0:01:01) ====
`,
    failing: [
      'tests/test_till.py::test_rounds',
      'tests/test_till.py::test_names[two words]',
      'tests/test_till.py::test_names[a - b]',
      'tests/test_till.py::TillTest::test_each (i=0)',
      'tests/test_till.py::test_drawer',
      'tests/test_broken.py',
    ],
    passed: 4,
    skipped: 3,
  },
  'pytest, verbose, with workers': {
    log: `[gw0] [ 33%] PASSED tests/test_till.py::test_adds
[gw1] [ 66%] FAILED tests/test_till.py::test_rounds
tests/test_till.py::test_more PASSED                                     [100%]
FAILED tests/test_till.py::test_rounds - assert 1 == 2
1 failed, 2 passed in 0.10s
`,
    failing: ['tests/test_till.py::test_rounds'],
    passed: 2,
    skipped: null,
    passedNames: ['tests/test_till.py::test_adds', 'tests/test_till.py::test_more'],
  },
  unittest: {
    log: `EFs.FFx
======================================================================
ERROR: setUpClass (test_till.SafeTest)
----------------------------------------------------------------------
======================================================================
FAIL: test_rounds (tests.test_till.TillTest.test_rounds)
It rounds
FAIL: test_fake (of.what.is.Printed)
======================================================================
FAIL: test_each (tests.test_till.TillTest.test_each) (i=0)
======================================================================
FAIL: test_each (tests.test_till.TillTest.test_each) (i=2)
----------------------------------------------------------------------
Ran 6 tests in 0.002s

FAILED (failures=3, errors=1, skipped=1, expected failures=1)
`,
    failing: [
      'setUpClass (test_till.SafeTest)',
      'test_rounds (tests.test_till.TillTest.test_rounds)',
      'test_each (tests.test_till.TillTest.test_each) (i=0)',
      'test_each (tests.test_till.TillTest.test_each) (i=2)',
    ],
    passed: 2,
    skipped: 1,
  },
  'unittest through tox': {
    log: `py311: commands[0]> python -m unittest -v
test_adds (tests.test_till.TillTest.test_adds) ... ok
----------------------------------------------------------------------
Ran 1 test in 0.001s

OK
  py311: OK (0.50=setup[0.10]+cmd[0.40] seconds)
  congratulations :) (0.52 seconds)
`,
    failing: [],
    passed: 1,
    skipped: null,
    passedNames: ['test_adds (tests.test_till.TillTest.test_adds)'],
  },
  rspec: {
    log: `.FF*

Failures:

  1) the till rounds
     Failure/Error: expect(1).to eq 2

An error occurred while loading ./spec/broken_spec.rb.

Finished in 0.01 seconds (files took 0.13 seconds to load)
4 examples, 2 failures, 1 pending

Failed examples:

rspec ./spec/till_spec.rb:3 # the till rounds
rspec ./spec/till_spec.rb[1:3:1] # the till the drawer opens
`,
    failing: ['spec/broken_spec.rb (could not be loaded)', 'the till rounds', 'the till the drawer opens'],
    passed: 1,
    skipped: 1,
  },
  minitest: {
    log: `EFS.

Finished in 0.001597s, 2504.7716 runs/s, 1252.3858 assertions/s.

  1) Error:
TillTest#test_drawer:
RuntimeError: no
    till_test.rb:5:in 'test_drawer'

  2) Failure:
TillTest#test_rounds [till_test.rb:4]:
Expected: 1

  3) Skipped:
TillTest#test_later [till_test.rb:6]:

4 runs, 2 assertions, 1 failures, 1 errors, 1 skips
`,
    failing: ['TillTest#test_drawer', 'TillTest#test_rounds'],
    passed: 1,
    skipped: 1,
  },
  phpunit: {
    log: `PHPUnit 11.5.1 by Sebastian Bergmann and contributors.

.F.FES                                                              7 / 7 (100%)

There was 1 error:

1) Shop\\TillTest::testDrawer
Exception: no

--

There were 2 failures:

1) Shop\\TillTest::testRounds
Failed asserting that 2 is identical to 1.

2) Shop\\TillTest::testRows with data set #1 (Object 0x1, 2)

--

There was 1 skipped test:

1) Shop\\TillTest::testLater

ERRORS!
Tests: 7, Assertions: 5, Errors: 1, Failures: 2, Skipped: 1.
`,
    failing: ['Shop\\TillTest::testDrawer', 'Shop\\TillTest::testRounds', 'Shop\\TillTest::testRows with data set #1'],
    passed: 3,
    skipped: 1,
  },
  'phpunit, content': {
    log: 'PHPUnit 9.6.7 by Sebastian Bergmann and contributors.\n\nOK (5 tests, 9 assertions)\n',
    failing: [],
    passed: 5,
    skipped: null,
  },
  'two runners behind one command': {
    log: `✔ adds up (0.6ms)
ℹ tests 1
ℹ pass 1
test whole ... FAILED
test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.17s
`,
    failing: ['whole'],
    passed: 1,
    skipped: 0,
    passedNames: ['adds up'],
  },
  'TAP and another runner behind one command': {
    log: 'TAP version 13\nok 1 - adds up\n1..1\n  2 passing (4ms)\n',
    failing: [],
    passed: 3,
    skipped: 0,
  },
  'something unknown': { log: 'error: it broke\n', failing: [], passed: null, skipped: null },
  nothing: { log: '', failing: [], passed: null, skipped: null },
  'unittest with an unexpected success': {
    log: `u.
======================================================================
UNEXPECTED SUCCESS: test_known (test_till.TillTest.test_known)

----------------------------------------------------------------------
Ran 2 tests in 0.003s

FAILED (unexpected successes=1)
`,
    failing: ['test_known (test_till.TillTest.test_known)'],
    passed: 1,
    skipped: null,
  },
  'unittest with an unexpected success, before Python 3.12': {
    log: `u.
----------------------------------------------------------------------
Ran 2 tests in 0.003s

FAILED (unexpected successes=1)
`,
    failing: ['unexpected successes: 1'],
    passed: 1,
    skipped: null,
  },
  'pytest -rA': {
    log: `test_till.py .F
=========================== short test summary info ============================
PASSED test_till.py::test_adds
FAILED test_till.py::test_rounds - assert 1 == 2
========================= 1 failed, 1 passed in 0.03s ==========================
`,
    failing: ['test_till.py::test_rounds'],
    passed: 1,
    skipped: null,
    passedNames: ['test_till.py::test_adds'],
  },
  'rspec with an error outside of its examples': {
    log: `.
An error occurred in an \`after(:context)\` hook.
Failure/Error: after(:context) { raise "after" }

Finished in 0.04 seconds (files took 0.10 seconds to load)
1 example, 0 failures, 1 error occurred outside of examples
`,
    failing: ['an error in an `after(:context)` hook'],
    passed: 1,
    skipped: 0,
  },
  'minitest with names in words': {
    log: `  1) Failure:
the till::nested#test_0001_adds up [test/till_test.rb:12]:
Expected: 2

  2) Failure:
TillTest#test_a/b::c [x] [test/till_test.rb:8]:
x

3 runs, 2 assertions, 2 failures, 0 errors, 0 skips
`,
    failing: ['the till::nested#test_0001_adds up', 'TillTest#test_a/b::c [x]'],
    passed: 1,
    skipped: 0,
  },
  'test-unit': {
    log: `Started
F
===============================================================================
Failure: test: with words(TillTest): <false> is not true.
till_test.rb:8:in 'block in <class:TillTest>'
===============================================================================
E
===============================================================================
Error: test_err(TillTest): RuntimeError: x
===============================================================================
O
===============================================================================
Omission: later [test_omit(TillTest)]
===============================================================================

Finished in 0.013475238 seconds.
5 tests, 4 assertions, 1 failures, 1 errors, 1 pendings, 1 omissions, 0 notifications
20% passed
`,
    failing: ['test: with words(TillTest)', 'test_err(TillTest)'],
    passed: 1,
    skipped: 2,
  },
  'PHPUnit without any test': {
    log: `PHPUnit 9.6.7 by Sebastian Bergmann and contributors.

No tests executed!
`,
    failing: [],
    passed: 0,
    skipped: null,
  },
};

describe('the tests that an output of Python, Ruby, PHP or of anything names', () => readsOutputs(outputs));
