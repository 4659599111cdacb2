import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHouse, type Answer, type Asking, type House } from './test-house.ts';
import { testRoutes } from './test-routes.ts';

let house: House;
let ran: string[] = [];

beforeEach(async () => {
  ran = [];
  house = await openHouse({ routes: [testRoutes(ran)] });
});
afterEach(() => house.shut());

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
