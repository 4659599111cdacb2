import { beforeEach, describe, expect, it } from 'vitest';
import { heartbeatMs, linkDeadlineMs } from '#contract/live.ts';
import type { LiveFrame } from '#contract/live.ts';
import { deadlineMs, freshMs, handshakeMs, Link, pollMs } from './link.ts';
import type { LinkStatus, SocketEvents } from './link.ts';

interface FakeSocket {
  readonly path: string;
  readonly events: SocketEvents;
  closed: boolean;
}

/** A browser with its own clock: timers run when the test moves the time. */
class World {
  now = 1_000_000;
  isOnline = true;
  isVisible = true;
  pollWorks = true;
  sockets: FakeSocket[] = [];
  timers: { atMs: number; run: () => void }[] = [];
  statuses: LinkStatus[] = [];
  seen: number[] = [];
  polls = 0;
  resyncs = 0;
  refused = 0;
  readonly link = new Link(
    {
      open: (path, events) => {
        const socket: FakeSocket = { path, events, closed: false };
        this.sockets.push(socket);
        return { close: () => (socket.closed = true) };
      },
      nowMs: () => this.now,
      after: (delayMs, run) => {
        const timer = { atMs: this.now + delayMs, run };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((one) => one !== timer));
      },
      random: () => 1,
      online: () => this.isOnline,
      visible: () => this.isVisible,
    },
    {
      onStatus: (status) => this.statuses.push(status),
      onHello: () => undefined,
      onHeard: () => undefined,
      onEntries: (entries) => this.seen.push(...entries.map((entry) => entry.seq)),
      onOutput: () => undefined,
      onResync: () => (this.resyncs += 1),
      onRefused: () => (this.refused += 1),
      poll: () => {
        this.polls += 1;
        return Promise.resolve(this.pollWorks);
      },
    },
  );

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error('no socket was opened');
    return last;
  }

  say(frame: LiveFrame | object, socket = this.socket): void {
    socket.events.onText(JSON.stringify(frame));
  }

  hello(seq = 5, installId = 'house'): void {
    this.say({ type: 'hello', installId, seq, serverTimeMs: this.now, build: 'b' });
  }

  entries(...seqs: number[]): void {
    this.say({ type: 'entries', entries: seqs.map((seq) => ({ seq })) });
  }

  beat(seq: number): void {
    this.say({ type: 'heartbeat', seq, serverTimeMs: this.now });
  }

  /** Moves the clock, running each timer at its time, and lets promises settle in between. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const next = this.timers.filter((timer) => timer.atMs <= until).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.now = Math.max(this.now, next.atMs);
      this.timers = this.timers.filter((timer) => timer !== next);
      next.run();
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
    this.now = until;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.link.start(5, 'house');
});

describe('the live link', () => {
  it('keeps the deadlines of the contract', () => {
    expect(deadlineMs).toBe(linkDeadlineMs);
    expect(freshMs).toBeGreaterThan(heartbeatMs);
  });

  it('asks for everything after what the snapshot had, and is live only once the server said hello', () => {
    expect(world.socket.path).toBe('/api/live?after=5');
    expect(world.link.status).toBe('connecting');
    world.hello();
    expect(world.link.status).toBe('live');
  });

  it('hands each entry on once, in order, and asks again only for what it has not seen', async () => {
    world.hello();
    world.entries(6, 7);
    world.entries(7, 8);
    expect(world.seen).toEqual([6, 7, 8]);
    world.socket.events.onClose();
    await world.pass(600);
    expect(world.socket.path).toBe('/api/live?after=8');
  });

  it('is not live on a socket that has gone silent, even though it never closed', async () => {
    world.hello();
    const half = world.socket;
    await world.pass(deadlineMs - 1);
    expect(world.link.status).toBe('live');
    await world.pass(1);
    expect(world.link.status).toBe('reconnecting');
    expect(half.closed).toBe(true);
  });

  it('stays live while heartbeats come', async () => {
    world.hello();
    for (let n = 0; n < 10; n += 1) {
      await world.pass(heartbeatMs);
      world.beat(5);
    }
    expect(world.link.status).toBe('live');
    expect(world.sockets).toHaveLength(1);
  });

  it('gives up a handshake that hangs and tries again', async () => {
    await world.pass(handshakeMs);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.refused).toBe(1);
    await world.pass(1_000);
    expect(world.sockets).toHaveLength(2);
  });

  it('waits longer after every failure, up to a limit', async () => {
    const gaps: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const before = world.sockets.length;
      world.socket.events.onClose();
      const from = world.now;
      while (world.sockets.length === before) await world.pass(100);
      gaps.push(world.now - from);
    }
    expect(gaps).toEqual([1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000]);
  });

  it('ignores what a dropped socket still says', () => {
    world.hello();
    const old = world.socket;
    world.link.suspect();
    world.say({ type: 'entries', entries: [{ seq: 6 }] }, old);
    expect(world.seen).toEqual([]);
  });

  it('asks anew when a heartbeat twice counts entries that never came', async () => {
    world.hello();
    world.beat(9);
    expect(world.sockets).toHaveLength(1);
    await world.pass(heartbeatMs);
    world.beat(9);
    expect(world.sockets).toHaveLength(2);
    expect(world.socket.path).toBe('/api/live?after=5');
  });
});

describe('the live link and the world around it', () => {
  it('reads everything anew when the server is another one or was restored to an earlier state', () => {
    world.hello(5, 'another');
    expect(world.resyncs).toBe(1);
    expect(world.link.status).not.toBe('live');
    world.link.start(5, 'another');
    world.hello(3, 'another');
    expect(world.resyncs).toBe(2);
  });

  it('doubts the socket as soon as a request over HTTP got no answer', () => {
    world.hello();
    world.link.suspect();
    expect(world.link.status).toBe('reconnecting');
    expect(world.sockets).toHaveLength(2);
  });

  it('trusts a link that was heard a moment ago when the page comes back, and redials one that was not', async () => {
    world.hello();
    await world.pass(freshMs);
    world.link.nudge();
    expect(world.sockets).toHaveLength(1);
    await world.pass(1);
    world.link.nudge();
    expect(world.sockets).toHaveLength(2);
  });

  it('says offline at once and comes back as soon as the network does', async () => {
    world.hello();
    world.isOnline = false;
    world.link.wentOffline();
    expect(world.link.status).toBe('offline');
    await world.pass(30_000);
    expect(world.sockets).toHaveLength(1);
    world.isOnline = true;
    world.link.nudge();
    world.hello();
    expect(world.link.status).toBe('live');
  });

  it('polls over HTTP after three failed handshakes, only while it is seen, until the socket is back', async () => {
    for (let n = 0; n < 3; n += 1) {
      world.socket.events.onClose();
      await world.pass(n < 2 ? 4_000 : 0);
    }
    await world.pass(0);
    expect(world.link.status).toBe('polling');
    const before = world.polls;
    await world.pass(pollMs);
    expect(world.polls).toBe(before + 1);
    world.isVisible = false;
    await world.pass(pollMs * 3);
    expect(world.polls).toBe(before + 1);
    world.link.nudge();
    world.hello();
    world.isVisible = true;
    expect(world.link.status).toBe('live');
    await world.pass(pollMs - 1);
    expect(world.polls).toBe(before + 1);
  });

  it('does not call itself live when polling fails too', async () => {
    world.pollWorks = false;
    for (let n = 0; n < 3; n += 1) {
      world.socket.events.onClose();
      await world.pass(n < 2 ? 4_000 : 0);
    }
    expect(world.link.status).toBe('reconnecting');
  });

  it('does nothing any more once it is stopped', async () => {
    world.hello();
    world.link.stop();
    expect(world.socket.closed).toBe(true);
    await world.pass(120_000);
    world.link.nudge();
    expect(world.sockets).toHaveLength(1);
  });
});
