/** How an answer leaves the fake: as it is, or as a fault wants it. */
import type { ServerResponse } from 'node:http';
import { never } from '../../lib/assert.ts';
import { flood } from '../flood.ts';
import type { Says } from './faults.ts';
import { errorReply, tooManyRequests, type Reply } from './routes.ts';
import type { Json } from './shapes.ts';

export interface Sending {
  readonly reply: Reply;
  readonly says: Says;
  /** Rate limit and date of the cloud's clock. */
  readonly headers: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

const json = 'application/json; charset=utf-8';
const errorPage = '<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>Bad gateway</body></html>';

export function send(response: ServerResponse, { reply, says, headers, nowMs }: Sending): void {
  const answer = (code: number, body: string | undefined, more: Record<string, string> = {}): void => {
    response.writeHead(code, { ...headers, ...(body === undefined ? {} : { 'content-type': json }), ...more });
    response.end(body);
  };
  const text = reply.body === undefined ? undefined : JSON.stringify(reply.body);
  // A body after 204 is none: no client would see it.
  const status = reply.status === 204 ? 200 : reply.status;
  const changed = changedBody(reply.body ?? {}, says);
  if (changed !== null) return answer(reply.status, JSON.stringify(changed));
  switch (says.kind) {
    case 'nothing':
      response.destroy();
      return;
    case 'hangs':
      return;
    case 'slow':
      setTimeout(() => answer(reply.status, text), says.delayMs).unref();
      return;
    case 'drips':
      return drip(response, reply.status, headers, text ?? ' ', says.everyMs);
    case 'error':
      return answer(says.status, JSON.stringify(errorReply(says.status, says.id, says.message).body));
    case 'page':
      return answer(says.status, errorPage, { 'content-type': 'text/html' });
    case 'empty':
      return answer(says.status, '');
    case 'truncated':
      return answer(status, text === undefined ? '{"id":' : text.slice(0, Math.floor(text.length / 2)));
    case 'text':
      return answer(status, says.text);
    case 'wrong_type':
      return answer(status, text ?? '', { 'content-type': 'text/plain' });
    case 'endless':
      return flood(response, status);
    case 'redirect':
      return answer(says.status, '', { location: says.to });
    case 'rate_limited':
      return answer(429, JSON.stringify(tooManyRequests.body), {
        ...(says.by === 'minute' ? { 'retry-after': String(says.seconds) } : {}),
        ...(says.by === 'hour'
          ? { 'ratelimit-remaining': '0', 'ratelimit-reset': String(Math.floor(nowMs / 1000) + says.seconds) }
          : {}),
      });
    case 'truth':
    case 'other_name':
    case 'next':
    case 'total':
    case 'rows_missing':
    case 'row_twice':
    case 'prices':
      return answer(reply.status, text);
    default:
      return never(says);
  }
}

/** The answer with one thing in it that is not so; null where the fault is none of this kind or the answer is a refusal. */
function changedBody(body: Json, says: Says): Json | null {
  const [key = '', rows = []] = Object.entries(body).find(([, value]) => Array.isArray(value)) ?? [];
  const list = rows as Json[];
  const meta = body['meta'] as { total: number } | undefined;
  if (says.kind === 'other_name') return { ...body, droplet: { ...(body['droplet'] as Json), name: says.name } };
  if (meta === undefined) return null;
  if (says.kind === 'next') return { ...body, links: { pages: { next: says.url } } };
  if (says.kind === 'total') return { ...body, meta: { total: meta.total + says.offBy } };
  if (says.kind === 'rows_missing') return { ...body, [key]: list.slice(says.count) };
  if (says.kind === 'row_twice') {
    return { ...body, [key]: [...list.slice(0, 1), ...(list.length > 1 ? list.slice(0, -1) : list)] };
  }
  return says.kind === 'prices' ? { ...body, [key]: list.map((row) => priced(row, says.as)) } : null;
}

function priced(row: Json, as: 'zero' | 'absent' | 'text'): Json {
  const { price_hourly, ...rest } = row;
  if (as === 'absent') return rest;
  return { ...rest, price_hourly: as === 'zero' ? 0 : String(price_hourly) };
}

function drip(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string,
  everyMs: number,
): void {
  response.writeHead(status, { ...headers, 'content-type': json });
  let at = 0;
  const timer = setInterval(() => {
    response.write(text.charAt(at % text.length));
    at += 1;
  }, everyMs);
  timer.unref();
  response.once('close', () => clearInterval(timer));
}
