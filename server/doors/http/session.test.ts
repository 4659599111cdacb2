import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHouse, ownersPin, type Browser, type House } from './test-house.ts';

let house: House;
const minute = 60_000;

beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.shut());

const doorOf = async (page: Browser): Promise<unknown> => (await page.get('/api/hello')).json['door'];

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
