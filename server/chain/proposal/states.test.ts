import { describe, expect, it } from 'vitest';
import { ProposalState } from '#contract/proposal.ts';
import { next, proposalStates } from './states.ts';

describe('the states of a proposal', () => {
  it('can all be reached from "open"', () => {
    const reached = new Set<ProposalState>(['open']);
    for (const state of reached) for (const to of Object.values(proposalStates[state].on)) reached.add(to);
    expect([...reached].toSorted()).toEqual([...ProposalState.options].toSorted());
  });

  it('that have something under way outside can always be left, so that a restart goes on with them', () => {
    for (const state of ProposalState.options)
      if (proposalStates[state].underWay)
        expect(Object.keys(proposalStates[state].on).length, state).toBeGreaterThan(0);
  });

  it('let GO happen only while they are open', () => {
    for (const state of ProposalState.options) expect(next(state, 'go')).toBe(state === 'open' ? 'publishing' : null);
  });

  it('never forget that something may be outside: what is unknown can still be found, published or refused', () => {
    expect(next('publishing', 'lost')).toBe('unknown');
    expect(next('unknown', 'found')).toBe('publishing');
    expect(next('unknown', 'opened')).toBe('published');
    expect(next('unknown', 'reject' as 'go')).toBeNull();
  });

  it('let only what is published be undone, and an undo that did not get through can be asked again', () => {
    for (const state of ProposalState.options)
      expect(next(state, 'undo')).toBe(state === 'published' ? 'undoing' : null);
    expect(next('undoing', 'kept')).toBe('published');
  });
});
