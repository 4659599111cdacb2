/** A port of this machine's loopback that leads to a port of the other machine's loopback. */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Client } from 'ssh2';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';

const loopback = '127.0.0.1';
const callersMax = 32;

export class LocalForward {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(client: Client, port: number, onClose: () => void) {
    this.#onClose = onClose;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#lead(client, port, socket));
    this.#server.maxConnections = callersMax;
  }

  async listen(): Promise<Result<number, string>> {
    const listening = Promise.withResolvers<Result<number, string>>();
    this.#server.once('error', () => listening.resolve(no('No port of this machine can be had for the helper.')));
    this.#server.listen(0, loopback, () => {
      const address = this.#server.address();
      const isPort = address !== null && typeof address === 'object';
      listening.resolve(isPort ? ok(address.port) : no('No port of this machine can be had for the helper.'));
    });
    const answer = await listening.promise;
    if (!answer.ok) this.close();
    return answer;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#onClose();
  }

  /** The other end is always its loopback: no word of the caller takes part in the choice. */
  #lead(client: Client, port: number, socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A caller that went away is seen as `close`.
    socket.on('error', () => undefined);
    try {
      client.forwardOut(loopback, socket.remotePort ?? 0, loopback, port, (error, channel) => {
        if (error !== undefined) return void socket.destroy();
        channel.on('error', () => socket.destroy());
        channel.once('close', () => socket.destroySoon());
        socket.once('close', () => channel.close());
        socket.pipe(channel).pipe(socket);
      });
    } catch {
      // ssh2 throws when its socket is no longer writable.
      socket.destroy();
    }
  }
}
