import { describe, expect, it } from 'vitest';
import { Freshness, ProposalState, Publication } from '#contract/proposal.ts';
import { decide, type PublishStep } from './decide.ts';
import { publicationSteps } from './states.ts';

const fresh = (verdict: Freshness['verdict']): Freshness => ({
  verdict,
  baseNow: null,
  commitsSince: null,
  overlapping: [],
  message: '',
  checkedAtMs: 0,
});

describe('what a publication does next', () => {
  it('looks at the base first, and refuses everything that is not surely fresh enough', () => {
    const at = (freshness: Freshness | null): PublishStep =>
      decide({ state: 'publishing', step: 'decided', freshness });
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
    expect(decide({ state, step: 'committed', freshness: null })).toBe('push');
    expect(decide({ state, step: 'pushed', freshness: null })).toBe('open_pull');
    expect(decide({ state, step: 'opened', freshness: null })).toBe('nothing');
  });

  it('does not look at the base any more once something is outside', () => {
    for (const step of ['committed', 'pushed'] as const)
      expect(decide({ state: 'publishing', step, freshness: fresh('moved_overlap') })).not.toBe('refuse_stale');
  });

  it('undoes in two steps: the pull request, then the branch', () => {
    expect(decide({ state: 'undoing', step: 'opened', freshness: null })).toBe('close_pull');
    expect(decide({ state: 'undoing', step: 'closed', freshness: null })).toBe('delete_branch');
    expect(decide({ state: 'undoing', step: 'undone', freshness: null })).toBe('nothing');
  });

  it('does nothing in every state in which nothing is under way', () => {
    for (const state of ProposalState.options.filter((other) => !['publishing', 'unknown', 'undoing'].includes(other)))
      for (const step of Publication.shape.step.options)
        expect(decide({ state, step, freshness: fresh('current') }), `${state} ${step}`).toBe('nothing');
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
