import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';

/**
 * Which connections came through the unix socket in the data folder (mode 0600): whoever can open it is the owner. Decided
 * by the server that accepted the connection, never by anything a request says about itself.
 */
export interface OwnerSockets {
  /** Every connection this server accepts from now on is the owner's. */
  readonly trust: (server: Server) => void;
  readonly has: (request: IncomingMessage) => boolean;
}

export function ownerSockets(): OwnerSockets {
  const trusted = new WeakSet<Socket>();
  return {
    trust: (server) => {
      server.on('connection', (socket: Socket) => trusted.add(socket));
    },
    has: (request) => trusted.has(request.socket),
  };
}
