/** A helper as its conversation needs it, whether it is a child of this process or stands behind a socket. */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

export interface HelperBody {
  readonly input: Writable;
  readonly output: Readable;
  /** How it ended, in words; it never rejects. */
  readonly closed: Promise<string>;
  /** What it has complained about; complete when it has ended. */
  readonly complaints: () => string;
  /** Calls back when it is gone, also when it never was there. */
  readonly onGone: (listener: () => void) => void;
  /** The end of its input tells the helper to kill what it started. */
  readonly endInput: () => void;
  /** The end of one that does not stop. Safe when it has ended. */
  readonly kill: () => void;
  /** Whether this process stays alive for it. */
  readonly hold: (held: boolean) => void;
}

const complaintBytesMax = 8 * 1024;

/** A child of this process, as its user, in a process group of its own: so that it can be killed whole. */
export function childBody(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): HelperBody {
  const child = spawn(file, args, { cwd: '/', env: environment, detached: true });
  const complaints: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaints.reduce((sum, part) => sum + part.length, 0) < complaintBytesMax) complaints.push(chunk);
  });
  // A helper that ended early closes its input; how it ended is what gets reported.
  child.stdin.on('error', () => undefined);
  return {
    input: child.stdin,
    output: child.stdout,
    closed: new Promise((resolve) => {
      child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
      child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    }),
    complaints: () => Buffer.concat(complaints).subarray(0, complaintBytesMax).toString('utf8'),
    onGone: (listener) => {
      child.once('exit', listener);
      child.once('error', listener);
    },
    endInput: () => void child.stdin.destroy(),
    kill: () => {
      const { pid, exitCode, signalCode } = child;
      if (pid === undefined || exitCode !== null || signalCode !== null) return;
      // Not yet reaped, so the number still belongs to it.
      process.kill(-pid, 'SIGKILL');
    },
    hold: (held) => {
      const method = held ? 'ref' : 'unref';
      child[method]();
      // Pipes to a child are sockets, which the types do not say.
      for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[method]();
    },
  };
}
