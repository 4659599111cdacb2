import type { LedgerEntry } from '#contract/ledger.ts';
import type { LiveFrame } from '#contract/live.ts';

/** Longest time from dialling to the server's hello. Browsers dial one host one at a time, so an unbounded one blocks the next. */
export const handshakeMs = 8_000;
/** Silence after which a link is dead; the server's heartbeat comes every 8 seconds. */
export const deadlineMs = 20_000;
/** Heard within this time: no reason to doubt the link when the page comes to the foreground. */
export const freshMs = 9_000;
export const pollMs = 10_000;
export const failuresBeforePolling = 3;
const backoffMaxMs = 15_000;

export type LinkStatus = 'connecting' | 'live' | 'polling' | 'reconnecting' | 'offline';

export interface Socket {
  readonly close: () => void;
}

export interface SocketEvents {
  readonly onText: (text: string) => void;
  readonly onClose: () => void;
}

/** What the link needs of the browser; a test hands in its own clock and sockets. */
export interface LinkWorld {
  readonly open: (path: string, events: SocketEvents) => Socket;
  readonly nowMs: () => number;
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly random: () => number;
  readonly online: () => boolean;
  readonly visible: () => boolean;
}

export interface LinkHooks {
  readonly onStatus: (status: LinkStatus, sinceMs: number) => void;
  readonly onHello: (hello: Extract<LiveFrame, { type: 'hello' }>) => void;
  /** Any frame: what the page shows is as of now. */
  readonly onHeard: (serverTimeMs: number | null) => void;
  readonly onEntries: (entries: readonly LedgerEntry[]) => void;
  readonly onOutput: (frame: Extract<LiveFrame, { type: 'output' }>) => void;
  /** The server is another one, or was restored: the snapshot must be read again and `start` called anew. */
  readonly onResync: () => void;
  /** The socket was refused before its hello: locked, perhaps. Only plain HTTP can tell. */
  readonly onRefused: () => void;
  /** Reads the snapshot over HTTP; true when that worked. */
  readonly poll: () => Promise<boolean>;
}

/**
 * The live stream as the page needs it: it says "live" only while the server was heard within the deadline, asks for
 * everything after the last entry it has, and never throws away what is loaded (notes R4, R6).
 */
export class Link {
  readonly #world: LinkWorld;
  readonly #hooks: LinkHooks;
  #status: LinkStatus = 'connecting';
  #after = 0;
  #installId = '';
  #running = false;
  #socket: Socket | null = null;
  #greeted = false;
  #failures = 0;
  #heardAtMs = 0;
  #behind = 0;
  #cancelTimer: () => void = () => undefined;
  #cancelPoll: (() => void) | null = null;

  constructor(world: LinkWorld, hooks: LinkHooks) {
    this.#world = world;
    this.#hooks = hooks;
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** The last entry that was handed on. */
  get after(): number {
    return this.#after;
  }

  /** Begins, or begins again, after the snapshot that was read at `seq`. */
  start(seq: number, installId: string): void {
    this.#running = true;
    this.#after = seq;
    this.#installId = installId;
    this.#dial();
  }

  stop(): void {
    this.#running = false;
    this.#drop();
    this.#stopPolling();
  }

  /** The page came back to the foreground, or the network did: trust the link only if it was heard a moment ago. */
  nudge(): void {
    if (!this.#running) return;
    const heard = this.#world.nowMs() - this.#heardAtMs <= freshMs;
    if (this.#status === 'live' && heard) return;
    this.#failures = 0;
    this.#dial();
  }

  /** A request over plain HTTP got no answer, so the socket is probably dead too, whatever it says. */
  suspect(): void {
    if (this.#running && this.#greeted) {
      this.#setStatus('reconnecting');
      this.#dial();
    }
  }

  wentOffline(): void {
    if (!this.#running) return;
    this.#drop();
    this.#setStatus('offline');
    this.#retryLater();
  }

  #dial(): void {
    this.#drop();
    if (!this.#world.online()) {
      this.#setStatus('offline');
      this.#retryLater();
      return;
    }
    const socket: Socket = this.#world.open(`/api/live?after=${this.#after}`, {
      onText: (text) => {
        if (this.#socket === socket) this.#receive(text);
      },
      onClose: () => {
        if (this.#socket === socket) this.#lost();
      },
    });
    this.#socket = socket;
    this.#cancelTimer = this.#world.after(handshakeMs, () => this.#lost());
  }

  #receive(text: string): void {
    // The server builds frames from the same contract; the page does not carry a second parser for them.
    const frame = JSON.parse(text) as LiveFrame;
    this.#heardAtMs = this.#world.nowMs();
    this.#cancelTimer();
    this.#cancelTimer = this.#world.after(deadlineMs, () => this.#lost());
    this.#hooks.onHeard('serverTimeMs' in frame ? frame.serverTimeMs : null);
    if (frame.type === 'hello') this.#greet(frame);
    else if (frame.type === 'entries') this.#take(frame.entries);
    else if (frame.type === 'output') this.#hooks.onOutput(frame);
    else this.#beat(frame.seq);
  }

  #greet(hello: Extract<LiveFrame, { type: 'hello' }>): void {
    if (hello.installId !== this.#installId || hello.seq < this.#after) {
      this.#drop();
      this.#hooks.onResync();
      return;
    }
    this.#greeted = true;
    this.#failures = 0;
    this.#behind = 0;
    this.#stopPolling();
    this.#hooks.onHello(hello);
    this.#setStatus('live');
  }

  #take(entries: readonly LedgerEntry[]): void {
    const fresh = entries.filter((entry) => entry.seq > this.#after);
    const last = fresh.at(-1);
    if (!last) return;
    this.#after = last.seq;
    this.#behind = 0;
    this.#hooks.onEntries(fresh);
  }

  #beat(seq: number): void {
    // One heartbeat may overtake the entries it counts. Twice means that they are lost: ask for them again.
    this.#behind = seq > this.#after ? this.#behind + 1 : 0;
    if (this.#behind >= 2) this.#dial();
  }

  #lost(): void {
    const greeted = this.#greeted;
    this.#drop();
    if (!this.#running) return;
    if (!greeted) {
      this.#failures += 1;
      this.#hooks.onRefused();
    }
    if (!this.#world.online()) this.#setStatus('offline');
    else if (this.#status !== 'polling') this.#setStatus('reconnecting');
    if (this.#failures >= failuresBeforePolling) this.#startPolling();
    this.#retryLater();
  }

  #retryLater(): void {
    const ceilingMs = Math.min(backoffMaxMs, 500 * 2 ** this.#failures);
    // Jitter, so that several open tabs do not all knock at the same moment after a restart.
    const delayMs = ceilingMs * (0.5 + this.#world.random() / 2);
    this.#cancelTimer = this.#world.after(delayMs, () => this.#dial());
  }

  #drop(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
    const socket = this.#socket;
    this.#socket = null;
    this.#greeted = false;
    socket?.close();
  }

  #setStatus(status: LinkStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#hooks.onStatus(status, this.#world.nowMs());
  }

  #startPolling(): void {
    if (this.#cancelPoll) return;
    this.#cancelPoll = () => undefined;
    void this.#poll();
  }

  async #poll(): Promise<void> {
    if (this.#world.visible()) {
      const worked = await this.#hooks.poll();
      // The socket may have come back while the answer was on its way.
      if (!this.#cancelPoll) return;
      if (worked) this.#setStatus('polling');
      else this.#setStatus(this.#world.online() ? 'reconnecting' : 'offline');
    }
    this.#cancelPoll = this.#world.after(pollMs, () => void this.#poll());
  }

  #stopPolling(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }
}
