import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JobState } from '#contract/job.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { proposalStates } from '../proposal/states.ts';
import { publicationSteps } from '../publish/states.ts';
import { attemptsMax, decide, type JobFacts } from './decide.ts';
import { jobStates, next, type JobEvent } from './states.ts';

const states = JobState.options;

describe('the states of a job', () => {
  it('can all be reached from "queued"', () => {
    const reached = new Set<JobState>(['queued']);
    for (const state of reached) for (const to of Object.values(jobStates[state].on)) reached.add(to);
    expect([...reached].toSorted()).toEqual([...states].toSorted());
  });

  it('never cost money while they rest, and can always be left otherwise', () => {
    for (const state of states) {
      const { mayCost, resting, on } = jobStates[state];
      expect(resting && mayCost, state).toBe(false);
      // Stopped at the cap is the one rest that the owner can end.
      expect(Object.keys(on).length === 0, state).toBe(resting && state !== 'stopped_at_cap');
    }
  });

  it('that was stopped at the cap goes on only by an event that the owner sends', () => {
    expect(jobStates.stopped_at_cap.on).toEqual({ continue: 'queued', cancel: 'cancelled' });
  });

  it('that can be waited for can be stopped', () => {
    for (const state of ['queued', 'running'] as const) expect(next(state, 'cancel')).not.toBeNull();
  });

  it('know no event that is not in their table', () => {
    const events: JobEvent[] = [
      'start',
      'cancel',
      'propose',
      'refuse',
      'fail',
      'requeue',
      'stopped',
      'cap',
      'continue',
    ];
    for (const state of states)
      for (const event of events) {
        const on: Record<string, JobState> = jobStates[state].on;
        expect(next(state, event)).toBe(on[event] ?? null);
      }
    expect(next('proposed', 'fail')).toBeNull();
    expect(next('queued', 'propose')).toBeNull();
  });
});

describe('what a job does next', () => {
  const running: JobFacts = { state: 'running', planned: false, patched: false, attempts: 1 };

  it.each<[string, JobFacts, ReturnType<typeof decide>]>([
    ['plans first', running, 'plan'],
    ['makes the patch when it is planned', { ...running, planned: true }, 'patch'],
    ['proves when it is patched', { ...running, planned: true, patched: true }, 'prove'],
    ['is tried as often as allowed', { ...running, attempts: attemptsMax }, 'plan'],
    ['is given up after that', { ...running, attempts: attemptsMax + 1 }, 'give_up'],
    [
      'is given up even when it was nearly done',
      { state: 'running', planned: true, patched: true, attempts: attemptsMax + 1 },
      'give_up',
    ],
    [
      'confirms that it was stopped, whatever it had done',
      { ...running, state: 'cancelling', patched: true },
      'confirm_cancelled',
    ],
    ['does nothing before it is started', { ...running, state: 'queued' }, 'nothing'],
    ['does nothing when it rests', { ...running, state: 'proposed' }, 'nothing'],
    ['does nothing when it was refused', { ...running, state: 'refused' }, 'nothing'],
    ['does nothing when it failed', { ...running, state: 'failed' }, 'nothing'],
    ['does nothing when it stands at the cap', { ...running, state: 'stopped_at_cap' }, 'nothing'],
    ['does nothing when it was stopped', { ...running, state: 'cancelled' }, 'nothing'],
  ])('%s', (_what, facts, step) => {
    expect(decide(facts)).toBe(step);
  });
});

describe('the database', () => {
  let record: TestRecord;
  beforeEach(() => {
    record = testRecord();
  });
  afterEach(() => record.close());

  it.each([
    ['job', 'state', Object.keys(jobStates)],
    ['proposal', 'state', Object.keys(proposalStates)],
    ['publication', 'step', Object.keys(publicationSteps)],
  ])('allows in %s.%s exactly the states of the table', (table, column, keys) => {
    const sql = record.db.sqlite.prepare('select sql from sqlite_master where name = ?').pluck().get(table);
    const check = new RegExp(`\\b${column} text not null check \\(\\s*${column} in \\(([^)]*)\\)`).exec(
      String(sql),
    )?.[1];
    const allowed = [...(check ?? '').matchAll(/'(\w+)'/g)].map((found) => found[1] ?? '');
    expect(allowed.toSorted()).toEqual(keys.toSorted());
  });
});
