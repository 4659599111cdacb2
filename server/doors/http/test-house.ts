import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { systemRandom } from '../../adapters/system-random.ts';
import type { Log } from '../../ports.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { door, type Door } from '../auth/door.ts';
import { pinHasher, type PinHasher } from '../auth/pin-hash.ts';
import { liveHub, type LiveHub } from '../live/hub.ts';
import { httpApp } from './app.ts';
import { attach } from './attach.ts';
import { authRoutes } from './auth-routes.ts';
import { ownerSockets } from './owner-sockets.ts';
import { recordRoutes } from './record-routes.ts';
import type { Routes } from './route.ts';
import { siteOf } from './site.ts';

export const ownersPin = 'tulip forge ninety';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty when the answer is not JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface House extends TestRecord {
  readonly port: number;
  readonly origin: string;
  readonly socketPath: string;
  readonly door: Door;
  readonly hub: LiveHub;
  readonly logged: object[];
  readonly ask: (path: string, asking?: Asking) => Promise<Answer>;
  readonly askSocket: (path: string, asking?: Asking) => Promise<Answer>;
  readonly browser: () => Browser;
  /** A browser that is enrolled and unlocked with the owner's PIN. */
  readonly signedIn: (name?: string) => Promise<Browser>;
  readonly kinds: () => string[];
  /** Bytes written for clients that have not left this process yet. */
  readonly unsentBytes: () => number;
  readonly openConnections: () => number;
  readonly shut: () => Promise<void>;
}

/** Keeps cookies and sends what a browser sends from a page of ours. */
export interface Browser {
  readonly get: (path: string) => Promise<Answer>;
  readonly post: (path: string, json?: unknown) => Promise<Answer>;
  readonly send: (path: string, asking: Asking) => Promise<Answer>;
  readonly cookies: Map<string, string>;
  readonly cookieHeader: () => string;
}

/** Real servers on a free port and on a unix socket, a real database, and time in the test's hand. */
export async function openHouse(
  options: { readonly routes?: readonly Routes[]; readonly publicUrl?: string; readonly hasher?: PinHasher } = {},
): Promise<House> {
  const record = testRecord();
  const tcp = createServer();
  const accepted = new Set<Socket>();
  tcp.on('connection', (socket: Socket) => accepted.add(socket));
  const unix = createServer();
  tcp.listen(0, '127.0.0.1');
  const socketPath = join(record.folder, 'door.sock');
  unix.listen(socketPath);
  await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
  const { port } = tcp.address() as AddressInfo; // A listening TCP server has no other kind of address.

  const random = systemRandom();
  const site = siteOf({ port, ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }) });
  const sockets = ownerSockets();
  sockets.trust(unix);
  const logged: object[] = [];
  const { db, ledger, clock, artifacts } = record;
  const theDoor = door({
    db,
    ledger,
    clock,
    random,
    hasher: options.hasher ?? pinHasher({ memoryKib: 64 }),
    secureCookies: site.secureCookies,
    linkOrigin: site.linkOrigin,
    build: 'test',
  });
  const hub = liveHub({ site, door: theDoor, sockets, ledger, clock, random, installId: 'test', build: 'test' });
  const webFolder = builtPages(record.folder);
  const routes = [authRoutes(theDoor), recordRoutes({ ledger, artifacts }), ...(options.routes ?? [])];
  const app = httpApp({ site, door: theDoor, sockets, routes, webFolder, clock, random, log: logInto(logged) });
  attach(tcp, { app, hub });
  attach(unix, { app, hub });

  const origin = `http://127.0.0.1:${port}`;
  const ask = (path: string, asking: Asking = {}): Promise<Answer> => send({ host: '127.0.0.1', port }, path, asking);
  const browser = (): Browser => newBrowser(ask, options.publicUrl ?? origin);
  return {
    ...record,
    port,
    origin,
    socketPath,
    door: theDoor,
    hub,
    logged,
    ask,
    askSocket: (path, asking = {}) => send({ socketPath }, path, asking),
    browser,
    signedIn: async (name = 'laptop') => {
      const page = browser();
      const { url } = theDoor.makeEnrolLink('socket');
      const enrolled = await page.post('/api/enrol', { token: url.split('#')[1], deviceName: name });
      const next = enrolled.json['door'] === 'choose_pin' ? '/api/pin' : '/api/unlock';
      await page.post(next, { pin: ownersPin });
      return page;
    },
    kinds: () => ledger.after(0, 10_000).map((entry) => entry.kind),
    unsentBytes: () => stillOpen(accepted).reduce((sum, socket) => sum + socket.writableLength, 0),
    openConnections: () => stillOpen(accepted).length,
    shut: async () => {
      hub.terminate();
      theDoor.close();
      await Promise.all([tcp, unix].map((server) => closed(server)));
      record.close();
    },
  };
}

function stillOpen(accepted: ReadonlySet<Socket>): Socket[] {
  return [...accepted].filter((socket) => !socket.destroyed);
}

function logInto(logged: object[]): Log {
  const quiet = (): void => {};
  return { debug: quiet, info: quiet, warn: quiet, error: (fields, sentence) => logged.push({ ...fields, sentence }) };
}

function builtPages(folder: string): string {
  const webFolder = join(folder, 'web');
  mkdirSync(join(webFolder, 'assets'), { recursive: true });
  writeFileSync(join(webFolder, 'index.html'), '<!doctype html><title>patchgit</title>');
  writeFileSync(join(webFolder, 'assets', 'page-abc123.js'), 'export {};');
  writeFileSync(join(webFolder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return webFolder;
}

function newBrowser(ask: House['ask'], origin: string): Browser {
  const cookies = new Map<string, string>();
  const cookieHeader = (): string => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const sendAs = async (path: string, asking: Asking): Promise<Answer> => {
    const answer = await ask(path, {
      ...asking,
      headers: {
        host: new URL(origin).host,
        origin,
        'sec-fetch-site': 'same-origin',
        'x-patchgit': '1',
        ...(cookies.size === 0 ? {} : { cookie: cookieHeader() }),
        ...asking.headers,
      },
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    cookieHeader,
    send: sendAs,
    get: (path) => sendAs(path, {}),
    post: (path, json) =>
      sendAs(path, {
        method: 'POST',
        ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }),
      }),
  };
}

function send(
  where: { readonly host: string; readonly port: number } | { readonly socketPath: string },
  path: string,
  { method = 'GET', headers = {}, body }: Asking,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path, method, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = response.headers['content-type']?.startsWith('application/json;') === true && text !== '';
        const json = isJson ? (JSON.parse(text) as Answer['json']) : {}; // Looked into by the test that asked.
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function closed(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
