/** The built daemon in a data folder of its own, and a browser that is signed in to it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { EnrolLink } from '../../server/contract/door.ts';
import { socketClient } from '../../server/cli/client.ts';
import { daemonCommand } from '../../server/cli/daemon-command.ts';
import { root } from '../daemon.ts';
import { cpuMs } from './process-figures.ts';

export const ownersPin = 'amber kettle forty';

export interface Daemon {
  readonly pid: number;
  readonly origin: string;
  readonly home: string;
  /** Time on a processor when it said that it serves. */
  readonly listeningCpuMs: number;
  readonly stop: () => Promise<void>;
}

/** Starts the daemon on `home`. Rejects with its own words when it ends instead. */
export async function startDaemon(home: string): Promise<Daemon> {
  const { args, environment } = daemonCommand(root);
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment, PATCHGIT_HOME: home, PATCHGIT_PORT: '0', PATCHGIT_LOG: 'info' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  // Before the folder it works in is removed.
  process.prependOnceListener('exit', killAtExit);
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      process.off('exit', killAtExit);
      resolve();
    }),
  );
  const pid = child.pid ?? 0;
  const { origin, listeningCpuMs } = await whenServing(child, pid);
  child.stderr.resume();
  return {
    pid,
    origin,
    home,
    listeningCpuMs,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function whenServing(child: ChildProcess, pid: number): Promise<{ origin: string; listeningCpuMs: number }> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the daemon ended: ${said}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      const listeningCpuMs = cpuMs(pid);
      said += chunk.toString('utf8');
      const line = said.split('\n').find((each) => each.includes('patchgit is serving'));
      if (line !== undefined) resolve({ origin: String(JSON.parse(line).address), listeningCpuMs });
    });
  });
}

/** A bare `node` that does nothing. */
export function startBareNode(): { readonly pid: number; readonly stop: () => void } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], {
    stdio: 'ignore',
    env: bareEnvironment(),
  });
  return { pid: child.pid ?? 0, stop: () => child.kill('SIGKILL') };
}

/** Without a compile cache: that would be something of ours in the baseline. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: undefined, NODE_OPTIONS: undefined };
}

/** A folder for as long as `work` takes; also gone when the run is ended early. */
export async function withFolder<T>(work: (folder: string) => Promise<T>, parent = tmpdir()): Promise<T> {
  const folder = mkdtempSync(join(parent, 'patchgit-bench-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  try {
    return await work(folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

export interface Browser {
  readonly ask: (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<{ status: number; text: string }>;
  /** Opens the live stream and resolves with it after its first frame. */
  readonly follow: () => Promise<WebSocket>;
  readonly cookies: string;
  readonly close: () => void;
}

/** Enrols a device and sets the PIN, as the first run does. */
export async function signIn(daemon: Daemon): Promise<Browser> {
  const link = await socketClient(join(daemon.home, 'patchgit.sock')).send('POST', '/api/local/device-link');
  if (!link.ok) throw new Error(link.why.message);
  const token = new URL(EnrolLink.parse(link.value).url).hash.slice(1);
  const jar = new Map<string, string>();
  const fresh = browser(daemon, jar);
  must(await fresh.ask('POST', '/api/enrol', { token, deviceName: 'bench' }));
  must(await fresh.ask('POST', '/api/pin', { pin: ownersPin }));
  return fresh;
}

/** A browser whose cookies are known already; the daemon may have been started anew since. */
export function returningBrowser(daemon: Daemon, cookies: string): Browser {
  return browser(
    daemon,
    new Map(cookies.split('; ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])),
  );
}

export function must({ status, text }: { status: number; text: string }): string {
  if (status >= 400) throw new Error(`the daemon refused: ${status} ${text.slice(0, 300)}`);
  return text;
}

function browser({ origin }: Daemon, jar: Map<string, string>): Browser {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const cookies = (): string => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const ask: Browser['ask'] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const bytes = method === 'GET' ? undefined : Buffer.from(JSON.stringify(body ?? {}));
      const sent = {
        origin,
        'x-patchgit': '1',
        'content-type': 'application/json',
        'content-length': bytes?.length ?? 0,
      };
      const headers = { cookie: cookies(), 'sec-fetch-site': 'same-origin', ...(bytes === undefined ? {} : sent) };
      const asking = request(`${origin}${path}`, { method, agent, headers }, (response) => {
        for (const each of response.headers['set-cookie'] ?? []) {
          const [name = '', value = ''] = (each.split(';')[0] ?? '').split('=');
          jar.set(name, value);
        }
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      asking.on('error', reject);
      asking.end(bytes);
    });
  return {
    ask,
    get cookies() {
      return cookies();
    },
    follow: () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/live?after=0`, {
          headers: { origin, cookie: cookies() },
        });
        socket.once('error', reject);
        socket.once('message', () => resolve(socket));
      }),
    close: () => agent.destroy(),
  };
}
