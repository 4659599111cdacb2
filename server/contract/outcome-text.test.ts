import { describe, expect, it } from 'vitest';
import type { Outcome } from './forge.ts';
import { ObjectId } from './ids.ts';
import { outcomeLines } from './outcome-text.ts';
import type { Proposal } from './proposal.ts';

const ours = ObjectId.parse('a'.repeat(40));
const theirs = ObjectId.parse('b'.repeat(40));

function published(outcome: Partial<Outcome> | null, url = 'https://github.com/o/r/pull/3') {
  const state: Proposal['state'] = 'published';
  const pr = { number: 3, url, state: 'open' as const };
  const whole: Outcome = {
    state: 'open',
    isDraft: false,
    head: ours,
    mergedAtMs: null,
    mergeCommit: null,
    closedAtMs: null,
    comments: 0,
    checks: { state: 'none', total: 0, failed: [] },
    checkedAtMs: 1,
    trouble: null,
    ...outcome,
  };
  return {
    state,
    publication: { branch: 'b', commit: ours, tree: ours, step: 'opened' as const, trouble: null, pr },
    ...(outcome === null ? {} : { outcome: whole }),
  };
}

const red = {
  state: 'failure' as const,
  total: 3,
  failed: [{ name: 'test', conclusion: 'failure', url: null, text: '' }],
};

describe('the lines about a pull request', () => {
  it.each([
    ['open', {}, 'Pull request #3 is open.', 'The CI there has said nothing yet.'],
    ['a draft', { isDraft: true }, 'Pull request #3 is open, as a draft.', 'The CI there has said nothing yet.'],
    ['red', { checks: red }, 'Pull request #3 is open.', 'The CI there failed: 1 of 3 checks.'],
    [
      'running',
      { checks: { state: 'pending', total: 1, failed: [] } },
      'Pull request #3 is open.',
      'The CI there is running (one check).',
    ],
    ['merged', { state: 'merged' }, 'Pull request #3 was merged.', null],
    [
      'closed',
      { state: 'closed', checks: { state: 'success', total: 2, failed: [] } },
      'Pull request #3 was closed without being merged.',
      'The CI there passed (2 checks).',
    ],
  ] satisfies [string, Partial<Outcome>, string, string | null][])('say that it is %s', (_name, outcome, pull, ci) => {
    expect(outcomeLines(published(outcome))).toMatchObject({ pull, ci });
  });

  it('say when somebody else pushed or commented, while it is open', () => {
    const { others } = outcomeLines(published({ head: theirs, comments: 2 })) ?? { others: [] };
    expect(others).toEqual([
      'It has 2 comments.',
      'Somebody else pushed to its branch: it is at bbbbbbb now, which patchgit has not proved.',
    ]);
    expect(outcomeLines(published({ head: theirs, state: 'merged' }))?.others).toEqual([]);
    expect(outcomeLines(published({ head: null }))?.others).toEqual([]);
  });

  it('claim nothing before the forge was asked, and expect no CI of the embedded forge', () => {
    expect(outcomeLines(published(null))?.pull).toMatch(/not asked yet/);
    expect(outcomeLines(published({}, '/pulls/shop/3'))).toMatchObject({ ci: null, ciVerdict: 'open' });
    expect(outcomeLines({ ...published({}), state: 'undone' })).toBeNull();
    expect(outcomeLines({ state: 'published', publication: null })).toBeNull();
  });
});
