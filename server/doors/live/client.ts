import type { WebSocket } from 'ws';
import { linkDeadlineMs, replayBatchMax, type LiveFrame } from '#contract/live.ts';
import type { LedgerEntry } from '#contract/ledger.ts';
import type { Clock } from '../../ports.ts';
import type { Ledger } from '../../record/ledger/store.ts';

/** A socket with more than this waiting is cut: its client asks again after its last entry and misses nothing. */
const bufferedBytesMax = 1024 * 1024;
/** Output of a running check is dropped when this much already waits: it is in the log as well. */
const outputBufferedBytesMax = 64 * 1024;
const frameCharactersMax = 128 * 1024;

export interface LiveClient {
  /** Sends what the ledger has and this client has not, a frame at a time, waiting for each to leave. */
  readonly catchUp: () => void;
  readonly output: (frame: LiveFrame) => void;
  /** A heartbeat; ends the socket when nothing came back for longer than the link's deadline. */
  readonly beat: (frame: LiveFrame) => void;
  readonly close: (code: number, reason: string) => void;
  readonly terminate: () => void;
}

/**
 * One socket. `afterSeq`: its last entry. `mayRead` is asked before every frame, so that nothing reaches a session that has
 * ended. `onGone` is called once.
 */
export function liveClient(
  socket: WebSocket,
  afterSeq: number,
  options: {
    readonly ledger: Ledger;
    readonly clock: Clock;
    readonly mayRead: () => boolean;
    readonly onGone: () => void;
  },
): LiveClient {
  const { ledger, clock, mayRead } = options;
  let sentSeq = afterSeq;
  let sending = false;
  let heardAtMs = clock.nowMs();

  socket.on('pong', () => {
    heardAtMs = clock.nowMs();
  });
  socket.on('message', () => socket.close(1008, 'this stream goes one way'));
  // A broken frame or a reset connection; `close` follows and says that the client is gone.
  socket.on('error', () => socket.terminate());
  socket.on('close', options.onGone);

  const close = (code: number, reason: string): void => {
    options.onGone();
    socket.close(code, reason);
  };
  const catchUp = (): void => {
    if (sending || socket.readyState !== socket.OPEN) return;
    if (!mayRead()) return close(sessionEndedCode, 'the session ended');
    const entries = fitting(ledger.after(sentSeq, replayBatchMax));
    if (entries.length === 0) return;
    sending = true;
    sentSeq = entries.at(-1)?.seq ?? sentSeq;
    // Waiting for this frame to leave keeps a long replay from piling up in memory.
    socket.send(JSON.stringify({ type: 'entries', entries } satisfies LiveFrame), (error) => {
      sending = false;
      if (!error) catchUp();
    });
  };
  return {
    catchUp,
    output: (frame) => {
      if (socket.readyState === socket.OPEN && socket.bufferedAmount < outputBufferedBytesMax) {
        socket.send(JSON.stringify(frame));
      }
    },
    beat: (frame) => {
      if (!mayRead()) return close(sessionEndedCode, 'the session ended');
      const deaf = clock.nowMs() - heardAtMs > linkDeadlineMs || socket.bufferedAmount > bufferedBytesMax;
      if (deaf) return socket.terminate();
      socket.ping();
      socket.send(JSON.stringify(frame));
    },
    close,
    terminate: () => socket.terminate(),
  };
}

/** Close code for "sign in again", in the range for applications (RFC 6455, 7.4.2). */
export const sessionEndedCode = 4401;

/** As many of the entries as make a frame of reasonable size; always at least one. */
function fitting(entries: readonly LedgerEntry[]): LedgerEntry[] {
  let characters = 0;
  const end = entries.findIndex((entry) => {
    characters += JSON.stringify(entry.body).length;
    return characters > frameCharactersMax;
  });
  return end === -1 ? [...entries] : entries.slice(0, Math.max(end, 1));
}
