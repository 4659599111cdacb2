import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../adapters/system-clock.ts';
import type { Clock } from '../../ports.ts';
import type { FakeClock } from '../fake-clock.ts';
import type { Contract } from './contract.ts';
import { keyPair, type Level, type Permissions, type Selection } from './credentials.ts';
import { faultPlan, type FaultPlan } from './faults.ts';
import { gitCallOf, serveable, serveGit } from './git-http.ts';
import { people, type People } from './people.ts';
import { rateMeter } from './rate.ts';
import { serveRest, whoIs, type Rest, type SeenCall } from './rest.ts';
import type { Json } from './shapes.ts';
import { openWebhooks, type Delivery, type Webhooks } from './webhooks.ts';
import { World, fullName, type Conditions, type FakeWebhook, type Happened, type NewRepository } from './world.ts';

export interface FakeGitHubOptions {
  /** Without it real time. */
  readonly clock?: Clock;
  readonly port?: number;
  readonly gitPort?: number;
  readonly conditions?: Partial<Conditions>;
  /** Judges every request of a known operation and every answer that is not damaged on purpose. */
  readonly contract?: Contract | null;
}

export type NewToken =
  | {
      readonly kind: 'classic';
      readonly login: string;
      readonly scopes?: readonly string[];
      readonly expiresAtMs?: number;
    }
  | {
      readonly kind: 'fine_grained';
      readonly login: string;
      /** Default the login itself. */
      readonly resourceOwner?: string;
      readonly repositories?: Selection;
      readonly permissions: Permissions;
      readonly expiresAtMs?: number;
    };

export interface NewApp {
  readonly id: number;
  readonly slug?: string;
  /** PEM; without it one is made. */
  readonly privateKey?: string;
  readonly installations: readonly {
    readonly id: number;
    readonly account: string;
    readonly repositories?: Selection;
    readonly permissions: Readonly<Record<string, Level>>;
  }[];
}

/** GitHub as far as patchgit asks anything of it: REST, git, webhooks, on loopback, with real repositories behind. */
export interface FakeGitHub extends People {
  /** What https://api.github.com is. */
  readonly url: string;
  /** What https://github.com is: git and the pages' addresses. Another port, as there it is another host. */
  readonly gitUrl: string;
  readonly faults: FaultPlan;
  /** May be changed at any time. */
  readonly conditions: Conditions;
  readonly calls: readonly SeenCall[];
  /** Where a request or an answer left the official description. `close` throws when there is any. */
  readonly drift: readonly string[];
  readonly webhooks: Webhooks;
  readonly world: World;
  /** Returns the address for `git clone`. */
  readonly addRepository: (repository: NewRepository) => string;
  readonly addToken: (token: NewToken) => string;
  readonly revoke: (token: string) => void;
  /** Returns the private key in PEM. */
  readonly addApp: (app: NewApp) => string;
  readonly suspend: (installationId: number) => void;
  readonly addWebhook: (repository: string, webhook: FakeWebhook) => void;
  readonly sendWebhook: (
    event: string,
    to: { readonly url: string; readonly secret: string },
    what: {
      readonly repository: string;
      readonly action?: string;
      readonly by?: string;
      readonly happened?: Happened;
      readonly change?: Json;
    },
  ) => Promise<Delivery>;
  /** Branch to commit. */
  readonly branches: (repository: string) => ReadonlyMap<string, string>;
  /** git in the bare repository; its standard output. */
  readonly git: (repository: string, ...args: string[]) => string;
  /** Resolves when nothing is under way: no request, no late push, no webhook. */
  readonly settled: () => Promise<void>;
  /** Cuts every connection, those that hang among them. */
  readonly cut: () => void;
  /** Only with a fake clock. */
  readonly advance: (ms: number) => void;
  readonly close: () => Promise<void>;
}

/** Listens on 127.0.0.1 only, on two ports. */
export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const clock = options.clock ?? systemClock();
  const world = new World(clock, options.conditions ?? {});
  const rest: Rest = {
    world,
    faults: faultPlan(),
    rate: rateMeter(clock, world.conditions),
    contract: options.contract ?? null,
    calls: [],
    drift: [],
  };
  const webhooks = openWebhooks(world);
  const { underWay, track } = tracker(rest);
  const serve = (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Server =>
    createServer((request, response) => {
      const served = handle(request, response).catch((error: unknown) => {
        response.destroy();
        // A client that hangs up in the middle is no fault of ours.
        if (request.complete) throw error;
      });
      track(served);
    });
  const settled = async (): Promise<void> => {
    await Promise.all(underWay);
    await webhooks.settled();
  };
  const api = serve((request, response) => serveRest(rest, request, response));
  const web = serve((request, response) => serveWeb(rest, request, response, track));
  world.apiUrl = await listen(api, options.port ?? 0);
  world.webUrl = await listen(web, options.gitPort ?? 0);
  return {
    ...people(world),
    ...accounts(world),
    url: world.apiUrl,
    gitUrl: world.webUrl,
    conditions: world.conditions,
    faults: rest.faults,
    calls: rest.calls,
    drift: rest.drift,
    webhooks,
    world,
    sendWebhook: (event, { url, secret }, { repository: name, by, ...more }) => {
      const repository = world.repository(name);
      return webhooks.send({ event, to: url, secret, repository, by: by ?? repository.owner, ...more });
    },
    branches: (name) => world.repository(name).bare.branches(),
    git: (name, ...args) => world.repository(name).bare.git(...args),
    settled,
    cut: () => [api, web].forEach((server) => server.closeAllConnections()),
    advance: (ms) => {
      if (!isFake(clock)) throw new Error('Real time cannot be moved: give the fake forge a fake clock.');
      clock.advance(ms);
    },
    close: async () => {
      for (const server of [api, web]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await settled();
      world.remove();
      if (rest.drift.length > 0) {
        throw new Error(`Against the official description:\n${rest.drift.slice(0, 10).join('\n')}`);
      }
    },
  };
}

/** What is under way; what goes wrong in it fails the test. */
function tracker({ drift }: Rest): { underWay: Set<Promise<unknown>>; track: (work: Promise<unknown>) => void } {
  const underWay = new Set<Promise<unknown>>();
  const track = (work: Promise<unknown>): void => {
    const done = work
      .catch((error: unknown) => drift.push(`the fake forge failed: ${String(error)}`))
      .finally(() => underWay.delete(done));
    underWay.add(done);
  };
  return { underWay, track };
}

function accounts(
  world: World,
): Pick<FakeGitHub, 'addRepository' | 'addToken' | 'revoke' | 'addApp' | 'suspend' | 'addWebhook'> {
  return {
    addRepository: (wanted) => {
      const repository = world.addRepository(wanted);
      serveable(repository);
      return `${world.webUrl}/${fullName(repository)}.git`;
    },
    addToken: (wanted) => {
      world.user(wanted.login);
      const expiresAtMs = wanted.expiresAtMs ?? null;
      return world.credentials.add(
        wanted.kind === 'classic'
          ? { kind: 'classic', login: wanted.login, scopes: wanted.scopes ?? ['repo'], expiresAtMs }
          : {
              ...wanted,
              resourceOwner: wanted.resourceOwner ?? wanted.login,
              repositories: wanted.repositories ?? 'all',
              expiresAtMs,
            },
      );
    },
    revoke: (token) => world.credentials.revoke(token),
    addApp: ({ id, slug = `app-${id}`, privateKey, installations }) => {
      const keys = keyPair(privateKey);
      world.credentials.apps.push({
        id,
        slug,
        publicKey: keys.publicKey,
        installations: installations.map((one) => ({ repositories: 'all', isSuspended: false, ...one })),
      });
      return keys.privateKey;
    },
    suspend: (installationId) => {
      const all = world.credentials.apps.flatMap(({ installations }) => installations);
      for (const one of all) if (one.id === installationId) one.isSuspended = true;
    },
    addWebhook: (name, webhook) => void world.repository(name).webhooks.push(webhook),
  };
}

/** git, and for a person's browser a pull request as plain text. */
async function serveWeb(
  rest: Rest,
  request: IncomingMessage,
  response: ServerResponse,
  isLater: (work: Promise<unknown>) => void,
): Promise<void> {
  const { world, faults, calls } = rest;
  const url = new URL(request.url ?? '/', world.webUrl);
  const method = request.method ?? '';
  const call = gitCallOf(method, url);
  if (call === null) {
    const text = jobLogOf(world, url) ?? pullPage(world, url);
    response.writeHead(text === null ? 404 : 200, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(text ?? 'Not Found\n');
    return;
  }
  const identity = world.credentials.identify(request.headers.authorization, world.nowMs());
  const credential = identity.kind === 'bad' ? 'bad' : identity.kind === 'known' ? identity.credential : null;
  if (!world.conditions.isGitKeptAlive) response.setHeader('connection', 'close');
  const served = await serveGit(
    world,
    call,
    request,
    response,
    credential,
    () => faults.take(call.operation, `${call.owner}/${call.name}`),
    isLater,
  );
  if (served.revokes && identity.kind === 'known') world.credentials.revoke(identity.token);
  calls.push({
    operation: call.operation,
    method,
    path: url.pathname + url.search,
    body: undefined,
    who: whoIs(identity),
    atMs: world.clock.nowMs(),
    status: served.status,
  });
}

/** Where the API sends on for the log of a job: whoever has the address may read it. */
function jobLogOf(world: World, url: URL): string | null {
  const [, id = ''] = /^\/job-logs\/(\d+)$/.exec(url.pathname) ?? [];
  const repository = world.repositories.find((one) => String(one.id) === url.searchParams.get('sig'));
  return repository?.checkRuns.find((one) => String(one.id) === id)?.log ?? null;
}

function pullPage(world: World, url: URL): string | null {
  const [, owner = '', name = '', number = ''] = /^\/([^/]+)\/([^/]+)\/pull\/(\d+)$/.exec(url.pathname) ?? [];
  const repository = world.find(owner, name);
  const pull = repository?.pulls.find((one) => String(one.number) === number);
  if (!repository || !pull) return null;
  const state = pull.mergedAtMs === null ? pull.state : 'merged';
  const diff = repository.bare.git('diff', `${pull.baseSha}...${pull.headSha}`);
  return `${pull.title}\n#${number}, ${state}: ${pull.branch} into ${pull.base}\n\n${pull.body ?? ''}\n\n${diff}\n`;
}

async function listen(server: Server, wantedPort: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wantedPort, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function isFake(clock: Clock): clock is FakeClock {
  return 'advance' in clock;
}
