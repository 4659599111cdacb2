import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHouse, type House } from './test-house.ts';
import { testRoutes } from './test-routes.ts';

let house: House;
let ran: string[] = [];

beforeEach(async () => {
  ran = [];
  house = await openHouse({ routes: [testRoutes(ran)] });
});
afterEach(() => house.shut());

const own = (): Record<string, string> => ({
  origin: house.origin,
  'x-patchgit': '1',
  'content-type': 'application/json',
});

describe('a write', () => {
  it.each([
    ['from our page', {}, 202],
    [
      'from our page, Origin left out, same-origin by the browser’s word',
      { origin: '', 'sec-fetch-site': 'same-origin' },
      202,
    ],
    ['with neither Origin nor Sec-Fetch-Site', { origin: '' }, 403],
    ['from another site', { origin: 'http://evil.example' }, 403],
    ['from a null origin', { origin: 'null' }, 403],
    ['from our host on another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['from our host over another scheme', { origin: 'https://127.0.0.1:PORT' }, 403],
    ['from an origin that begins with ours', { origin: 'http://127.0.0.1:PORT.evil.example' }, 403],
    ['from our other name', { origin: 'http://localhost:PORT' }, 403],
    ['that the browser calls cross-site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['that the browser calls same-site', { 'sec-fetch-site': 'same-site' }, 403],
    ['that a form could send', { 'x-patchgit': '' }, 403],
    ['as text/plain', { 'content-type': 'text/plain' }, 415],
    ['as a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['compressed', { 'content-encoding': 'gzip' }, 415],
    ['with a charset', { 'content-type': 'application/json; charset=utf-8' }, 202],
  ])('%s', async (_what, changed, status) => {
    const cookie = (await house.signedIn()).cookieHeader();
    const headers = Object.fromEntries(
      Object.entries({ ...own(), cookie, ...changed })
        .filter(([, value]) => value !== '')
        .map(([name, value]) => [name, value.replace('PORT', String(house.port))]),
    );
    const answer = await house.ask('/api/notes', { method: 'POST', headers, body: '{"text":"hi"}' });
    expect(answer.status).toBe(status);
    expect(ran).toEqual(status === 202 ? ['note hi'] : []);
  });

  it('that is foreign is noted once a minute, not once a try', async () => {
    const before = house.ledger.head();
    for (let count = 0; count < 30; count += 1) {
      await house.ask('/api/lock', { method: 'POST', headers: { origin: 'http://evil.example' } });
    }
    expect(house.ledger.after(before, 10)).toMatchObject([
      {
        kind: 'request.refused',
        actor: 'stranger',
        body: { reason: 'foreign_origin', origin: 'http://evil.example', count: 1 },
      },
    ]);
    house.door.close();
    expect(house.ledger.list({ limit: 1 }).entries[0]?.body).toMatchObject({ count: 29 });
  });
});

describe('the Host header', () => {
  it.each([
    ['127.0.0.1:PORT', 200],
    ['localhost:PORT', 200],
    ['LOCALHOST:PORT', 200],
    ['[::1]:PORT', 200],
    ['127.0.0.1', 403],
    ['127.0.0.1:1', 403],
    ['rebound.evil.example:PORT', 403],
    ['localhost.evil.example:PORT', 403],
  ])('%s gives %i', async (host, status) => {
    const answer = await house.ask('/api/hello', { headers: { host: host.replace('PORT', String(house.port)) } });
    expect(answer.status).toBe(status);
  });
});

it('a request without any Host header is refused', async () => {
  const socket = connect(house.port, '127.0.0.1');
  socket.end('GET /api/hello HTTP/1.0\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer); // A socket without an encoding gives bytes.
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 403 /);
});

describe('the unix socket', () => {
  it('is the owner, without cookies, Origin or PIN', async () => {
    const answer = await house.askSocket('/api/things/a/b');
    expect(answer.json).toEqual({ params: { id: 'a', part: 'b' }, by: 'socket' });
    expect((await house.askSocket('/api/hello')).json).toMatchObject({ door: 'open' });
    const link = await house.askSocket('/api/local/device-link', { method: 'POST' });
    expect(link.json).toMatchObject({ url: expect.stringMatching(/\/enrol#/) });
  });

  it('is not what a request says it is: its routes do not exist on the network, signed in or not', async () => {
    const page = await house.signedIn();
    const claims = {
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      forwarded: 'for=unix:',
      host: 'localhost',
    };
    for (const path of ['/api/local/pin-reset', '/api/local/device-link']) {
      expect((await page.post(path)).status).toBe(404);
    }
    expect((await house.ask('/api/devices', { headers: { ...claims, host: `127.0.0.1:${house.port}` } })).status).toBe(
      401,
    );
    expect(house.kinds()).not.toContain('pin.reset');
  });
});
