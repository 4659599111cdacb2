import type { Freshness, ProposalState } from '#contract/proposal.ts';
import { freshEnough } from '#contract/proposal.ts';
import type { PublicationStep } from './states.ts';

export interface PublishFacts {
  readonly state: ProposalState;
  readonly step: PublicationStep;
  /** How the base stands now; null when it was not looked at in this pass. */
  readonly freshness: Freshness | null;
}

export type PublishStep =
  | 'check_base'
  | 'refuse_stale'
  | 'commit'
  | 'push'
  | 'open_pull'
  | 'close_pull'
  | 'delete_branch'
  | 'nothing';

/**
 * What a publication does next. Before anything is outward the base is looked at again, under the lock; once the branch is
 * on the forge the base no longer matters, because what was decided is what is there. Pure.
 */
export function decide(facts: PublishFacts): PublishStep {
  if (facts.state === 'undoing')
    return facts.step === 'opened' ? 'close_pull' : facts.step === 'closed' ? 'delete_branch' : 'nothing';
  if (facts.state !== 'publishing' && facts.state !== 'unknown') return 'nothing';
  switch (facts.step) {
    case 'decided':
      if (facts.freshness === null) return 'check_base';
      return freshEnough.includes(facts.freshness.verdict) ? 'commit' : 'refuse_stale';
    case 'committed':
      return 'push';
    case 'pushed':
      return 'open_pull';
    case 'opened':
    case 'closed':
    case 'undone':
      return 'nothing';
  }
}
