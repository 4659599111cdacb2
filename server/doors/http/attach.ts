import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { problem } from '#contract/problem.ts';
import type { LiveHub } from '../live/hub.ts';
import { refuseUpgrade } from '../live/upgrade.ts';

/** Puts the app and the live stream on one HTTP server; the same app serves the TCP server and the unix socket. */
export function attach(server: Server, { app, hub }: { readonly app: RequestListener; readonly hub: LiveHub }): void {
  server.on('request', app);
  server.on('upgrade', (request, socket, head) => hub.upgrade(request, socket, head));
  // What is not HTTP at all never reaches the app, and gets the same kind of answer.
  server.on('clientError', (_error, socket: Socket) => {
    if (!socket.writable) return socket.destroy();
    refuseUpgrade(socket, problem('invalid_body', 'This is not an HTTP request.'), '-');
  });
}
