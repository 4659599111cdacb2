import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeClock } from '../../testing/fake-clock.ts';
import { fakeCloud } from '../../testing/fake-cloud-port.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { house, pass } from './testing/house.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

/** The whole life of one helper, with the process ending at one moment and another one starting after it. */
async function live(dieAt: number, lagMs: number): Promise<boolean> {
  const clock = fakeClock();
  const cloud = fakeCloud({ clock, lagMs, bootMs: 8_000 });
  const file = folder.newFile();
  const before = house({ file, clock, cloud, seed: dieAt, dieAt });
  void before.work(1, 10_000);
  await pass(clock, 90_000);
  const hasDied = before.life.isDead();
  before.close();
  const again = house({ file, clock, cloud, seed: dieAt + 1_000 });
  try {
    await pass(clock, 14 * 60_000, 15_000);
    const count = (sql: string): unknown => again.db.sqlite.prepare(sql).pluck().get();
    const left = [cloud.living().length, count(`select count(*) from lease where state <> 'gone'`)];
    const at = `at moment ${dieAt}, lists ${lagMs} ms late`;
    expect(left, at).toEqual([0, 0]);
    expect(cloud.mostAtOnce(), at).toBeLessThanOrEqual(1);
    expect(cloud.creates.length, at).toBeLessThanOrEqual(1);
    const posted = count('select sum(posted_micros) from reservation');
    // What was made costs a cent at least; what was not, nothing.
    expect(posted, at).toBe(cloud.history().length === 0 ? null : 10_000);
    expect(
      count(
        `select count(*) from lease join reservation on reservation.id = reservation_id where reservation.state = 'pending'`,
      ),
      at,
    ).toBe(0);
  } finally {
    again.close();
  }
  return hasDied;
}

describe('a process that ends before or after any outside call of a helper’s life', () => {
  it.each([0, 60_000])('leaves no machine and no open money, with lists that are %i ms late', async (lagMs) => {
    let moments = 0;
    while (await live(moments + 1, lagMs)) moments += 1;
    expect(moments).toBeGreaterThan(30);
  });
});
