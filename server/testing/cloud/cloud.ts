import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../adapters/system-clock.ts';
import type { Clock } from '../../ports.ts';
import type { Contract } from './contract.ts';
import { faultPlan, type FaultPlan, type Operation } from './faults.ts';
import type { BillLine } from './meter.ts';
import { rateMeter } from './rate.ts';
import {
  errorReply,
  forbidden,
  notFound,
  routes,
  tooManyRequests,
  unauthorized,
  type Reply,
  type Team,
} from './routes.ts';
import { send } from './send.ts';
import type { Json } from './shapes.ts';
import { World, type Conditions, type FakeDroplet, type Hooks } from './world.ts';

export interface FakeCloudOptions extends Hooks {
  /** Without it real time. */
  readonly clock?: Clock;
  readonly port?: number;
  readonly conditions?: Partial<Conditions>;
  /** What each token may do; without it there is one that may do everything. */
  readonly tokens?: Readonly<Record<string, 'everything' | readonly string[]>>;
  /** Judges every request and every answer that is not damaged on purpose. */
  readonly contract?: Contract | null;
  /** 5000 an hour and 250 a minute, as the real one; off for simulations. */
  readonly hasRateLimit?: boolean;
}

/** One request as it came in. `status` is what the cloud meant to answer, null for what it never got to. */
export interface SeenCall {
  readonly operation: Operation | null;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly atMs: number;
  readonly status: number;
}

/** An HTTP server that behaves as DigitalOcean's API does for what patchgit asks of it, with a bill and with faults. */
export interface FakeCloud {
  /** For DIGITALOCEAN_API_URL. */
  readonly url: string;
  /** For DIGITALOCEAN_TOKEN. */
  readonly token: string;
  readonly faults: FaultPlan;
  /** May be changed at any time. */
  readonly conditions: Conditions;
  /** The truth, whatever the answers say: all that ever were, in order. */
  readonly droplets: () => readonly FakeDroplet[];
  readonly alive: () => readonly FakeDroplet[];
  readonly bill: () => readonly BillLine[];
  readonly calls: readonly SeenCall[];
  /** Where a request or an answer left the official description. `close` throws when there is any. */
  readonly drift: readonly string[];
  readonly world: World;
  readonly team: Team;
  /** Somebody else's machine in the same account. */
  readonly plant: (droplet: { readonly name: string; readonly tags?: readonly string[] }) => FakeDroplet;
  /** Ends the server and, through the hooks, every machine. */
  readonly close: () => Promise<void>;
}

/** Has the shape of a real one, so that everything that looks for tokens finds it. */
export const fakeToken = `dop_v1_${'5a'.repeat(32)}`;
const bodyBytesMax = 1024 * 1024;

/** Listens on loopback only. */
export async function startFakeCloud(options: FakeCloudOptions = {}): Promise<FakeCloud> {
  const clock = options.clock ?? systemClock();
  const tokens = options.tokens ?? { [fakeToken]: 'everything' as const };
  const world = new World(clock, options.conditions ?? {}, options);
  const team: Team = { tags: new Set(), firewalls: [], keys: [] };
  const faults = faultPlan();
  const calls: SeenCall[] = [];
  const drift: string[] = [];
  const rate = rateMeter(clock, options.hasRateLimit ?? true);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await read(request);
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
    const method = request.method ?? '';
    const route = routes.find((one) => one.method === method && one.path.test(url.pathname));
    const body = text === '' ? undefined : (JSON.parse(text) as unknown);
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const isAllowed = rate.take();
    const scopes = Object.hasOwn(tokens, token) ? tokens[token] : undefined;
    const planned = route === undefined ? null : faults.take(route.operation);
    const does = planned?.does ?? { kind: 'as_asked' as const };
    const says = planned?.says ?? { kind: 'truth' as const };
    drift.push(...(options.contract?.checkRequest(method, url, body) ?? []));
    const answer = (): Reply => {
      if (scopes === undefined || world.conditions.token === 'answers_401') return unauthorized;
      if (world.conditions.token === 'answers_404') return notFound;
      if (!isAllowed) return tooManyRequests;
      if (route === undefined) return notFound;
      if (scopes !== 'everything' && !route.scopes.every((scope) => scopes.includes(scope))) return forbidden;
      // A no of the cloud's comes before anything is done.
      if (says.kind === 'rate_limited') return tooManyRequests;
      if (says.kind === 'error' && says.status < 500) return errorReply(says.status, says.id, says.message);
      const id = route.path.exec(url.pathname)?.[1] ?? '';
      return route.run({ world, team, url, id, body: (body ?? {}) as Json, does });
    };
    const reply = answer();
    const { status } = reply;
    const type = reply.body === undefined ? null : 'application/json';
    if (route) drift.push(...(options.contract?.checkReply(method, url, status, type, reply.body) ?? []));
    calls.push({
      operation: route?.operation ?? null,
      method,
      path: `${url.pathname}${url.search}`,
      body,
      atMs: clock.nowMs(),
      status,
    });
    send(response, { reply, says, headers: rate.headers(), nowMs: clock.nowMs() });
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      drift.push(`the fake cloud failed: ${String(error)}`);
      response.destroy();
    });
  });
  return {
    url: await listen(server, options.port ?? 0),
    token: Object.keys(tokens)[0] ?? '',
    conditions: world.conditions,
    droplets: () => world.droplets,
    alive: () => world.alive(),
    bill: () => world.bill(),
    plant: (droplet) => plant(world, droplet),
    close: () => close(server, world, drift).finally(options.onClose),
    faults,
    calls,
    drift,
    world,
    team,
  };
}

async function listen(server: Server, wantedPort: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wantedPort, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

async function close(server: Server, world: World, drift: readonly string[]): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  for (const { id } of world.alive()) world.remove(id);
  await world.settled();
  if (drift.length > 0) throw new Error(`Against the official description:\n${drift.slice(0, 10).join('\n')}`);
}

function plant(world: World, { name, tags = [] }: { name: string; tags?: readonly string[] }): FakeDroplet {
  const [size] = world.sizes;
  const [image] = world.images;
  const [region] = world.regions;
  if (!size || !image || region === undefined) throw new Error('The fake cloud sells nothing.');
  return world.create({ name, tags, size, image, region, userData: '' }, { kind: 'as_asked' });
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax) throw new Error('a request is too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}
