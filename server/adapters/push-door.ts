/**
 * The daemon's end for git: an address on this machine, for one transfer, that leads to patchgit-push and from there to the forge.
 * git speaks HTTP to it as to any remote. Whoever else is on this machine has not its key, which only this one git is given.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { assert } from '../lib/assert.ts';
import { PortError } from '../ports.ts';
import { gitHubTransferName } from './github-address.ts';
import { codeOf } from './github-http.ts';
import { endWhenRead, relayBody } from './push-relay.ts';
import { pushHeader, readVerdict, requestThrough, type PushRefusal } from './push-wire.ts';

/** How transfers with the forge go through patchgit-push. */
export interface PushWay {
  readonly socketPath: string;
  readonly gitOrigin: string;
}

export interface Door {
  /** What git is given instead of the address. */
  readonly url: string;
  readonly origin: string;
  /** The value of the Authorization header that opens it. */
  readonly authorization: string;
  /** The first thing that patchgit-push did not send for this transfer. */
  readonly refused: () => PushRefusal | null;
  readonly close: () => Promise<void>;
}

const dropped = new Set(['authorization', 'host', 'connection', 'accept-encoding', 'transfer-encoding', 'keep-alive']);

/** Whether a transfer with this address goes through the door. */
export function leadsThrough(way: PushWay, url: string): boolean {
  return gitHubTransferName(url, way.gitOrigin) !== null;
}

/** Open from now on, until it is closed. `wallMs` as for the transfer: after it nothing is on its way. */
export async function openDoor(way: PushWay, url: string, wallMs: number): Promise<Door> {
  assert(leadsThrough(way, url), 'the door leads to one forge');
  const key = `Basic ${Buffer.from(`patchgit:${randomBytes(24).toString('hex')}`, 'utf8').toString('base64')}`;
  let refused: PushRefusal | null = null;
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (!hasKey(request, key)) {
      response.writeHead(404, { connection: 'close' }).end();
      return;
    }
    passOn(request, response, way, wallMs, (code) => (refused ??= code));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new PortError('git', 'open the way to patchgit-push', { cause })));
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'the door has a port');
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    url: `${origin}${new URL(url).pathname}`,
    origin,
    authorization: key,
    refused: () => refused,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function hasKey({ headers }: IncomingMessage, key: string): boolean {
  const given = Buffer.from(headers.authorization ?? '', 'latin1');
  const wanted = Buffer.from(key, 'latin1');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** One request of git's, both ways as it comes: a push may be large. */
function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { socketPath, gitOrigin }: PushWay,
  wallMs: number,
  onRefused: (code: PushRefusal) => void,
): void {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !dropped.has(name)));
  const method = request.method ?? 'GET';
  const order = requestThrough(socketPath, `${gitOrigin}${request.url ?? '/'}`, { method, headers, wallMs });
  response.once('close', () => order.destroy());
  order.on('error', (error) => {
    if (!response.headersSent) endWhenRead(request, response.writeHead(502, codeOf(error), { connection: 'close' }));
  });
  order.on('response', (answer) => {
    const verdict = readVerdict(answer.headers[pushHeader]);
    if (verdict !== null) {
      if ('refused' in verdict) onRefused(verdict.refused);
      endWhenRead(request, response.writeHead('refused' in verdict ? 403 : 502, { connection: 'close' }));
      answer.destroy();
      return;
    }
    const { connection: _theirs, 'transfer-encoding': _coding, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, { ...rest, connection: 'close' });
    relayBody(request, answer, response);
  });
  if (method !== 'POST') {
    order.end();
    return;
  }
  request.pipe(order);
  // It takes no more, and has perhaps said why.
  order.once('close', () => request.unpipe(order).resume());
}
