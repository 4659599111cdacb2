import type { ServerResponse } from 'node:http';

/** More than any client should take; it ends when the client hangs up. */
export function flood(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  const block = Buffer.alloc(1024 * 1024, 0x20);
  let left = 64;
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= 1;
      if (!response.write(block)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}
