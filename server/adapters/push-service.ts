/**
 * The far side of patchgit-push.socket: it alone holds the forge's credential, puts it into what `push-policy.ts` allows, and
 * masks it in what comes back. It keeps nothing, writes nothing down of what it is sent, and knows no data of the daemon.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { no, ok, type Result } from '../lib/result.ts';
import { basicOf } from './github-credential.ts';
import { codeOf, openRequest, requestBytesMax } from './github-http.ts';
import { judgePush } from './push-commands.ts';
import { maskStream, maskText } from './push-mask.ts';
import { endWhenRead, relayBody } from './push-relay.ts';
import { judgeBody, judgeOrder, type PushOrder, type PushPlace } from './push-policy.ts';
import { madeAtHeader, monotonicMs, pushHeader, wallHeader, type PushRefusal } from './push-wire.ts';

export interface PushServiceOptions extends PushPlace {
  readonly token: string;
  /** Told of each refusal, by its code alone. */
  readonly onRefused?: (code: PushRefusal) => void;
}

/** What an order may wait until it is sent: starting this program, and its turn. */
const startMsMax = 20_000;
/** A large history over a slow line, as long as the daemon's own git may take. */
const wallMsMax = 20 * 60_000;
const connectionsMax = 16;
/** GitHub takes no larger push. */
const pushBytesMax = 2 * 1024 * 1024 * 1024;

const sentAlong: Readonly<Record<PushOrder['kind'], readonly string[]>> = {
  api: ['accept', 'user-agent', 'x-github-api-version', 'if-none-match', 'content-type'],
  git: ['accept', 'accept-language', 'pragma', 'user-agent', 'git-protocol', 'content-type', 'content-length'],
};
/** What the daemon looks at in an answer. */
const comesBack =
  /^(?:content-type|content-length|cache-control|date|etag|link|location|retry-after|www-authenticate|x-ratelimit-[a-z]+|x-accepted-github-permissions|x-github-sso|x-oauth-scopes|github-authentication-token-expiration)$/;

/** Serves requests to any address over one socket; not listening yet. */
export function pushService(options: PushServiceOptions): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: startMsMax }, (request, response) => {
    const refuse = (code: PushRefusal): void => {
      options.onRefused?.(code);
      response.writeHead(403, { [pushHeader]: `refused ${code}`, connection: 'close' });
      endWhenRead(request, response);
    };
    void prepare(request, options).then(
      (prepared) => (prepared.ok ? send(request, response, prepared.value, options, refuse) : refuse(prepared.why)),
      (error: unknown) => {
        // Whoever asked is gone, and nothing was sent.
        response.destroy();
        if (!isHangUp(error)) throw error;
      },
    );
  });
  server.maxConnections = connectionsMax;
  return server;
}

/** Ends a server that nobody has talked to for so long, so that it takes no memory; its socket starts it again. */
export function closeWhenIdle(server: Server, idleMs: number): void {
  let open = 0;
  let timer = setTimeout(() => server.close(), idleMs);
  server.on('connection', (socket) => {
    open += 1;
    clearTimeout(timer);
    socket.once('close', () => {
      open -= 1;
      if (open === 0) timer = setTimeout(() => server.close(), idleMs);
    });
  });
}

interface Prepared {
  readonly order: PushOrder;
  /** All of it, or with `rest` its beginning. */
  readonly body: Buffer | null;
  readonly hasMore: boolean;
}

/** Everything that is judged before anything is sent. */
async function prepare(request: IncomingMessage, place: PushPlace): Promise<Result<Prepared, PushRefusal>> {
  const order = judgeOrder(request.method ?? '', request.url ?? '', place);
  if (!order.ok) return order;
  const { value } = order;
  if (value.kind === 'api') {
    if (value.body === null) return ok({ order: value, body: null, hasMore: false });
    const body = await readAll(request);
    const judged = body === null ? no<PushRefusal>('body') : judgeBody(value.body, body);
    return judged.ok ? ok({ order: value, body: judged.value, hasMore: false }) : judged;
  }
  if (!value.isPush) return ok({ order: value, body: null, hasMore: request.method === 'POST' });
  // What was packed could be unpacked by the forge into something else than was judged here.
  if (request.headers['content-encoding'] !== undefined) return no('branch');
  const begun = await readOrder(request);
  return begun.ok ? ok({ order: value, body: begun.value, hasMore: true }) : begun;
}

/** Null when it is larger than anything the daemon sends. */
function readAll(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= requestBytesMax) chunks.push(chunk);
    });
    request.on('end', () => resolve(bytes <= requestBytesMax ? Buffer.concat(chunks) : null)).on('error', reject);
  });
}

/** The beginning of a push, as much of it as came together with what it asks for; the request stands still after that. */
function readOrder(request: IncomingMessage): Promise<Result<Buffer, PushRefusal>> {
  const told = request.headers['content-length'];
  const bodyBytes = told === undefined ? null : Number(told);
  return new Promise((resolve, reject) => {
    let begun = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      begun = Buffer.concat([begun, chunk]);
      const judged = judgePush(begun, bodyBytes);
      if (judged !== 'more') settle(judged.ok ? ok(begun) : judged);
    };
    const onEnd = (): void => settle(no('branch'));
    const settle = (outcome: Result<Buffer, PushRefusal>): void => {
      request.pause();
      request.off('data', onData).off('end', onEnd).off('error', reject);
      resolve(outcome);
    };
    request.on('data', onData).on('end', onEnd).on('error', reject);
  });
}

/** Sends once, follows nothing, keeps no connection; ends with whoever asked, and at the time that was told. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  { order, body, hasMore }: Prepared,
  { token }: PushServiceOptions,
  refuse: (code: PushRefusal) => void,
): void {
  const waitedMs = monotonicMs() - Number(request.headers[madeAtHeader] ?? Number.NaN);
  const leftMs = Math.min(Number(request.headers[wallHeader] ?? Number.NaN), wallMsMax) - waitedMs;
  // Whoever asked has given up, or is about to: then nothing may land any more. NaN is late as well.
  if (!(waitedMs <= startMsMax && leftMs > 0) || response.destroyed) {
    refuse('too_late');
    return;
  }
  const headers: Record<string, string> = {
    authorization: order.kind === 'api' ? `Bearer ${token}` : basicOf(token),
    'accept-encoding': 'identity',
    // GitHub answers nobody without a name.
    'user-agent': 'patchgit',
    ...only(request, sentAlong[order.kind]),
    ...(order.kind === 'git' && !order.isPush ? only(request, ['content-encoding']) : {}),
    ...(order.kind === 'api' && body !== null ? { 'content-length': String(body.length) } : {}),
  };
  const upstream = openRequest(order.url, request.method ?? 'GET', headers);
  const wall = setTimeout(() => upstream.destroy(), leftMs);
  // Also when everything went well: then it is over already.
  response.once('close', () => {
    clearTimeout(wall);
    upstream.destroy();
  });
  const lost = (code: string): void => {
    if (response.headersSent) response.destroy();
    else endWhenRead(request, response.writeHead(502, { [pushHeader]: `lost ${code}`, connection: 'close' }));
  };
  upstream.on('error', (error) => {
    // The forge may answer before it has read everything: its answer counts.
    if (!response.headersSent) lost(codeOf(error));
  });
  upstream.on('response', (answer) => giveBack(request, answer, response, token, lost));
  if (!hasMore) {
    upstream.end(body ?? undefined);
    return;
  }
  if (body !== null) upstream.write(body);
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > pushBytesMax) upstream.destroy();
  });
  request.pipe(upstream);
  // It takes no more, and has perhaps said why.
  upstream.once('close', () => request.unpipe(upstream).resume());
}

function giveBack(
  request: IncomingMessage,
  answer: IncomingMessage,
  response: ServerResponse,
  token: string,
  lost: (code: string) => void,
): void {
  // Not asked for, and a credential in it could not be seen.
  if ((answer.headers['content-encoding'] ?? 'identity') !== 'identity') {
    lost('ENCODED');
    answer.destroy();
    return;
  }
  const headers: Record<string, string> = { connection: 'close' };
  for (const [name, value] of Object.entries(answer.headers)) {
    if (comesBack.test(name) && value !== undefined)
      headers[name] = maskText(token, Array.isArray(value) ? value.join(', ') : value);
  }
  response.writeHead(answer.statusCode ?? 502, headers);
  relayBody(request, answer, response, maskStream(token));
}

function isHangUp(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function only(request: IncomingMessage, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = request.headers[name];
    if (typeof value === 'string') found[name] = value;
  }
  return found;
}
