import type { ProposalState } from '#contract/proposal.ts';

/** Every state of a proposal, what may happen in it, and whether something of ours is under way outside. */
export const proposalStates = {
  open: {
    underWay: false,
    on: { go: 'publishing', reject: 'rejected', revise: 'superseded', supersede: 'superseded' },
  },
  publishing: { underWay: true, on: { opened: 'published', refused: 'open', lost: 'unknown' } },
  /** We asked the forge and do not know what it did: it is asked until it answers. */
  unknown: { underWay: true, on: { opened: 'published', refused: 'open', found: 'publishing' } },
  published: { underWay: false, on: { undo: 'undoing' } },
  undoing: { underWay: true, on: { undone: 'undone', kept: 'published' } },
  undone: { underWay: false, on: {} },
  rejected: { underWay: false, on: {} },
  superseded: { underWay: false, on: {} },
} as const satisfies Record<ProposalState, { underWay: boolean; on: Readonly<Record<string, ProposalState>> }>;

export type ProposalEvent = { [S in ProposalState]: keyof (typeof proposalStates)[S]['on'] }[ProposalState];

/** The state after `event`, or null when it cannot happen in `state`. */
export function next(state: ProposalState, event: ProposalEvent): ProposalState | null {
  const on: Readonly<Record<string, ProposalState>> = proposalStates[state].on;
  return on[event] ?? null;
}
