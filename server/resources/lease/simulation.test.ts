import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { leaseDesk } from './desk.ts';
import { simulate } from './testing/simulate.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const seeds = Number(process.env['PATCHGIT_SIMULATE_LEASES'] ?? 40);

describe('a helper, whatever the cloud does and wherever the process ends', () => {
  it('is gone in the end, alone while it lives, and paid for once', async () => {
    let crashes = 0;
    let machines = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const seen = await simulate({ seed, file: folder.newFile(), make: leaseDesk });
      crashes += seen.crashes;
      machines += seen.machines;
    }
    expect(crashes).toBeGreaterThan(seeds / 2);
    expect(machines).toBeGreaterThan(seeds);
  });
});
