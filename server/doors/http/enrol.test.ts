import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHouse, ownersPin, type Browser, type House } from './test-house.ts';

let house: House;
const minute = 60_000;

beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.shut());

function tokenOf(link: { readonly url: string }): string {
  return link.url.split('#')[1] ?? '';
}

async function enrolled(name = 'phone'): Promise<Browser> {
  const page = house.browser();
  const answer = await page.post('/api/enrol', {
    token: tokenOf(house.door.makeEnrolLink('socket')),
    deviceName: name,
  });
  expect(answer.status).toBe(200);
  return page;
}

const doorOf = async (page: Browser): Promise<unknown> => (await page.get('/api/hello')).json['door'];

describe('first run', () => {
  it('goes from the one-time link over the PIN to an open door, and writes it down', async () => {
    const page = house.browser();
    expect(await doorOf(page)).toBe('unknown_device');
    const link = house.door.makeEnrolLink('start');
    expect(link.url).toMatch(new RegExp(`^${house.origin}/enrol#[A-Za-z0-9_-]{43}$`));
    const first = await page.post('/api/enrol', { token: tokenOf(link), deviceName: 'laptop' });
    expect(first.json).toMatchObject({ door: 'choose_pin', retryAfterMs: 0 });
    expect((await page.get('/api/devices')).json).toMatchObject({ code: 'pin_required' });
    const chosen = await page.post('/api/pin', { pin: ownersPin });
    expect(chosen.json).toMatchObject({ door: 'open' });
    expect((await page.get('/api/devices')).json).toMatchObject({ devices: [{ name: 'laptop', current: true }] });
    expect((await page.post('/api/pin', { pin: 'another good one' })).json).toMatchObject({ code: 'pin_already_set' });
    expect(house.kinds()).toEqual(['enrol_link.made', 'device.enrolled', 'pin.chosen', 'session.opened']);
  });

  it('sets cookies no script can read and no other site can send', async () => {
    const page = await enrolled();
    const [device, session] = (await page.post('/api/pin', { pin: ownersPin })).headers['set-cookie'] ?? [];
    const flags = 'HttpOnly; SameSite=Strict';
    expect(device).toMatch(new RegExp(`^pg_device=[\\w-]{43}; Path=/; Max-Age=15552000; ${flags}$`));
    expect(session).toMatch(new RegExp(`^pg_session=[\\w-]{43}; Path=/; Max-Age=43200; ${flags}$`));
  });

  it('sets __Host- cookies with Secure behind TLS, and tells the browser to stay there', async () => {
    const tls = await openHouse({ publicUrl: 'https://patch.example' });
    const page = await tls.signedIn();
    expect([...page.cookies.keys()]).toEqual(['__Host-pg_device', '__Host-pg_session']);
    const answer = await page.post('/api/unlock', { pin: ownersPin });
    for (const cookie of answer.headers['set-cookie'] ?? []) expect(cookie).toMatch(/; Path=\/; .*; Secure$/);
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
    expect(tls.door.makeEnrolLink('socket').url).toMatch(/^https:\/\/patch\.example\/enrol#/);
    await tls.shut();
  });

  it('keeps no secret in clear, neither in the database nor in the ledger', async () => {
    const link = house.door.makeEnrolLink('socket');
    const page = await house.signedIn();
    const secrets = [tokenOf(link), ...page.cookies.values(), ownersPin];
    const tables = ['device', 'enrol_link', 'pin', 'session', 'ledger'];
    const stored = JSON.stringify(tables.map((table) => house.db.sqlite.prepare(`select * from ${table}`).all()));
    for (const secret of secrets) expect(stored).not.toContain(secret);
    expect(stored).toContain('$argon2id$v=19$m=64,');
  });
});

describe('a one-time link', () => {
  it('works once: used, expired and invented ones are the same refusal to a stranger, and three reasons in the ledger', async () => {
    await house.signedIn();
    const token = tokenOf(house.door.makeEnrolLink('socket'));
    const old = tokenOf(house.door.makeEnrolLink('socket'));
    expect((await house.browser().post('/api/enrol', { token, deviceName: 'one' })).status).toBe(200);
    const refusals = [];
    for (const wrong of [token, 'x'.repeat(43), old]) {
      house.clock.advance(wrong === old ? 15 * minute : 2 * minute);
      const answer = await house.browser().post('/api/enrol', { token: wrong, deviceName: 'two' });
      expect(answer.status).toBe(410);
      refusals.push({ ...answer.json, requestId: '' });
    }
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    const entries = house.ledger.list({ limit: 100, kind: 'enrol_link.refused' }).entries;
    expect(entries.map((entry) => entry.body['reason'])).toEqual(['expired', 'unknown', 'used']);
    expect(entries.every((entry) => entry.actor === 'stranger')).toBe(true);
  });

  it('is good for 60 minutes before the first device, then for 15', async () => {
    const first = house.door.makeEnrolLink('start');
    house.clock.advance(59 * minute);
    const page = house.browser();
    expect((await page.post('/api/enrol', { token: tokenOf(first), deviceName: 'laptop' })).status).toBe(200);
    expect(house.door.makeEnrolLink('socket').expiresAtMs - house.clock.nowMs()).toBe(15 * minute);
  });

  it('is not used up by a GET, of any path', async () => {
    const token = tokenOf(house.door.makeEnrolLink('socket'));
    for (const path of ['/api/enrol', `/api/enrol?token=${token}&deviceName=x`, `/enrol?token=${token}`]) {
      await house.browser().get(path);
    }
    expect((await house.browser().post('/api/enrol', { token, deviceName: 'laptop' })).status).toBe(200);
  });

  it('works for the owner however often strangers have tried, who cannot fill the ledger either', async () => {
    await house.signedIn();
    const before = house.ledger.head();
    const statuses = new Set<number>();
    for (let count = 0; count < 100; count += 1) {
      const answer = await house
        .browser()
        .post('/api/enrol', { token: `wrong-${count}`.padEnd(43, 'x'), deviceName: 's' });
      statuses.add(answer.status);
    }
    expect([...statuses]).toEqual([410, 429]);
    expect(house.ledger.head() - before).toBe(1);
    const token = tokenOf(house.door.makeEnrolLink('socket'));
    expect((await house.browser().post('/api/enrol', { token, deviceName: 'phone' })).status).toBe(200);
    house.clock.advance(minute);
    expect(house.ledger.list({ limit: 1 }).entries[0]).toMatchObject({
      kind: 'enrol_link.refused',
      body: { reason: 'throttled', count: 99 },
    });
  });

  it('replaces the device when the same browser is enrolled again', async () => {
    const page = await house.signedIn('laptop');
    const token = tokenOf(house.door.makeEnrolLink('socket'));
    expect((await page.post('/api/enrol', { token, deviceName: 'laptop, again' })).json).toMatchObject({
      door: 'locked',
    });
    await page.post('/api/unlock', { pin: ownersPin });
    const { devices } = (await page.get('/api/devices')).json as unknown as {
      devices: { revokedAtMs: number | null }[];
    };
    expect(devices.map((device) => device.revokedAtMs === null)).toEqual([false, true]);
  });
});

describe('devices', () => {
  it('are revoked at once, with their sessions', async () => {
    const [phone, laptop] = [await house.signedIn('phone'), await house.signedIn('laptop')];
    const { devices } = (await laptop.get('/api/devices')).json as unknown as {
      devices: { id: string; name: string }[];
    };
    const id = devices.find((device) => device.name === 'phone')?.id ?? '';
    expect((await laptop.send(`/api/devices/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await laptop.send(`/api/devices/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await phone.get('/api/devices')).json).toMatchObject({ code: 'device_unknown' });
    expect((await phone.post('/api/unlock', { pin: ownersPin })).json).toMatchObject({ code: 'device_unknown' });
    expect((await laptop.send('/api/devices/dev_000000000000', { method: 'DELETE' })).status).toBe(404);
    expect(house.ledger.list({ limit: 100, kind: 'device.revoked' }).entries).toHaveLength(1);
  });

  it('from before a reset cannot choose the new PIN: a lost phone must not win that race', async () => {
    const lost = await house.signedIn('lost phone');
    const earlierLink = tokenOf(house.door.makeEnrolLink('socket'));
    const link = await house.askSocket('/api/local/pin-reset', { method: 'POST' });
    expect(await doorOf(lost)).toBe('unknown_device');
    expect((await lost.post('/api/pin', { pin: 'the thief is faster' })).json).toMatchObject({
      code: 'device_unknown',
    });
    expect((await lost.post('/api/enrol', { token: earlierLink, deviceName: 'thief' })).status).toBe(410);
    const page = house.browser();
    await page.post('/api/enrol', { token: tokenOf(link.json as unknown as { url: string }), deviceName: 'mine' });
    expect((await page.post('/api/pin', { pin: 'mine and new now' })).json).toMatchObject({ door: 'open' });
  });

  it('get their links from the owner only', async () => {
    expect((await house.browser().post('/api/devices/links')).json).toMatchObject({ code: 'device_unknown' });
    expect((await (await enrolled()).post('/api/devices/links')).json).toMatchObject({ code: 'pin_required' });
    const page = await house.signedIn();
    expect((await page.post('/api/devices/links')).json).toMatchObject({ url: expect.stringMatching(/#/) });
  });
});
