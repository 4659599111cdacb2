import { once } from 'node:events';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { heartbeatMs, LiveFrame } from '#contract/live.ts';
import { openHouse, type Browser, type House } from '../http/test-house.ts';
import { liveSocketsMax } from './hub.ts';

let house: House;
let page: Browser;

beforeEach(async () => {
  house = await openHouse();
  page = await house.signedIn();
});
afterEach(() => house.shut());

/** Appends in one commit. */
function append(count: number, characters = 10): void {
  house.db.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      house.ledger.append({ kind: 'job.queued', actor: 'owner', body: { text: 'x'.repeat(characters) } });
    }
  });
}

/** A client as the page has one: collects frames, and tells when one has come. */
class Follower {
  readonly socket: WebSocket;
  readonly frames: LiveFrame[] = [];
  readonly closed: Promise<number>;
  constructor(address: string, options: ClientOptions) {
    this.socket = new WebSocket(address, options);
    this.socket.on('message', (bytes: Buffer) => this.frames.push(LiveFrame.parse(JSON.parse(bytes.toString()))));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => resolve(code));
    });
  }
  seqs(): number[] {
    return this.frames.flatMap((frame) => (frame.type === 'entries' ? frame.entries.map((entry) => entry.seq) : []));
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.socket, 'message');
  }
}

function follow(afterSeq: number, options: ClientOptions = {}): Follower {
  return new Follower(`ws://127.0.0.1:${house.port}/api/live?after=${afterSeq}`, {
    origin: house.origin,
    ...options,
    headers: { cookie: page.cookieHeader(), ...options.headers },
  });
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe('following the ledger', () => {
  it('starts with hello, replays what came after, and goes on with what comes', async () => {
    append(450);
    const start = house.ledger.head();
    const follower = follow(3);
    await follower.until(() => follower.seqs().length === start - 3);
    expect(follower.frames[0]).toEqual({
      type: 'hello',
      installId: 'test',
      build: 'test',
      seq: start,
      serverTimeMs: house.clock.nowMs(),
    });
    append(2);
    await follower.until(() => follower.seqs().at(-1) === start + 2);
    expect(follower.seqs()).toEqual(numbers(4, start + 2));
    const sizes = follower.frames.map((frame) => (frame.type === 'entries' ? frame.entries.length : 0));
    expect(Math.max(...sizes)).toBe(200);
  });

  it('misses nothing and repeats nothing while entries are appended during the replay', async () => {
    append(1500, 500);
    const followers = [follow(0), follow(0), follow(700)];
    for (let round = 0; round < 100; round += 1) {
      append(3, 500);
      await nextTurn();
    }
    const end = house.ledger.head();
    for (const follower of followers) {
      await follower.until(() => follower.seqs().at(-1) === end);
      const first = follower.seqs()[0] ?? 0;
      expect(follower.seqs()).toEqual(numbers(first, end));
    }
    expect(followers.map((follower) => follower.seqs()[0])).toEqual([1, 1, 701]);
  });

  it('sends one frame for a commit of several entries', async () => {
    const follower = follow(house.ledger.head());
    await follower.until(() => follower.frames.length === 1);
    append(5);
    await follower.until(() => follower.seqs().length === 5);
    expect(follower.frames).toHaveLength(2);
  });

  it('starts at the end for a client that knows more than there is, which sees that from hello', async () => {
    const follower = follow(999_999);
    await follower.until(() => follower.frames.length === 1);
    append(1);
    await follower.until(() => follower.seqs().length === 1);
    expect(follower.seqs()).toEqual([house.ledger.head()]);
  });

  it('works over the unix socket without cookies or Origin', async () => {
    const follower = new Follower(`ws+unix://${house.socketPath}:/api/live?after=0`, {});
    await follower.until(() => follower.seqs().length === house.ledger.head());
  });

  it('passes on a running check’s output and never replays it', async () => {
    const follower = follow(house.ledger.head());
    await follower.until(() => follower.frames.length === 1);
    house.hub.output({ jobId: 'job_000000000000', check: 'test', side: 'after', text: 'ok 1\n' });
    await follower.until(() => follower.frames.length === 2);
    expect(follower.frames[1]).toMatchObject({ type: 'output', text: 'ok 1\n' });
    const later = follow(0);
    await later.until(() => later.seqs().length === house.ledger.head());
    expect(later.frames.some((frame) => frame.type === 'output')).toBe(false);
  });
});

describe('who may follow', () => {
  it.each<[string, ClientOptions, string, number]>([
    ['a foreign Origin', { origin: 'http://evil.example' }, '/api/live?after=0', 403],
    ['a null Origin', { origin: 'null' }, '/api/live?after=0', 403],
    ['our Origin over another scheme', { origin: 'https://127.0.0.1:PORT' }, '/api/live?after=0', 403],
    ['our other name as Origin', { origin: 'http://localhost:PORT' }, '/api/live?after=0', 403],
    ['no Origin', { headers: { origin: '' } }, '/api/live?after=0', 403],
    ['a foreign Host', { headers: { host: 'evil.example' } }, '/api/live?after=0', 403],
    ['no cookies', { headers: { cookie: '' } }, '/api/live?after=0', 401],
    ['another path', {}, '/api/other', 404],
    ['no number', {}, '/api/live', 400],
    ['a wrong number', {}, '/api/live?after=-1', 400],
  ])('not %s', async (_what, options, path, status) => {
    const origin = (options.origin ?? house.origin).replace('PORT', String(house.port));
    const withOrigin = options.headers && 'origin' in options.headers ? {} : { origin };
    const headers = { cookie: page.cookieHeader(), ...options.headers };
    const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
    const socket = new WebSocket(`ws://127.0.0.1:${house.port}${path}`, { ...withOrigin, headers: kept });
    const [, response] = await once(socket, 'unexpected-response');
    expect(response).toMatchObject({ statusCode: status });
    expect(response.headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
    });
    expect(house.hub.clients()).toBe(0);
    socket.on('error', () => {});
    socket.terminate();
  });

  it('not a page that is locked', async () => {
    await page.post('/api/lock');
    const [, response] = await once(follow(0).socket, 'unexpected-response');
    expect(response).toMatchObject({ statusCode: 401 });
  });

  it('at most twenty at once', async () => {
    const followers = numbers(1, liveSocketsMax).map(() => follow(0));
    for (const follower of followers) await follower.until(() => follower.frames.length > 0);
    const [, response] = await once(follow(0).socket, 'unexpected-response');
    expect(response).toMatchObject({ statusCode: 429 });
    followers[0]?.socket.close();
    await followers[0]?.closed;
    const again = follow(0);
    await again.until(() => again.frames.length > 0);
  });

  it('not a client that talks back, shortly or at length', async () => {
    for (const words of ['hello', 'x'.repeat(10_000)]) {
      const follower = follow(0);
      await follower.until(() => follower.frames.length > 0);
      follower.socket.send(words);
      expect(await follower.closed).toBeGreaterThan(1000);
    }
    expect(house.hub.clients()).toBe(0);
  });
});

describe('the end of a session', () => {
  it('ends its sockets, and only its own', async () => {
    const other = await house.signedIn('other');
    const [mine, theirs] = [follow(0), follow(0, { headers: { cookie: other.cookieHeader() } })];
    await Promise.all([mine, theirs].map((follower) => follower.until(() => follower.frames.length > 1)));
    const phone = house.door.listDevices(null).find((device) => device.name === 'laptop');
    const last = house.ledger.head();
    house.door.revokeDevice(phone?.id ?? '', 'socket');
    expect(await mine.closed).toBe(4401);
    expect(mine.seqs().at(-1)).toBe(last);
    await theirs.until(() => theirs.seqs().at(-1) === house.ledger.head());
  });

  it.each([
    ['locking', () => page.post('/api/lock')],
    ['a PIN reset', () => house.askSocket('/api/local/pin-reset', { method: 'POST' })],
  ])('by %s ends them', async (_what, end) => {
    const follower = follow(0);
    await follower.until(() => follower.frames.length > 1);
    await end();
    expect(await follower.closed).toBe(4401);
  });

  it('by time ends them at the next heartbeat: following is not using', async () => {
    const follower = follow(0);
    await follower.until(() => follower.frames.length > 1);
    // Past the end in one go, so that the heartbeat and not the sweep is what notices.
    house.db.sqlite.exec('update session set seen_at_ms = seen_at_ms - 1800000');
    house.clock.advance(heartbeatMs);
    expect(await follower.closed).toBe(4401);
  });
});

describe('a link that is dead or slow', () => {
  it('that answers is kept, with a heartbeat every eight seconds', async () => {
    const follower = follow(house.ledger.head());
    await follower.until(() => follower.frames.length === 1);
    for (let count = 1; count <= 10; count += 1) {
      house.clock.advance(heartbeatMs);
      await follower.until(() => follower.frames.length === 1 + count);
      await page.get('/api/hello');
    }
    expect(follower.frames.at(-1)).toEqual({
      type: 'heartbeat',
      seq: house.ledger.head(),
      serverTimeMs: house.clock.nowMs(),
    });
    expect(house.hub.clients()).toBe(1);
  });

  it('that stopped reading is cut, holds little memory until then, and harms nobody else', async () => {
    const stuck = connect(house.port, '127.0.0.1');
    stuck.write(
      [
        'GET /api/live?after=0 HTTP/1.1',
        `host: 127.0.0.1:${house.port}`,
        'upgrade: websocket',
        'connection: Upgrade',
        'sec-websocket-version: 13',
        `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
        `origin: ${house.origin}`,
        `cookie: ${page.cookieHeader()}`,
        '\r\n',
      ].join('\r\n'),
    );
    await once(stuck, 'data');
    stuck.pause();
    stuck.on('error', () => {});
    const gone = once(stuck, 'close');
    const healthy = follow(0);
    await healthy.until(() => healthy.frames.length > 1);
    for (let round = 0; round < 60; round += 1) {
      append(10, 60_000);
      house.hub.output({ jobId: 'job_000000000000', check: 'test', side: 'after', text: 'y'.repeat(30_000) });
      await healthy.until(() => healthy.seqs().at(-1) === house.ledger.head());
      expect(house.unsentBytes()).toBeLessThan(1024 * 1024);
    }
    for (let count = 0; count < 3; count += 1) {
      house.clock.advance(heartbeatMs);
      const beats = (): number => healthy.frames.filter((frame) => frame.type === 'heartbeat').length;
      await healthy.until(() => beats() === count + 1);
      await page.get('/api/hello');
    }
    expect(house.hub.clients()).toBe(1);
    stuck.resume();
    await gone;
  });

  it('ends at once when the daemon stops', async () => {
    const follower = follow(0);
    await follower.until(() => follower.frames.length > 0);
    house.hub.terminate();
    expect(await follower.closed).toBe(1006);
  });
});
