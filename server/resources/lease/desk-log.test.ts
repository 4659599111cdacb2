import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { no, ok } from '../../lib/result.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { fakeClock } from '../../testing/fake-clock.ts';
import { fakeCloud } from '../../testing/fake-cloud-port.ts';
import { moneyFolder, type MoneyFolder } from '../../testing/money-record.ts';
import { until } from '../../testing/wait.ts';
import { logMissedText } from './sentences.ts';
import { hostKeyLine, house, pass, settle, testConnection, type House, type HouseOptions } from './testing/house.ts';

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

function open(options: Partial<HouseOptions> = {}) {
  const clock = fakeClock();
  const cloud = fakeCloud({ clock });
  const file = folder.newFile();
  const one = house({ file, clock, cloud, seed: 1, ...options });
  houses.push(one);
  const lease = () => {
    const { current, past } = one.desk.view();
    return current ?? past[0];
  };
  return { ...one, clock, cloud, file, lease };
}

/** Sends `text` for what it printed; null: it never answers that. */
const printing = (text: string | null): HelperConnection => {
  let hangUp = (): void => undefined;
  const closed = new Promise<{ code: null; signal: null }>((resolve) => {
    hangUp = () => resolve({ code: null, signal: null });
  });
  return {
    ...testConnection,
    start: (_, { onOutput }) => {
      if (text !== null) onOutput(Buffer.from(text));
      const ended = text === null ? closed : Promise.resolve({ code: 0, signal: null });
      return Promise.resolve(ok({ input: new PassThrough(), ended, stop: () => undefined }));
    },
    close: () => {
      hangUp();
      return Promise.resolve();
    },
  };
};
const connectedTo = (connection: HelperConnection) => () => Promise.resolve(ok(connection));

describe('what a helper printed while it set itself up', () => {
  it('is kept without its credentials as soon as the helper is ready, and its row leads to it', async () => {
    const token = `ghp_${'aB3'.repeat(12)}`;
    const { work, clock, lease, artifacts, db } = open({
      connect: connectedTo(printing(`git ${token}\n{"a": "${hostKeyLine}"}\n`)),
    });
    const outcome = work(1, 120_000);
    await pass(clock, 60_000);
    const kept = await until('it is kept', () => lease()?.bootLog ?? false);
    expect(lease()).toMatchObject({ state: 'ready', bootLogTrouble: null });
    const text = 'git [masked: GitHub token]\n{"a": "[masked: host key]"}\n';
    expect(kept).toEqual({ sha256: kept.sha256, bytes: text.length, path: `/api/artifacts/${kept.sha256}` });
    expect(String(await artifacts.read(kept.sha256))).toBe(text);
    expect(artifacts.find(kept.sha256)?.mediaType).toBe('text/plain');
    await pass(clock, 240_000);
    expect(await outcome).toBe('used');
    expect(lease()).toMatchObject({ state: 'gone', bootLog: kept });
    const bodies = db.sqlite.prepare(`select body from ledger where kind = 'lease.gone'`).pluck().all();
    expect(bodies.join()).toContain(kept.sha256);
  });

  it('holds up neither the helper nor its job when it does not come, and the row says why', async () => {
    const { work, clock, lease } = open({ connect: connectedTo(printing(null)) });
    const startedAtMs = clock.nowMs();
    let usedAtMs = 0;
    const outcome = work(1, 2_000).then((used) => {
      usedAtMs = clock.nowMs();
      return used;
    });
    await pass(clock, 60_000, 500);
    expect(await outcome).toBe('used');
    const { readyAtMs } = lease() ?? {};
    expect(usedAtMs - startedAtMs).toBe((readyAtMs ?? 0) - startedAtMs + 2_000);
    expect(lease()).toMatchObject({ bootLog: null, bootLogTrouble: expect.stringMatching(/ended before it was all/) });
    const patient = open({ connect: connectedTo(printing(null)) });
    const longer = patient.work(1, 60_000);
    await pass(patient.clock, 60_000);
    expect(patient.lease()).toMatchObject({ state: 'ready', bootLogTrouble: 'The machine did not send it in time.' });
    await pass(patient.clock, 120_000);
    expect(await longer).toBe('used');
  });

  it('is fetched from one that answers and does not become ready, before it is given back', async () => {
    const { work, clock, lease, cloud, artifacts } = open({
      connect: connectedTo(printing('E: no such package\n')),
      whenReady: () => Promise.resolve(no('The helper could not set itself up: No git.')),
    });
    const outcome = work(1, 120_000);
    await pass(clock, 60_000);
    const kept = await until('it is kept', () => lease()?.bootLog ?? false);
    expect(String(await artifacts.read(kept.sha256))).toBe('E: no such package\n');
    expect(await outcome).toMatch(/could not set itself up: No git/);
    await pass(clock, 120_000);
    expect(cloud.living()).toEqual([]);
    expect(lease()).toMatchObject({ state: 'gone', readyAtMs: null, trouble: expect.stringMatching(/No git/) });
  });

  it('does not keep one that is not ready for longer than five seconds', async () => {
    const { work, clock, cloud, lease } = open({
      connect: connectedTo(printing(null)),
      whenReady: () => Promise.resolve(no('No git.')),
    });
    const outcome = work(1, 120_000);
    await until('it is there', async () => {
      await pass(clock, 500, 500);
      return lease()?.address !== null && lease()?.state === 'booting';
    });
    await pass(clock, 6_000, 500);
    expect(cloud.living()).toEqual([]);
    expect(await outcome).toMatch(/No git/);
    expect(lease()).toMatchObject({ bootLogTrouble: 'The machine did not send it in time.' });
  });

  it('is not waited for when the job is stopped before the helper is ready', async () => {
    const stop = new AbortController();
    let asked = 0;
    const { work, clock, lease } = open({
      connect: connectedTo(printing(null)),
      whenReady: (_, __, signal) => {
        asked += 1;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(no('Not ready in time.'))));
      },
    });
    const outcome = work(1, 120_000, stop.signal);
    await pass(clock, 60_000);
    expect([lease()?.state, asked]).toEqual(['booting', 1]);
    stop.abort();
    await settle();
    await outcome;
    expect(lease()).toMatchObject({ bootLog: null, bootLogTrouble: 'It was stopped before that.' });
  });

  it('is said to be missed when patchgit was started again, and nothing is said of one that never answered', async () => {
    const { work, clock, cloud, file, life } = open({ connect: () => new Promise(() => undefined) });
    void work(1, 120_000);
    await pass(clock, 20_000);
    life.die();
    const again = open({ clock, cloud, file, seed: 2 });
    await pass(clock, 120_000);
    expect(again.lease()).toMatchObject({ state: 'gone', bootLog: null, bootLogTrouble: logMissedText });
    const deaf = open({ connect: () => Promise.resolve(no('Nothing answers.')) });
    void deaf.work(1, 120_000);
    await pass(deaf.clock, 180_000);
    expect(deaf.lease()).toMatchObject({ state: 'gone', readyAtMs: null, bootLog: null, bootLogTrouble: null });
  });

  it('is missed when this disk takes no file, and the job goes on', async () => {
    const { work, clock, file, lease } = open({ connect: connectedTo(printing('git\n')) });
    writeFileSync(`${file}.artifacts`, 'in the way of the folder');
    const outcome = work(1, 120_000);
    await pass(clock, 60_000);
    await until('it is said', () => lease()?.bootLogTrouble ?? false);
    expect(lease()?.bootLogTrouble).toMatch(/^It could not be written here \(E[A-Z]+\)\.$/);
    await pass(clock, 120_000);
    expect(await outcome).toBe('used');
  });
});
