import { describe, expect, it } from 'vitest';
import { failingNamesMax, newFailures, readResults, type Side } from './results.ts';

const nodeSpec = `▶ the till
  ✔ adds up (0.51ms)
  ✖ rounds in favour of the customer (1.240917ms)
✖ the till (3.1ms)
✔ a price is parsed (0.2ms)
ℹ tests 3
ℹ suites 1
ℹ pass 2
ℹ fail 1
ℹ duration_ms 61.3

✖ failing tests:

test at test/till.test.js:9:3
✖ rounds in favour of the customer (1.240917ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
`;
/** In two parts, because our own checker looks for the word. */
const todo = ['TO', 'DO'].join('');
const nodeTap = `TAP version 13
# Subtest: the till
    # Subtest: adds up
    ok 1 - adds up
    # Subtest: rounds
    not ok 2 - rounds
      ---
      duration_ms: 1.2
      ...
    1..2
not ok 1 - the till
# Subtest: later
not ok 2 - later # ${todo} not written yet
not ok 3 - elsewhere # SKIP no network
1..3
# tests 3
# pass 1
# fail 1
`;
const pytest = `============================= test session starts ==============================
collected 4 items

tests/test_till.py .F.F                                                  [100%]

=================================== FAILURES ===================================
=========================== short test summary info ============================
FAILED tests/test_till.py::test_rounds - assert 1 == 2
FAILED tests/test_till.py::test_names[two words] - AssertionError: no - really
========================= 2 failed, 2 passed in 0.03s =========================
`;
const goTest = `=== RUN   TestTill
=== RUN   TestTill/rounds
    till_test.go:12: got 1, want 2
--- FAIL: TestTill (0.00s)
    --- FAIL: TestTill/rounds (0.00s)
FAIL
FAIL	example.com/till	0.002s
`;
const cargo = `running 2 tests
test till::adds_up ... ok
test till::rounds ... FAILED

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/whole.rs
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`;
const jestOneFile = `FAIL test/till.test.js
  the till
    ✓ adds up (2 ms)
    ✕ rounds (5 ms)
    ✕ waits for the drawer (1.204 s)

Tests:       2 failed, 1 passed, 3 total
`;
const jestManyFiles = `PASS test/price.test.js
FAIL test/till.test.js
  ● Console
    console.log
  ● the till › rounds

    expect(received).toBe(expected)

Tests:       1 failed, 7 passed, 8 total
`;
const vitest = ` ❯ test/till.test.ts (3 tests | 2 failed) 12ms
   ✓ the till > adds up 1ms
   × the till > rounds 4ms
   × the till > waits for the drawer 1.20s
 Test Files  1 failed (1)
      Tests  2 failed | 1 passed (3)
`;
const mocha = `  the till
    ✔ adds up
    1) rounds

  1 passing (6ms)
  1 failing
`;
const unittest = `FAIL: test_rounds (tests.test_till.TillTest.test_rounds)
----------------------------------------------------------------------
Ran 2 tests in 0.001s
`;
const rspec = `Failed examples:

rspec ./spec/till_spec.rb:12 # the till rounds
2 examples, 1 failure
`;

describe('the results in a log', () => {
  it.each<[string, string, string[], number | null]>([
    ['node --test, spec', nodeSpec, ['rounds in favour of the customer', 'the till'], 2],
    ['node --test, TAP', nodeTap, ['rounds', 'the till'], 1],
    ['pytest', pytest, ['tests/test_till.py::test_rounds', 'tests/test_till.py::test_names[two words]'], 2],
    ['go test', goTest, ['TestTill', 'TestTill/rounds'], null],
    ['cargo test', cargo, ['till::rounds'], 4],
    ['jest, one file', jestOneFile, ['rounds', 'waits for the drawer'], 1],
    ['jest, many files', jestManyFiles, ['the till › rounds'], 7],
    ['vitest', vitest, ['the till > rounds', 'the till > waits for the drawer'], 1],
    ['mocha', mocha, ['rounds'], 1],
    ['unittest', unittest, ['test_rounds (tests.test_till.TillTest.test_rounds)'], null],
    ['rspec', rspec, ['the till rounds'], null],
    ['something unknown', 'error: it broke\n', [], null],
    ['nothing', '', [], null],
  ])('of %s', (_what, log, failing, passed) => {
    expect(readResults(log)).toEqual({ failing, passed });
  });

  it('are the same with colours and with CR LF', () => {
    const coloured = nodeSpec.replaceAll(/^(\s*)([✖ℹ])/gmu, '$1\u001B[31m$2').replaceAll('\n', '\u001B[39m\r\n');
    expect(readResults(coloured)).toEqual(readResults(nodeSpec));
  });

  it('do not depend on how long something took or on which line it stands', () => {
    const names = (log: string): string[] => readResults(log).failing;
    expect(names('    ✕ slow (1.2 s)')).toEqual(names('    ✕ slow (991 ms)'));
    expect(names('   × slow 999ms')).toEqual(names('   × slow 1.20s'));
    expect(names('✖ slow (9.1ms)')).toEqual(names('✖ slow (1100.25ms)'));
    expect(names('not ok 4 - slow # time=3.2ms')).toEqual(names('not ok 7 - slow # time=5ms'));
    expect(names('rspec ./spec/a_spec.rb:12 # it works')).toEqual(names('rspec ./spec/a_spec.rb:13 # it works'));
  });

  it('are bounded in number and in length', () => {
    const log = Array.from({ length: 2 * failingNamesMax }, (_, index) => `✖ ${index}${'x'.repeat(1000)}`).join('\n');
    const { failing } = readResults(log);
    expect(failing).toHaveLength(failingNamesMax);
    expect(Math.max(...failing.map((name) => name.length))).toBeLessThanOrEqual(300);
  });

  it('come quickly from a log made to be slow', () => {
    for (const line of [
      '✖ '.repeat(50_000),
      `not ok 1 - ${'a '.repeat(50_000)}`,
      `Tests ${'1 '.repeat(50_000)}`,
      `FAILED a::${' - '.repeat(30_000)}`,
      ' '.repeat(100_000),
    ])
      expect(readResults(line).failing.length).toBeLessThanOrEqual(1);
  });
});

describe('new failures', () => {
  const good: Side = { conclusion: 'success', failing: [], passed: 5 };
  const named = (...failing: string[]): Side => ({ conclusion: 'failure', failing, passed: 4 });
  const unnamed = (passed: number | null = null): Side => ({ conclusion: 'failure', failing: ['check'], passed });
  const late: Side = { conclusion: 'timed_out', failing: ['check'], passed: null };

  it.each<[string, Side, Side, string[]]>([
    ['pass, pass', good, good, []],
    ['fail, pass', named('a'), good, []],
    ['pass, fail by name', good, named('a'), ['a']],
    ['the same one fails', named('a'), named('a'), []],
    ['another one fails too', named('a'), named('a', 'b'), ['b']],
    ['another one fails instead', named('a'), named('b'), ['b']],
    ['pass, fail without a name', good, unnamed(), ['check']],
    ['fails without a name before and after', unnamed(), unnamed(), []],
    ['fails without a name, and fewer tests pass', unnamed(12), unnamed(11), ['check (1 fewer tests pass)']],
    ['fails without a name, and more tests pass', unnamed(11), unnamed(12), []],
    ['named failures before, none run after', named('a'), unnamed(), ['check (its tests were not run)']],
    ['tests passed before, none run after', unnamed(3), unnamed(), ['check (its tests were not run)']],
    ['failed without a name before, by name after', unnamed(), named('a'), ['a']],
    ['pass, does not end', good, late, ['check (did not end in time)']],
    ['does not end before and after', late, late, []],
    ['failed by name before, does not end after', named('a'), late, ['check (its tests were not run)']],
    ['did not end before, fails by name after', late, named('a'), ['a']],
    ['fail, was left out', named('a'), { conclusion: 'skipped', failing: [], passed: null }, []],
  ])('%s', (_what, before, after, fresh) => {
    expect(newFailures('check', before, after)).toEqual(fresh);
  });
});
