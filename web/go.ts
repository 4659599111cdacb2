import type { Freshness, Proposal } from '#contract/proposal.ts';

/** What the page knows when it draws the button. `phase` is what this page itself is doing. */
export interface GoFacts {
  readonly proposal: Proposal;
  /** As the page last heard it from its own question; null while no answer has come yet. */
  readonly freshness: Freshness | null;
  readonly refreshing: boolean;
  /** Milliseconds since that answer. */
  readonly freshnessAgeMs: number;
  /** The link is live, or polled: what is shown is current. */
  readonly current: boolean;
  /** "14:02": since when it is not. */
  readonly since: string;
  readonly newBuild: boolean;
  readonly armed: boolean;
  readonly phase: 'idle' | 'sending' | 'checking' | 'not_received';
  /** The proposal was decided elsewhere while this one was on the screen. */
  readonly changedElsewhere: boolean;
}

export type GoFix = 'check_now' | 'reload' | 'show_new' | null;

export interface GoButton {
  readonly action: 'go' | 'prove_again' | 'none';
  readonly label: string;
  readonly enabled: boolean;
  /** Why it cannot be pressed, or what to know before pressing it; one sentence or two. */
  readonly reason: string | null;
  readonly tone: 'plain' | 'warn' | 'stop';
  readonly fix: GoFix;
}

/** An answer about the base older than this, without a live link, is not current (notes R12: unknown is stale). */
export const freshForMs = 90_000;
export const goLabel = 'GO: open pull request';

/** What the one button says and whether it can be pressed. Same facts, same button. */
export function goButton(facts: GoFacts): GoButton {
  const { proposal, freshness, phase } = facts;
  if (phase === 'sending') return off('Sending GO…', null);
  if (phase === 'checking') return off('Checking…', 'We did not hear back. Checking…', 'warn');
  if (facts.changedElsewhere) return off(goLabel, 'This changed while you were looking.', 'warn', 'show_new');
  if (proposal.state !== 'open') return off(stateLabel(proposal), null);
  if (facts.newBuild) return off(goLabel, 'patchgit was updated.', 'warn', 'reload');
  if (freshness === null || facts.freshnessAgeMs > freshForMs) {
    if (facts.refreshing && facts.current) return off(goLabel, 'Checking the base…');
    const why = facts.current ? 'the base was not checked just now' : `reconnecting since ${facts.since}`;
    return off(goLabel, `Not sure this is current: ${why}.`, 'warn', 'check_now');
  }
  if (freshness.verdict !== 'current' && freshness.verdict !== 'moved_apart') {
    return {
      action: 'prove_again',
      label: 'Prove again',
      enabled: facts.armed,
      ...said(freshness.message, 'warn'),
      fix: null,
    };
  }
  const closed = proposal.document.gates.filter((gate) => gate.verdict === 'closed');
  if (closed.length > 0) return off(goLabel, closed.map((gate) => gate.reason).join(' '), 'stop');
  const note = noteFor(facts, freshness);
  return { action: 'go', label: goLabel, enabled: facts.armed, ...said(note, note ? 'warn' : 'plain'), fix: null };
}

/** What to know before pressing: that an earlier GO came to nothing, that the base moved elsewhere. */
function noteFor({ phase, proposal }: GoFacts, freshness: Freshness): string | null {
  if (phase === 'not_received') return 'Not received, nothing was published. You can press GO again.';
  const notes = [
    ...(proposal.refusal ? [`The last GO reached nothing outside. ${proposal.refusal.message}`] : []),
    ...(freshness.verdict === 'moved_apart' ? [freshness.message] : []),
  ];
  return notes.length > 0 ? notes.join(' ') : null;
}

function said(reason: string | null, tone: GoButton['tone']): Pick<GoButton, 'reason' | 'tone'> {
  return { reason, tone };
}

function off(label: string, reason: string | null, tone: GoButton['tone'] = 'plain', fix: GoFix = null): GoButton {
  return { action: 'none', label, enabled: false, reason, tone, fix };
}

const steps = {
  decided: 'Publishing 1 of 3: commit',
  committed: 'Publishing 2 of 3: push branch',
  pushed: 'Publishing 3 of 3: open pull request',
  opened: 'Published',
  closed: 'Undoing: delete branch',
  undone: 'Undone',
} as const;

/** The word for a proposal that is no longer waiting for GO. */
export function stateLabel(proposal: Pick<Proposal, 'state' | 'publication'>): string {
  const pull = proposal.publication?.pr?.state;
  switch (proposal.state) {
    case 'open':
      return 'Your decision is needed';
    case 'publishing':
      return proposal.publication ? steps[proposal.publication.step] : 'Publishing 1 of 3: commit';
    case 'unknown':
      return 'Outcome unknown, finding out';
    case 'published':
      if (pull === 'merged') return 'Merged';
      return pull === 'closed' ? 'Closed, not merged' : 'Published';
    case 'undoing':
      return proposal.publication?.step === 'closed' ? steps.closed : 'Undoing: close pull request';
    case 'undone':
      return 'Undone';
    case 'rejected':
      return 'Closed by you';
    case 'superseded':
      return 'Replaced by a newer proof';
  }
}
