import { describe, expect, it } from 'vitest';
import type { ProposalRow } from '#contract/api.ts';
import { ObjectId } from '#contract/ids.ts';
import type { Job } from '#contract/job.ts';
import { JobState } from '#contract/job.ts';
import { MessageState } from '#contract/chat.ts';
import { jobStateText } from './job-card.tsx';
import { deliveryOf } from './message.tsx';
import { pullWords } from './outcome.tsx';
import { chipText } from './page.tsx';
import { stageStates } from './rail.tsx';

const noon = Date.UTC(2026, 10, 21, 12, 0);

describe('the words for what is going on', () => {
  it('says in a list what became of a pull request, and of CI only while it matters', () => {
    const id = ObjectId.parse('a'.repeat(40));
    const row = (state: 'open' | 'merged' | 'closed', ciState?: ProposalRow['ciState']) => ({
      state: 'published' as const,
      publication: {
        branch: 'b',
        commit: id,
        tree: id,
        step: 'opened' as const,
        trouble: null,
        pr: { number: 3, url: '', state },
      },
      ...(ciState === undefined ? {} : { ciState }),
    });
    expect(pullWords(row('open'))).toBe('PR #3 open');
    expect(pullWords(row('open', 'none'))).toBe('PR #3 open');
    expect(pullWords(row('open', 'failure'))).toBe('PR #3 open, × CI failed');
    expect(pullWords(row('merged', 'failure'))).toBe('PR #3 merged');
    expect(pullWords({ ...row('open'), state: 'undone' })).toBeNull();
  });

  it('says on the chip what the owner may believe', () => {
    const view = { link: 'live' as const, asOfMs: noon, newBuild: false };
    expect(chipText(view, false)).toBe('● Live');
    expect(chipText({ ...view, link: 'polling' }, false)).toBe('● Live (polling)');
    expect(chipText({ ...view, link: 'reconnecting' }, false)).toMatch(/^◌ Reconnecting… data as of \d\d:\d\d$/);
    expect(chipText({ ...view, link: 'reconnecting' }, true)).toBe('● Live');
    expect(chipText({ ...view, link: 'offline' }, false)).toMatch(/^○ Offline, data as of \d\d:\d\d$/);
    expect(chipText({ ...view, link: 'connecting', asOfMs: null }, false)).toBe('◌ Connecting…');
    expect(chipText({ ...view, newBuild: true }, false)).toBe('↻ Updated, reload');
  });

  it('has a sentence for every state of a job and of a message', () => {
    const job = { stage: 'prove' as const, ahead: 2 };
    for (const state of JobState.options) expect(jobStateText({ ...job, state })).not.toBe('');
    expect(jobStateText({ ...job, state: 'queued' })).toBe('Queued, 2 ahead');
    expect(jobStateText({ ...job, state: 'running' })).toBe('Running, stage 3 of 3: Prove');
    const said = MessageState.options.filter((state) => deliveryOf({ state, createdAtMs: noon }, undefined) !== '');
    expect(said).toEqual(MessageState.options.filter((state) => state !== 'answered'));
  });

  it('shows on the rail where a job is, or where it ended', () => {
    const rail = (state: Job['state'], stage: Job['stage']) => Object.values(stageStates({ state, stage }));
    expect(rail('queued', 'plan')).toEqual(['waiting', 'waiting', 'waiting']);
    expect(rail('running', 'patch')).toEqual(['done', 'running', 'waiting']);
    expect(rail('refused', 'patch')).toEqual(['done', 'stopped', 'waiting']);
    expect(rail('cancelled', 'prove')).toEqual(['done', 'done', 'stopped']);
    expect(rail('proposed', 'prove')).toEqual(['done', 'done', 'done']);
  });
});
