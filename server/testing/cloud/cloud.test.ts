import { afterEach, describe, expect, it } from 'vitest';
import { digitalOcean } from '../../adapters/digitalocean.ts';
import { fakeClock } from '../fake-clock.ts';
import { canBoot } from '../machine/layer.ts';
import { startFakeCloud, type FakeCloud, type FakeCloudOptions } from './cloud.ts';
import { contractFile, openContract } from './contract.ts';
import { startDevCloud } from './dev.ts';
import { meter } from './meter.ts';
import { faultNames, namedFaults, plantFault, plantFaults } from './named-faults.ts';

let cloud: FakeCloud | null = null;
afterEach(async () => {
  await cloud?.close();
  cloud = null;
});

async function start(options: FakeCloudOptions = {}) {
  const clock = fakeClock();
  const started = await startFakeCloud({ clock, contract: openContract(), ...options });
  cloud = started;
  const ask = async (method: string, path: string, body?: object, token = started.token) => {
    const response = await fetch(`${started.url}/v2/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as never, response };
  };
  return { cloud: started, clock, ask };
}

const order = { name: 'pg-one', region: 'fra1', size: 's-2vcpu-4gb', image: 'debian-12-x64', tags: ['patchgit'] };
const names = ({ body }: { body: { droplets: { name: string }[] } }): string[] => body.droplets.map(({ name }) => name);

it('bills by the second, from the creation to the end, at least a minute and at least a cent', () => {
  expect(meter(0.03571, 0, 45 * 60_000)).toEqual({ seconds: 2700, usdMicros: 26_783 });
  expect(meter(0.03571, 0, 1)).toEqual({ seconds: 1, usdMicros: 10_000 });
  expect(meter(6, 0, 1)).toEqual({ seconds: 1, usdMicros: 100_000 });
  expect(meter(3.6, 0, 60_001)).toEqual({ seconds: 61, usdMicros: 61_000 });
});

it('bills a machine that is powered off, until its destroy has taken', async () => {
  const { cloud: it, clock, ask } = await start();
  await ask('POST', 'droplets', order);
  const id = it.alive()[0]?.id;
  clock.advance(20_000);
  await ask('POST', `droplets/${id}/actions`, { type: 'power_off' });
  clock.advance(3_576_000);
  expect(it.alive()[0]?.status).toBe('off');
  expect((await ask('DELETE', `droplets/${id}`)).status).toBe(204);
  clock.advance(4000);
  clock.advance(86_400_000);
  expect(it.bill()).toMatchObject([{ id, seconds: 3600, usdMicros: 35_710 }]);
  expect((await ask('GET', `droplets/${id}`)).status).toBe(404);
});

it('bills at the price of the moment of creation', async () => {
  const { cloud: it, clock, ask } = await start();
  await ask('POST', 'droplets', order);
  it.conditions.priceFactor = 2;
  await ask('POST', 'droplets', order);
  clock.advance(3_600_000);
  expect(it.bill().map(({ usdMicros }) => usdMicros)).toEqual([35_710, 71_420]);
});

it('shows a new machine when its lag is over, and tags later still', async () => {
  const {
    cloud: it,
    clock,
    ask,
  } = await start({ conditions: { listLagMs: 60_000, findLagMs: 10_000, tagsLagMs: 90_000 } });
  await ask('POST', 'droplets', order);
  const id = it.alive()[0]?.id;
  expect((await ask('GET', `droplets/${id}`)).status).toBe(404);
  clock.advance(10_000);
  expect((await ask('GET', `droplets/${id}`)).status).toBe(200);
  expect(names(await ask('GET', 'droplets'))).toEqual([]);
  clock.advance(50_000);
  expect(names(await ask('GET', 'droplets'))).toEqual(['pg-one']);
  expect(names(await ask('GET', 'droplets?tag_name=patchgit'))).toEqual([]);
  clock.advance(30_000);
  expect(names(await ask('GET', 'droplets?tag_name=patchgit'))).toEqual(['pg-one']);
});

it('lists a machine that is gone for as long as its lag, while its id answers 404', async () => {
  const { cloud: it, clock, ask } = await start({ conditions: { goneLagMs: 60_000 } });
  await ask('POST', 'droplets', order);
  const id = it.alive()[0]?.id;
  await ask('DELETE', `droplets/${id}`);
  clock.advance(4000);
  expect((await ask('GET', `droplets/${id}`)).status).toBe(404);
  expect(names(await ask('GET', 'droplets'))).toEqual(['pg-one']);
  clock.advance(60_000);
  expect(names(await ask('GET', 'droplets'))).toEqual([]);
});

it('hides a new machine for so many lists', async () => {
  const { ask } = await start({ conditions: { listLagCalls: 2 } });
  await ask('POST', 'droplets', order);
  const seen = [];
  for (let read = 0; read < 3; read += 1) seen.push(names(await ask('GET', 'droplets')).length);
  expect(seen).toEqual([0, 0, 1]);
});

it('lets an order land late, under the id that was promised, and bills it from then on', async () => {
  const { cloud: it, clock, ask } = await start();
  plantFault(it, 'create_lands_after_90_minutes');
  await expect(ask('POST', 'droplets', order)).rejects.toThrow('fetch failed');
  clock.advance(90 * 60_000 - 1);
  expect(it.bill()).toEqual([]);
  clock.advance(1);
  expect(it.alive()).toHaveLength(1);
  clock.advance(60_000);
  expect(it.bill()).toMatchObject([{ seconds: 60 }]);
});

it.each([
  ['takes', 204, 0],
  ['refused', 422, 1],
  ['ignored', 204, 1],
] as const)('a destroy while a machine is new %s', async (destroyWhileNew, status, left) => {
  const { cloud: it, clock, ask } = await start({ conditions: { destroyWhileNew } });
  await ask('POST', 'droplets', order);
  expect((await ask('DELETE', `droplets/${it.alive()[0]?.id}`)).status).toBe(status);
  clock.advance(20_000);
  expect(it.alive().filter(({ status: now }) => now === 'active')).toHaveLength(left);
});

it('takes only tokens it knows, for what their scopes allow', async () => {
  const { ask } = await start({ tokens: { sweep: ['droplet:read', 'droplet:delete'] } });
  const unknown = await ask('GET', 'droplets', undefined, 'somebody');
  expect(unknown.status).toBe(401);
  expect(unknown.body).toMatchObject({ id: 'unauthorized', message: 'Unable to authenticate you.' });
  expect((await ask('GET', 'droplets')).status).toBe(200);
  expect((await ask('POST', 'droplets', order)).status).toBe(403);
});

it('starts a real machine for a droplet and ends it once, however it goes', async () => {
  const seen: string[] = [];
  const {
    cloud: it,
    clock,
    ask,
  } = await start({
    onBoot: async ({ name }, userData) => {
      seen.push(`boot ${name} ${userData}`);
      return await Promise.resolve('127.7.0.1');
    },
    onDestroy: async ({ name, address }) => {
      seen.push(`end ${name} ${address ?? 'without an address'}`);
      await Promise.resolve();
    },
  });
  await ask('POST', 'droplets', { ...order, user_data: '#cloud-config' });
  clock.advance(20_000);
  await it.world.settled();
  expect(it.alive()).toMatchObject([{ status: 'active', address: '127.7.0.1' }]);
  await ask('DELETE', `droplets/${it.alive()[0]?.id}`);
  await ask('POST', 'droplets', { ...order, name: 'pg-two', user_data: '' });
  clock.advance(4000);
  await it.close();
  cloud = null;
  expect(seen.toSorted()).toEqual([
    'boot pg-one #cloud-config',
    'boot pg-two ',
    'end pg-one 127.7.0.1',
    'end pg-two without an address',
  ]);
});

it('is for development what the adapter takes for DigitalOcean, and has a real machine where one can be booted', async () => {
  const dev = await startDevCloud();
  cloud = dev.cloud;
  const { DIGITALOCEAN_TOKEN: token, DIGITALOCEAN_API_URL: apiUrl } = dev.environment;
  expect(await digitalOcean({ token, apiUrl, wallMs: 10_000 }).list()).toEqual({ ok: true, value: [] });
  expect(dev.isReal).toBe(canBoot('the machines of the fake cloud for development'));
});

it('plants the same faults for the same seed, and all of them for some', async () => {
  const planted = async (seed: number): Promise<string[]> => {
    const { cloud: it } = await start();
    const names = plantFaults(it, seed, 3);
    await it.close();
    cloud = null;
    return names;
  };
  expect(await planted(17)).toEqual(await planted(17));
  const seen = new Set<string>();
  const { cloud: it } = await start();
  for (let seed = 0; seed < 1000; seed += 1) for (const name of plantFaults(it, seed, 3)) seen.add(name);
  expect(seen).toEqual(new Set(faultNames()));
  expect(Object.keys(namedFaults).length).toBeGreaterThan(40);
});

describe.skipIf(openContract() === null)(`the official description (${contractFile})`, () => {
  const contract = openContract();
  const url = (path: string): URL => new URL(`http://localhost/v2/${path}`);

  it.each([
    ['a field that is misspelt', 'POST', 'droplets', { ...order, vpc_uid: 'x' }],
    ['a name that is no host name', 'POST', 'droplets', { ...order, name: 'under_score' }],
    ['a create without an image', 'POST', 'droplets', { name: 'a', size: 'b' }],
    ['a truth value in text', 'POST', 'droplets', { ...order, ipv6: 'false' }],
    ['an action without a type', 'POST', 'droplets/1/actions', {}],
    ['an id that is none', 'GET', 'droplets/x', undefined],
    ['a page of 500', 'GET', 'droplets?per_page=500', undefined],
    ['a parameter that does not exist', 'GET', 'droplets?tag=x', undefined],
    ['a destroy of everything', 'DELETE', 'droplets', undefined],
    ['an operation that does not exist', 'PATCH', 'droplets/1', {}],
  ])('does not take %s', (_, method, path, body) => {
    expect(contract?.checkRequest(method, url(path), body)).not.toEqual([]);
  });

  it('takes what is right', () => {
    expect(contract?.checkRequest('POST', url('droplets'), order)).toEqual([]);
    expect(contract?.checkRequest('GET', url('droplets?per_page=200&page=2&tag_name=x'), undefined)).toEqual([]);
  });

  it('does not take a machine without its networks, or a list without its total', () => {
    expect(contract?.checkReply('GET', url('droplets/1'), 200, 'application/json', { droplet: { id: 1 } })).not.toEqual(
      [],
    );
    expect(contract?.checkReply('GET', url('droplets'), 200, 'application/json', { droplets: [] })).not.toEqual([]);
    expect(contract?.checkReply('DELETE', url('droplets/1'), 200, null, undefined)).not.toEqual([]);
    expect(contract?.checkReply('GET', url('droplets/1'), 404, 'application/json', { error: 'x' })).not.toEqual([]);
  });

  it('fails the test whose client left it', async () => {
    const { cloud: it, ask } = await start();
    await ask('POST', 'droplets', { ...order, vpc_uid: 'x' });
    cloud = null;
    await expect(it.close()).rejects.toThrow('vpc_uid');
  });

  it('is kept by every answer of the fake', async () => {
    const { cloud: it, clock, ask } = await start();
    await ask('POST', 'tags', { name: 'patchgit' });
    await ask('POST', 'droplets', order);
    const id = it.alive()[0]?.id;
    clock.advance(20_000);
    await ask('POST', `droplets/${id}/actions`, { type: 'snapshot', name: 'golden' });
    await ask('POST', `droplets/${id}/actions`, { type: 'power_off' });
    await ask('GET', `actions/${it.world.actions[0]?.id}`);
    clock.advance(60_000);
    await ask('GET', `actions/${it.world.actions[0]?.id}`);
    await ask('POST', 'account/keys', { name: 'patchgit', public_key: 'ssh-ed25519 AAAA' });
    const rules = { inbound_rules: [{ protocol: 'tcp', ports: '22', sources: { addresses: ['192.0.2.1'] } }] };
    await ask('POST', 'firewalls', { name: 'patchgit', tags: ['patchgit'], ...rules });
    await ask('POST', 'firewalls', { name: 'patchgit', tags: ['patchgit'], ...rules });
    await ask('PUT', `firewalls/${String(it.team.firewalls[0]?.['id'])}`, { name: 'patchgit', ...rules });
    for (let number = 0; number < 30; number += 1) it.plant({ name: `other-${number}` });
    const lists = ['account', 'account/keys', 'droplets', 'droplets?page=2', 'sizes', 'regions', 'images', 'snapshots'];
    for (const path of [
      ...lists,
      'images/63663981',
      `droplets/${id}`,
      'firewalls',
      'tags',
      'droplets/1',
      'snapshots/1',
    ]) {
      await ask('GET', path);
    }
    await ask('DELETE', `snapshots/${it.world.images.at(-1)?.id}`);
    await ask('DELETE', `account/keys/${String(it.team.keys[0]?.['id'])}`);
    await ask('DELETE', `firewalls/${String(it.team.firewalls[0]?.['id'])}`);
    await ask('DELETE', `droplets/${id}`);
    expect(it.drift).toEqual([]);
    expect(it.calls.filter(({ status }) => status >= 500)).toEqual([]);
  });
});
