/**
 * The door: the only way out of a set-up, to package registries and to nothing else (DESIGN section 9). It speaks HTTP CONNECT,
 * looks a name up itself and connects to the very address it has judged, so that no second answer of a name server counts.
 * What goes through is not read: it is encrypted, and the other end is who the name says or the client hangs up.
 */
import { lookup as lookUp } from 'node:dns';
import { connect, createServer, Socket } from 'node:net';
import type { Server } from 'node:net';
import { doorPort, isPublicAddress, readRequest } from './door-rules.ts';
import type { Refusal } from './door-rules.ts';

export interface DoorLimits {
  readonly connectionsMax: number;
  readonly idleMsMax: number;
  readonly headerMsMax: number;
  readonly connectMsMax: number;
  /** Both ways together, of all connections. */
  readonly bytesMax: number;
}

export const doorLimits: DoorLimits = {
  connectionsMax: 128,
  idleMsMax: 120_000,
  headerMsMax: 10_000,
  connectMsMax: 8_000,
  bytesMax: 4 * 1024 ** 3,
};

/** What it does in the world. Tests hand in others; a program that is run by somebody has only `theWorld`. */
export interface DoorWorld {
  readonly lookup: (host: string) => Promise<readonly string[]>;
  /** To an address that was judged, or null when it did not answer in time. */
  readonly connect: (address: string, timeMsMax: number) => Promise<Socket | null>;
}

export const theWorld: DoorWorld = { lookup, connect: (address, timeMsMax) => dial(address, doorPort, timeMsMax) };

export interface DoorRequest {
  /** Asked anew at each connection, so that a list in a file can change. */
  readonly hosts: () => ReadonlySet<string>;
  readonly limits: DoorLimits;
  /** A refusal, as a sentence; the same one is said once. */
  readonly onRefused: (why: string) => void;
}

const headerBytesMax = 8 * 1024;
const addressesMax = 6;
const refusalsMax = 100;

/** A server that is not listening yet. `onRefused` hears each sentence once, and of no more than a hundred. */
export function makeDoor(request: DoorRequest, world: DoorWorld): Server {
  const door = new Door(request, world);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => void door.serve(client));
  server.maxConnections = request.limits.connectionsMax;
  return server;
}

class Door {
  readonly #request: DoorRequest;
  readonly #world: DoorWorld;
  readonly #refused = new Set<string>();
  #bytes = 0;

  constructor(request: DoorRequest, world: DoorWorld) {
    this.#request = request;
    this.#world = world;
  }

  /** Never rejects: whatever goes wrong ends this one connection. */
  async serve(client: Socket): Promise<void> {
    const { limits, hosts } = this.#request;
    // A peer that vanishes is the end of its connection and nothing more.
    client.on('error', () => client.destroy());
    const head = await readHead(client, limits.headerMsMax);
    if (head === null) return void client.destroy();
    const asked = readRequest(head.line, hosts());
    const answer = typeof asked === 'string' ? await this.#reach(asked) : asked;
    if (!(answer instanceof Socket)) return this.#refuse(client, answer);
    if (client.destroyed) return void answer.destroy();
    this.#join(client, answer, head.rest);
  }

  /** Only addresses that were judged are dialled, and by their number. */
  async #reach(host: string): Promise<Socket | Refusal> {
    if (this.#bytes >= this.#request.limits.bytesMax) return tooMuch;
    let addresses: readonly string[];
    try {
      addresses = await this.#world.lookup(host);
    } catch (error) {
      return { status: 502, why: `The name ${host} could not be looked up: ${reason(error)}.` };
    }
    const allowed = addresses.filter(isPublicAddress).slice(0, addressesMax);
    if (allowed.length === 0) {
      const found = addresses.slice(0, addressesMax).join(', ') || 'no address';
      return { status: 403, why: `The name ${host} leads to ${found}, and to no address of the public internet.` };
    }
    for (const address of allowed) {
      const remote = await this.#world.connect(address, this.#request.limits.connectMsMax);
      if (remote !== null) return remote;
    }
    return { status: 502, why: `The host ${host} does not answer at ${allowed.join(', ')}.` };
  }

  #refuse(client: Socket, { status, why }: Refusal): void {
    if (this.#refused.size < refusalsMax && !this.#refused.has(why)) {
      this.#refused.add(why);
      this.#request.onRefused(why);
    }
    const body = `${why}\n`;
    const head = [
      `HTTP/1.1 ${status} ${phrases[status]}`,
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    client.setTimeout(this.#request.limits.headerMsMax, () => client.destroy());
    client.resume().end(`${head.join('\r\n')}\r\n\r\n${body}`);
  }

  #join(client: Socket, remote: Socket, rest: Buffer): void {
    const { idleMsMax } = this.#request.limits;
    const both = [client, remote] as const;
    const end = (): void => both.forEach((socket) => socket.destroy());
    for (const socket of both) {
      socket.setTimeout(idleMsMax, end);
      socket.on('error', end);
      // One that ended in both directions has handed on all it had, and the other one may still be sending that.
      socket.once('close', () => (socket.readableEnded && socket.writableFinished ? undefined : end()));
      socket.on('data', (chunk: Buffer) => this.#count(chunk.length, end));
    }
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    this.#count(rest.length, end);
    if (rest.length > 0) remote.write(rest);
    // `pipe` waits for a slow reader, and hands on the end of each direction by itself.
    client.pipe(remote);
    remote.pipe(client);
  }

  #count(bytes: number, end: () => void): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#request.limits.bytesMax) return;
    if (!this.#refused.has(tooMuch.why)) this.#request.onRefused(tooMuch.why);
    this.#refused.add(tooMuch.why);
    end();
  }
}

const tooMuch: Refusal = { status: 503, why: 'The set-up has moved as many bytes through the door as it may.' };

const phrases = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
} as const;

/** The first line of a request, and what came behind its header; null when there is none in time or it is too long. */
function readHead(client: Socket, timeMsMax: number): Promise<{ line: string; rest: Buffer } | null> {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0);
    const finish = (found: { line: string; rest: Buffer } | null): void => {
      clearTimeout(late);
      client.off('data', take).off('end', none).off('close', none);
      client.pause();
      resolve(found);
    };
    const none = (): void => finish(null);
    const take = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.length <= headerBytesMax) return;
      if (end === -1 || end > headerBytesMax) return none();
      const [line = ''] = head.subarray(0, end).toString('latin1').split('\r\n');
      finish({ line, rest: head.subarray(end + 4) });
    };
    const late = setTimeout(none, timeMsMax);
    client.on('data', take).once('end', none).once('close', none);
    client.resume();
  });
}

function lookup(host: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookUp(host, { all: true, order: 'ipv4first' }, (error, found) => {
      if (error === null) resolve(found.map(({ address }) => address));
      else reject(error);
    });
  });
}

/** `address` is a number, so nothing is looked up here. */
export function dial(address: string, port: number, timeMsMax: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    const fail = (): void => {
      socket.destroy();
      resolve(null);
    };
    socket.setTimeout(timeMsMax, fail);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', fail);
      resolve(socket.pause());
    });
  });
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
