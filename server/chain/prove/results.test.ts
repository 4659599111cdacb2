import { describe, expect, it } from 'vitest';
import { nameCharactersMax, pointsMax } from './named.ts';
import { missingTests, newFailures, readResults, type Side } from './results.ts';

describe('the names of failing tests', () => {
  const names = (log: string): readonly string[] => readResults(log).failing;

  it.each([
    ['✖ slow (9.1ms)', '✖ slow (1100.25ms)'],
    ['    ✕ slow (1.2 s)', '    ✕ slow (991 ms)'],
    ['   × slow 999ms', '   × slow 1.20s'],
    ['rspec ./a_spec.rb:12 # it works\n1 example, 1 failure', 'rspec ./a_spec.rb:13 # it works\n1 example, 1 failure'],
    ['✖ reads /tmp/x-a81b/file, twice', '✖ reads /tmp/x-77/other, twice'],
    ['✖ listens on 127.0.0.1:43121', '✖ listens on 127.0.0.1:9'.concat('001')],
    ['✖ holds <till at 0x7f396e5b8710>', '✖ holds <till at 0x7f396e5b9999>'],
  ])('do not depend on how long something took or where it was: %s', (one, other) => {
    expect(names(one)).toHaveLength(1);
    expect(names(one)).toEqual(names(other));
  });

  it('are found without the summary of a run that was ended, by their usual shape', () => {
    expect(names('test till::rounds ... FAILED\n  ✕ adds up (2 ms)\n')).toEqual(['till::rounds', 'adds up']);
    expect(names('FAILED tests/a.py::test_b - no\n    1) rounds\n1) TillTest::testRounds\n')).toEqual([
      'tests/a.py::test_b',
      'rounds',
      'TillTest::testRounds',
    ]);
  });

  it('are bounded in number and in length, and stay apart when they are cut', () => {
    const log = Array.from({ length: 2 * pointsMax }, (_, index) => `✖ ${'x'.repeat(400)}${index}`).join('\n');
    const failing = names(log);
    expect(failing).toHaveLength(pointsMax);
    expect(Math.max(...failing.map((name) => name.length))).toBe(nameCharactersMax);
  });

  it('come quickly from a log made to be slow', () => {
    const many = (text: string): string => Array.from({ length: 300 }, () => text).join('\n');
    for (const line of [
      '✖ '.repeat(50_000),
      `not ok 1 - ${'a '.repeat(50_000)}`,
      `Tests ${'1 '.repeat(50_000)}`,
      `FAILED a::${' - '.repeat(30_000)}`,
      `FAILED a::${'['.repeat(30_000)}`,
      `ok 1${' #'.repeat(30_000)}`,
      ' '.repeat(100_000),
      `2 passed${', 1 failed'.repeat(10_000)}`,
      `[ERROR] a${' Time elapsed: <<<'.repeat(10_000)}`,
      many(`✖ ${' 1'.repeat(900)}`),
      many(`{"Action":"pass"${'"Package":"'.repeat(180)}`),
      many(`\u001B]${'x'.repeat(1900)}`),
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
    ['failed by name before, does not end after', named('a'), late, ['check (did not end in time)']],
    [
      'does not end after, with the old failures',
      named('a'),
      { ...late, failing: ['a'] },
      ['check (did not end in time)'],
    ],
    [
      'the old failures, and then it breaks off',
      named('a'),
      { ...named('a'), broken: 'no plan' },
      ['check (its tests did not all run)'],
    ],
    ['breaks off before and after', { ...named('a'), broken: 'no' }, { ...named('a'), broken: 'no' }, []],
    [
      'the old failures, and no summary any more',
      named('a'),
      { ...named('a'), passed: null },
      ['check (its tests did not all run)'],
    ],
    ['did not end before, fails by name after', late, named('a'), ['a']],
    ['fail, was left out', named('a'), { conclusion: 'skipped', failing: [], passed: null }, []],
  ])('%s', (_what, before, after, fresh) => {
    expect(newFailures('check', before, after)).toEqual(fresh);
  });
});

describe('tests that passed before', () => {
  const tap = (...lines: string[]) => readResults(`TAP version 13\n${lines.join('\n')}\n1..${lines.length}\n`);
  const before = tap('ok 1 - a', 'ok 2 - b', 'ok 3 - c', 'not ok 4 - d');

  it.each<[string, ReturnType<typeof tap>, string[], string[]]>([
    ['all there', tap('ok - c', 'ok - b', 'ok - a'), [], []],
    ['one fails', tap('not ok - a', 'ok - b', 'ok - c'), [], []],
    ['one is deleted', tap('ok - a', 'ok - b'), ['c'], []],
    ['one is renamed', tap('ok - a', 'ok - b', 'ok - e'), ['c'], []],
    ['one is skipped', tap('ok - a', 'ok - b # SKIP no', 'ok - c'), [], ['b']],
    ['the others were not reached', readResults('TAP version 13\nok 1 - a\nBail out!\n'), [], []],
    ['nothing is named', readResults('  3 passing (4ms)\n'), [], []],
  ])('and %s', (_what, after, vanished, leftOut) => {
    expect(missingTests(before, after)).toEqual({ vanished, leftOut });
  });
});
