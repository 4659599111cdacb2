import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pinHasher } from '../auth/pin-hash.ts';
import { openHouse, ownersPin, type Browser, type House } from './test-house.ts';

let house: House;

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

function numbered<T>(count: number, each: (text: string) => T): T[] {
  return Array.from({ length: count }, (_, index) => each(`wrong number ${index}`));
}

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

  it('counts fifty tries at once one by one: exactly the free ones are looked at', async () => {
    const patient = await openHouse({ hasher: pinHasher({ memoryKib: 64, waitingMax: 100 }) });
    const page = await patient.signedIn();
    const answers = await Promise.all(numbered(50, (pin) => page.post('/api/unlock', { pin })));
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 5 }, () => 401),
      ...Array.from({ length: 45 }, () => 429),
    ]);
    await patient.shut();
  });

  it('is checked one at a time, and a crowd is turned away without using up the tries', async () => {
    const pages: Browser[] = [];
    for (const name of numbered(10, String)) pages.push(await house.signedIn(name));
    const tries = pages.map((page) => house.door.unlock(page.cookieHeader(), 'wrong but only once'));
    const codes = (await Promise.all(tries)).map((outcome) => (outcome.ok ? 'open' : outcome.why.code));
    // One is being checked and four wait.
    expect(codes.filter((code) => code === 'wrong_pin')).toHaveLength(5);
    expect(codes.filter((code) => code === 'throttled')).toHaveLength(5);
    expect(house.db.sqlite.prepare('select sum(failures) from device').pluck().get()).toBe(5);
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
