import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../ports.ts';
import type { Cloud, CloudFailure, CloudMachine } from '../ports-cloud.ts';
import type { FakeCloud } from '../testing/cloud/cloud.ts';
import { openCloudDesk, order, refused, shown } from '../testing/cloud/desk.ts';
import type { Says } from '../testing/cloud/faults.ts';
import type { FakeClock } from '../testing/fake-clock.ts';
import { digitalOcean } from './digitalocean.ts';
import { plantFault } from '../testing/cloud/named-faults.ts';

let cloud: FakeCloud;
let clock: FakeClock;
let port: Cloud;
let log: Log;
let logged: object[];
beforeEach(async () => {
  ({ cloud, clock, port, log, logged } = await openCloudDesk());
});
afterEach(() => cloud.close());

function expectNoToken(...values: unknown[]): void {
  for (const value of values) expect(shown(value)).not.toContain(cloud.token);
}

async function made(): Promise<CloudMachine> {
  const created = await port.create(order);
  if (!created.ok) throw new Error(created.why.message);
  return created.value;
}

it('creates with one POST, and everything that could cost or open more is switched off', async () => {
  const created = await port.create(order);
  const createdAtMs = Math.floor(clock.nowMs() / 1000) * 1000;
  const id = cloud.alive()[0]?.id;
  const asShown = { id, name: order.name, size: order.size, region: 'fra1', status: 'new', address: null };
  expect(created).toEqual({ ok: true, value: { ...asShown, tags: [], createdAtMs } });
  expect(cloud.calls.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v2/droplets']);
  expect(cloud.calls[0]?.body).toEqual({
    name: order.name,
    region: 'fra1',
    size: order.size,
    image: order.image,
    tags: [order.tag],
    user_data: order.userData,
    backups: false,
    ipv6: false,
    monitoring: false,
    with_droplet_agent: false,
  });
  expectNoToken(created, port, logged);
  expect(logged).toMatchObject([{ call: 'create', status: 202 }]);
});

it('follows a machine from new to active to gone', async () => {
  const { id } = await made();
  clock.advance(20_000);
  const active = { id, status: 'active', address: expect.stringMatching(/^203\.0\.113\.\d+$/), tags: [order.tag] };
  expect(await port.find(id)).toMatchObject({ ok: true, value: active });
  expect(await port.list()).toMatchObject({ ok: true, value: [active] });
  expect(await port.powerOff(id)).toEqual({ ok: true, value: null });
  clock.advance(2000);
  expect(await port.find(id)).toMatchObject({ ok: true, value: { status: 'off' } });
  expect(await port.destroy(id)).toEqual({ ok: true, value: null });
  expect(await port.find(id)).toMatchObject({ ok: true });
  clock.advance(4000);
  expect(refused(await port.find(id))).toMatchObject({ kind: 'not_found', code: 'not_found' });
  expect(await port.list()).toEqual({ ok: true, value: [] });
  expect(refused(await port.destroy(id)).kind).toBe('not_found');
});

it('makes a snapshot, lists it, builds from it and deletes it', async () => {
  const { id } = await made();
  clock.advance(20_000);
  const asked = await port.snapshot(id, 'patchgit-golden-1');
  const actionId = asked.ok ? asked.value.actionId : 0;
  expect(await port.action(actionId)).toEqual({ ok: true, value: 'in-progress' });
  expect(refused(await port.powerOff(id))).toMatchObject({
    kind: 'refused',
    code: 'unprocessable_entity',
    message: 'DigitalOcean said: Droplet already has a pending event.',
  });
  clock.advance(60_000);
  expect(await port.action(actionId)).toEqual({ ok: true, value: 'completed' });
  const snapshots = await port.snapshots();
  expect(snapshots).toMatchObject({
    ok: true,
    value: [{ name: 'patchgit-golden-1', slug: null, regions: ['fra1'], minDiskGiB: 80, sizeGiB: 2.36 }],
  });
  const image = snapshots.ok ? (snapshots.value[0]?.id ?? 0) : 0;
  expect(await port.create({ ...order, name: 'pg-second', image })).toMatchObject({ ok: true });
  expect(await port.deleteSnapshot(image)).toEqual({ ok: true, value: null });
  expect(refused(await port.deleteSnapshot(image)).kind).toBe('not_found');
});

it('says that a snapshot failed, and knows no action that there is not', async () => {
  const { id } = await made();
  clock.advance(20_000);
  plantFault(cloud, 'snapshot_errored');
  const asked = await port.snapshot(id, 'patchgit-golden-1');
  clock.advance(60_000);
  expect(await port.action(asked.ok ? asked.value.actionId : 0)).toEqual({ ok: true, value: 'errored' });
  expect(await port.snapshots()).toEqual({ ok: true, value: [] });
  expect(refused(await port.action(1)).kind).toBe('not_found');
  await expect(port.action(0)).rejects.toThrow('numbers its machines');
});

it('reads the account, and the sizes with the prices of this moment', async () => {
  expect(await port.account()).toEqual({ ok: true, value: { status: 'active', machinesMax: 10 } });
  cloud.conditions.priceFactor = 2;
  cloud.conditions.soldOut = [{ size: 's-2vcpu-4gb', region: 'fra1' }];
  const sizes = await port.sizes();
  expect(sizes.ok && sizes.value.find(({ slug }) => slug === 's-2vcpu-4gb')).toEqual({
    slug: 's-2vcpu-4gb',
    memoryMiB: 4096,
    diskGiB: 80,
    cpus: 2,
    usdPerHour: 0.07142,
    regions: ['nyc3', 'ams3'],
    available: true,
  });
});

it.each(['zero', 'absent', 'text'] as const)('offers no size whose price is %s', async (as) => {
  cloud.faults.add({ on: 'sizes', says: { kind: 'prices', as } });
  const sizes = await port.sizes();
  expect(sizes.ok && sizes.value.length > 0).toBe(true);
  expect(sizes.ok && sizes.value.filter(({ available, usdPerHour }) => available || usdPerHour !== 0)).toEqual([]);
});

describe('a list', () => {
  beforeEach(() => {
    for (let number = 0; number < 401; number += 1) cloud.plant({ name: `other-${number}` });
  });

  it('has every machine of the account, from all its pages', async () => {
    const listed = await port.list();
    expect(listed.ok && new Set(listed.value.map(({ name }) => name)).size).toBe(401);
    expect(cloud.calls.map(({ path }) => path)).toEqual(
      [1, 2, 3].map((page) => `/v2/droplets?page=${page}&per_page=200`),
    );
  });

  const damages: [string, Says][] = [
    ['names a total that is not there', { kind: 'total', offBy: 1 }],
    ['leaves out a row', { kind: 'rows_missing', count: 1 }],
    ['names a row twice', { kind: 'row_twice' }],
    ['ends before its last page', { kind: 'rows_missing', count: 200 }],
    ['leads to another host', { kind: 'next', url: 'https://elsewhere.example/v2/droplets?page=3&per_page=200' }],
    ['leads back to a page that was read', { kind: 'next', url: 'http://127.0.0.1/v2/droplets?page=1' }],
    ['fails', { kind: 'page', status: 502 }],
    ['is cut off', { kind: 'truncated' }],
  ];
  it.each(damages.flatMap(([what, says]) => [0, 1, 2].map((skip) => ({ what, says, skip }))))(
    'is no list when page $skip after the first $what',
    async ({ says, skip }) => {
      cloud.faults.add({ on: 'list', skip, says });
      expect(refused(await port.list()).kind).toBe('unknown');
      expect(new Set(cloud.calls.map(({ path }) => path.split('?')[0]))).toEqual(new Set(['/v2/droplets']));
    },
  );
});

describe('an answer that is DigitalOcean’s no', () => {
  it('to a token: unauthorized, for both ways it says so', async () => {
    const wrong = digitalOcean({ token: `${cloud.token.slice(0, -2)}00`, apiUrl: cloud.url, wallMs: 10_000 });
    const why = refused(await wrong.account());
    expect(why).toEqual({
      kind: 'unauthorized',
      code: 'unauthorized',
      message: 'DigitalOcean said: Unable to authenticate you.',
      retryAfterMs: null,
    });
    cloud.faults.add({ on: 'destroy', says: { kind: 'error', status: 403, id: 'forbidden', message: 'You may not.' } });
    expect(refused(await port.destroy(1))).toMatchObject({ kind: 'unauthorized', code: 'forbidden' });
  });

  it('to everything, for a token that it does not know: not_found, and never an empty list', async () => {
    await made();
    cloud.conditions.token = 'answers_404';
    expect(refused(await port.list()).kind).toBe('not_found');
    expect(refused(await port.account()).kind).toBe('not_found');
  });

  it('to an order: refused, with its own words', async () => {
    cloud.conditions.machinesMax = 0;
    expect(refused(await port.create(order))).toEqual({
      kind: 'refused',
      code: 'unprocessable_entity',
      message: 'DigitalOcean said: creating this/these droplet(s) will exceed your droplet limit',
      retryAfterMs: null,
    });
    cloud.conditions.machinesMax = 10;
    cloud.conditions.soldOut = [{ size: order.size, region: order.region }];
    expect(refused(await port.create(order)).message).toContain('Size is not available in this region.');
    expect(refused(await port.create({ ...order, image: 12 })).message).toContain('invalid image');
    expect(cloud.droplets()).toEqual([]);
  });

  it.each([
    ['minute', 17, 17_000],
    ['hour', 600, 600_000],
    ['hour', 99_999, 3_600_000],
    ['nobody', 0, null],
  ] as const)('to the number of requests, by the %s: rate_limited, and when to come again', async (by, seconds, ms) => {
    cloud.faults.add({ on: 'create', says: { kind: 'rate_limited', by, seconds } });
    expect(refused(await port.create(order))).toMatchObject({ kind: 'rate_limited', retryAfterMs: ms });
    expect(cloud.droplets()).toEqual([]);
  });

  it('to the 251st request of a minute', async () => {
    let last: CloudFailure | null = null;
    for (let count = 0; count < 251; count += 1) {
      const account = await port.account();
      last = account.ok ? null : account.why;
    }
    expect(last).toMatchObject({ kind: 'rate_limited', retryAfterMs: 60_000 });
    clock.advance(60_000);
    expect(await port.account()).toMatchObject({ ok: true });
  });
});

describe('an answer that says nothing', () => {
  const answers: [string, Says][] = [
    ['a connection that is cut', { kind: 'nothing' }],
    ['half of the JSON', { kind: 'truncated' }],
    ['JSON of another kind', { kind: 'text', text: '{"droplet":"accepted"}' }],
    ['a text', { kind: 'text', text: '"accepted"' }],
    ['an HTML page with a good status', { kind: 'page', status: 202 }],
    ['an HTML page with another good status', { kind: 'page', status: 200 }],
    ['an HTML page that says 404', { kind: 'page', status: 404 }],
    ['an HTML page that says 422', { kind: 'page', status: 422 }],
    ['an HTML page that says 403', { kind: 'page', status: 403 }],
    ['a gateway that failed', { kind: 'page', status: 502 }],
    ['a server that failed', { kind: 'error', status: 500, id: 'server_error', message: 'Unexpected' }],
    ['a good status without a body', { kind: 'empty', status: 200 }],
    ['a body that is not called JSON', { kind: 'wrong_type' }],
    ['more than anybody should take', { kind: 'endless' }],
    ['a redirect', { kind: 'redirect', status: 302, to: '/v2/account' }],
    ['a redirect that keeps the method', { kind: 'redirect', status: 307, to: '/v2/droplets' }],
  ];
  it.each(answers)('leaves a create unknown and is not asked again: %s', async (_, says) => {
    cloud.faults.add({ on: 'create', says });
    const why = refused(await port.create(order));
    expect(why.kind).toBe('unknown');
    expect(cloud.calls).toHaveLength(1);
    expect(cloud.alive()).toHaveLength(1);
    expectNoToken(why, logged);
  });

  it.each(answers)('leaves a destroy unknown: %s', async (_, says) => {
    const { id } = await made();
    cloud.faults.add({ on: 'destroy', says });
    expect(refused(await port.destroy(id)).kind).toBe('unknown');
  });

  it.each(answers)('leaves it unknown whether a machine is there: %s', async (_, says) => {
    const { id } = await made();
    cloud.faults.add({ on: 'find', says }, { on: 'list', says });
    expect(refused(await port.find(id)).kind).toBe('unknown');
    expect(refused(await port.list()).kind).toBe('unknown');
  });

  it('is a machine of another name than the one that was ordered', async () => {
    cloud.faults.add({ on: 'create', says: { kind: 'other_name', name: 'somebody-else' } });
    expect(refused(await port.create(order))).toMatchObject({ kind: 'unknown', code: 'other_thing' });
  });

  it('is about another machine than the one that was asked about', async () => {
    const { id } = await made();
    const other = {
      id: id + 1,
      name: order.name,
      status: 'active',
      size_slug: order.size,
      region: { slug: order.region },
      created_at: '2026-01-01T00:00:00Z',
      networks: { v4: [] },
      tags: [],
    };
    cloud.faults.add({ on: 'find', says: { kind: 'text', text: JSON.stringify({ droplet: other }) } });
    expect(refused(await port.find(id))).toMatchObject({ kind: 'unknown', code: 'other_thing' });
    cloud.faults.add({ on: 'find', says: { kind: 'text', text: JSON.stringify({ droplet: { ...other, id } }) } });
    expect(await port.find(id)).toMatchObject({ ok: true, value: { id, status: 'active' } });
  });

  it('is one of more than 8 MiB, which is not read to its end', async () => {
    cloud.faults.add({ on: 'list', says: { kind: 'endless' } });
    expect(refused(await port.list())).toMatchObject({ kind: 'unknown', code: 'err_bad_response' });
  });

  it.each([{ kind: 'hangs' }, { kind: 'drips', everyMs: 5 }] as const)(
    'is one that does not end in time: it $kind',
    async (says) => {
      const hasty = digitalOcean({ token: cloud.token, apiUrl: cloud.url, wallMs: 150 });
      cloud.faults.add({ on: 'create', says });
      const why = refused(await hasty.create(order));
      expect(why).toMatchObject({ kind: 'unknown', message: 'DigitalOcean was asked, but it did not answer in time.' });
      expect(cloud.calls).toHaveLength(1);
    },
  );

  it('is no server at all', async () => {
    const nobody = digitalOcean({ token: cloud.token, apiUrl: 'http://127.0.0.1:1/', wallMs: 5000, log });
    const why = refused(await nobody.create(order));
    expect(why).toMatchObject({ kind: 'unknown', code: 'econnrefused' });
    expectNoToken(why, logged);
  });
});
