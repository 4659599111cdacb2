/** What the forge tells the world: real payloads (`@octokit/webhooks-examples`) with our things in them, signed and delivered. */
import { createHmac, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { nodeId, repositoryShape, userShape, type Json } from './shapes.ts';
import {
  checkRunShape,
  commentShape,
  fullPullShape,
  issueShape,
  labelShape,
  pullShape,
  statusShape,
} from './shapes-work.ts';
import type { FakeRepository, FakeWebhook, Happened, World } from './world.ts';

export interface Delivery {
  /** `x-github-delivery`: the same again when it is delivered again. */
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  readonly to: string;
  readonly payload: Json;
  /** The bytes that were signed. */
  readonly body: string;
  readonly signature: string;
  /** What the receiver answered each time; 0 where it could not be reached. */
  readonly answers: number[];
}

export interface Webhooks {
  /** In the order in which things happened. */
  readonly deliveries: readonly Delivery[];
  /** Sends one again, with the same id and bytes. */
  readonly redeliver: (id: string) => Promise<number>;
  /** Under the condition `held`: lets the waiting ones go, in their order or the other way round. */
  readonly release: (order: 'in_order' | 'reversed') => Promise<void>;
  /** Resolves when nothing is under way. */
  readonly settled: () => Promise<void>;
  /** Makes a payload and delivers it to an address, whatever the repository's own webhooks are. */
  readonly send: (wanted: SendWebhook) => Promise<Delivery>;
}

export interface SendWebhook {
  readonly event: string;
  readonly action?: string;
  readonly to: string;
  readonly secret: string;
  readonly repository: FakeRepository;
  readonly by: string;
  readonly happened?: Happened;
  /** Laid over the payload, to make it wrong or hostile. */
  readonly change?: Json;
}

interface Example {
  readonly name: string;
  readonly examples: readonly Json[];
}

const wallMs = 10_000;
let examples: readonly Example[] | null = null;

/** The first real payload of this event and action. The file is several megabytes: it is read when first needed. */
function exampleOf(event: string, action: string | null): Json {
  examples ??= createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly Example[];
  const found = examples.find(({ name }) => name === event)?.examples ?? [];
  const match = found.find((one) => action === null || one['action'] === action) ?? found[0];
  return match ? structuredClone(match) : {};
}

export function openWebhooks(world: World): Webhooks {
  const deliveries: Delivery[] = [];
  let held: Delivery[] = [];
  let line: Promise<unknown> = Promise.resolve();
  const queue = (one: Delivery): Promise<number> => {
    // One after the other: GitHub promises no order, but nothing here should depend on chance.
    const sent = line.then(() => deliver(one));
    line = sent;
    return sent;
  };
  const make = (hook: FakeWebhook, event: string, action: string | null, payload: Json): Delivery => {
    const body = JSON.stringify(payload);
    const signature = `sha256=${createHmac('sha256', hook.secret).update(body).digest('hex')}`;
    const one = { id: randomUUID(), event, action, to: hook.url, payload, body, signature, answers: [] };
    deliveries.push(one);
    return one;
  };
  world.tell = (repository, event, action, by, happened) => {
    for (const hook of repository.webhooks) {
      if (!hook.events.includes(event) && !hook.events.includes('*')) continue;
      const one = make(hook, event, action, payloadOf(world, repository, event, action, by, happened));
      if (world.conditions.webhooks === 'held') held.push(one);
      else void queue(one);
      if (world.conditions.webhooks === 'twice') void queue(one);
    }
  };
  return {
    deliveries,
    redeliver: async (id) => {
      const one = deliveries.find((delivery) => delivery.id === id);
      if (!one) throw new Error(`The fake forge made no delivery ${id}.`);
      return await queue(one);
    },
    release: async (order) => {
      const waiting = order === 'in_order' ? held : held.toReversed();
      held = [];
      for (const one of waiting) await queue(one);
    },
    settled: async () => void (await line),
    send: async ({ event, action = null, to, secret, repository, by, happened = {}, change = {} }) => {
      const payload = { ...payloadOf(world, repository, event, action, by, happened), ...change };
      const one = make({ url: to, secret, events: ['*'] }, event, action, payload);
      await queue(one);
      return one;
    },
  };
}

function payloadOf(
  world: World,
  repository: FakeRepository,
  event: string,
  action: string | null,
  by: string,
  happened: Happened,
): Json {
  const {
    organization: _organization,
    enterprise: _enterprise,
    installation: _installation,
    ...example
  } = exampleOf(event, action);
  const over = (key: string, shape: Json | null): Json =>
    shape === null ? {} : { [key]: { ...(example[key] as Json | undefined), ...shape } };
  const { pull, issue, comment, checkRun, status, label, push } = happened;
  return {
    ...example,
    ...(action === null ? {} : { action }),
    ...over('repository', repositoryShape(world, repository)),
    ...over('sender', userShape(world, world.user(by))),
    ...(pull && event === 'pull_request' ? pullPart(world, repository, pull, over) : {}),
    // A comment on a pull request names it as an issue that has one.
    ...(pull && event === 'issue_comment' ? over('issue', pullAsIssue(world, repository, pull)) : {}),
    ...(issue ? over('issue', issueShape(world, repository, issue)) : {}),
    ...(comment ? over('comment', commentShape(world, repository, comment)) : {}),
    ...(checkRun ? over('check_run', checkRunPart(world, repository, checkRun)) : {}),
    ...(status ? { ...statusShape(world, repository, status), sha: status.sha, name: repository.name } : {}),
    ...(label === undefined ? {} : { label: labelShape(world, repository, label) }),
    ...(push ? pushPart(world, repository, event, by, push) : {}),
  };
}

function pullPart(
  world: World,
  repository: FakeRepository,
  pull: NonNullable<Happened['pull']>,
  over: (key: string, shape: Json) => Json,
): Json {
  // Telling of it is not asking whether it can be merged.
  const can = { mergeable: null, state: 'unknown' };
  return { number: pull.number, ...over('pull_request', fullPullShape(world, repository, pull, can)) };
}

function pullAsIssue(world: World, repository: FakeRepository, pull: NonNullable<Happened['pull']>): Json {
  const shape = pullShape(world, repository, pull);
  const url = String(shape['issue_url']);
  return {
    url,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    number: pull.number,
    title: pull.title,
    body: pull.body,
    state: pull.state,
    user: shape['user'],
    html_url: shape['html_url'],
    comments_url: `${url}/comments`,
    labels: shape['labels'],
    pull_request: {
      url: shape['url'],
      html_url: shape['html_url'],
      diff_url: shape['diff_url'],
      patch_url: shape['patch_url'],
    },
  };
}

function checkRunPart(world: World, repository: FakeRepository, run: NonNullable<Happened['checkRun']>): Json {
  const pulls = repository.pulls.filter(({ headSha, state }) => headSha === run.sha && state === 'open');
  return {
    ...checkRunShape(world, repository, run),
    pull_requests: pulls.map(({ id, number, branch, base, headSha, baseSha }) => ({
      id,
      number,
      url: `${world.apiUrl}/repos/${repository.owner}/${repository.name}/pulls/${number}`,
      head: { ref: branch, sha: headSha },
      base: { ref: base, sha: baseSha },
    })),
  };
}

function pushPart(
  world: World,
  repository: FakeRepository,
  event: string,
  by: string,
  { branch, before, after }: NonNullable<Happened['push']>,
): Json {
  // `create` and `delete` name the branch alone.
  if (event !== 'push') return { ref: branch, ref_type: 'branch', master_branch: repository.defaultBranch };
  const gone = /^0+$/;
  const { name, email } = world.person(by);
  return {
    ref: `refs/heads/${branch}`,
    before,
    after,
    created: gone.test(before),
    deleted: gone.test(after),
    forced: !gone.test(before) && !gone.test(after) && !repository.bare.isAncestor(before, after),
    base_ref: null,
    commits: [],
    head_commit: null,
    pusher: { name, email },
    compare: `${world.webUrl}/${repository.owner}/${repository.name}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
  };
}

async function deliver(one: Delivery): Promise<number> {
  const status = await new Promise<number>((resolve) => {
    const call = request(one.to, {
      method: 'POST',
      timeout: wallMs,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(one.body),
        'user-agent': 'GitHub-Hookshot/fake',
        'x-github-event': one.event,
        'x-github-delivery': one.id,
        'x-github-hook-id': '1',
        'x-hub-signature-256': one.signature,
      },
    });
    call.once('timeout', () => call.destroy());
    // Nobody there is an answer too: GitHub shows it in the list of deliveries and does not try again.
    call.once('error', () => resolve(0));
    call.once('response', (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode ?? 0));
    });
    call.end(one.body);
  });
  one.answers.push(status);
  return status;
}
