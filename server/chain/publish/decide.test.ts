import { describe, expect, it } from 'vitest';
import { Freshness, ProposalState, Publication } from '#contract/proposal.ts';
import { decide, decidePull, decidePush, type PublishFacts, type PublishStep } from './decide.ts';
import { publicationSteps } from './states.ts';

const fresh = (verdict: Freshness['verdict']): Freshness => ({
  verdict,
  baseNow: null,
  commitsSince: null,
  overlapping: [],
  message: '',
  checkedAtMs: 0,
});

const clock = { nowMs: 1000, againAtMs: null };
const next = (facts: Omit<PublishFacts, 'nowMs' | 'againAtMs'>): PublishStep => decide({ ...facts, ...clock });

describe('what a publication does next', () => {
  it('looks at the base first, and refuses everything that is not surely fresh enough', () => {
    const at = (freshness: Freshness | null): PublishStep => next({ state: 'publishing', step: 'decided', freshness });
    expect(at(null)).toBe('check_base');
    const answers = Object.fromEntries(Freshness.shape.verdict.options.map((verdict) => [verdict, at(fresh(verdict))]));
    expect(answers).toEqual({
      current: 'commit',
      moved_apart: 'commit',
      moved_overlap: 'refuse_stale',
      no_longer_applies: 'refuse_stale',
      unknown: 'refuse_stale',
    });
  });

  it.each(['publishing', 'unknown'] as const)('goes through its steps in order while it is %s', (state) => {
    expect(next({ state, step: 'committed', freshness: null })).toBe('push');
    expect(next({ state, step: 'pushed', freshness: null })).toBe('open_pull');
    expect(next({ state, step: 'opened', freshness: null })).toBe('nothing');
  });

  it('does not look at the base any more once something is outside', () => {
    for (const step of ['committed', 'pushed'] as const)
      expect(next({ state: 'publishing', step, freshness: fresh('moved_overlap') })).not.toBe('refuse_stale');
  });

  it('undoes in two steps: the pull request, then the branch', () => {
    expect(next({ state: 'undoing', step: 'opened', freshness: null })).toBe('close_pull');
    expect(next({ state: 'undoing', step: 'closed', freshness: null })).toBe('delete_branch');
    expect(next({ state: 'undoing', step: 'undone', freshness: null })).toBe('nothing');
  });

  it('does nothing in every state in which nothing is under way', () => {
    for (const state of ProposalState.options.filter((other) => !['publishing', 'unknown', 'undoing'].includes(other)))
      for (const step of Publication.shape.step.options)
        expect(next({ state, step, freshness: fresh('current') }), `${state} ${step}`).toBe('nothing');
  });

  it('has steps that follow each other without a gap or a circle', () => {
    const seen: string[] = [];
    for (
      let step: keyof typeof publicationSteps | null = 'decided';
      step !== null;
      step = publicationSteps[step].next
    ) {
      expect(seen).not.toContain(step);
      seen.push(step);
    }
    expect(seen).toEqual(Publication.shape.step.options);
    expect(seen.filter((step) => publicationSteps[step as 'decided'].outward)).toEqual([
      'pushed',
      'opened',
      'closed',
      'undone',
    ]);
  });
});

describe('a forge that asked us to wait', () => {
  it('is left alone until then, whatever is under way', () => {
    for (const state of ['publishing', 'unknown', 'undoing'] as const)
      for (const step of Publication.shape.step.options) {
        const facts = { state, step, freshness: fresh('current'), againAtMs: 2000 };
        expect(decide({ ...facts, nowMs: 1999 })).toBe('nothing');
        expect(decide({ ...facts, nowMs: 2000 })).toBe(next({ state, step, freshness: fresh('current') }));
      }
  });
});

describe('a push that did not succeed', () => {
  it.each([
    ['was refused, and was the first', { answer: 'final', there: null, askedAtMs: null }, 'refuse'],
    ['was refused after one that may still land', { answer: 'final', there: 'nothing', askedAtMs: 501 }, 'wait'],
    ['was refused after one that landed', { answer: 'final', there: 'ours', askedAtMs: 501 }, 'pushed'],
    ['was refused after one that came to nothing', { answer: 'final', there: 'nothing', askedAtMs: 500 }, 'refuse'],
    ['was refused, and nobody says what is there', { answer: 'final', there: null, askedAtMs: 500 }, 'wait'],
    ['was refused where something else stands', { answer: 'final', there: 'other', askedAtMs: 999 }, 'taken'],
    ['was not answered, and is there', { answer: 'lost', there: 'ours', askedAtMs: null }, 'pushed'],
    ['was not answered, and is not there so far', { answer: 'lost', there: 'nothing', askedAtMs: null }, 'wait'],
    ['was not answered, and nobody says what is there', { answer: 'lost', there: null, askedAtMs: null }, 'wait'],
    ['was not answered where something else stands', { answer: 'lost', there: 'other', askedAtMs: null }, 'taken'],
  ] as const)('because it %s', (_, facts, step) => {
    expect(decidePush({ ...facts, nowMs: 1000, landsWithinMs: 500 })).toBe(step);
  });
});

describe('a pull request', () => {
  it.each([
    ['is there', { isThere: true, askedAtMs: null }, 'take'],
    ['is there after all', { isThere: true, askedAtMs: 999 }, 'take'],
    ['was never asked for', { isThere: false, askedAtMs: null }, 'ask'],
    ['was asked for just now', { isThere: false, askedAtMs: 999 }, 'wait'],
    ['was asked for, and the answer can hardly come any more', { isThere: false, askedAtMs: 501 }, 'wait'],
    ['was asked for so long ago that this came to nothing', { isThere: false, askedAtMs: 500 }, 'ask'],
    ['was asked for by a clock that was ahead', { isThere: false, askedAtMs: 5000 }, 'wait'],
    ['may be there', { isThere: null, askedAtMs: null }, 'wait'],
    ['may be there, long after it was asked for', { isThere: null, askedAtMs: 0 }, 'wait'],
    ['may not be seen, and was never asked for', { isThere: 'forbidden', askedAtMs: null }, 'withdraw'],
    ['may not be seen any more, and was asked for', { isThere: 'forbidden', askedAtMs: 0 }, 'wait'],
  ] as const)('that %s', (_, facts, step) => {
    expect(decidePull({ ...facts, nowMs: 1000, landsWithinMs: 500 })).toBe(step);
  });
});
