import { inspect } from 'node:util';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { problem, problemStatus, type Problem } from '#contract/problem.ts';
import type { Clock, Log } from '../../ports.ts';
import { hasBody } from './body.ts';

const drainBytesMax = 64 * 1024 * 1024;
const drainMsMax = 60_000;

/** Sends a refusal as JSON, under the status of its code. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Problem,
  context: { readonly requestId: string; readonly clock: Clock },
): void {
  if (response.headersSent) {
    // The answer has begun: cutting it is the only way left to say that it is not whole.
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify({ ...refusal, requestId: context.requestId }), 'utf8');
  response.statusCode = problemStatus[refusal.code];
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', body.length);
  if (refusal.retryAfterMs !== undefined) {
    response.setHeader('retry-after', Math.ceil(refusal.retryAfterMs / 1000));
  }
  if (request.method === 'HEAD' || !hasBody(request) || request.complete) {
    response.end(body);
    return;
  }
  response.write(body);
  endWhenDrained(request, response, context.clock);
}

/**
 * A client that is still sending sees our answer only if we keep reading: closing now would reset its connection. Bounded,
 * because a stranger may never stop.
 */
function endWhenDrained(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  let bytes = 0;
  const cancel = clock.after(drainMsMax, () => request.destroy());
  const finish = (): void => {
    cancel();
    response.end();
  };
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > drainBytesMax) request.destroy();
  });
  request.once('end', finish);
  request.once('close', finish);
  request.resume();
}

/** Our fault or the world's: said once in the log with the request's id, and to the client as nothing but that id. */
export function internalProblem(
  error: unknown,
  context: { readonly requestId: string; readonly method: string; readonly path: string; readonly log: Log },
): Problem {
  const { requestId, method, path, log } = context;
  log.error({ requestId, method, path, error: inspect(error, { depth: 4 }) }, 'a request failed');
  return problem('internal', `Something went wrong here. The log has the details under ${requestId}.`);
}
