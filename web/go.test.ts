import { describe, expect, it } from 'vitest';
import type { Freshness, Gate, Proposal, ProposalState } from '#contract/proposal.ts';
import { freshEnough, ProposalState as States } from '#contract/proposal.ts';
import { freshForMs, goButton, stateLabel } from './go.ts';
import type { GoFacts } from './go.ts';

const verdicts: readonly Freshness['verdict'][] = [
  'current',
  'moved_apart',
  'moved_overlap',
  'no_longer_applies',
  'unknown',
];

function fresh(verdict: Freshness['verdict'], message: string = verdict): Freshness {
  return { verdict, baseNow: null, commitsSince: null, overlapping: [], message, checkedAtMs: 0 };
}

function proposal(state: ProposalState = 'open', gates: readonly Gate[] = []): Proposal {
  // Only what the button looks at; the rest of the document plays no part.
  return { document: { gates }, state, publication: null, refusal: null } as unknown as Proposal;
}

const ready: GoFacts = {
  proposal: proposal(),
  freshness: fresh('current'),
  refreshing: false,
  freshnessAgeMs: 1_000,
  current: true,
  since: '14:02',
  newBuild: false,
  armed: true,
  phase: 'idle',
  changedElsewhere: false,
};

const closed: Gate = { name: 'tests', verdict: 'closed', reason: '2 of 214 tests failed.' };
const warned: Gate = { name: 'lint', verdict: 'warned', reason: 'lint failed before.' };

const table: readonly {
  readonly when: string;
  readonly facts: Partial<GoFacts>;
  readonly action: string;
  readonly label: string;
  readonly enabled: boolean;
  readonly reason?: RegExp;
  readonly fix?: string;
}[] = [
  { when: 'everything holds', facts: {}, action: 'go', label: 'GO: open pull request', enabled: true },
  {
    when: 'it was shown less than a moment ago',
    facts: { armed: false },
    action: 'go',
    label: 'GO: open pull request',
    enabled: false,
  },
  {
    when: 'a gate only warns',
    facts: { proposal: proposal('open', [warned]) },
    action: 'go',
    label: 'GO: open pull request',
    enabled: true,
  },
  {
    when: 'a gate is closed',
    facts: { proposal: proposal('open', [warned, closed]) },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    reason: /^2 of 214 tests failed\.$/,
  },
  {
    when: 'the base moved apart',
    facts: { freshness: fresh('moved_apart', 'main moved') },
    action: 'go',
    label: 'GO: open pull request',
    enabled: true,
    reason: /main moved/,
  },
  {
    when: 'the base moved under it',
    facts: { freshness: fresh('moved_overlap', 'overlap') },
    action: 'prove_again',
    label: 'Prove again',
    enabled: true,
    reason: /overlap/,
  },
  {
    when: 'it no longer applies',
    facts: { freshness: fresh('no_longer_applies') },
    action: 'prove_again',
    label: 'Prove again',
    enabled: true,
  },
  {
    when: 'nobody knows how the base stands',
    facts: { freshness: fresh('unknown') },
    action: 'prove_again',
    label: 'Prove again',
    enabled: true,
  },
  {
    when: 'the base moved and a gate is closed',
    facts: { freshness: fresh('moved_overlap'), proposal: proposal('open', [closed]) },
    action: 'prove_again',
    label: 'Prove again',
    enabled: true,
  },
  {
    when: 'the base was never checked',
    facts: { freshness: null, refreshing: true },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    reason: /Checking the base/,
  },
  {
    when: 'the check of the base failed',
    facts: { freshness: null },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    fix: 'check_now',
  },
  {
    when: 'the check of the base is old',
    facts: { freshnessAgeMs: freshForMs + 1 },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    fix: 'check_now',
  },
  {
    when: 'the link is down and the check is old',
    facts: { current: false, freshnessAgeMs: freshForMs + 1, refreshing: true },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    reason: /reconnecting since 14:02/,
    fix: 'check_now',
  },
  {
    when: 'the link is down but the check is recent',
    facts: { current: false },
    action: 'go',
    label: 'GO: open pull request',
    enabled: true,
  },
  {
    when: 'patchgit was updated',
    facts: { newBuild: true },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    reason: /updated/,
    fix: 'reload',
  },
  {
    when: 'it was decided elsewhere',
    facts: { changedElsewhere: true },
    action: 'none',
    label: 'GO: open pull request',
    enabled: false,
    reason: /while you were looking/,
    fix: 'show_new',
  },
  {
    when: 'an earlier GO came to nothing',
    facts: {
      proposal: { ...proposal(), refusal: { code: 'forge_unreachable', message: 'The forge did not answer.' } },
    },
    action: 'go',
    label: 'GO: open pull request',
    enabled: true,
    reason: /reached nothing outside\. The forge did not answer\./,
  },
  { when: 'GO is on its way', facts: { phase: 'sending' }, action: 'none', label: 'Sending GO…', enabled: false },
  {
    when: 'the answer to GO was lost',
    facts: { phase: 'checking' },
    action: 'none',
    label: 'Checking…',
    enabled: false,
    reason: /We did not hear back/,
  },
  {
    when: 'GO never arrived',
    facts: { phase: 'not_received' },
    action: 'go',
    label: 'GO: open pull request',
    enabled: true,
    reason: /nothing was published/,
  },
];

describe('the GO button', () => {
  it.each(table)('when $when: "$label", enabled $enabled', ({ facts, action, label, enabled, reason, fix }) => {
    const button = goButton({ ...ready, ...facts });
    expect({ action: button.action, label: button.label, enabled: button.enabled }).toEqual({ action, label, enabled });
    if (reason) expect(button.reason).toMatch(reason);
    if (fix) expect(button.fix).toBe(fix);
  });

  it('offers GO on exactly the freshness the contract calls enough', () => {
    const offered = verdicts.filter((verdict) => goButton({ ...ready, freshness: fresh(verdict) }).action === 'go');
    expect(offered).toEqual(freshEnough);
  });

  it('can be pressed in no state but open, and every state has a word', () => {
    for (const state of States.options) {
      const button = goButton({ ...ready, proposal: proposal(state) });
      expect(button.enabled).toBe(state === 'open');
      expect(stateLabel({ state, publication: null })).not.toBe('');
    }
  });

  it('never can be pressed while it is not armed', () => {
    for (const { facts } of table) expect(goButton({ ...ready, ...facts, armed: false }).enabled).toBe(false);
  });

  it('says how far publishing is', () => {
    const at = (step: 'decided' | 'committed' | 'pushed') =>
      stateLabel({
        state: 'publishing',
        publication: { step } as unknown as NonNullable<Proposal['publication']>,
      });
    expect([at('decided'), at('committed'), at('pushed')]).toEqual([
      'Publishing 1 of 3: commit',
      'Publishing 2 of 3: push branch',
      'Publishing 3 of 3: open pull request',
    ]);
  });
});
