import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { no } from '../../lib/result.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import {
  fakeCloud,
  fakeOffers,
  type CloudCall,
  type CloudFault,
  type FakeCloud,
  type FakeCloudOptions,
} from '../../testing/fake-cloud-port.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { house, pass, settle, type House, type HouseOptions } from './testing/house.ts';

let folder: MoneyFolder;
beforeAll(() => {
  folder = moneyFolder();
});
afterAll(() => folder.remove());

let houses: House[] = [];
afterEach(() => {
  for (const one of houses) one.close();
  houses = [];
});

function open(
  cloudOptions: Partial<FakeCloudOptions> = {},
  options: Partial<HouseOptions> & { readonly cloud?: FakeCloud } = {},
) {
  const clock = options.clock ?? fakeClock();
  const cloud = options.cloud ?? fakeCloud({ clock, ...cloudOptions });
  const file = options.file ?? folder.newFile();
  const one = house({ file, clock, cloud, seed: 1, ...options });
  houses.push(one);
  const count = (sql: string): unknown => one.db.sqlite.prepare(sql).pluck().get();
  const kinds = (): unknown[] =>
    one.db.sqlite.prepare(`select kind from ledger where kind like 'lease.%' order by seq`).pluck().all();
  return { ...one, one, clock, cloud, file, count, kinds };
}

/** Faults the first calls of one kind. */
const first =
  (kind: CloudCall, fault: CloudFault, times = 1) =>
  (call: CloudCall, count: number) =>
    call === kind && count <= times ? fault : null;

describe('a helper that is rented', () => {
  it('is ordered, booted, reached, used, destroyed, confirmed to be gone twice, and paid for', async () => {
    const { work, desk, clock, cloud, count, kinds } = open();
    const outcome = work(1, 120_000);
    await pass(clock, 60_000);
    expect(desk.view().current).toMatchObject({ state: 'ready', region: 'fra1', address: '10.0.0.0', trouble: null });
    await pass(clock, 90_000);
    expect(await outcome).toBe('used');
    expect(cloud.living()).toEqual([]);
    // Not confirmed yet, so it is not over yet, and its money is still set aside.
    expect(desk.view().current).toMatchObject({ state: 'destroying' });
    expect(count(`select state from reservation`)).toBe('pending');
    await pass(clock, 90_000);
    expect(desk.view()).toMatchObject({
      unavailable: null,
      current: null,
      past: [{ state: 'gone', trouble: null, costUsd: 0.01 }],
    });
    expect(count(`select posted_micros from reservation where state = 'posted'`)).toBe(10_000);
    expect(kinds()).toEqual([
      'lease.planned',
      'lease.asked',
      'lease.booting',
      'lease.ready',
      'lease.destroying',
      'lease.gone',
    ]);
    expect(desk.bootMinutes()).toBeLessThan(1);
    expect(cloud.creates).toHaveLength(1);
    const everything = JSON.stringify([
      one(count, `select json_group_array(body) from ledger`),
      one(count, `select json_group_array(json_array(name, image, address, trouble)) from lease`),
    ]);
    expect(everything).not.toContain('PRIVATE');
  });

  it('is held until it is gone, also when its job has gone on', async () => {
    const { work, desk, clock, count } = open();
    const outcome = work(1, 1000);
    await pass(clock, 30_000);
    await outcome;
    const id = String(count('select id from reservation'));
    expect(desk.holds(id)).toBe(true);
    await pass(clock, 120_000);
    expect(desk.holds(id)).toBe(false);
    expect(desk.holds('res_ffffffffffff')).toBe(false);
  });

  it('is given back at STOP', async () => {
    const { work, desk, clock, cloud } = open();
    expect(desk.destroyNow()).toMatchObject({ ok: false });
    const outcome = work(1, 3_000_000);
    await pass(clock, 60_000);
    expect(desk.destroyNow()).toEqual({ ok: true, value: null });
    await settle();
    expect(cloud.living()).toEqual([]);
    await pass(clock, 90_000);
    expect(await outcome).toBe('You stopped it.');
    expect(desk.view().past[0]?.trouble).toBe('You stopped it.');
  });

  it('waits for the one before it to be gone', async () => {
    const { work, clock, cloud } = open();
    const before = work(1, 1000);
    await pass(clock, 40_000);
    await before;
    const outcome = work(2, 1000);
    await pass(clock, 10_000);
    expect(cloud.creates).toHaveLength(1);
    await pass(clock, 200_000);
    expect(await outcome).toBe('used');
    expect(cloud.mostAtOnce()).toBe(1);
  });
});

function one(count: (sql: string) => unknown, sql: string): string {
  return String(count(sql));
}

describe('when the cloud does not do as it should', () => {
  it('an answer that was lost is looked up, and what was made is destroyed and paid for', async () => {
    const { work, desk, clock, cloud, count } = open({ fault: first('create', 'lost') });
    const outcome = work(1, 1000);
    await pass(clock, 20_000);
    expect(await outcome).toMatch(/has not answered the order|was made/);
    await pass(clock, 120_000);
    expect([cloud.living().length, cloud.creates.length, cloud.history().length]).toEqual([0, 1, 1]);
    expect(desk.view().past[0]?.trouble).toMatch(/never answered the order, but the machine was made/);
    expect(count('select posted_micros from reservation')).toBe(10_000);
  });

  it('an order that came to nothing is waited for, and its money given back', async () => {
    const { work, desk, clock, count } = open({ fault: first('create', 'not_sent') });
    void work(1, 1000);
    await pass(clock, 9 * 60_000);
    expect(desk.view()).toMatchObject({
      current: { state: 'unknown' },
      unavailable: expect.stringMatching(/not said yet/),
    });
    await pass(clock, 3 * 60_000);
    expect(desk.view().current).toBeNull();
    expect(count('select state from reservation')).toBe('voided');
  });

  it('one that lands after an hour is destroyed, and booked', async () => {
    const { work, clock, cloud, count, kinds } = open({ fault: first('create', 'late'), lateMs: 3_600_000 });
    void work(1, 1000);
    await pass(clock, 70 * 60_000, 20_000);
    expect([cloud.history().length, cloud.living().length]).toEqual([1, 0]);
    expect(kinds().slice(-2)).toEqual(['lease.stray', 'lease.stray_gone']);
    expect(count(`select group_concat(state || coalesce(posted_micros, '')) from reservation`)).toBe(
      'voided,posted10000',
    );
  });

  it('two machines for one order are both destroyed', async () => {
    const { work, clock, cloud, desk } = open({ fault: first('create', 'twice') });
    void work(1, 1000);
    await pass(clock, 240_000);
    expect([cloud.history().length, cloud.living().length]).toEqual([2, 0]);
    expect(desk.view()).toMatchObject({ current: null, strays: [] });
  });

  it('no capacity in a region means the next one, with a lease of its own and the same money', async () => {
    const { work, clock, cloud, count } = open({ fault: first('create', 'no_capacity') });
    const outcome = work(1, 1000);
    await pass(clock, 180_000);
    expect(await outcome).toBe('used');
    expect(cloud.creates.map(({ region }) => region)).toEqual(['fra1', 'ams3']);
    expect(new Set(cloud.creates.map(({ name }) => name)).size).toBe(2);
    expect(count('select count(*) from reservation')).toBe(1);
    expect(count('select posted_micros from reservation')).toBe(10_000);
  });

  it.each([
    ['no_capacity', /There is no s-1vcpu-2gb to be had in ams3/],
    ['refused', /may not have more machines/],
    ['rate_limited', /takes no more calls/],
    ['unauthorized', /refuses the token/],
  ] as const)('%s is told in a sentence and costs nothing', async (fault, sentence) => {
    const { work, clock, count } = open({ fault: first('create', fault, 2) });
    const outcome = work(1, 1000);
    await pass(clock, 60_000);
    expect(await outcome).toMatch(sentence);
    expect(count('select state from reservation')).toBe('voided');
  });

  it('a price that has risen is not paid, and a size or region that is not there is told', async () => {
    const sold = (change: object) => ({ offers: fakeOffers.map((offer) => ({ ...offer, ...change })) });
    for (const [change, sentence] of [
      [{ usdPerHour: 0.05 }, /costs \$0.05 per hour now/],
      [{ usdPerHour: 0 }, /unknown price is not free/],
      [{ available: false }, /no s-1vcpu-2gb to give/],
      [{ regions: ['nyc1'] }, /no s-1vcpu-2gb in fra1, ams3/],
    ] as const) {
      const { work, clock, cloud, count } = open(sold(change));
      const outcome = work(1, 1000);
      await pass(clock, 10_000);
      expect(await outcome).toMatch(sentence);
      expect(cloud.creates).toEqual([]);
      expect(count('select state from reservation')).toBe('voided');
    }
  });

  it('an image that is gone is told', async () => {
    const policy = { regions: ['fra1'], image: 5, user: 'u', port: 22 };
    const { work, clock } = open({}, { policy });
    const outcome = work(1, 1000);
    await pass(clock, 10_000);
    expect(await outcome).toMatch(/Make it anew with `patchgit helper bake`/);
  });

  it('a destroy that does not take is asked for again, told after five minutes, and blocks the next', async () => {
    const { work, desk, clock, cloud } = open({ fault: first('destroy', 'ignored', 12) });
    void work(1, 1000);
    await pass(clock, 8 * 60_000);
    expect(desk.view().current?.trouble).toMatch(/could not be destroyed for \d minutes and is still billed/);
    expect(desk.available()).toMatchObject({ ok: false, why: expect.stringMatching(/could not be destroyed yet/) });
    await pass(clock, 8 * 60_000);
    expect([desk.view().current, cloud.living().length]).toEqual([null, 0]);
    expect(desk.available().ok).toBe(true);
  });

  it.each(['unauthorized', 'all_404'] as const)('%s in the middle is never taken for gone', async (fault) => {
    let isRevoked = false;
    const { work, desk, clock, cloud, count } = open({ fault: () => (isRevoked ? fault : null) });
    void work(1, 120_000);
    await pass(clock, 60_000);
    isRevoked = true;
    await pass(clock, 40 * 60_000, 20_000);
    expect(cloud.living()).toHaveLength(1);
    expect(desk.view()).toMatchObject({
      unavailable: expect.stringMatching(/refuses the token/),
      current: { state: 'destroying', trouble: expect.stringMatching(/may still be billed/) },
    });
    expect(count('select state from reservation')).toBe('pending');
    isRevoked = false;
    await pass(clock, 3 * 60_000);
    expect([desk.view().current, cloud.living().length]).toEqual([null, 0]);
    // Booked past what was set aside, because it was billed.
    expect(Number(count('select posted_micros from reservation'))).toBeGreaterThan(12_000);
  });

  it('one that is switched off is destroyed, and its job ends', async () => {
    const { work, clock, cloud } = open();
    const outcome = work(1, 3_000_000);
    await pass(clock, 60_000);
    for (const { machine } of cloud.living()) cloud.powerOffByHand(machine.id);
    await pass(clock, 120_000);
    expect(await outcome).toMatch(/switched off/);
    expect(cloud.living()).toEqual([]);
  });

  it('one that was renamed by hand is not touched, and the owner is told', async () => {
    const { work, desk, clock, cloud } = open();
    const outcome = work(1, 3_000_000);
    await pass(clock, 60_000);
    for (const { machine } of cloud.living()) cloud.rename(machine.id, 'mine-now');
    await pass(clock, 20 * 60_000, 20_000);
    expect(await outcome).toMatch(/carries another name/);
    expect(cloud.destroyCalls).toEqual([]);
    expect(desk.view().current).toMatchObject({ state: 'destroying' });
    for (const { machine } of cloud.living()) await cloud.destroy(machine.id);
    await pass(clock, 180_000);
    expect(desk.view().current).toBeNull();
  });

  it('one that cannot be reached, or that shows another key, is destroyed, and three of them are enough for an hour', async () => {
    const connect = () => Promise.resolve(no('It showed another host key.'));
    const { work, desk, clock, cloud } = open({}, { connect });
    for (let at = 0; at < 3; at += 1) {
      const outcome = work(at, 1000);
      await pass(clock, 180_000);
      expect(await outcome).toBe('It showed another host key.');
    }
    expect(cloud.living()).toEqual([]);
    expect(desk.available()).toMatchObject({ ok: false, why: expect.stringMatching(/^3 helpers in a row/) });
    await pass(clock, 60 * 60_000, 60_000);
    expect(desk.available().ok).toBe(true);
  });

  it('one that never boots is destroyed', async () => {
    const { work, clock, cloud } = open({ bootMs: 9e9 });
    const outcome = work(1, 1000);
    await pass(clock, 8 * 60_000);
    expect(await outcome).toMatch(/could not be used within six minutes/);
    await pass(clock, 2 * 60_000);
    expect(cloud.living()).toEqual([]);
  });
});

describe('after a restart', () => {
  it('a helper is destroyed, because its keys are gone', async () => {
    const { work, clock, cloud, file, one } = open();
    void work(1, 3_000_000);
    await pass(clock, 60_000);
    one.life.die();
    const again = open({}, { clock, cloud, file, seed: 2 });
    await settle();
    expect(cloud.living()).toEqual([]);
    await pass(clock, 120_000);
    expect(again.desk.view().past[0]?.trouble).toMatch(/keys of a helper live in memory only/);
    expect(again.count('select state from reservation')).toBe('posted');
  });

  it('machines that nobody owns are destroyed, and no others', async () => {
    const clock = fakeClock();
    const cloud = fakeCloud({ clock });
    const before = open({}, { clock, cloud });
    const install = String(before.count('select id from install'));
    const ours = cloud.put(`pg-${install}-00000000cafe-1900000000`);
    cloud.put(`pg-ffffffffffff-00000000cafe-1`);
    cloud.put('web-server');
    cloud.put(`patchgit-${install}`);
    await pass(clock, 180_000);
    expect(new Set(cloud.destroyCalls)).toEqual(new Set([ours]));
    expect(cloud.living()).toHaveLength(3);
  });

  it('of a backup, the helper of that time is destroyed, and others of that time when their deadline has passed', async () => {
    const { work, clock, cloud, file, one } = open();
    void work(1, 3_000_000);
    await pass(clock, 60_000);
    const [name = ''] = cloud.creates.map((order) => order.name);
    one.life.die();
    // As `restore` does it.
    one.db.sqlite.prepare(`update install set id = 'eeeeeeeeeeee'`).run();
    const soon = Math.ceil(clock.nowMs() / 1000) + 600;
    cloud.put(name.replace(/-[0-9a-f]{12}-\d+$/, `-00000000beef-${soon}`));
    open({}, { clock, cloud, file, seed: 2 });
    await pass(clock, 120_000);
    expect(cloud.living().map(({ machine }) => machine.name)).toEqual([expect.stringContaining('beef')]);
    await pass(clock, 12 * 60_000, 20_000);
    expect(cloud.living()).toEqual([]);
  });
});

describe('two desks on one database', () => {
  it('never order two helpers, and leave none', async () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const { work, clock, cloud, file } = open({ lagMs: seed % 2 === 0 ? 60_000 : 0 }, { seed });
      const other = open({}, { clock, cloud, file, seed: seed + 100 });
      const both = [work(1, 30_000)];
      if (seed % 3 === 0) await pass(clock, 1_000 * seed, 1_000);
      both.push(other.work(2, 30_000));
      await pass(clock, 20 * 60_000, 5_000);
      await Promise.all(both);
      expect(cloud.mostAtOnce()).toBeLessThanOrEqual(1);
      expect(cloud.living()).toEqual([]);
      expect(other.count(`select count(*) from reservation where state = 'pending'`)).toBe(0);
    }
  });
});

describe('closing', () => {
  it('gives back what there is, and lets go of whoever waits', async () => {
    const { work, desk, clock, cloud } = open();
    const outcome = work(1, 3_000_000);
    await pass(clock, 60_000);
    const closed = desk.close();
    await pass(clock, 10_000);
    await closed;
    expect(cloud.living()).toEqual([]);
    expect(await outcome).toBe('patchgit was stopped.');
    expect(
      await desk.rent(
        { size: 's', reservationId: 'res_00000000cafe', deadlineAtMs: 0 },
        () => Promise.resolve(1),
        new AbortController().signal,
      ),
    ).toMatchObject({ outcome: { ok: false }, costMicros: 0 });
  });
});
