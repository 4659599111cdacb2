import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pinHasher } from '../auth/pin-hash.ts';
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
    house.clock.advance(minute);
    expect(house.ledger.list({ limit: 1 }).entries[0]).toMatchObject({
      kind: 'enrol_link.refused',
      body: { reason: 'throttled', count: 99 },
    });
    const token = tokenOf(house.door.makeEnrolLink('socket'));
    expect((await house.browser().post('/api/enrol', { token, deviceName: 'phone' })).status).toBe(200);
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

describe('the PIN', () => {
  it.each([
    ['7 characters', 'k3-vX9q', 422, 'pin_too_short'],
    ['8 characters', 'k3-vX9qT', 200, undefined],
    ['64 characters', 'k3-vX9q'.repeat(10).slice(0, 64), 200, undefined],
    ['65 characters', 'k3-vX9q'.repeat(10).slice(0, 65), 400, 'invalid_body'],
    ['a million characters', 'k3-vX9q!'.repeat(125_000), 413, 'payload_too_large'],
    ['a common one', 'Password123', 422, 'pin_too_common'],
    ['NUL inside', 'k3-v\0X9qT', 200, undefined],
    ['Unicode', 'ключ от дома 🐙', 200, undefined],
    ['spaces in front', '  k3-vX9', 200, undefined],
  ])('%s: %#', async (_what, pin, status, code) => {
    const page = await enrolled();
    const answer = await page.post('/api/pin', { pin });
    expect(answer.status).toBe(status);
    expect(answer.json['code']).toBe(code);
  });

  it.each([
    ['a NUL cuts nothing off', 'k3-v\0X9qT', 'k3-v\0X9qU'],
    ['spaces count', '  k3-vX9', 'k3-vX9'],
    ['case counts', 'k3-vX9qT', 'k3-vx9qt'],
    ['composed and decomposed are two PINs', 'café de flore', 'cafe\u0301 de flore'],
  ])('is compared exactly: %s', async (_what, pin, almost) => {
    const page = await enrolled();
    await page.post('/api/pin', { pin });
    expect((await page.post('/api/unlock', { pin: almost })).json).toMatchObject({ code: 'wrong_pin' });
    expect((await page.post('/api/unlock', { pin })).json).toMatchObject({ door: 'open' });
  });

  it('says how many tries are left, then how long to wait', async () => {
    const page = await house.signedIn();
    const said = [];
    for (let count = 0; count < 6; count += 1) {
      const { status, json, headers } = await page.post('/api/unlock', { pin: 'not the PIN at all' });
      said.push([status, json['message'], headers['retry-after']]);
    }
    expect(said).toEqual([
      [401, 'That PIN is not right. 4 tries left before a wait.', undefined],
      [401, 'That PIN is not right. 3 tries left before a wait.', undefined],
      [401, 'That PIN is not right. 2 tries left before a wait.', undefined],
      [401, 'That PIN is not right. 1 try left before a wait.', undefined],
      [401, 'That PIN is not right. Wait 2 seconds before the next try.', '2'],
      [429, 'Too many wrong PINs on this device. Wait 2 seconds, then try again.', '2'],
    ]);
    expect((await page.get('/api/hello')).json).toMatchObject({ retryAfterMs: 2000 });
  });

  it('survives a thousand wrong tries: after the wait the right one opens, and the socket always resets it', async () => {
    const page = await house.signedIn();
    await page.post('/api/lock');
    for (let count = 0; count < 1000; count += 1) {
      const answer = await page.post('/api/unlock', { pin: `wrong number ${count}` });
      expect(answer.json['code']).toBe('wrong_pin');
      house.clock.advance(Number(answer.json['retryAfterMs'] ?? 0));
    }
    expect(await page.post('/api/unlock', { pin: ownersPin })).toMatchObject({ status: 200, json: { door: 'open' } });
    // Right once is forgiven: the next wrong try is the first again.
    expect((await page.post('/api/unlock', { pin: 'wrong again, sorry' })).json['message']).toMatch(/4 tries left/);

    for (let count = 0; count < 20; count += 1) await page.post('/api/unlock', { pin: 'wrong once more' });
    expect((await page.post('/api/unlock', { pin: ownersPin })).json).toMatchObject({ code: 'throttled' });
    const reset = await house.askSocket('/api/local/pin-reset', { method: 'POST' });
    const fresh = house.browser();
    const token = tokenOf(reset.json as unknown as { url: string });
    await fresh.post('/api/enrol', { token, deviceName: 'new' });
    expect((await fresh.post('/api/pin', { pin: 'a brand new start' })).json).toMatchObject({ door: 'open' });
  });

  it('counts fifty tries at once one by one: not one of them gets past the counter', async () => {
    const page = await house.signedIn();
    const cookie = page.cookieHeader();
    const tries = Array.from({ length: 50 }, (_, count) =>
      page.send('/api/unlock', {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie },
        body: JSON.stringify({ pin: `wrong number ${count}` }),
      }),
    );
    const answers = await Promise.all(tries);
    const looked = answers.filter((answer) => answer.json['code'] === 'wrong_pin');
    expect(looked.length).toBeLessThanOrEqual(5);
    expect(looked.length + answers.filter((answer) => answer.status === 429).length).toBe(50);
  });

  it('is hashed as OWASP asks when nothing else is said, and still opens the door', async () => {
    const real = await openHouse({ hasher: pinHasher() });
    const page = await real.signedIn();
    expect(real.db.sqlite.prepare('select hash from pin').pluck().get()).toMatch(
      /^\$argon2id\$v=19\$m=47104,p?t?=1,[tp]=1\$/,
    );
    expect(await doorOf(page)).toBe('open');
    await real.shut();
  });
});

describe('a session', () => {
  it('gets a new id at each unlock, so that an id known before is worth nothing', async () => {
    const page = await house.signedIn();
    const planted = page.cookieHeader();
    await page.post('/api/unlock', { pin: ownersPin });
    expect(page.cookieHeader()).not.toBe(planted);
    const old = await house.ask('/api/devices', { headers: { cookie: planted } });
    expect(old.json).toMatchObject({ code: 'locked' });
    const invented = `${page.cookieHeader().split('; ')[0]}; pg_session=${'A'.repeat(43)}`;
    const answer = await page.send('/api/unlock', {
      method: 'POST',
      headers: { cookie: invented, 'content-type': 'application/json' },
      body: JSON.stringify({ pin: ownersPin }),
    });
    expect(answer.text + String(answer.headers['set-cookie'])).not.toContain('A'.repeat(43));
  });

  it('ends after 30 idle minutes, however it was used before', async () => {
    const page = await house.signedIn();
    for (let count = 0; count < 4; count += 1) {
      house.clock.advance(25 * minute);
      expect((await page.get('/api/devices')).status).toBe(200);
    }
    house.clock.advance(30 * minute);
    expect((await page.get('/api/devices')).json).toMatchObject({ code: 'locked' });
    expect(house.ledger.list({ limit: 1, kind: 'session.ended' }).entries[0]).toMatchObject({
      actor: 'system',
      body: { reason: 'expired' },
    });
  });

  it('ends after 12 hours, however busy', async () => {
    const page = await house.signedIn();
    for (let count = 0; count < 35; count += 1) {
      house.clock.advance(20 * minute);
      expect((await page.get('/api/devices')).status).toBe(200);
    }
    house.clock.advance(20 * minute);
    expect((await page.get('/api/devices')).status).toBe(401);
  });

  it('is not kept alive by saying hello', async () => {
    const page = await house.signedIn();
    for (let count = 0; count < 4; count += 1) {
      house.clock.advance(10 * minute);
      await page.get('/api/hello');
    }
    expect(await doorOf(page)).toBe('locked');
  });

  it('opens nothing without the device it belongs to', async () => {
    const [one, two] = [await house.signedIn('one'), await house.signedIn('two')];
    const session = one.cookies.get('pg_session');
    for (const device of [undefined, two.cookies.get('pg_device')]) {
      const cookie = device === undefined ? `pg_session=${session}` : `pg_device=${device}; pg_session=${session}`;
      expect((await house.ask('/api/devices', { headers: { cookie } })).status).toBe(401);
    }
  });

  it('ends when the owner locks', async () => {
    const page = await house.signedIn();
    const cookie = page.cookieHeader();
    expect((await page.post('/api/lock')).json).toMatchObject({ door: 'locked' });
    expect((await house.ask('/api/devices', { headers: { cookie } })).status).toBe(401);
  });

  it('of every other device ends when the PIN changes, and the changing one goes on under a new id', async () => {
    const [phone, laptop] = [await house.signedIn('phone'), await house.signedIn('laptop')];
    const before = laptop.cookieHeader();
    const wrong = await laptop.post('/api/pin/change', { current: 'not the PIN', next: 'a fine new one' });
    expect(wrong.json).toMatchObject({ code: 'wrong_pin' });
    const same = await laptop.post('/api/pin/change', { current: ownersPin, next: ownersPin });
    expect(same.json).toMatchObject({ code: 'invalid_body' });
    const weak = await laptop.post('/api/pin/change', { current: ownersPin, next: '12345678' });
    expect(weak.json).toMatchObject({ code: 'pin_too_common' });
    expect(await doorOf(phone)).toBe('open');
    const changed = await laptop.post('/api/pin/change', { current: ownersPin, next: 'a fine new one' });
    expect(changed.json).toMatchObject({ door: 'open' });
    expect(laptop.cookieHeader()).not.toBe(before);
    expect([await doorOf(phone), await doorOf(laptop)]).toEqual(['locked', 'open']);
    expect((await phone.post('/api/unlock', { pin: ownersPin })).json).toMatchObject({ code: 'wrong_pin' });
    expect((await phone.post('/api/unlock', { pin: 'a fine new one' })).json).toMatchObject({ door: 'open' });
  });

  it('does not open when the device is revoked or the PIN changed while the PIN is being checked', async () => {
    const page = await house.signedIn();
    await page.post('/api/lock');
    const device = house.door.listDevices(null)[0];
    const unlocking = house.door.unlock(page.cookieHeader(), ownersPin);
    house.door.revokeDevice(device?.id ?? '', 'socket');
    expect(await unlocking).toMatchObject({ ok: false, why: { code: 'device_unknown' } });

    const other = await house.signedIn('other');
    const opening = house.door.unlock(other.cookieHeader(), ownersPin);
    house.door.resetPin('socket');
    expect(await opening).toMatchObject({ ok: false });
    expect(await doorOf(other)).toBe('unknown_device');
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
