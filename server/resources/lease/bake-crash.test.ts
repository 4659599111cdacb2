import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { mutant, type Fault } from '../../testing/mutants.ts';
import { leaseDesk } from './desk.ts';
import { bakeCloud, whatIsLeft, wrongWith } from './testing/bake-house.ts';
import { house, numbers, pass, settle } from './testing/house.ts';
import type { CloudCall, CloudFault } from '../../testing/fake-cloud-port.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

const minute = 60_000;

/** One bake, with the process ending at one moment and another one starting after it. Says whether it came to that moment. */
async function live(
  dieAt: number,
  fault: (call: CloudCall) => CloudFault | null = () => null,
  make: typeof leaseDesk = leaseDesk,
): Promise<boolean> {
  let isCalm = false;
  const { clock, cloud } = bakeCloud({ fault: (call) => (isCalm ? null : fault(call)), lagMs: 15_000 });
  const file = folder.newFile();
  const foreign = cloud.putImage(`patchgit-${'f'.repeat(12)}-helper-20260101t000000z`);
  const before = house({ file, clock, cloud, seed: dieAt, dieAt, make });
  void before.desk.bake();
  for (let step = 0; step < 54 && !before.life.isDead(); step += 1) await pass(clock, 10_000, 10_000);
  const hasDied = before.life.isDead();
  // What waited for nothing outside is done with the database as it is.
  await settle();
  if (!hasDied) expect(cloud.living(), `at moment ${dieAt}`).toEqual([]);
  before.close();
  await settle();
  isCalm = true;
  const again = house({ file, clock, cloud, seed: dieAt + 10_000, make });
  await pass(clock, 13 * minute, 30_000);
  await pass(clock, 32 * minute, minute);
  again.reconcileTill();
  again.close();
  await settle();
  const isForeignThere = cloud.images().some(({ id }) => id === foreign);
  expect(isForeignThere, `at moment ${dieAt}`).toBe(true);
  expect(wrongWith(whatIsLeft(file, cloud), cloud), `at moment ${dieAt}`).toBeNull();
  return hasDied;
}

/** Every moment, until there is none any more. */
async function everyMoment(make?: typeof leaseDesk, stride = 1, first = 1): Promise<number> {
  let dieAt = first;
  while (await live(dieAt, undefined, make)) dieAt += stride;
  return dieAt;
}

describe('a process that ends before or after any outside call of a bake', () => {
  // All of them, in four parts, so that no part takes long on a busy machine.
  it.each([1, 2, 3, 4])('leaves no machine, no open money and no image that was not tried (part %i)', async (first) => {
    expect(await everyMoment(undefined, 4, first)).toBeGreaterThan(80);
  });

  it('does so also when the cloud does wrong things', async () => {
    const kinds: Partial<Record<CloudCall, readonly CloudFault[]>> = {
      create: ['lost', 'not_sent', 'vanishes', 'refused'],
      snapshot: ['lost', 'not_sent', 'errored', 'refused'],
      snapshots: ['not_sent', 'unauthorized'],
      action: ['not_sent', 'all_404'],
      deleteSnapshot: ['lost', 'ignored', 'not_sent'],
      destroy: ['lost', 'ignored'],
      find: ['not_sent', 'all_404'],
      list: ['not_sent', 'all_404'],
    };
    for (let seed = 1; seed <= 40; seed += 1) {
      const next = numbers(seed);
      const fault = (call: CloudCall): CloudFault | null => {
        const some = kinds[call] ?? [];
        return next(100) < 25 ? (some[next(Math.max(some.length, 1))] ?? null) : null;
      };
      await live(1 + next(120), fault);
    }
  });

  const one = (what: string, file: string, from: string, to: string): Fault => ({
    what,
    changes: [{ file: `lease/${file}`, from, to }],
  });
  it.each([
    one('a bake that nobody goes on with stays open', 'images.ts', 'live !== null && !memory.isBaking', 'live === 1'),
    one('what was not tried is kept', 'bake-decide.ts', `row?.state === 'good' &&`, 'row !== null &&'),
    one(
      'the money of the trial is not given back',
      'bake-perform.ts',
      'if (isUnused) till.void',
      'if (isUnused && id === "") till.void',
    ),
    one(
      'the helper stays when its image is taken',
      'rent.ts',
      '    await giveBack(counter, held.value);',
      '    void giveBack;',
    ),
    one('what was tried is not kept', 'bake-decide.ts', '!kept.includes(one) && (', '('),
    one(
      'the images of others are deleted',
      'names.ts',
      'snapshotPattern.exec(name)?.[1] === install',
      'snapshotPattern.test(name) && install !== ""',
    ),
  ])('is seen when $what', async (fault) => {
    const copy = mutant('server/resources', fault);
    try {
      const { leaseDesk: make } = (await copy.load('lease/desk.ts')) as { leaseDesk: typeof leaseDesk };
      await expect(everyMoment(make, 7)).rejects.toThrow(/at moment \d+/);
    } finally {
      copy.remove();
    }
  });
});
