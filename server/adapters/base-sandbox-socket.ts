/** The helper behind systemd's socket (systemd/patchgit-run.socket): one connection is one helper, as the run user. */
import { connect } from 'node:net';
import { isAbsolute } from 'node:path';
import { helperProtocol } from '#contract/helper-wire.ts';
import type { Preparation } from '#contract/helper-wire.ts';
import { assert } from '../lib/assert.ts';
import type { HelperBody } from './base-sandbox-body.ts';

/** The unit of the daemon sets it. Where it is set there is no other way to run a check: none runs as the daemon's own user. */
const socketVariable = 'PATCHGIT_RUN_SOCKET';

/** The socket of the run user's helpers, or null where the daemon starts its helpers itself. */
export function findRunSocket(environment: Readonly<Record<string, string | undefined>> = process.env): string | null {
  const path = environment[socketVariable] ?? '';
  if (path === '') return null;
  assert(isAbsolute(path), `${socketVariable} is an absolute path`);
  return path;
}

/**
 * Connects; systemd starts the helper. The half-close of the connection is the end of its input. When it does not hang up
 * after that, the connection is destroyed: the helper then loses its output too, and its unit has a last rope of its own.
 */
export function socketBody(path: string): HelperBody {
  const socket = connect({ path, allowHalfOpen: true });
  let failure: Error | null = null;
  socket.on('error', (error) => (failure ??= error));
  // It has said everything, so nothing is to be said to it any more.
  socket.on('end', () => socket.end());
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    input: socket,
    output: socket,
    closed: gone.then(() =>
      failure === null
        ? 'it hung up; "journalctl -t patchgit-run" says why'
        : `the run user's socket failed: ${failure.message}; see "systemctl status patchgit-run.socket"`,
    ),
    // What it complains about is in the journal, under its own name.
    complaints: () => '',
    onGone: (listener) => void socket.once('close', listener),
    endInput: () => void socket.end(),
    kill: () => void socket.destroy(),
    hold: (held) => void (held ? socket.ref() : socket.unref()),
  };
}

/** What a helper that has no command line of ours is told first when it shall try a sandbox of its own. */
export function inspection(): Buffer {
  const preparation: Preparation = { type: 'preparation', protocol: helperProtocol, limits: null, inspect: true };
  return Buffer.from(`${JSON.stringify(preparation)}\n`);
}
