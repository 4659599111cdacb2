import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { no, ok } from '../../lib/result.ts';
import type { FakeCloudOptions } from '../../testing/fake-cloud-port.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { bakeCloud, whatIsLeft } from './testing/bake-house.ts';
import { house, pass, settle, testConnection, wideBudget, type House, type HouseOptions } from './testing/house.ts';

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

function open(cloudOptions: Partial<FakeCloudOptions> = {}, options: Partial<HouseOptions> = {}) {
  const { clock, cloud } = bakeCloud(cloudOptions);
  const file = options.file ?? folder.newFile();
  const one = house({ file, clock, cloud, seed: 1, ...options });
  houses.push(one);
  const kinds = (): unknown[] =>
    one.db.sqlite.prepare(`select kind from ledger where kind like 'bake.%' order by seq`).pluck().all();
  return { ...one, one, clock, cloud, file, kinds };
}
const minute = 60_000;

describe('an image for helpers', () => {
  it('is made on the smallest disk, tried, and used by the next helper, which a plain image was used for before', async () => {
    const { desk, clock, cloud, work, file, kinds } = open();
    expect(await desk.bake()).toEqual({ ok: true, value: null });
    await pass(clock, 2 * minute);
    expect(desk.view()).toMatchObject({
      current: { kind: 'bake', state: 'ready', size: 's-1vcpu-1gb', image: 'debian-12-x64' },
      bake: { state: expect.stringMatching(/building|snapshotting/) },
      unavailable: expect.stringMatching(/image for helpers is being made/),
    });
    await pass(clock, 8 * minute);
    expect(cloud.creates.map(({ size, image, region }) => [size, image, region])).toEqual([
      ['s-1vcpu-1gb', 'debian-12-x64', 'fra1'],
      ['s-1vcpu-2gb', 9000, 'fra1'],
    ]);
    expect(cloud.creates.map(({ userData }) => /# (\w+)/.exec(userData)?.[1])).toEqual(['bake', 'baked']);
    expect(desk.view()).toMatchObject({
      current: null,
      unavailable: null,
      bake: { state: 'good', trouble: null },
      images: [{ id: 9000, region: 'fra1', isCurrent: true, sizeGiB: 6, usdPerMonth: 0.36 }],
    });
    expect(kinds()).toEqual(['bake.started', 'bake.snapshot_asked', 'bake.good']);
    const outcome = work(1, 1000);
    await pass(clock, 3 * minute);
    expect(await outcome).toBe('used');
    expect(cloud.creates.at(-1)).toMatchObject({ image: 9000 });
    expect(cloud.mostAtOnce()).toBe(1);
    houses.pop()?.close();
    expect(whatIsLeft(file, cloud)).toMatchObject({ machines: 0, openLeases: 0, pending: 0, postedMicros: 30_000 });
  });

  it('is refused while a helper exists, while another is made, and when the money is not there', async () => {
    const { desk, clock, cloud, work } = open();
    void work(1, 10 * minute);
    await pass(clock, minute);
    expect(await desk.bake()).toMatchObject({ ok: false, why: expect.stringMatching(/never a second one/) });
    desk.destroyNow();
    await pass(clock, 3 * minute);
    const both = await Promise.all([desk.bake(), desk.bake()]);
    expect(both.map(({ ok }) => ok)).toEqual([true, false]);
    expect(await desk.bake()).toMatchObject({ ok: false, why: expect.stringMatching(/being made/) });
    await pass(clock, minute);
    expect(cloud.living()).toHaveLength(1);

    const poor = open({}, { budget: { ...wideBudget, caps: { hourUsd: 0.015, dayUsd: 0.015 } } });
    expect(await poor.desk.bake()).toMatchObject({ ok: false, why: expect.stringMatching(/left under the caps/) });
    expect(poor.cloud.creates).toEqual([]);
    expect(poor.db.sqlite.prepare('select count(*) from reservation').pluck().get()).toBe(0);
  });

  it('is not disturbed by a job that wants the helper meanwhile', async () => {
    const { desk, clock, cloud, work } = open();
    await desk.bake();
    const outcome = work(1, 1000);
    await pass(clock, 5 * minute);
    expect(await outcome).toMatch(/never a second one/);
    await pass(clock, 8 * minute);
    expect(desk.view().bake).toMatchObject({ state: 'good' });
    expect(cloud.creates).toHaveLength(2);
  });

  it('is given up at STOP, and nothing of it is left', async () => {
    const { desk, clock, cloud, file } = open();
    await desk.bake();
    await pass(clock, minute);
    expect(desk.destroyNow()).toEqual({ ok: true, value: null });
    await pass(clock, 5 * minute);
    expect(desk.view()).toMatchObject({ current: null, bake: { state: 'failed', trouble: 'You stopped it.' } });
    houses.pop()?.close();
    expect(whatIsLeft(file, cloud)).toMatchObject({ machines: 0, pending: 0, images: [], postedMicros: 10_000 });
  });

  it('is not used, and deleted, when no helper comes up from it', async () => {
    let connects = 0;
    const { desk, clock, cloud, file } = open(
      {},
      {
        connect: () => {
          connects += 1;
          const answer = connects === 1 ? ok(testConnection) : no('It never answered.');
          return Promise.resolve(answer);
        },
      },
    );
    await desk.bake();
    await pass(clock, 15 * minute);
    expect(desk.view()).toMatchObject({
      images: [],
      bake: {
        state: 'failed',
        trouble: expect.stringMatching(/booted from the image was not ready. It never answered/),
      },
    });
    houses.pop()?.close();
    expect(whatIsLeft(file, cloud)).toMatchObject({ machines: 0, pending: 0, images: [] });
  });

  it.each([
    ['the cloud refuses to take it', 'refused', /refused to make a snapshot/],
    ['the cloud fails at it', 'errored', /failed at it/],
    ['the cloud never shows it', 'not_sent', /not (?:shown|done)/],
  ] as const)('comes to nothing when %s', async (_, fault, trouble) => {
    const { desk, clock, cloud, file } = open({ fault: (call) => (call === 'snapshot' ? fault : null) });
    await desk.bake();
    await pass(clock, 70 * minute, 15_000);
    expect(desk.view()).toMatchObject({
      current: null,
      bake: { state: 'failed', trouble: expect.stringMatching(trouble) },
    });
    houses.pop()?.close();
    expect(whatIsLeft(file, cloud)).toMatchObject({ machines: 0, openLeases: 0, pending: 0, images: [] });
  });

  it('is found by its name when the answer was lost, and asked for only once', async () => {
    let asked = 0;
    const { desk, clock, cloud } = open({
      fault: (call) => {
        if (call !== 'snapshot') return null;
        asked += 1;
        return 'lost';
      },
    });
    await desk.bake();
    await pass(clock, 10 * minute);
    expect(desk.view().bake).toMatchObject({ state: 'good' });
    expect([asked, cloud.images().length]).toEqual([1, 1]);
  });

  it('takes the place of the older ones, of which the last stays; what others have is not touched', async () => {
    const { desk, clock, cloud } = open();
    const foreign = [cloud.putImage('my-server'), cloud.putImage('patchgit-ffffffffffff-helper-20260101t000000z')];
    for (let round = 0; round < 4; round += 1) {
      expect(await desk.bake()).toMatchObject({ ok: true });
      await pass(clock, 10 * minute, 10_000);
    }
    const ids = cloud.images().map(({ id }) => id);
    expect(ids.slice(0, 2)).toEqual(foreign);
    expect(ids.slice(2)).toHaveLength(2);
    expect(desk.view().images.map(({ id, isCurrent }) => [id, isCurrent])).toEqual([
      [ids[3], true],
      [ids[2], false],
    ]);
  });

  it('that is not there any more is not used: the plain one is, and one in another region does not count', async () => {
    const { desk, clock, cloud, work } = open({
      fault: (call, count) => (call === 'create' && count === 3 ? 'no_capacity' : null),
    });
    await desk.bake();
    await pass(clock, 10 * minute);
    const there = work(1, 1000);
    await pass(clock, 3 * minute);
    expect(await there).toBe('used');
    expect(cloud.creates.slice(2).map(({ region, image }) => [region, image])).toEqual([
      ['fra1', 9000],
      ['ams3', 'debian-12-x64'],
    ]);
    await cloud.deleteSnapshot(9000);
    await pass(clock, 2 * minute);
    const outcome = work(2, 1000);
    await pass(clock, 3 * minute);
    expect(await outcome).toBe('used');
    expect(cloud.creates.at(-1)).toMatchObject({ region: 'fra1', image: 'debian-12-x64' });
  });

  it('that nobody goes on with after a restart is over, and its snapshot is deleted also when it comes late', async () => {
    const { one, desk, clock, cloud, file } = open({ snapshotMs: 20 * minute });
    await desk.bake();
    await pass(clock, 4 * minute);
    expect(desk.view().bake).toMatchObject({ state: 'snapshotting' });
    one.close();
    houses = [];
    const again = house({ file, clock, cloud, seed: 2 });
    await settle();
    expect(again.desk.view().bake).toMatchObject({ state: 'failed', trouble: expect.stringMatching(/started again/) });
    await pass(clock, 60 * minute, 30_000);
    again.close();
    expect(whatIsLeft(file, cloud)).toMatchObject({ machines: 0, pending: 0, images: [], goodBakes: 0 });
  });
});
