import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Log } from '../ports.ts';
import type { CloudFailure } from '../ports-cloud.ts';
import { fakeToken } from '../testing/cloud/cloud.ts';
import { digitalOcean } from './digitalocean.ts';

/** The next answers of a server that has gone mad; the last one again when they run out. */
let answers: { status: number; headers: Record<string, string>; body: string }[] = [];
let asked: string[] = [];
const logged: unknown[] = [];
const keep = (fields: object, sentence: string): void =>
  void logged.push(inspect(fields), JSON.stringify(fields), sentence);
const log: Log = { debug: keep, info: keep, warn: keep, error: keep };

const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  request.resume();
  response.writeHead(answer?.status ?? 500, answer?.headers ?? {});
  response.end(answer?.body ?? '');
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const droplet = {
  id: 7,
  name: 'pg-one',
  status: 'new',
  size_slug: 's-1vcpu-1gb',
  region: { slug: 'fra1' },
  created_at: '2026-01-01T00:00:00Z',
  networks: { v4: [], v6: [] },
  tags: [],
};
/** Good answers to everything: what is mixed up with garbage below comes near to each of them. */
const good = [
  { droplet, links: { actions: [] } },
  { droplets: [droplet], links: {}, meta: { total: 1 } },
  { sizes: [], links: {}, meta: { total: 0 } },
  { snapshots: [], links: {}, meta: { total: 0 } },
  { account: { status: 'active', droplet_limit: 3 } },
  { action: { id: 1, status: 'in-progress', type: 'power_off', resource_id: 7 } },
  { id: 'unprocessable_entity', message: `no, ${fakeToken}` },
];

const name = fc.constantFrom('id', 'name', 'droplet', 'droplets', 'meta', 'total', 'links', 'pages', 'next', 'status');
const bent = fc
  .tuple(fc.constantFrom(...good), name, fc.oneof(fc.jsonValue(), fc.constantFrom(0, -1, null, '7', fakeToken, [])))
  .map(([body, key, value]) => bend(body, key, value));
/** The body with every value of one name replaced. */
function bend(body: unknown, key: string, value: unknown): string {
  return JSON.stringify(body, (at, old: unknown) => (at === key ? value : old));
}
const body = fc.oneof(
  fc.string(),
  fc.json(),
  bent,
  fc.tuple(bent, fc.nat(400)).map(([text, length]) => text.slice(0, length)),
  fc.constant('<html><body>Welcome to the hotel</body></html>'),
  fc.constantFrom(...good.map((one) => JSON.stringify(one))),
);
const anAnswer = fc.record({
  status: fc.oneof(
    fc.constantFrom(200, 201, 202, 204, 301, 302, 401, 403, 404, 422, 429, 500, 502),
    fc.integer({ min: 200, max: 599 }),
  ),
  headers: fc.record({
    'content-type': fc.constantFrom(
      'application/json',
      'application/json; charset=utf-8',
      'text/html',
      'application/jsonp',
      '',
    ),
    'retry-after': fc.constantFrom('', '0', '7', 'soon', '-1', '99999999999', 'Wed, 21 Oct 2026 07:28:00 GMT'),
    'ratelimit-remaining': fc.constantFrom('0', '12', ''),
    'ratelimit-reset': fc.constantFrom('', '0', '1800000000', '1e9', 'x'),
    location: fc.constantFrom('/v2/account', `https://elsewhere.example/?${fakeToken}`),
  }),
  body,
});

function port(): ReturnType<typeof digitalOcean> {
  const { port: number } = server.address() as AddressInfo;
  return digitalOcean({ token: fakeToken, apiUrl: `http://127.0.0.1:${number}`, wallMs: 5000, log });
}
const order = { name: 'pg-one', region: 'fra1', size: 's-1vcpu-1gb', image: 'debian-12-x64', tag: 'pg', userData: '' };
const times = 400 * Number(process.env['PATCHGIT_TEST_TIMES'] ?? 1);

function isWhole(given: (typeof answers)[number], status: number): unknown {
  if (given.status !== status || !/^application\/json(?:$|;)/.test(given.headers['content-type'] ?? '')) return null;
  try {
    return JSON.parse(given.body) as unknown;
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return null;
  }
}

it('takes no garbage for a yes, throws nothing, asks once, and never shows the token', async () => {
  const cloud = port();
  const calls = {
    create: () => cloud.create(order),
    find: () => cloud.find(7),
    list: () => cloud.list(),
    destroy: () => cloud.destroy(7),
    powerOff: () => cloud.powerOff(7),
    snapshot: () => cloud.snapshot(7, 'golden'),
    deleteSnapshot: () => cloud.deleteSnapshot(7),
    sizes: () => cloud.sizes(),
    snapshots: () => cloud.snapshots(),
    account: () => cloud.account(),
    ensureFirewall: () => cloud.ensureFirewall({ name: 'pg', tag: 'pg', fromAddresses: ['192.0.2.1'] }),
  };
  let yes = 0;
  const kinds = new Set<CloudFailure['kind']>();
  const names = fc.constantFrom(...(Object.keys(calls) as (keyof typeof calls)[]));
  await fc.assert(
    fc.asyncProperty(names, anAnswer, async (which, given) => {
      answers = [given];
      asked = [];
      const outcome = await calls[which]();
      if (outcome.ok) {
        yes += 1;
        const { status } = given;
        if (which === 'destroy' || which === 'deleteSnapshot') expect(status).toBe(204);
        else
          expect(isWhole(given, { create: 202, powerOff: 201, snapshot: 201 }[which as string] ?? 200)).not.toBeNull();
        if (which === 'create') expect(JSON.parse(given.body)).toMatchObject({ droplet: { name: order.name } });
        if (which === 'find') expect(JSON.parse(given.body)).toMatchObject({ droplet: { id: 7 } });
        if (which === 'list') {
          const said = JSON.parse(given.body) as { droplets: unknown[]; meta: { total: number } };
          expect(outcome.value).toHaveLength(said.meta.total);
          expect(said.droplets).toHaveLength(said.meta.total);
        }
      } else {
        kinds.add(outcome.why.kind);
        // A no means that nothing was done; only a status that says so can mean it.
        if (outcome.why.kind !== 'unknown') expect(given.status >= 400 && given.status < 500).toBe(true);
        expect(`${inspect(outcome)}${JSON.stringify(outcome)}`).not.toContain(fakeToken);
        const { retryAfterMs } = outcome.why;
        if (retryAfterMs !== null) expect(retryAfterMs >= 1000 && retryAfterMs <= 3_600_000).toBe(true);
      }
      expect(asked.length, 'requests').toBe(1);
    }),
    { numRuns: times },
  );
  expect(kinds).toEqual(new Set(['unknown', 'unauthorized', 'not_found', 'rate_limited', 'refused']));
  expect(yes).toBeGreaterThan(0);
  expect(logged.join('\n')).not.toContain(fakeToken);
});
