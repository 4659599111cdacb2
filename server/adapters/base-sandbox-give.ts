/** Hands a new checkout to the run user, where this process may not change owners itself (systemd/patchgit-give.socket). */
import { once } from 'node:events';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { PortError } from '../ports.ts';

const giveMsMax = 5 * 60_000;
const answerBytesMax = 4096;

/** `folder` is the `tree` of a checkout that is being made; with everything in it it is the run user's when this resolves. */
export async function giveFolder(socketPath: string, folder: string): Promise<void> {
  const socket = connect({ path: socketPath, allowHalfOpen: true }).setEncoding('utf8');
  socket.setTimeout(giveMsMax, () => socket.destroy(new Error('no answer in time')));
  let said = '';
  socket.on('data', (text: string) => {
    said = (said + text).slice(0, answerBytesMax);
  });
  try {
    socket.end(`${basename(dirname(folder))}/${basename(folder)}\n`);
    await once(socket, 'end');
  } catch (error) {
    throw new PortError('sandbox', 'give a checkout to its user', { cause: error });
  } finally {
    socket.destroy();
  }
  if (said.trim() !== 'given')
    throw new PortError('sandbox', 'give a checkout to its user', { cause: new Error(said) });
}
