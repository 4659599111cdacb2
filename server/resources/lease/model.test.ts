import { describe, expect, it } from 'vitest';
import { explore } from '../../testing/model.ts';
import { decide } from './decide.ts';
import { leaseModel, type Plants } from './testing/lease-model.ts';

const statesMax = 600_000;

describe('every history of two leases in a row', () => {
  it('keeps every promise', () => {
    const found = explore(leaseModel(), statesMax);
    expect(found.broken).toBeNull();
    expect(found.states).toBeGreaterThan(5_000);
  });

  const plants: readonly (readonly [string, Plants, RegExp])[] = [
    ['the row is written after the call', { isRowWrittenAfter: true }, /./],
    ['strays are forgotten', { areStraysForgotten: true }, /brings everything to its end/],
    [
      'a 404 alone is taken for gone',
      {
        decide: (lease, facts) =>
          decide(
            lease,
            facts.find.kind === 'absent'
              ? { ...facts, list: { kind: 'complete', askedAtMs: facts.nowMs, machines: [] } }
              : facts,
          ),
      },
      /written off|two machines/,
    ],
    [
      'the POST is tried again',
      {
        decide: (lease, facts) =>
          lease.state === 'unknown' && facts.keysInMemory ? { step: 'ask' } : decide(lease, facts),
      },
      /one POST/,
    ],
    [
      'a lost answer is taken for a no',
      {
        decide: (lease, facts) =>
          lease.state === 'unknown' && facts.list.kind === 'complete' && facts.list.machines.length === 0
            ? { step: 'end', cost: 'none', why: 'never_came' }
            : decide(lease, facts),
      },
      /written off|two machines/,
    ],
  ];
  it.each(plants)('breaks a promise when %s', (_, plant, promise) => {
    expect(explore(leaseModel(plant), statesMax).broken?.promise).toMatch(promise);
  });
});
