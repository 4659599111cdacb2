import {
  type Arbitrary,
  array,
  assert,
  constantFrom,
  letrec,
  nat,
  oneof,
  property,
  record,
  string,
  tuple,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readResults } from './results.ts';
import { readTap } from './tap.ts';

const todo = ['TO', 'DO'].join('');

const nodeTap = `TAP version 13
# Subtest: the till
    # Subtest: adds up
    ok 1 - adds up
      ---
      duration_ms: 0.69
      type: 'test'
      ...
    # Subtest: rounds
    not ok 2 - rounds
      ---
      error: |-
        not ok 7 - inside a message
      stack: |-
        not ok 8 - inside a stack
      ...
    # Subtest: the drawer
        # Subtest: opens
        not ok 1 - opens
        # Subtest: beeps
        ok 2 - beeps # SKIP no sound
        1..2
    not ok 3 - the drawer
    1..3
not ok 1 - the till
  ---
  type: 'suite'
  ...
# Subtest: issue \\# 5
ok 2 - issue \\# 5
# Subtest: later
not ok 3 - later # ${todo} not written yet
1..3
# tests 6
# pass 2
`;

const buffered = `TAP version 14
1..2
ok 1 - the till {
    ok 1 - adds up # time=2.1ms
    not ok 2 - rounds
    1..2
}

ok 2 - the price # time=3ms
# time=12.5ms
`;

const of = (log: string, entire = true) => {
  const { failing, passed, skipped, passedNames, whole, broken } = readResults(log, entire);
  return { failing, passed, skipped, passedNames: [...passedNames], whole, broken };
};

describe('TAP', () => {
  it('gives every test its full name, and takes nothing from the text of a failure', () => {
    expect(of(nodeTap)).toEqual({
      failing: ['the till > rounds', 'the till > the drawer > opens'],
      passed: 2,
      skipped: 2,
      passedNames: ['the till > adds up', 'issue # 5'],
      whole: true,
      broken: null,
    });
  });

  it('with its subtests behind their parent in braces is read too', () => {
    expect(of(buffered)).toMatchObject({
      failing: ['the till > rounds'],
      passedNames: ['the till > adds up', 'the price'],
      whole: true,
    });
  });

  it.each<[string, string, ReturnType<typeof of>['broken'], string[]]>([
    ['less than planned', 'TAP version 13\n1..3\nok 1 - a\n', '2 tests of the plan were not run', []],
    [
      'one less in a subtest',
      'TAP version 14\n    1..2\n    ok 1 - a\nok 1 - s\n1..1\n',
      '1 test of the plan was not run',
      [],
    ],
    ['no plan', 'TAP version 13\nok 1 - a\nnot ok 2 - b\n', 'the run ended before it said its plan', ['b']],
    ['Bail out!', '1..3\nok 1 - a\nBail out! no database\nok 2 - b\n', 'the run bailed out: no database', []],
    [
      'an end inside a subtest',
      'TAP version 13\n# Subtest: s\n    not ok 1 - a\n',
      'the run ended before it said its plan',
      ['s > a'],
    ],
    ['a plan of nothing', 'TAP version 13\n1..0 # SKIP no browser\n', null, []],
    ['wrong numbers', 'TAP version 13\nok 1 - a\nok 1 - b\nok 7 - c\n1..3\n', null, []],
  ])('with %s says how it broke off', (_what, log, broken, failing) => {
    expect(of(log)).toMatchObject({ broken, failing });
    // Where the middle of the log is missing, so may be the tests: that is not the run's doing.
    if (!log.includes('Bail out')) expect(of(log, false).broken).toBeNull();
  });

  it('names stay the same from run to run', () => {
    const names = (line: string): readonly string[] => of(`TAP version 13\n${line}\n1..1\n`).failing;
    expect(names('not ok 4 - slow # time=3.2ms')).toEqual(['slow']);
    expect(names('not ok 7 slow (12 ms)')).toEqual(['slow']);
    expect(names('not ok 1 - a.test.js # time=25.63ms {\n    not ok 1 - slow # time=8ms\n    1..1\n}')).toEqual([
      'a.test.js > slow',
    ]);
    expect(names('not ok - listens on localhost:43121')).toEqual(names('not ok 1 - listens on localhost:9999'));
    expect(names('not ok 1')).toEqual(['a test without a name']);
  });

  it('is not seen in words', () => {
    expect(readTap(['ok, that was it', 'not okay', 'ok then', '# a title', '    1. one'], true)).toBeNull();
  });

  it('of any tree of tests is read back exactly', () => {
    type Tree = { name: number; children: Tree[] } | { name: number; outcome: 'passed' | 'failed' | 'skipped' };
    const { tree } = letrec<{ tree: Tree }>((tie) => ({
      tree: oneof(
        { depthSize: 'small', withCrossShrink: true },
        record({
          name: nat(),
          outcome: constantFrom('passed' as const, 'failed' as const, 'skipped' as const),
        }),
        record({
          name: nat(),
          children: array(tie('tree') as Arbitrary<Tree>, { minLength: 1, maxLength: 4 }),
        }),
      ) as Arbitrary<Tree>,
    }));
    assert(
      property(array(tree, { minLength: 1, maxLength: 5 }), (trees) => {
        const lines = ['TAP version 14'];
        const wanted: string[] = [];
        let number = 0;
        const write = (list: Tree[], indent: string, path: string): boolean => {
          let allPass = true;
          for (const entry of list) {
            // A number of its own, so that no two tests have one name.
            number += 1;
            const name = `t${number} ${entry.name}`;
            const full = path === '' ? name : `${path} > ${name}`;
            lines.push(`${indent}# Subtest: ${name}`);
            let passes = true;
            if ('children' in entry) passes = write(entry.children, `${indent}    `, full);
            else {
              passes = entry.outcome !== 'failed';
              wanted.push(`${entry.outcome} ${full}`);
            }
            const skip = 'outcome' in entry && entry.outcome === 'skipped' ? ' # SKIP' : '';
            lines.push(
              `${indent}${passes ? '' : 'not '}ok ${number} - ${name}${skip}`,
              `${indent}  ---`,
              `${indent}  x: 1`,
              `${indent}  ...`,
            );
            allPass &&= passes;
          }
          lines.push(`${indent}1..${list.length}`);
          return allPass;
        };
        write(trees, '', '');
        const read = readTap(lines, true)?.reading;
        expect(read?.points.map((point) => `${point.outcome} ${point.name}`)).toEqual(wanted);
        expect(read).toMatchObject({ whole: true, broken: null });
      }),
      { numRuns: 300 },
    );
  });

  it('made of noise is read to its end, within bounds', () => {
    const word = constantFrom(
      'ok 1 - a',
      'not ok 2 b {',
      '}',
      '1..3',
      '1..99999999999999999999',
      '  ---',
      '  ...',
      '# Subtest: s',
      'Bail out!',
      'TAP version 14',
      '# SKIP',
      '\u0000',
      'x',
    );
    const line = tuple(nat(90), word, string()).map(([indent, text, end]) => `${' '.repeat(indent)}${text}${end}`);
    assert(
      property(array(line, { maxLength: 200 }), (lines) => {
        const read = readResults(lines.join('\n'));
        expect(read.failing.every((name) => name.length <= 310 && !/\p{Cc}/u.test(name))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
