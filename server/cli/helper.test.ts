import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HelperView } from '#contract/lease.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { helperRoutes } from '../doors/http/helper-routes.ts';
import { openHouse, type House } from '../doors/http/test-house.ts';
import { no, ok, type Result } from '../lib/result.ts';
import { aLease, askedAtMs, aView } from '../testing/helper-views.ts';
import { socketClient } from './client.ts';
import { helperBake } from './helper-bake.ts';
import { helperDestroy, helperStatus } from './other-commands.ts';
import { stateText } from './print.ts';
import type { Command, Outcome, Run } from './run.ts';

let house: House;
/** What the desk answers next; the last stays. */
let views: HelperView[];
let asked: number;
let destroying: Result<null, Problem>;
let pauses: number;

const running = aView({ current: aLease(), asOfMs: askedAtMs + 130_000 });
const stopping = aLease({ state: 'destroying', destroyAskedAtMs: askedAtMs + 120_000 });
const stoppingView = (asOfMs: number): HelperView => aView({ current: stopping, asOfMs });
const goneLease = aLease({
  state: 'gone',
  destroyAskedAtMs: askedAtMs + 120_000,
  goneAtMs: askedAtMs + 137_000,
  costUsd: 0.0042,
});

const aBake = {
  id: 'bake_0123456789ab',
  state: 'building',
  name: 'patchgit-0123456789ab-helper-20261121t140302z',
  region: null,
  startedAtMs: askedAtMs,
  endedAtMs: null,
  trouble: null,
};
const anImage = {
  id: 77,
  name: aBake.name,
  region: 'fra1',
  sizeGiB: 6.2,
  usdPerMonth: 0.38,
  bakedAtMs: askedAtMs,
  isCurrent: true,
};

beforeEach(async () => {
  [asked, pauses, destroying] = [0, 0, ok(null)];
  const desk = {
    view: () => (views.length > 1 ? views.shift() : views[0]) ?? aView(),
    destroyNow: () => {
      asked += 1;
      return destroying;
    },
    bake: async () => {
      asked += 1;
      return destroying;
    },
  };
  house = await openHouse({ routes: [helperRoutes({ desk })] });
});
afterEach(() => house.shut());

function run(command: Command, options: Run['options'] = {}): Promise<Outcome> {
  return command({
    client: socketClient(house.socketPath),
    root: '',
    home: '',
    positionals: [],
    options,
    pause: () => {
      pauses += 1;
      return Promise.resolve();
    },
    readInput: () => Promise.reject(new Error('reads nothing')),
    newId: () => '',
  });
}

describe('patchgit helper status', () => {
  it('prints what exists, what it costs and when the cloud last answered', async () => {
    views = [running];
    expect(await run(helperStatus)).toEqual({
      kind: 'done',
      json: { state: 'ready', ...running },
      text: `${aLease().name}  [ready]  lease_0123456789ab
  s-1vcpu-2gb in fra1, machine 512001, for job_0123456789ab
  $0.0180 an hour, $0.0000 so far (estimate until it is gone); ends 2026-11-21 14:33:02 UTC at the latest
  The cloud last answered 2026-11-21 14:05:10 UTC`,
    });
  });

  it('says that nothing costs money only when nothing does', async () => {
    views = [aView({ unavailable: 'Add DIGITALOCEAN_TOKEN.' })];
    expect(await run(helperStatus)).toMatchObject({
      json: { state: 'none' },
      text: 'No helper exists. Nothing is costing money. Verified 2026-11-21 14:03:02 UTC.\nAdd DIGITALOCEAN_TOKEN.',
    });
    views = [aView({ strays: [{ id: 7, name: 'patchgit-old\u001b[2J' }], past: [goneLease] })];
    expect(await run(helperStatus)).toMatchObject({
      text: `No helper exists. Verified 2026-11-21 14:03:02 UTC.
Stray machine 7 patchgit-old\\u001b[2J: no lease owns it, it is being destroyed.
Earlier:
  lease_0123456789ab  s-1vcpu-2gb in fra1  gone, confirmed by the cloud 2026-11-21 14:05:19 UTC, cost $0.0042`,
    });
  });
});

describe('patchgit status', () => {
  it('says that nothing costs money only when there is no helper and no stray machine', () => {
    const quiet = { proposals: [], lock: { holder: null, waiting: 0 }, repositories: [], integrations: [] };
    const first = (helper?: HelperView): string[] =>
      stateText({ ...quiet, ...(helper ? { helper } : {}) })
        .split('\n')
        .slice(0, 2);
    const silent = ['Nothing is running. Nothing is costing money.', 'Nothing needs you.'];
    expect(first()).toEqual(silent);
    expect(first(aView())).toEqual(silent);
    expect(first(running)).toEqual(['Nothing is running.', `${aLease().name}  [ready]  lease_0123456789ab`]);
    expect(first(aView({ strays: [{ id: 7, name: 'old' }] })).join(' ')).not.toMatch(/costing/);
  });
});

describe('patchgit helper destroy', () => {
  it('asks once and waits until the cloud has confirmed it', async () => {
    views = [
      running,
      stoppingView(askedAtMs + 121_000),
      stoppingView(askedAtMs + 125_000),
      aView({ past: [goneLease] }),
    ];
    expect(await run(helperDestroy)).toMatchObject({
      kind: 'done',
      json: { state: 'gone', current: null },
      text: `${goneLease.name}: gone, confirmed by the cloud 2026-11-21 14:05:19 UTC, cost $0.0042`,
    });
    expect([asked, pauses]).toEqual([1, 2]);
  });

  it('says that nobody knows when there is no confirmation, and fails', async () => {
    views = [running, stoppingView(askedAtMs + 180_000)];
    const outcome = await run(helperDestroy);
    expect(outcome).toMatchObject({ kind: 'done', failed: true, json: { state: 'unknown' } });
    expect(outcome).toMatchObject({ text: expect.stringContaining('It may still cost money') });
    expect(asked).toBe(1);
  });

  it('asks nothing when there is none, and passes on a refusal', async () => {
    views = [aView()];
    expect(await run(helperDestroy)).toMatchObject({ kind: 'done', json: { state: 'none' } });
    expect(asked).toBe(0);
    views = [running];
    destroying = no(problem('helper_failed', 'The cloud could not be asked.'));
    expect(await run(helperDestroy)).toMatchObject({ kind: 'refused', problem: { code: 'helper_failed' } });
  });
});

describe('patchgit helper bake', () => {
  const bake = (state: string, more: object = {}): HelperView =>
    aView({ bake: { ...aBake, state, ...more }, images: state === 'good' ? [anImage] : [] });

  it('says that it has begun, and with --wait what came of it', async () => {
    views = [bake('building')];
    expect(await run(helperBake)).toMatchObject({
      kind: 'done',
      json: { state: 'building' },
      text: expect.stringContaining('An image is being made.'),
    });
    expect([asked, pauses]).toEqual([1, 0]);
    views = [bake('building'), bake('snapshotting'), bake('probing'), bake('good', { endedAtMs: askedAtMs + 600_000 })];
    const outcome = await run(helperBake, { wait: true });
    expect(outcome).toMatchObject({ kind: 'done', failed: false, json: { state: 'good' } });
    expect(outcome).toMatchObject({ text: expect.stringContaining('6.2 GiB, $0.38 a month as long as it is kept') });
    expect([asked, pauses]).toEqual([2, 3]);
  });

  it('fails with the reason when it came to nothing, and passes on a refusal', async () => {
    const why = 'The cloud refused to make a snapshot.';
    views = [bake('building'), bake('failed', { endedAtMs: askedAtMs + 1, trouble: why })];
    expect(await run(helperBake, { wait: true })).toMatchObject({ failed: true, text: expect.stringContaining(why) });
    destroying = no(problem('helper_failed', 'A helper exists now.'));
    expect(await run(helperBake)).toMatchObject({ kind: 'refused', problem: { code: 'helper_failed' } });
  });
});

describe('the helper over HTTP', () => {
  it('is the owner’s only: a stranger learns nothing and destroys nothing', async () => {
    views = [running];
    for (const method of ['GET', 'POST']) {
      const path = method === 'GET' ? '/api/helper' : '/api/helper/destroy';
      expect((await house.browser().send(path, { method })).status).toBe(401);
    }
    expect(asked).toBe(0);
    const page = await house.signedIn();
    expect((await page.get('/api/helper')).json).toEqual(JSON.parse(JSON.stringify(running)));
    expect((await page.post('/api/helper/destroy')).status).toBe(202);
    expect(asked).toBe(1);
  });
});
