import { describe, expect, it } from 'vitest';
import { type Candidate, placeHunks } from './place.ts';

const hunk = (places: readonly number[], expected: number | null = null, heading = '', length = 3): Candidate => ({
  places,
  length,
  above: 1,
  below: 1,
  expected,
  heading,
});
const lines = ['alpha(', '', '', '', '', '', '', '', '', 'beta(', '', '', '', '', ''];

describe('choosing places', () => {
  it.each<[string, readonly Candidate[], unknown]>([
    ['the only place is taken, wherever the number points', [hunk([4], 90)], { kind: 'placed', places: [4] }],
    ['an exact number names one of several', [hunk([4, 9], 9)], { kind: 'placed', places: [9] }],
    [
      'a number that names none is ambiguous, also near one',
      [hunk([4, 9], 5)],
      { kind: 'ambiguous', hunk: 0, places: [4, 9] },
    ],
    ['no number is ambiguous', [hunk([4, 9])], { kind: 'ambiguous', hunk: 0, places: [4, 9] }],
    [
      'the drift of the hunk before names one',
      [hunk([12], 2), hunk([22, 30], 20)],
      { kind: 'placed', places: [12, 30] },
    ],
    [
      'the drift of the hunk behind names one',
      [hunk([14, 20], 4), hunk([50], 40)],
      { kind: 'placed', places: [14, 50] },
    ],
    [
      'a number and a drift that disagree are ambiguous',
      [hunk([12], 2), hunk([20, 30], 20), hunk([60], 50)],
      { kind: 'ambiguous', hunk: 1 },
    ],
    [
      'only one place lies between the neighbours',
      [hunk([10]), hunk([2, 14, 40]), hunk([30])],
      { kind: 'placed', places: [10, 14, 30] },
    ],
    [
      'two places between the neighbours are ambiguous',
      [hunk([10]), hunk([14, 20]), hunk([30])],
      { kind: 'ambiguous', hunk: 1 },
    ],
    ['a heading names one of several', [hunk([4, 11], null, 'beta(')], { kind: 'placed', places: [11] }],
    ['a heading that fits none is ambiguous', [hunk([4, 11], null, 'gamma(')], { kind: 'ambiguous', hunk: 0 }],
    ['hunks that overlap are refused', [hunk([4]), hunk([5])], { kind: 'overlapping', hunk: 1, other: 0 }],
    ['hunks may share context', [hunk([4]), hunk([6])], { kind: 'placed', places: [4, 6] }],
    ['hunks in another order are placed', [hunk([9]), hunk([4])], { kind: 'placed', places: [9, 4] }],
  ])('%s', (_, candidates, expected) => {
    expect(placeHunks(candidates, lines)).toMatchObject(expected as object);
  });
});
