import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Passes the body of an answer on, through `change` if there is one. The connection is cut where the answer was: a part must never
 * look like the whole. It ends when the question has come in full as well: who is still sending when a connection closes may never
 * read what was answered.
 */
export function relayBody(
  request: IncomingMessage,
  answer: IncomingMessage,
  response: ServerResponse,
  change: Duplex | null = null,
): void {
  const passed =
    change === null ? pipeline(answer, response, { end: false }) : pipeline(answer, change, response, { end: false });
  passed.then(
    () => endWhenRead(request, response),
    () => response.destroy(),
  );
}

/** Ends an answer as soon as nobody sends any more; what still comes is read away. */
export function endWhenRead(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  request.once('close', () => response.end());
  request.resume();
}
