import { describe, expect, it } from 'vitest';
import { LeaseId } from '#contract/lease.ts';
import { decideSweep } from '../../../scripts/sweep/decide.ts';
import { isOurs, isOurSnapshot, machineName, parseMachineName, snapshotName } from './names.ts';

const name = { install: '0123456789ab', leaseId: LeaseId.parse('lease_00000000cafe'), deadlineAtMs: 1_800_000_000_000 };

describe('the name of a machine', () => {
  it('says all that a sweep without a database must know, and nothing is lost on the way', () => {
    const text = machineName(name);
    expect(text).toBe('pg-0123456789ab-00000000cafe-1800000000');
    expect(parseMachineName(text)).toEqual(name);
    // What the cloud takes as a name.
    expect(text).toMatch(/^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/);
    expect(parseMachineName(machineName({ ...name, deadlineAtMs: 1 }))?.deadlineAtMs).toBe(1000);
  });

  it.each([
    '',
    'pg',
    'web-server',
    'pg-0123456789ab-00000000cafe-1800000000 ',
    ' pg-0123456789ab-00000000cafe-1800000000',
    'pg-0123456789ab-00000000cafe-1800000000\n',
    'PG-0123456789ab-00000000cafe-1800000000',
    'pg-0123456789AB-00000000cafe-1800000000',
    'pg-0123456789ab-00000000cafe-01800000000',
    'pg-0123456789ab-00000000cafe--1',
    'pg-0123456789ab-00000000cafe-1e9',
    'pg-0123456789ab-00000000cafe',
    'pg-0123456789ab-00000000cafe-1800000000-2',
    'xpg-0123456789ab-00000000cafe-1800000000',
    'pg-0123456789ab-00000000cafe-9999999999999',
  ])('is not ours: %j', (text) => {
    expect(parseMachineName(text)).toBeNull();
  });
});

describe('whose a machine is', () => {
  const owner = { install: '0123456789ab', liveNames: new Set<string>(), earlierInstalls: new Set<string>() };
  const text = machineName(name);
  it('is told by the installation in its name', () => {
    expect(isOurs(text, owner, 0)).toBe(true);
    expect(isOurs(text, { ...owner, install: 'ffffffffffff' }, 9e15)).toBe(false);
    expect(isOurs('pg-web', owner, 0)).toBe(false);
  });
  it('after a restore from a backup: the live one at once, any other when its deadline has passed', () => {
    const restored = { ...owner, install: 'ffffffffffff', earlierInstalls: new Set(['0123456789ab']) };
    expect(isOurs(text, restored, name.deadlineAtMs - 1)).toBe(false);
    expect(isOurs(text, restored, name.deadlineAtMs)).toBe(true);
    expect(isOurs(text, { ...restored, liveNames: new Set([text]) }, 0)).toBe(true);
  });
});

describe('the name of a snapshot', () => {
  const install = '0123456789ab';
  const text = snapshotName(install, Date.UTC(2026, 10, 21, 14, 3, 2));

  it('says whose it is and when it was made, and is known again by us and by the sweep', () => {
    expect(text).toBe('patchgit-0123456789ab-helper-20261121t140302z');
    expect(isOurSnapshot(text, install)).toBe(true);
    const rule = { installs: new Set([install]), nowMs: 10, marginMs: 0, keepSnapshots: 1 };
    const snapshots = [2, 1].map((id) => ({ id, name: text, createdAtMs: id }));
    expect(decideSweep(rule, { machines: [], snapshots, keys: [] })).toMatchObject([{ kind: 'snapshot', id: 1 }]);
  });

  it.each(['', 'my-server', `${text} `, `x${text}`, text.replace('0123', 'ffff'), 'patchgit-0123456789ab-helper-'])(
    'is none of ours when it is %j',
    (other) => {
      expect(isOurSnapshot(other, install)).toBe(false);
    },
  );
});
