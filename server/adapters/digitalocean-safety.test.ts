import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../lib/assert.ts';
import type { Cloud } from '../ports-cloud.ts';
import { startFakeCloud, type FakeCloud } from '../testing/cloud/cloud.ts';
import { openCloudDesk, order, refused, shown } from '../testing/cloud/desk.ts';
import { faultNames, plantFault } from '../testing/cloud/named-faults.ts';
import type { FakeClock } from '../testing/fake-clock.ts';
import { digitalOcean } from './digitalocean.ts';

const sshOnly = { name: 'patchgit-abcdefgh', tag: order.tag, fromAddresses: ['198.51.100.7/32'] };

let cloud: FakeCloud;
let clock: FakeClock;
let port: Cloud;
let logged: object[];
beforeEach(async () => {
  ({ cloud, clock, port, logged } = await openCloudDesk());
});
afterEach(() => cloud.close());

function expectNoToken(...values: unknown[]): void {
  for (const value of values) expect(shown(value)).not.toContain(cloud.token);
}

describe('whatever is known to go wrong', () => {
  it.each(faultNames())('%s: a yes is true, a no did nothing, and one order is sent', async (name) => {
    plantFault(cloud, name);
    const said: unknown[] = [await port.sizes(), await port.account(), await port.list()];
    const created = await port.create(order);
    const sent = cloud.calls.filter(({ operation }) => operation === 'create');
    expect(sent).toHaveLength(1);
    if (!created.ok && created.why.kind !== 'unknown') {
      clock.advance(2 * 3_600_000);
      expect(cloud.droplets()).toEqual([]);
    }
    for (let minute = 0; minute < 4; minute += 1) {
      clock.advance(60_000);
      const listed = await port.list();
      const alive = cloud.alive();
      const { goneLagMs } = cloud.conditions;
      const there = goneLagMs > 0 ? cloud.droplets() : alive;
      if (listed.ok) {
        const ids = listed.value.map(({ id }) => id);
        expect(there.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
      }
      said.push(listed);
      const [machine] = alive;
      if (!machine) continue;
      const found = await port.find(machine.id);
      const acted = await port.snapshot(machine.id, 'golden');
      const destroyed = await port.destroy(machine.id);
      if (found.ok)
        expect(found.value).toMatchObject({ id: machine.id, status: machine.status, address: machine.address });
      said.push(found, acted, destroyed);
    }
    expectNoToken(said, created, logged);
  });
});

describe('the token', () => {
  it('goes to no other host, whatever the answer and the environment say', async () => {
    const elsewhere = await startFakeCloud();
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = elsewhere.url;
    try {
      const { url } = elsewhere;
      cloud.faults.add({ on: 'account', says: { kind: 'redirect', status: 302, to: `${url}/v2/account` } });
      cloud.faults.add({ on: 'list', says: { kind: 'next', url: `${url}/v2/droplets?page=2` } });
      expect(refused(await port.account()).kind).toBe('unknown');
      expect(refused(await port.list()).kind).toBe('unknown');
      expect(elsewhere.calls).toEqual([]);
      expect(cloud.calls).toHaveLength(2);
    } finally {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
      await elsewhere.close();
    }
  });

  it('is taken out of what the cloud says', async () => {
    const message = `no ${cloud.token}\u0000\n here ${'x'.repeat(1000)}`;
    cloud.faults.add({ on: 'create', says: { kind: 'error', status: 422, id: cloud.token, message } });
    const why = refused(await port.create(order));
    expect(why).toMatchObject({ kind: 'refused', code: null });
    expect(why.message).toMatch(/^DigitalOcean said: no \[masked: DigitalOcean token\] here x+$/);
    expect(why.message.length).toBeLessThan(400);
    expectNoToken(why, logged);
  });

  it.each([
    'http://api.digitalocean.com',
    'https://user:secret@api.digitalocean.com',
    'https://api.digitalocean.com/?a=b',
    'ftp://127.0.0.1',
    'not an address',
  ])('is not sent to an address like %s', (apiUrl) => {
    expect(() => digitalOcean({ token: cloud.token, apiUrl, wallMs: 1000 })).toThrow('DIGITALOCEAN_API_URL must be');
  });

  it.each(['two words', 'line\nbreak', ''])('is not sent when it is none: %j', (token) => {
    expect(() => digitalOcean({ token, apiUrl: cloud.url, wallMs: 1000 })).toThrow(AssertionError);
  });
});

describe('what would widen a call is never sent', () => {
  it.each([0, -1, 1.5, Number.NaN, Infinity, undefined, null, '', '1', '1/../..'])('as an id: %j', async (id) => {
    const wrong = id as unknown as number;
    for (const call of [port.find, port.destroy, port.powerOff, port.deleteSnapshot]) {
      await expect(call(wrong)).rejects.toThrow(AssertionError);
    }
    await expect(port.snapshot(wrong, 'name')).rejects.toThrow(AssertionError);
    expect(cloud.calls).toEqual([]);
  });

  it.each([
    ['a name that is no host name', { name: 'under_score' }],
    ['no name', { name: '' }],
    ['no region', { region: '' }],
    ['a size of two words', { size: 'a b' }],
    ['image 0', { image: 0 }],
    ['no image', { image: '' }],
    ['no tag', { tag: '' }],
    ['user data that is not ASCII', { userData: 'smile ☺' }],
    ['user data that is too long', { userData: 'x'.repeat(65_537) }],
  ])('as an order: %s', async (_, part) => {
    await expect(port.create({ ...order, ...part })).rejects.toThrow(AssertionError);
    expect(cloud.calls).toEqual([]);
  });
});

describe('the firewall of a tag', () => {
  const writes = (): string[] =>
    cloud.calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);

  it('is made once, lets in only SSH from these addresses, and is left alone when it is right', async () => {
    expect(await port.ensureFirewall(sshOnly)).toEqual({ ok: true, value: null });
    expect(await port.ensureFirewall(sshOnly)).toEqual({ ok: true, value: null });
    expect(writes()).toEqual(['POST /v2/tags', 'POST /v2/firewalls']);
    expect(cloud.team.firewalls).toMatchObject([
      {
        tags: [order.tag],
        inbound_rules: [{ protocol: 'tcp', ports: '22', sources: { addresses: sshOnly.fromAddresses } }],
      },
    ]);
  });

  it.each([
    ['lets in another address', { sources: { addresses: ['0.0.0.0/0'] } }],
    ['lets in a tag as well', { sources: { addresses: sshOnly.fromAddresses, tags: ['others'] } }],
    ['opens another port', { ports: '1-65535' }],
  ])('is mended when it %s', async (_, change) => {
    await port.ensureFirewall(sshOnly);
    const rules = cloud.team.firewalls[0]?.['inbound_rules'] as object[];
    Object.assign(rules[0] ?? {}, change);
    expect(await port.ensureFirewall(sshOnly)).toEqual({ ok: true, value: null });
    expect(writes().at(-1)).toMatch(/^PUT \/v2\/firewalls\/[0-9a-f-]{36}$/);
    expect(cloud.team.firewalls[0]).toMatchObject({
      inbound_rules: [{ ports: '22', sources: { addresses: sshOnly.fromAddresses, tags: [] } }],
    });
  });

  it('is refused while another firewall could open the same machines', async () => {
    await port.ensureFirewall({ ...sshOnly, name: 'somebody-elses' });
    expect(refused(await port.ensureFirewall(sshOnly))).toMatchObject({ kind: 'refused', code: 'other_firewall' });
  });

  it.each([[[]], [['example.com']], [['10.0.0.1/33']], [['::1/129']]])('is never for %j', async (fromAddresses) => {
    await expect(port.ensureFirewall({ ...sshOnly, fromAddresses })).rejects.toThrow(AssertionError);
  });
});
