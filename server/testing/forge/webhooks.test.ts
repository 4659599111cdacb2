import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhooks } from '@octokit/webhooks';
import { afterEach, expect, it } from 'vitest';
import { openForgeDesk, type ForgeDesk } from './desk.ts';
import type { FakeGitHubOptions } from './forge.ts';

let desk: ForgeDesk | null = null;
let receiver: Server | null = null;
afterEach(async () => {
  const [open, server] = [desk, receiver];
  desk = null;
  receiver = null;
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  await open?.close();
});

const secret = 'a secret of twenty-six chars';
const shop = { owner: 'octo', repo: 'shop' };

interface Received {
  readonly event: string;
  readonly delivery: string;
  readonly body: string;
  readonly signature: string;
}

async function start(options: FakeGitHubOptions = {}) {
  const opened = await openForgeDesk(options);
  desk = opened;
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const header = (name: string): string => String(request.headers[name]);
      received.push({
        event: header('x-github-event'),
        delivery: header('x-github-delivery'),
        signature: header('x-hub-signature-256'),
        body: Buffer.concat(chunks).toString('utf8'),
      });
      response.writeHead(202).end();
    });
  });
  receiver = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
  const { forge } = opened;
  forge.addRepository({ owner: 'octo', name: 'shop' });
  forge.addWebhook('octo/shop', { url, secret, events: ['*'] });
  const octo = opened.octokit(forge.addToken({ kind: 'classic', login: 'octo' }));
  const seen = async (): Promise<string[]> => {
    await forge.settled();
    return received.map(({ event, body }) => {
      const { action } = JSON.parse(body) as { action?: string };
      return action === undefined ? event : `${event} ${action}`;
    });
  };
  return { ...opened, url, received, octo, seen };
}

it('tells the whole life of a pull request, signed so that @octokit/webhooks takes it', async () => {
  const { forge, octo, seen, received } = await start();
  forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { a: 'a\n' }, by: 'other' });
  await octo.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main' });
  forge.setCheckConclusion('octo/shop', { ref: 'a', name: 'ci', conclusion: 'failure' });
  forge.comment('octo/shop', 1, '/patchgit fix it', 'other');
  forge.label('octo/shop', 1, 'ready');
  forge.merge('octo/shop', 1);
  expect(await seen()).toEqual([
    'push',
    'create',
    'pull_request opened',
    'check_run completed',
    'issue_comment created',
    'pull_request labeled',
    'pull_request closed',
    'push',
  ]);
  const taken: string[] = [];
  const webhooks = new Webhooks({ secret });
  webhooks.on('pull_request.closed', ({ payload }) => {
    taken.push(`${payload.repository.full_name}#${payload.number} merged ${payload.pull_request.merged}`);
  });
  webhooks.on('issue_comment.created', ({ payload }) => {
    taken.push(`${payload.sender.login}: ${payload.comment.body} on ${payload.issue.pull_request?.url}`);
  });
  webhooks.on('push', ({ payload }) => void taken.push(`${payload.ref} ${payload.after}`));
  for (const { event, delivery, body, signature } of received) {
    await webhooks.verifyAndReceive({ id: delivery, name: event, payload: body, signature });
  }
  expect(taken).toEqual([
    `refs/heads/a ${forge.branches('octo/shop').get('a')}`,
    `other: /patchgit fix it on ${forge.url}/repos/octo/shop/pulls/1`,
    'octo/shop#1 merged true',
    `refs/heads/main ${forge.branches('octo/shop').get('main')}`,
  ]);
  const wrong = new Webhooks({ secret: 'another secret of the same kind' });
  const [first] = received;
  await expect(
    wrong.verifyAndReceive({
      id: first?.delivery ?? '',
      name: first?.event ?? '',
      payload: first?.body ?? '',
      signature: first?.signature ?? '',
    }),
  ).rejects.toThrow('signature does not match');
});

it('tells of issues and their labels', async () => {
  const { forge, seen, received } = await start();
  forge.addIssue('octo/shop', { title: 'Broken', body: 'It is.', by: 'somebody', labels: ['patchgit'] });
  expect(await seen()).toEqual(['issues opened', 'issues labeled']);
  expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
    label: { name: 'patchgit' },
    issue: { number: 1, title: 'Broken', user: { login: 'somebody' }, labels: [{ name: 'patchgit' }] },
    repository: { full_name: 'octo/shop' },
    sender: { login: 'somebody' },
  });
});

it('delivers again with the same id and the same bytes', async () => {
  const { forge, received } = await start();
  forge.addIssue('octo/shop', { title: 'a' });
  await forge.settled();
  const id = forge.webhooks.deliveries[0]?.id ?? '';
  expect(await forge.webhooks.redeliver(id)).toBe(202);
  expect(received).toHaveLength(2);
  expect(received[1]).toEqual(received[0]);
  expect(forge.webhooks.deliveries[0]?.answers).toEqual([202, 202]);
});

it('delivers twice, or the other way round, when it is told to', async () => {
  const { forge, seen, received } = await start({ conditions: { webhooks: 'twice' } });
  forge.addIssue('octo/shop', { title: 'a' });
  expect(await seen()).toEqual(['issues opened', 'issues opened']);
  expect(received[0]?.delivery).toBe(received[1]?.delivery);
  forge.conditions.webhooks = 'held';
  forge.comment('octo/shop', 1, 'one');
  forge.comment('octo/shop', 1, 'two');
  expect(await seen()).toHaveLength(2);
  await forge.webhooks.release('reversed');
  const bodies = received.slice(2).map(({ body }) => (JSON.parse(body) as { comment: { body: string } }).comment.body);
  expect(bodies).toEqual(['two', 'one']);
});

it('sends any event of GitHub to any address, and changes what it is told to', async () => {
  const { forge, url, received } = await start();
  const to = { url, secret };
  await forge.sendWebhook('ping', to, { repository: 'octo/shop' });
  await forge.sendWebhook('workflow_run', to, { repository: 'octo/shop', action: 'completed', by: 'other' });
  await forge.sendWebhook('push', to, { repository: 'octo/shop', change: { ref: 'refs/heads/<script>' } });
  const payloads = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(payloads[0]).toHaveProperty('zen');
  expect(payloads[1]).toMatchObject({ action: 'completed', sender: { login: 'other' } });
  expect(payloads[2]).toMatchObject({ ref: 'refs/heads/<script>', repository: { full_name: 'octo/shop' } });
});

it('counts a receiver that is not there as an answer of 0', async () => {
  const { forge } = await start();
  const to = { url: 'http://127.0.0.1:9/', secret };
  expect((await forge.sendWebhook('ping', to, { repository: 'octo/shop' })).answers).toEqual([0]);
});
