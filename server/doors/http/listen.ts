import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

/** Longest path of a unix socket (sockaddr_un on Linux), without its closing zero. */
const socketPathBytesMax = 107;

/** Something the owner can mend is in the way of starting. The message is for the terminal. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Binds the TCP port, and says in one sentence what to do when it is taken. `port` 0 takes any free one. */
export function listenOn(server: Server, host: string, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `Port ${port} on ${host} is taken by another program. Stop it, or choose another port: PATCHGIT_PORT=${port + 1} npm start`
          : `Port ${port} on ${host} cannot be used (${error.code ?? error.message}). Choose another one with PATCHGIT_PORT.`;
      reject(new StartError(why, { cause: error }));
    });
    server.listen(port, host, () => {
      // A TCP server's address is always an object.
      resolve({ port: (server.address() as AddressInfo).port });
    });
  });
}

/** Listens on the unix socket in the data folder. Mode 0600: whoever can open it is the owner. */
export async function listenAt(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, 0o600);
}

/** One daemon per data folder: two would both think they hold the lock. */
export async function refuseSecondDaemon(path: string): Promise<void> {
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    throw new StartError(
      `The data folder's path is too long for a unix socket: ${path}. Set PATCHGIT_HOME to a shorter one.`,
    );
  }
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (answered) {
    throw new StartError(
      'patchgit is running already on this data folder. Use it ("npm run -s patchgit -- status"), or stop it first.',
    );
  }
}
