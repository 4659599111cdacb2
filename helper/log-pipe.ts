/**
 * Real pipes for the output of steps. Node's own "pipe" is a socket pair, and a program that opens /dev/stdout or
 * /proc/self/fd/1 (shell scripts do) gets ENXIO on a socket: its check would fail for our reason. One pipe takes both
 * streams, so what a check printed stays in the order in which it printed it.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from './answer.ts';
import type { RunUser } from './host.ts';

export interface LogPipe {
  /** For the child's descriptors 1 and 2. */
  readonly writeEnd: number;
  /** Starts reading; called once. A chunk's bytes are only valid during the call: they are overwritten by the next. */
  readonly read: (onChunk: (chunk: Buffer) => void) => Socket;
  /** To be called once the child has its copy, or the end of the output would never be seen. */
  readonly closeWriteEnd: () => void;
}

/** What a pipe holds. */
const readBytes = 64 * 1024;

/** A pipe per step. Their names exist for a moment, in a folder only this user can enter, before anything untrusted runs. */
export function makeLogPipes(mkfifo: string, count: number, owner: RunUser | null): Answer<LogPipe[]> {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-log-'));
  try {
    const paths = Array.from({ length: count }, (_, index) => join(folder, `${index}`));
    const made = spawnSync(mkfifo, ['-m', '600', ...paths], { encoding: 'utf8', env: {} });
    if (made.status !== 0) return { ok: false, why: `The pipes for logs could not be made: ${made.stderr.trim()}` };
    // Opening /dev/stdout opens the pipe anew, and that is judged by its owner.
    if (owner !== null) paths.forEach((path) => chownSync(path, owner.uid, owner.gid));
    return { ok: true, value: paths.map(openPipe) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openPipe(path: string): LogPipe {
  // The read end first and without waiting: each end of a FIFO waits for the other one otherwise.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  let open = true;
  return {
    writeEnd,
    // One buffer for all reads: a flood of output would otherwise leave as much garbage as it prints.
    read: (onChunk) => {
      const buffer = Buffer.allocUnsafe(readBytes);
      const callback = (bytes: number): boolean => {
        onChunk(buffer.subarray(0, bytes));
        return true;
      };
      return new Socket({ fd: readEnd, readable: true, writable: false, onread: { buffer, callback } });
    },
    closeWriteEnd: () => {
      if (open) closeSync(writeEnd);
      open = false;
    },
  };
}
