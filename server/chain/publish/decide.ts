import type { Freshness, ProposalState } from '#contract/proposal.ts';
import { freshEnough } from '#contract/proposal.ts';
import type { PublicationStep } from './states.ts';

export interface PublishFacts {
  readonly state: ProposalState;
  readonly step: PublicationStep;
  /** How the base stands now; null when it was not looked at in this pass. */
  readonly freshness: Freshness | null;
  readonly nowMs: number;
  /** Set when the forge asked us to wait. */
  readonly againAtMs: number | null;
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
  if (facts.againAtMs !== null && facts.nowMs < facts.againAtMs) return 'nothing';
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

export interface PushFacts {
  /** `final`: the remote said no, which tells nothing about an earlier push. `lost`: what became of it is not known. */
  readonly answer: 'final' | 'lost';
  /** What stands at the branch; null when that was not asked, or not answered. */
  readonly there: 'ours' | 'other' | 'nothing' | null;
  /** When an earlier push began whose answer was lost; null: there was none. */
  readonly askedAtMs: number | null;
  readonly nowMs: number;
  /** A push may still have its effect for so long after it was sent. */
  readonly landsWithinMs: number;
}

/** What an unsuccessful push came to. A refusal counts only when no earlier push can land any more. Pure. */
export function decidePush({
  answer,
  there,
  askedAtMs,
  nowMs,
  landsWithinMs,
}: PushFacts): 'pushed' | 'taken' | 'refuse' | 'wait' {
  if (answer === 'final' && askedAtMs === null) return 'refuse';
  switch (there) {
    case 'ours':
      return 'pushed';
    case 'other':
      return 'taken';
    case null:
      return 'wait';
    case 'nothing':
      return answer === 'final' && askedAtMs !== null && nowMs - askedAtMs >= landsWithinMs ? 'refuse' : 'wait';
  }
}

export interface PullFacts {
  /** Whether the forge has it; null when the forge could not be asked, `forbidden` when it does not let us see that. */
  readonly isThere: boolean | 'forbidden' | null;
  /** When it was asked for, while nothing says that this came to nothing. */
  readonly askedAtMs: number | null;
  readonly nowMs: number;
  /** A call may still have its effect for so long after it was sent. */
  readonly landsWithinMs: number;
}

/**
 * Whether a pull request may be asked for. Nothing forbids a forge to make two, so an earlier request whose answer was lost must
 * have landed or died before there is another. Pure.
 */
export function decidePull(facts: PullFacts): 'take' | 'ask' | 'wait' | 'withdraw' {
  if (facts.isThere === null) return 'wait';
  // Who may not even look may not ask. While none was asked for, there is none, so the branch can go.
  if (facts.isThere === 'forbidden') return facts.askedAtMs === null ? 'withdraw' : 'wait';
  if (facts.isThere) return 'take';
  if (facts.askedAtMs === null) return 'ask';
  // A clock that was set back makes it wait longer, never shorter.
  return facts.nowMs - facts.askedAtMs >= facts.landsWithinMs ? 'ask' : 'wait';
}
