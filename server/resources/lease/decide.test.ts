import { describe, expect, it } from 'vitest';
import { LeaseId, LeaseState } from '#contract/lease.ts';
import { ReservationId } from '#contract/spend.ts';
import type { CloudFailure, CloudMachine } from '../../ports-cloud.ts';
import { migrationsFolder } from '../../testing/record.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  absentGapMs,
  bootMsMax,
  decide,
  landingMsMax,
  nextLookMs,
  type Facts,
  type ListFact,
  type Step,
} from './decide.ts';
import { refusalOf, refusalText } from './sentences.ts';
import { leaseStates, type LeaseRow } from './states.ts';
import { blank } from './testing/lease-model.ts';

const now = 10_000_000;
const base: LeaseRow = {
  ...blank,
  id: LeaseId.parse('lease_00000000cafe'),
  name: 'pg-0123456789ab-00000000cafe-20000',
  region: 'fra1',
  reservationId: ReservationId.parse('res_00000000cafe'),
  plannedAtMs: now - 1000,
  deadlineAtMs: now + 3_600_000,
};
const creating: LeaseRow = { ...base, state: 'creating', postSentAtMs: now - 1000 };
const refused: LeaseRow = { ...creating, refusedAtMs: now - 10 };
const unknown: LeaseRow = { ...creating, state: 'unknown' };
const unknownLong: LeaseRow = { ...unknown, postSentAtMs: now - landingMsMax };
const booting: LeaseRow = { ...creating, state: 'booting', machineId: 7, postSentAtMs: now - 60_000 };
const ready: LeaseRow = { ...booting, state: 'ready', seenAtMs: now - 50_000, address: '10.0.0.7' };
const destroying: LeaseRow = {
  ...ready,
  state: 'destroying',
  destroyAskedAtMs: now - 20_000,
  destroySentAtMs: now - 20_000,
};

const machine: CloudMachine = {
  id: 7,
  name: base.name,
  status: 'active',
  size: 's',
  region: 'fra1',
  createdAtMs: 1,
  address: '10.0.0.7',
  tags: [],
};
const fail = (kind: CloudFailure['kind']): CloudFailure => ({ kind, code: null, message: 'm', retryAfterMs: null });
const list = (...machines: CloudMachine[]): ListFact => ({ kind: 'complete', askedAtMs: now, machines });
const failed = (kind: CloudFailure['kind']) => ({ kind: 'failed' as const, failure: fail(kind) });
const facts: Facts = {
  nowMs: now,
  list: { kind: 'not_asked' },
  find: { kind: 'not_asked' },
  keysInMemory: true,
  wanted: true,
  mayBeOff: false,
  cleared: true,
  funded: true,
  othersThere: false,
};
const absent = { list: list(), find: { kind: 'absent' as const } };
const wait = { step: 'wait' };
const hint = (why: string) => ({ step: 'destroy', why, machineId: 7 });

type Line = readonly [string, LeaseRow, Partial<Facts>, Partial<Step> | { readonly step: string }];
const table: readonly Line[] = [
  ['is ordered when nothing is missing', base, { list: list() }, { step: 'ask' }],
  ['is not ordered without a list', base, {}, wait],
  ['is not ordered when the list failed', base, { list: failed('unknown') }, wait],
  ['is not ordered before price and size were looked at', base, { list: list(), cleared: false }, wait],
  ['is not ordered while another of ours is there', base, { list: list(), othersThere: true }, wait],
  [
    'is not ordered when another of ours stays',
    { ...base, plannedAtMs: now - 180_000 },
    { list: list(), othersThere: true },
    { step: 'drop', why: 'one_still_there' },
  ],
  [
    'is dropped when the token is refused',
    base,
    { list: failed('unauthorized') },
    { step: 'drop', why: 'cloud_silent' },
  ],
  [
    'is dropped when the cloud stays silent',
    { ...base, plannedAtMs: now - 180_000 },
    { list: failed('unknown') },
    { step: 'drop', why: 'cloud_silent' },
  ],
  ['is dropped after a restart', base, { list: list(), keysInMemory: false }, { step: 'drop', why: 'restarted' }],
  ['is dropped when its job is gone', base, { list: list(), wanted: false }, { step: 'drop', why: 'not_asked' }],
  ['is dropped when its money is gone', base, { list: list(), funded: false }, { step: 'drop', why: 'not_funded' }],
  [
    'is dropped when its deadline is near',
    { ...base, deadlineAtMs: now + 30_000 },
    { list: list() },
    { step: 'drop', why: 'overdue' },
  ],

  ['without an answer is unknown, never asked for again', creating, { list: list() }, { step: 'lose' }],
  ['without an answer is unknown also after a restart', creating, { keysInMemory: false }, { step: 'lose' }],
  ['that was refused waits for a list', refused, {}, wait],
  [
    'that was refused needs a list from after',
    refused,
    { list: { kind: 'complete', askedAtMs: now - 11, machines: [] } },
    wait,
  ],
  ['that was refused costs nothing', refused, { list: list() }, { step: 'end', cost: 'none', why: 'refused' }],
  ['that was refused and is there is destroyed', refused, { list: list(machine) }, hint('refused_but_there')],

  ['that is unknown is waited for', unknown, { list: list() }, wait],
  ['that is unknown and shows is destroyed, not used', unknown, { list: list(machine) }, hint('lost_but_there')],
  ['that is unknown is not seen by its tag', unknown, { list: list({ ...machine, name: 'other' }) }, wait],
  ['that is unknown for long needs a list', unknownLong, {}, wait],
  ['that is unknown for long needs a whole list', unknownLong, { list: failed('unauthorized') }, wait],
  ['that is unknown for long is looked for twice', unknownLong, { list: list() }, { step: 'note_absent' }],
  ['that is unknown: twice is not at once', { ...unknownLong, absentSeenAtMs: now - 1 }, { list: list() }, wait],
  [
    'that is unknown and never came costs nothing',
    { ...unknownLong, absentSeenAtMs: now - absentGapMs },
    { list: list() },
    { step: 'end', cost: 'none', why: 'never_came' },
  ],

  ['that boots is seen', booting, { list: list(machine) }, { step: 'see' }],
  ['that boots may not show yet', booting, absent, wait],
  [
    'that boots too long',
    { ...booting, postSentAtMs: now - bootMsMax },
    { list: list(machine) },
    hint('boot_too_long'),
  ],
  ['that is ready goes on', ready, { list: list(machine) }, wait],
  ['that is ready goes on when the list fails', ready, { list: failed('unknown'), find: failed('unknown') }, wait],
  ['that is ready after a restart', ready, { keysInMemory: false }, hint('restarted')],
  ['that is ready and not wanted', ready, { wanted: false }, hint('done')],
  ['that is ready at its deadline', { ...ready, deadlineAtMs: now }, {}, hint('overdue')],
  ['that was switched off', ready, { list: list({ ...machine, status: 'off' }) }, hint('powered_off')],
  ['that was archived', ready, { list: list({ ...machine, status: 'archive' }) }, hint('powered_off')],
  ['that is not in the list but found by its id', ready, { list: list(), find: { kind: 'found', machine } }, wait],
  ['that is missing once', ready, absent, { step: 'note_absent' }],
  ['that is missing again at once', { ...ready, absentSeenAtMs: now - 1 }, absent, wait],
  ['that is missing twice', { ...ready, absentSeenAtMs: now - absentGapMs }, absent, hint('vanished')],
  ['that shows again', { ...ready, absentSeenAtMs: now - 1 }, { list: list(machine) }, { step: 'see' }],
  ['whose id has another name', ready, { list: list({ ...machine, name: 'web' }) }, hint('renamed')],

  [
    'that is there is deleted',
    { ...destroying, destroySentAtMs: null },
    { list: list(machine) },
    { step: 'delete', machineId: 7 },
  ],
  ['that is still there is deleted again', destroying, { list: list(machine) }, { step: 'delete', machineId: 7 }],
  ['is not deleted again at once', { ...destroying, destroySentAtMs: now - 1000 }, { list: list(machine) }, wait],
  [
    'is deleted when found by its id alone',
    destroying,
    { find: { kind: 'found', machine } },
    { step: 'delete', machineId: 7 },
  ],
  [
    'is deleted with a clock that was set back',
    { ...destroying, destroySentAtMs: now + 7_200_000 },
    { list: list(machine) },
    { step: 'delete', machineId: 7 },
  ],
  ['with another name is not touched', destroying, { list: list({ ...machine, name: 'web' }) }, wait],
  [
    'with another name is not touched when only found',
    destroying,
    { find: { kind: 'found', machine: { ...machine, name: 'web' } } },
    wait,
  ],
  ['is not gone by a 404 alone', destroying, { find: { kind: 'absent' } }, wait],
  [
    'is not gone by a 404 and a list that failed',
    destroying,
    { find: { kind: 'absent' }, list: failed('unauthorized') },
    wait,
  ],
  ['is not gone when everything is a 404', destroying, { find: { kind: 'absent' }, list: failed('not_found') }, wait],
  ['is not gone by a list alone', destroying, { list: list() }, wait],
  ['is not gone by a list and a refused look', destroying, { list: list(), find: failed('unauthorized') }, wait],
  ['is looked for twice', destroying, absent, { step: 'note_absent' }],
  ['is looked for twice, with time between', { ...destroying, absentSeenAtMs: now - absentGapMs + 1 }, absent, wait],
  ['is gone then', { ...destroying, absentSeenAtMs: now - absentGapMs }, absent, { step: 'end', cost: 'by_time' }],
  [
    'that came back is there',
    { ...destroying, absentSeenAtMs: now - absentGapMs },
    { list: list(machine) },
    { step: 'see' },
  ],
  [
    'that was never seen may still land',
    { ...destroying, seenAtMs: null, absentSeenAtMs: now - absentGapMs },
    absent,
    wait,
  ],
  [
    'that was never seen is gone in the end',
    { ...destroying, seenAtMs: null, absentSeenAtMs: now - absentGapMs, postSentAtMs: now - landingMsMax },
    absent,
    { step: 'end', cost: 'by_time' },
  ],
];

describe('a lease', () => {
  it.each(table)('%s', (_, lease, known, step) => {
    expect(decide(lease, { ...facts, ...known })).toMatchObject(step);
  });

  it('is asked for by nothing but a plan, whatever the facts', () => {
    for (const lease of [creating, refused, unknown, unknownLong, booting, ready, destroying])
      for (const [, , known] of table) expect(decide(lease, { ...facts, ...known }).step, lease.state).not.toBe('ask');
  });

  it('is deleted only by the id of its own row or of a machine with its own name', () => {
    const foreign = list({ ...machine, id: 8, name: 'web' });
    for (const lease of [refused, unknown, unknownLong, booting, ready, destroying]) {
      const step = decide(lease, {
        ...facts,
        wanted: false,
        list: foreign,
        find: { kind: 'found', machine: { ...machine, id: 8, name: 'web' } },
      });
      expect(step.step, lease.state).not.toBe('delete');
      if (step.step === 'destroy') expect(step.machineId).toBe(7);
    }
  });

  it('is looked at again soon while anything may be billed without being used', () => {
    expect(nextLookMs(unknown, now)).toBe(5_000);
    expect(nextLookMs({ ...unknown, postSentAtMs: now - 30_000 }, now)).toBe(30_000);
    expect(nextLookMs(unknownLong, now)).toBe(60_000);
    expect(nextLookMs(booting, now)).toBe(3_000);
    expect(nextLookMs(destroying, now)).toBe(10_000);
    expect(nextLookMs(ready, now)).toBeNull();
  });
});

describe('the table of states', () => {
  it('has the states of the contract and of the database, and ends only when gone', () => {
    expect(Object.keys(leaseStates)).toEqual(LeaseState.options);
    const sql = readFileSync(join(migrationsFolder, '0003_lease.sql'), 'utf8');
    expect(sql).toContain(`check (state in (${LeaseState.options.map((state) => `'${state}'`).join(', ')}))`);
    for (const [state, { on }] of Object.entries(leaseStates))
      expect(Object.keys(on).length === 0, state).toBe(state === 'gone');
  });
});

describe("the cloud's no", () => {
  it.each([
    ['creating this/these droplet(s) will exceed your droplet limit', 'account_limit'],
    ['Size is not available in this region.', 'capacity'],
    ['Region is not available', 'capacity'],
    ['The image you specified is not available in the selected region.', 'image'],
    ['aa:bb are invalid key identifiers for Droplet creation.', 'other'],
  ])('%s', (message, refusal) => {
    const failure = { ...fail('refused'), message };
    expect(refusalOf(failure)).toBe(refusal);
    expect(refusalText(failure, base)).toContain(message);
  });
  it('is about the token when it says so', () => {
    expect(refusalOf(fail('unauthorized'))).toBe('token');
    expect(refusalOf(fail('rate_limited'))).toBe('too_many_calls');
  });
});
