/** How an answer of the REST API leaves the fake: as it is, or as a fault wants it. */
import type { ServerResponse } from 'node:http';
import { never } from '../../lib/assert.ts';
import { flood } from '../flood.ts';
import type { Says } from './faults.ts';
import { primaryLimit, refusal, secondaryLimit, type Reply } from './replies.ts';

export interface Sending {
  readonly reply: Reply;
  readonly says: Says;
  /** What every answer carries: quota, date, request id, scopes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userId: number;
  readonly nowMs: number;
}

const json = 'application/json; charset=utf-8';
const page =
  '<!DOCTYPE html><html><head><title>Unicorn!</title></head><body>This page is taking too long to load.</body></html>';

/** The status that left, or 0 where nothing did. */
export function send(response: ServerResponse, { reply, says, headers, userId, nowMs }: Sending): number {
  const answer = (what: Reply, more: Readonly<Record<string, string>> = {}): number => {
    const type = typeof what.body === 'string' ? 'text/plain; charset=utf-8' : json;
    response.writeHead(what.status, {
      ...headers,
      ...(what.body === undefined ? {} : { 'content-type': type }),
      ...what.headers,
      ...more,
    });
    response.end(textOf(what));
    return what.status;
  };
  switch (says.kind) {
    case 'truth':
      return answer(reply);
    case 'nothing':
      response.destroy();
      return 0;
    case 'hangs':
      return 0;
    case 'slow':
      setTimeout(() => answer(reply), says.delayMs).unref();
      return reply.status;
    case 'error':
      return answer(refusal(says.status, says.message));
    case 'page':
      return answer({ status: says.status, body: page }, { 'content-type': 'text/html; charset=utf-8' });
    case 'truncated': {
      // A body after 204 is none: no client would see it.
      const text = textOf(reply) ?? '{"message":';
      const status = reply.status === 204 ? 200 : reply.status;
      return answer({ status, body: text.slice(0, Math.floor(text.length / 2)) }, { 'content-type': json });
    }
    case 'endless':
      flood(response, reply.status);
      return reply.status;
    case 'redirect':
      return answer(
        { status: says.status, body: { message: 'Moved Permanently', url: says.to } },
        { location: says.to },
      );
    case 'primary_limit':
      return answer(primaryLimit(says.status, userId, headers['x-github-request-id'] ?? ''), {
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(Math.ceil(nowMs / 1000) + 600),
      });
    case 'secondary_limit':
      return answer(
        secondaryLimit(says.status),
        says.retrySeconds === null ? {} : { 'retry-after': String(says.retrySeconds) },
      );
    default:
      return never(says);
  }
}

function textOf({ body }: Reply): string | undefined {
  return typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
}
