import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { problem, problemStatus, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { refusalOf, type Door } from '../auth/door.ts';
import { guardHost, guardUpgrade } from '../http/guard.ts';
import type { OwnerSockets } from '../http/owner-sockets.ts';
import { securityHeaders } from '../http/security-headers.ts';
import type { Site } from '../http/site.ts';

/** Who may follow the live stream, and from where: the entry after which it starts. */
export function admitUpgrade(
  request: IncomingMessage,
  { site, door, sockets }: { readonly site: Site; readonly door: Door; readonly sockets: OwnerSockets },
): Result<{ readonly afterSeq: number; readonly fromSocket: boolean }, Problem> {
  const fromSocket = sockets.has(request);
  if (!fromSocket) {
    const host = guardHost(site, request.headers);
    const refusal = host.ok ? guardUpgrade(host.value, request.headers) : host.why;
    if (refusal) {
      const origin = request.headers.origin?.slice(0, 200) ?? null;
      door.refusals.note('request.refused', { reason: refusal.code, origin, path: '/api/live' });
      return no(refusal);
    }
  }
  const [path, query = ''] = (request.url ?? '').split('?');
  if (path !== '/api/live') return no(problem('not_found', 'The live stream is at /api/live.'));
  if (!fromSocket) {
    const refusal = refusalOf(door.whoIs(request.headers.cookie, 'look').state);
    if (refusal) return no(refusal);
  }
  const after = new URLSearchParams(query).get('after') ?? '';
  if (!/^\d{1,15}$/.test(after)) {
    return no(problem('invalid_query', 'Say after which entry to start, for example /api/live?after=0.'));
  }
  return ok({ afterSeq: Number(after), fromSocket });
}

/** An upgrade that is refused is still an HTTP answer, written by hand because no response object exists for it. */
export function refuseUpgrade(socket: Duplex, refusal: Problem, requestId: string): void {
  const status = problemStatus[refusal.code];
  const body = JSON.stringify({ ...refusal, requestId });
  const headers = {
    ...securityHeaders({ https: false, path: '/api/live' }),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
