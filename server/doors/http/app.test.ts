import { connect } from 'node:net';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problem } from '#contract/problem.ts';
import { no, ok } from '../../lib/result.ts';
import { messageBytesMax, rawRoute, route, type Routes } from './route.ts';
import { openHouse, type Answer, type Asking, type House } from './test-house.ts';

let house: House;
let ran: string[] = [];

const Note = z.strictObject({ text: z.string().max(10), tags: z.array(z.int()).optional() });

const testRoutes: Routes = (table) => {
  route(table, 'get', '/api/things/:id/:part', {}, ({ params, owner }) => {
    ran.push(`read ${params.id} ${params.part}`);
    return ok({ params, by: owner.by });
  });
  route(table, 'post', '/api/notes', { body: Note, status: 202 }, ({ body }) => {
    ran.push(`note ${body.text}`);
    return ok(body);
  });
  route(table, 'post', '/api/large', { body: z.unknown(), bodyBytesMax: messageBytesMax }, () => ok({}));
  rawRoute(table, 'post', '/api/raw', { rawBytesMax: 10 * 1024 * 1024, tooLarge: 'patch_too_large' }, ({ body }) =>
    ok({ bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') }),
  );
  route(table, 'get', '/api/query', { query: z.strictObject({ limit: z.coerce.number().int() }) }, ({ query }) =>
    ok(query),
  );
  route(table, 'get', '/api/refuses', {}, () =>
    no(problem('stale_digest', 'The proposal changed.', { current: 'abc' })),
  );
  route(table, 'get', '/api/throws', {}, () => {
    throw new Error('the secret inside', { cause: new Error('the cause') });
  });
  route(table, 'get', '/api/rejects', {}, () => Promise.reject(new Error('the secret inside')));
};

beforeEach(async () => {
  ran = [];
  house = await openHouse({ routes: [testRoutes] });
});
afterEach(() => house.shut());

const own = (): Record<string, string> => ({
  origin: house.origin,
  'x-patchgit': '1',
  'content-type': 'application/json',
});

describe('every answer', () => {
  it.each<[string, string, Asking & { readonly cookies?: boolean; readonly socket?: boolean }, number]>([
    ['the page', '/', {}, 200],
    ['a deep link', '/proposals/prop_000000000000', {}, 200],
    ['an asset', '/assets/page-abc123.js', {}, 200],
    ['a missing file', '/assets/missing.js', {}, 404],
    ['hello', '/api/hello', {}, 200],
    ['a refusal', '/api/devices', {}, 401],
    ['an owner answer', '/api/devices', { cookies: true }, 200],
    ['a failing handler', '/api/throws', { cookies: true }, 500],
    ['an unknown route', '/api/nothing', {}, 404],
    ['a malformed path', '/api/things/%/x', { cookies: true }, 404],
    ['a malformed page path', '/%', {}, 200],
    ['a foreign host', '/', { headers: { host: 'evil.example' } }, 403],
    ['a foreign write', '/api/lock', { method: 'POST', headers: { origin: 'http://evil.example' } }, 403],
    ['a method of no route', '/', { method: 'PUT', headers: { 'x-patchgit': '1' } }, 403],
    ['OPTIONS', '/api/lock', { method: 'OPTIONS' }, 403],
    ['HEAD', '/api/hello', { method: 'HEAD' }, 200],
    ['the socket', '/api/devices', { socket: true }, 200],
  ])('carries the security headers: %s', async (_what, path, asking, status) => {
    const cookie = asking.cookies ? (await house.signedIn()).cookieHeader() : '';
    const all = { ...asking, headers: { ...(cookie === '' ? {} : { cookie }), ...asking.headers } };
    const answer = asking.socket ? await house.askSocket(path, all) : await house.ask(path, all);
    expect(answer.status).toBe(status);
    expectSecurityHeaders(answer, path);
  });

  it('also when what came was not HTTP', async () => {
    const socket = connect(house.port, '127.0.0.1');
    socket.end('this is not HTTP\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer); // A socket without an encoding gives bytes.
    const text = Buffer.concat(chunks).toString();
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/content-security-policy: default-src 'none'/);
  });
});

function expectSecurityHeaders({ headers }: Answer, path: string): void {
  expect(headers['content-security-policy']).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  );
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });
  expect(headers['permissions-policy']).toContain('camera=()');
  expect(headers['x-powered-by']).toBeUndefined();
  expect(headers['access-control-allow-origin']).toBeUndefined();
  if (path.startsWith('/api')) expect(headers['cache-control']).toBe('no-store');
}

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

describe('a body', () => {
  it.each([
    ['{"text":', 'The body is not JSON'],
    ['', 'The body is not JSON'],
    ['[]', 'The body of this request is not right. expected object, received array.'],
    [
      '{"text":1,"tags":[1,"x"],"extra":1,"more":2}',
      'text: expected string, received number; tags.1: expected number, received string; Unrecognized keys: "extra", "more".',
    ],
    ['{"text":"12345678901"}', 'text: Too big: expected string to have <=10 characters.'],
    ['{"text":"a","__proto__":{"admin":true}}', 'Unrecognized key: "__proto__"'],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'The body is not UTF-8 text.'],
  ])('that is wrong is refused with every mistake and its place: %s', async (body, sentence) => {
    const page = await house.signedIn();
    const answer = await page.send('/api/notes', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'invalid_body', requestId: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
    expect(answer.json['message']).toContain(sentence);
    expect(ran).toEqual([]);
  });

  it('of raw bytes arrives exactly, up to its limit', async () => {
    const page = await house.signedIn();
    const body = Buffer.alloc(10 * 1024 * 1024, '\r\n\0\xff', 'latin1');
    const answer = await page.send('/api/raw', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(answer.json).toEqual({ bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') });
  });

  it.each([
    ['with its length said before', '/api/raw', 'application/octet-stream', false, 'patch_too_large'],
    ['without saying so', '/api/raw', 'application/octet-stream', true, 'patch_too_large'],
    ['as JSON', '/api/large', 'application/json', true, 'payload_too_large'],
    ['to a small route', '/api/notes', 'application/json', false, 'payload_too_large'],
  ])('of 50 MB is refused and the client sees the answer: %s', async (_what, path, type, chunked, code) => {
    const page = await house.signedIn();
    const before = process.memoryUsage().arrayBuffers;
    const headers = { ...own(), 'content-type': type, cookie: page.cookieHeader() };
    const answer = await upload(path, headers, 50 * 1024 * 1024, chunked);
    expect(answer).toMatchObject({ status: 413, json: { code } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 1024 * 1024);
    expect((await page.get('/api/devices')).status).toBe(200);
  });

  it('of 50 MB from a stranger is not read for a route of the owner’s, and refused politely all the same', async () => {
    const headers = { ...own(), 'content-type': 'application/octet-stream' };
    expect(await upload('/api/raw', headers, 50 * 1024 * 1024, true)).toMatchObject({ status: 401 });
    expect(await upload('/api/raw', {}, 50 * 1024 * 1024, true)).toMatchObject({ status: 403 });
  });

  it('that nobody asked for is refused', async () => {
    const page = await house.signedIn();
    expect((await page.post('/api/devices/links', {})).status).toBe(200);
    expect((await page.post('/api/devices/links', { by: 'me' })).json).toMatchObject({ code: 'invalid_body' });
  });
});

function upload(
  path: string,
  headers: Record<string, string>,
  bytes: number,
  chunked: boolean,
): Promise<Pick<Answer, 'status' | 'json'>> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port: house.port,
        path,
        method: 'POST',
        agent: false,
        headers: { ...headers, ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes }) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          // Looked into by the test that asked.
          resolve({
            status: response.statusCode ?? 0,
            json: JSON.parse(Buffer.concat(chunks).toString()) as Answer['json'],
          }),
        );
      },
    );
    request.on('error', reject);
    const piece = Buffer.alloc(256 * 1024, 'x');
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!request.write(piece)) return void request.once('drain', more);
      }
      request.end();
    };
    more();
  });
}

describe('a route', () => {
  it('answers an expected refusal with the status of its code', async () => {
    const page = await house.signedIn();
    expect(await page.get('/api/refuses')).toMatchObject({
      status: 409,
      json: { code: 'stale_digest', message: 'The proposal changed.', current: 'abc' },
    });
    expect((await page.get('/api/query?limit=x&y=1')).json).toMatchObject({
      code: 'invalid_query',
      message: expect.stringMatching(/limit: .*; Unrecognized key: "y"/),
    });
    expect((await page.get('/api/query?limit=5')).json).toEqual({ limit: 5 });
    expect((await page.get('/api/query?limit=5&limit=6')).status).toBe(400);
  });

  it.each(['/api/throws', '/api/rejects'])(
    'that fails says nothing but an id, and the log says the rest once: %s',
    async (path) => {
      const page = await house.signedIn();
      const answer = await page.get(path);
      expect(answer).toMatchObject({ status: 500, json: { code: 'internal' } });
      expect(answer.text).not.toMatch(/secret|cause|Error|\.ts|at /);
      expect(house.logged).toHaveLength(1);
      expect(house.logged[0]).toMatchObject({
        requestId: answer.json['requestId'],
        error: expect.stringMatching(/the secret inside/),
      });
    },
  );

  it('of the owner’s is closed to everybody else', async () => {
    for (const path of ['/api/things/a/b', '/api/audit', '/api/audit/export', `/api/artifacts/${'0'.repeat(64)}`]) {
      expect((await house.ask(path)).status).toBe(401);
    }
    expect(ran).toEqual([]);
  });

  it('that does not exist says so as JSON', async () => {
    expect(await house.ask('/api/nothing')).toMatchObject({
      status: 404,
      json: { code: 'not_found', message: 'There is nothing at GET /api/nothing.' },
    });
  });
});

describe('the pages', () => {
  it('are one page for every path, kept only when their name holds their digest', async () => {
    for (const path of ['/', '/audit', '/enrol', '/repositories/sample']) {
      const answer = await house.ask(path);
      expect(answer.text).toContain('<title>patchgit</title>');
      expect(answer.headers['cache-control']).toBe('no-cache');
    }
    const dotted = await house.ask('/repositories/my.repo', { headers: { accept: 'text/html,*/*' } });
    expect(dotted.text).toContain('<title>patchgit</title>');
    expect((await house.ask('/icon.svg')).headers['cache-control']).toBe('no-cache');
    const asset = await house.ask('/assets/page-abc123.js');
    expect(asset.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': expect.stringMatching(/^text\/javascript/),
    });
    expect((await house.ask('/assets/gone.js', { headers: { accept: 'text/html' } })).status).toBe(404);
  });

  it.each([
    '/../patchgit.db',
    '/%2e%2e/patchgit.db',
    '/..%2fpatchgit.db',
    '/assets/..%5c..%5cpatchgit.db',
    '/.env',
    '//etc/passwd',
  ])('are nothing outside their folder: %s', async (path) => {
    const answer = await house.ask(path);
    expect(answer.text).not.toContain('SQLite');
    expect(answer.text).not.toContain('root:');
  });

  it('that are not built are a plain sentence', async () => {
    rmSync(join(house.folder, 'web'), { recursive: true });
    const answer = await house.ask('/');
    expect(answer).toMatchObject({
      status: 503,
      text: 'The pages are not built yet. Run "npm start", which builds them.\n',
    });
    expectSecurityHeaders(answer, '/');
  });
});
