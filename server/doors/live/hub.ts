import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { heartbeatMs, type LiveFrame } from '#contract/live.ts';
import { problem } from '#contract/problem.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Door } from '../auth/door.ts';
import type { OwnerSockets } from '../http/owner-sockets.ts';
import { requestId } from '../http/request-id.ts';
import type { Site } from '../http/site.ts';
import { liveClient, type LiveClient } from './client.ts';
import { admitUpgrade, refuseUpgrade } from './upgrade.ts';

export const liveSocketsMax = 20;
const messageBytesMax = 4 * 1024;

export interface LiveHubOptions {
  readonly site: Site;
  readonly door: Door;
  readonly sockets: OwnerSockets;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly installId: string;
  readonly build: string;
}

export type OutputFrame = Omit<Extract<LiveFrame, { type: 'output' }>, 'type'>;

export interface LiveHub {
  /** Handler for the `upgrade` event of every HTTP server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Tells every client the tail of a running check's output; kept nowhere, and dropped for slow clients. */
  readonly output: (output: OutputFrame) => void;
  readonly clients: () => number;
  /** Ends every socket at once: closing the HTTP server does not end what was upgraded. */
  readonly terminate: () => void;
}

/** The tail of the ledger as a stream. A client says after which entry it wants to start, and misses nothing from there. */
export function liveHub(options: LiveHubOptions): LiveHub {
  const { door, ledger, clock, installId, build } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
  });
  const clients = new Set<LiveClient>();
  let stopBeating: (() => void) | null = null;

  const beat = (): void => {
    const frame: LiveFrame = { type: 'heartbeat', seq: ledger.head(), serverTimeMs: clock.nowMs() };
    for (const client of clients) client.beat(frame);
  };
  const forget = (client: LiveClient): void => {
    clients.delete(client);
    // Nobody listens: nothing to wake up for.
    if (clients.size === 0) {
      stopBeating?.();
      stopBeating = null;
    }
  };
  let isTelling = false;
  const stopFollowing = ledger.onAppended(() => {
    if (isTelling) return;
    isTelling = true;
    // Whoever caused the entry gets the answer first; what one turn appends goes out together.
    setImmediate(() => {
      isTelling = false;
      for (const client of clients) client.catchUp();
    });
  });

  return {
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      const refuse = (refusal: Parameters<typeof refuseUpgrade>[1]): void =>
        refuseUpgrade(socket, refusal, requestId(options.random));
      const admitted = admitUpgrade(request, options);
      if (!admitted.ok) return refuse(admitted.why);
      if (clients.size >= liveSocketsMax) {
        return refuse(problem('throttled', `There are ${liveSocketsMax} live pages open already. Close one.`));
      }
      const { fromSocket, afterSeq } = admitted.value;
      const mayRead = (): boolean => fromSocket || door.whoIs(request.headers.cookie, 'look').state === 'open';
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const seq = ledger.head();
        const hello: LiveFrame = { type: 'hello', installId, seq, serverTimeMs: clock.nowMs(), build };
        webSocket.send(JSON.stringify(hello));
        const client = liveClient(webSocket, Math.min(afterSeq, seq), {
          ledger,
          clock,
          mayRead,
          onGone: () => forget(client),
        });
        clients.add(client);
        stopBeating ??= clock.every(heartbeatMs, beat);
        client.catchUp();
      });
    },
    output: (output) => {
      for (const client of clients) client.output({ type: 'output', ...output });
    },
    clients: () => clients.size,
    terminate: () => {
      stopFollowing();
      for (const client of clients) client.terminate();
    },
  };
}
