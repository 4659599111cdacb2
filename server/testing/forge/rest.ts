/** One request of the REST API: from the bytes to the decision, with everything that GitHub checks on the way. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusalFor, needText } from './access.ts';
import type { Contract } from './contract.ts';
import { loginOf, type Credential, type Identity } from './credentials.ts';
import { isDoneNow, noFault, type FaultPlan, type Operation, type Says } from './faults.ts';
import type { RateMeter } from './rate.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import { describedRoutes, routes } from './routes.ts';
import type { Route } from './routes-kit.ts';
import { send } from './send.ts';
import type { Json } from './shapes.ts';
import { fullName, type FakeRepository, type World } from './world.ts';

/** One request as it came in, REST or git. No credential is in it. */
export interface SeenCall {
  /** Null: nothing that the fake offers. */
  readonly operation: Operation | null;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  /** `classic:octo`, `installation:7`, `nobody`, `bad`. */
  readonly who: string;
  readonly atMs: number;
  /** What left for the client; 0 for nothing. */
  readonly status: number;
}

export interface Rest {
  readonly world: World;
  readonly faults: FaultPlan;
  readonly rate: RateMeter;
  readonly contract: Contract | null;
  readonly calls: SeenCall[];
  readonly drift: string[];
}

interface Found {
  readonly route: Route;
  readonly id: string;
  readonly repository: FakeRepository | null;
  /** The address without numbers and former names. */
  readonly url: URL;
  readonly hasMoved: boolean;
}

const nameOf = ({ repository }: Found): string | null => (repository === null ? null : fullName(repository));

const contentMethods = ['POST', 'PATCH', 'PUT', 'DELETE'];

export async function serveRest(rest: Rest, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { world, faults, rate, calls } = rest;
  const text = await readText(request);
  const url = new URL(request.url ?? '/', world.apiUrl);
  const method = request.method ?? '';
  const identity = world.credentials.identify(request.headers.authorization, world.nowMs());
  const who = whoIs(identity);
  const found = findRoute(world, method, url);
  const isCounted = found?.route.operation !== 'rate-limit/get';
  const counted = isCounted ? rate.take(meterOf(identity), contentMethods.includes(method) && found !== null) : 'goes';
  const body = parse(text);
  const base = baseHeaders(world, rate, identity, found);
  const early = earlyRefusal(rest, request, identity, found, counted, body, base);
  const planned = early === null && found !== null ? faults.take(found.route.operation, nameOf(found)) : noFault;
  const run = (): Reply => (found === null ? replies.notFound : answer(rest, request, identity, found, body as Json));
  const isDone = early === null && isDoneNow(planned, world, run);
  const reply = early ?? (isDone ? run() : replies.refusal(503, 'Service unavailable'));
  // What was not done is not said to be done.
  const says: Says = early === null && !isDone && planned.says.kind === 'truth' ? { kind: 'nothing' } : planned.says;
  // The others are held by the vendor's types, when this is compiled.
  if (found !== null && body !== 'broken' && describedRoutes.includes(found.route))
    judge(rest, method, found.url, body, isDone || early !== null ? reply : null);
  if (planned.revokes && identity.kind === 'known') world.credentials.revoke(identity.token);
  const fresh = conditional(request, reply, identity);
  if (fresh.status === 304) rate.giveBack(meterOf(identity));
  const sending = {
    reply: fresh,
    says: early === null ? says : ({ kind: 'truth' } as const),
    headers: { ...base, ...rateHeaders(rate, identity) },
    userId: identity.kind === 'known' ? world.user(loginOf(identity.credential)).id : 0,
    nowMs: world.nowMs(),
  };
  const status = send(response, sending);
  calls.push({
    operation: found?.route.operation ?? null,
    method,
    path: withoutTokens(world, `${url.pathname}${url.search}`),
    body: body === undefined ? undefined : JSON.parse(withoutTokens(world, JSON.stringify(body))),
    who,
    atMs: world.clock.nowMs(),
    status,
  });
}

/** What GitHub says before it looks at what was asked. */
function earlyRefusal(
  { world }: Rest,
  request: IncomingMessage,
  identity: Identity,
  found: Found | null,
  counted: 'goes' | 'primary' | 'secondary',
  body: unknown,
  base: Readonly<Record<string, string>>,
): Reply | null {
  if ((request.headers['user-agent'] ?? '') === '') {
    return {
      status: 403,
      body: 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n',
    };
  }
  if (identity.kind === 'bad') return replies.refusal(identity.status, identity.message);
  const userId = identity.kind === 'known' ? world.user(loginOf(identity.credential)).id : 0;
  if (counted === 'primary') return replies.primaryLimit(403, userId, base['x-github-request-id'] ?? '');
  if (counted === 'secondary') return { ...replies.secondaryLimit(403), headers: { 'retry-after': '60' } };
  const version = request.headers['x-github-api-version'];
  if (typeof version === 'string' && !world.conditions.apiVersions.includes(version)) {
    return replies.refusal(400, `${version} is not a supported API version.`);
  }
  if (!/json|\*\/\*|diff|patch|text\/plain|^$/.test(request.headers.accept ?? '')) {
    const message = `Unsupported 'Accept' header: '${request.headers.accept ?? ''}'. Must accept 'application/json'.`;
    return replies.refusal(415, message);
  }
  if (found === null) return replies.notFound;
  if (body === 'broken') return replies.refusal(400, 'Problems parsing JSON');
  return null;
}

function answer(rest: Rest, request: IncomingMessage, identity: Identity, found: Found, body: Json | undefined): Reply {
  const { world, rate } = rest;
  const { route, id, url, repository } = found;
  const credential = identity.kind === 'known' ? identity.credential : null;
  const accept = request.headers.accept ?? '';
  const asked = { world, url, id, body: body ?? {}, accept, credential, quota: rate.quota(meterOf(identity)) };
  if (route.need === null) return route.run(asked);
  if (repository === null) return replies.notFound;
  const no = refusalFor(world, repository, credential, route.need);
  if (no !== null) return no;
  if (found.hasMoved) return moved(world, repository, route, url);
  if (repository.isArchived && route.method !== 'GET') return replies.archived;
  return route.run({ ...asked, repository, by: credential === null ? 'nobody' : loginOf(credential) });
}

/** A renamed repository: reading is sent on with 301, everything else with 307, to an address without names. */
function moved(world: World, repository: FakeRepository, route: Route, url: URL): Reply {
  const rest = url.pathname.split('/').slice(4).join('/');
  const to = `${world.apiUrl}/repositories/${repository.id}${rest === '' ? '' : `/${rest}`}${url.search}`;
  const status = route.method === 'GET' ? 301 : 307;
  const message = status === 301 ? 'Moved Permanently' : 'Temporary Redirect';
  return { status, body: { message, url: to, documentation_url: replies.docs }, headers: { location: to } };
}

function findRoute(world: World, method: string, url: URL): Found | null {
  const [, byNumber = '', after = ''] = /^\/repositories\/(\d+)(\/.*)?$/.exec(url.pathname) ?? [];
  const numbered = world.repositories.find(({ id }) => String(id) === byNumber);
  const path = numbered ? `/repos/${fullName(numbered)}${after}` : url.pathname;
  const [, owner, name, rest = ''] = /^\/repos\/([^/]+)\/([^/]+)(\/.+)?$/.exec(path) ?? [];
  for (const route of routes) {
    if (route.method !== method || (route.need === null) !== (owner === undefined)) continue;
    const match = route.path.exec(owner === undefined ? path : rest);
    if (!match) continue;
    const repository = owner === undefined ? null : world.find(owner, name ?? '');
    const hasMoved = repository !== null && repository.name.toLowerCase() !== name?.toLowerCase();
    const plain = new URL(path + url.search, world.apiUrl);
    return { route, id: decodeURIComponent(match[1] ?? ''), repository, url: plain, hasMoved };
  }
  return null;
}

function judge(rest: Rest, method: string, url: URL, body: unknown, reply: Reply | null): void {
  const { contract, drift } = rest;
  if (contract === null) return;
  drift.push(...contract.checkRequest(method, url, body));
  // Text is a media type that the description does not describe; 307 is the redirect that it lists as 301 only for reading.
  if (reply === null || typeof reply.body === 'string' || reply.status === 307) return;
  drift.push(...contract.checkReply(method, url, reply.status, reply.body));
}

/** An ETag is of the answer and of who asked: a new installation token finds everything changed. */
function conditional(request: IncomingMessage, reply: Reply, identity: Identity): Reply {
  if (request.method !== 'GET' || reply.status !== 200) return reply;
  const token = identity.kind === 'known' ? identity.token : '';
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  const etag = `W/"${createHash('sha256')
    .update(`${token}\n${request.headers.accept ?? ''}\n${text}`)
    .digest('hex')}"`;
  const headers = { ...reply.headers, etag };
  const known = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim());
  return known.includes(etag) ? { status: 304, headers } : { ...reply, headers };
}

function baseHeaders(world: World, rate: RateMeter, identity: Identity, found: Found | null): Record<string, string> {
  const credential = identity.kind === 'known' ? identity.credential : null;
  return {
    server: 'GitHub.com',
    date: new Date(world.nowMs()).toUTCString(),
    'x-github-request-id': randomBytes(10).toString('hex').toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
    'x-github-api-version-selected': world.conditions.apiVersions[0] ?? '',
    'cache-control': 'private, max-age=60, s-maxage=60',
    vary: 'Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, X-Requested-With',
    ...rateHeaders(rate, identity),
    ...(credential === null ? {} : tokenHeaders(credential, found)),
  };
}

function rateHeaders(rate: RateMeter, identity: Identity): Record<string, string> {
  const { limit, used, resetAtMs } = rate.quota(meterOf(identity));
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(limit - used),
    'x-ratelimit-used': String(used),
    'x-ratelimit-reset': String(Math.ceil(resetAtMs / 1000)),
    'x-ratelimit-resource': 'core',
  };
}

/** A classic token is told its scopes; the others what the operation would have needed. Both hear when they end. */
function tokenHeaders(credential: Credential, found: Found | null): Record<string, string> {
  const need = found?.route.need ?? null;
  const expiresAtMs =
    credential.kind === 'classic' || credential.kind === 'fine_grained' ? credential.expiresAtMs : null;
  const ends = expiresAtMs === null ? null : new Date(expiresAtMs).toISOString().slice(0, 19).replace('T', ' ');
  return {
    ...(ends === null ? {} : { 'github-authentication-token-expiration': `${ends} UTC` }),
    ...(credential.kind === 'classic'
      ? { 'x-oauth-scopes': credential.scopes.join(', '), 'x-accepted-oauth-scopes': need === null ? '' : 'repo' }
      : need === null
        ? {}
        : { 'x-accepted-github-permissions': needText(need) }),
  };
}

export function whoIs(identity: Identity): string {
  if (identity.kind !== 'known') return identity.kind;
  const { credential } = identity;
  switch (credential.kind) {
    case 'classic':
    case 'fine_grained':
      return `${credential.kind}:${credential.login}`;
    case 'installation':
      return `installation:${credential.installation.id}`;
    case 'app':
      return `app:${credential.app.id}`;
  }
}

/** All tokens of a person draw on one quota; every installation has its own. */
function meterOf(identity: Identity): string {
  return identity.kind === 'known' ? loginOf(identity.credential) + installationOf(identity.credential) : 'nobody';
}

function installationOf(credential: Credential): string {
  return credential.kind === 'installation' ? `:${credential.installation.id}` : '';
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return 'broken';
    throw error;
  }
}

const bodyBytesMax = 10 * 1024 * 1024;

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax) throw new Error('a request is too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withoutTokens(world: World, text: string): string {
  return world.credentials.issued().reduce((clean, token) => clean.replaceAll(token, '[token]'), text);
}
