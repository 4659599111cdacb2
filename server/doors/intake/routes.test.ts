import { createHmac, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyWith } from '../../adapters/github-webhook.ts';
import { testRepository } from '../../testing/documents.ts';
import { openHouse, type Answer, type House } from '../http/test-house.ts';
import { hookPath, intakeRoutes, type HookParts } from './routes.ts';
import { intakeStore } from './store.ts';

const secret = 'a secret of the webhook';
const load = createRequire(import.meta.url);

let house: House;
/** What the deliveries caused. */
let told: string[];
let isOpen = true;

beforeEach(async () => {
  told = [];
  isOpen = true;
  house = await openHouse({
    routes: [
      (table) => {
        const lazily: HookParts = {
          get db() {
            return house.db;
          },
          log: {
            debug: () => undefined,
            info: () => undefined,
            warn: () => told.push('warned'),
            error: () => undefined,
          },
          get intakes() {
            return intakeStore(house.db, house.clock);
          },
          get verify() {
            return isOpen ? verifyWith(secret) : null;
          },
          findRepository: (name) => (name === 'Codertocat/Hello-World' ? testRepository : null),
          onPulls: (_, number) => told.push(`pulls ${number ?? 'all'}`),
          onPush: () => told.push('push'),
          onRequests: () => told.push('requests'),
        };
        intakeRoutes(lazily)(table);
      },
    ],
  });
});
afterEach(() => house.shut());

const sign = (body: string | Buffer, by = secret): string =>
  `sha256=${createHmac('sha256', by).update(body).digest('hex')}`;

function deliver(event: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return house.ask(hookPath, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': sign(body),
      ...headers,
    },
  });
}

/** Real payloads, as GitHub published them. */
const examples = load('@octokit/webhooks-examples') as { name: string; examples: Record<string, unknown>[] }[];
const example = (name: string): string => {
  const found = examples.find((one) => one.name === name)?.examples[0];
  return JSON.stringify({ ...found, repository: { full_name: 'Codertocat/Hello-World' } });
};

describe('a signed webhook', () => {
  it.each([
    ['pull_request', ['pulls 2']],
    ['check_run', ['pulls all']],
    ['status', ['pulls all']],
    ['push', ['push', 'pulls all']],
    ['issues', ['pulls all', 'requests']],
    ['issue_comment', ['pulls all', 'requests']],
    ['star', []],
  ])('of the event %s says where to look, and nothing more', async (event, expected) => {
    const answer = await deliver(event, example(event));
    expect(answer).toMatchObject({ status: 202, json: { taken: expected.length > 0 } });
    expect(told).toEqual(expected);
  });

  it('is taken in every event that GitHub has, with its real payloads', async () => {
    for (const { name, examples: all } of examples) {
      for (const one of all) expect((await deliver(name, JSON.stringify(one))).status, name).toBe(202);
    }
  });

  it('is taken once, however often it is delivered, and in whatever letters its id is written', async () => {
    const body = example('push');
    const id = randomUUID();
    const answers = [];
    for (const same of [id, id, id.toUpperCase()])
      answers.push((await deliver('push', body, { 'x-github-delivery': same })).json);
    expect(answers).toEqual([{ taken: true }, { taken: false }, { taken: false }]);
    expect(told).toEqual(['push', 'pulls all']);
  });

  it('of a repository that is not here changes nothing', async () => {
    const body = JSON.stringify({ repository: { full_name: 'eve/evil' } });
    expect(await deliver('push', body)).toMatchObject({ status: 202, json: { taken: false } });
    expect(told).toEqual([]);
  });
});

describe('a webhook is refused', () => {
  const body = (): string => example('push');
  it.each<[string, (text: string) => Record<string, string>]>([
    ['without a signature', () => ({ 'x-hub-signature-256': '' })],
    ['with the signature of another secret', (text) => ({ 'x-hub-signature-256': sign(text, 'another secret') })],
    ['with the signature of another body', () => ({ 'x-hub-signature-256': sign('{}') })],
    ['with half a signature', (text) => ({ 'x-hub-signature-256': sign(text).slice(0, 40) })],
    ['with a signature in upper case', (text) => ({ 'x-hub-signature-256': sign(text).toUpperCase() })],
    ['with two signatures', (text) => ({ 'x-hub-signature-256': `${sign(text)}, ${sign(text)}` })],
    [
      'with a signature of SHA-1 alone',
      (text) => ({
        'x-hub-signature-256': '',
        'x-hub-signature': `sha1=${createHmac('sha1', secret).update(text).digest('hex')}`,
      }),
    ],
  ])('%s', async (_, headers) => {
    const text = body();
    const answer = await deliver('push', text, headers(text));
    expect(answer).toMatchObject({ status: 403, json: { code: 'hook_refused' } });
    expect(told).toEqual(['warned']);
  });

  it.each([
    ['is not JSON', '{"repository":'],
    ['is a list', '[]'],
    ['names its repository with a number', '{"repository":{"full_name":7}}'],
    ['is empty', ''],
  ])('when it %s', async (_, text) => {
    const answer = await deliver('push', text);
    expect([400, 403]).toContain(answer.status);
    expect(told.filter((what) => what !== 'warned')).toEqual([]);
  });

  it('when its bytes are no text, whatever they are signed with', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    expect((await deliver('push', bytes)).status).toBe(403);
  });

  it('when it is longer than what is read', async () => {
    expect((await deliver('push', `{"pad":"${'x'.repeat(1024 * 1024)}"}`)).status).toBe(413);
  });

  it('without an id, or with an event that is none', async () => {
    expect((await deliver('push', body(), { 'x-github-delivery': '' })).status).toBe(400);
    expect((await deliver('Push!', body())).status).toBe(400);
  });

  it('while no secret is set', async () => {
    isOpen = false;
    expect(await deliver('push', body())).toMatchObject({ status: 409, json: { code: 'not_configured' } });
  });

  it('when it asks for another host, and by every method but POST', async () => {
    expect((await deliver('push', body(), { host: 'evil.example' })).status).toBe(403);
    expect((await house.ask(hookPath)).status).toBe(404);
  });

  it('and opens no other route to machines', async () => {
    const answer = await house.ask('/api/lock', { method: 'POST', headers: { 'x-hub-signature-256': sign('') } });
    expect(answer.status).toBe(403);
  });
});
