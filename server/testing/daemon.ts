/**
 * The real daemon from source as a child process on a home of its own, and the real command beside it. `closeHouses` goes
 * into `afterEach`: it stops what runs, and fails the test that left a process or a folder behind.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { socketClient, type Client } from '../cli/client.ts';
import { descendantsOf, processesOf, stillRuns, type SeenProcess } from './processes.ts';
import { until } from './wait.ts';

const root = dirname(dirname(import.meta.dirname));
/** Compiled sources are kept between runs: a start costs half. Ignored by git, gone with the dependencies. */
const compileCache = join(root, 'node_modules/.cache/patchgit-test');

export interface CliAnswer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON; null when it is none. */
  readonly json: unknown;
}

export interface House {
  /** Everything of this test; the data folder `home` is in it. */
  readonly folder: string;
  readonly home: string;
  readonly client: Client;
  readonly pid: () => number;
  /** Starts the daemon (again) and waits until its socket answers. */
  readonly start: (environment?: Environment) => Promise<void>;
  /** Sends the signal and waits until the daemon, and with SIGKILL everything it had started, has ended. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
  /** SIGTERM, and its exit code. */
  readonly stop: () => Promise<number | null>;
  /** Resolves when the daemon has ended by itself. */
  readonly gone: () => Promise<void>;
  readonly isRunning: () => boolean;
  /** What the daemon wrote to standard error since it was made. */
  readonly said: () => string;
  /** Runs the command with PATCHGIT_HOME set. `input` is its standard input. */
  readonly cli: (args: readonly string[], input?: string | Buffer) => Promise<CliAnswer>;
  /** Reads the database from outside, read-only. */
  readonly rows: (sql: string, ...values: (string | number)[]) => Record<string, unknown>[];
  readonly close: () => Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

const houses = new Set<House>();
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A home with a running daemon. `environment` is added to every start. */
export async function startHouse(environment: Environment = {}): Promise<House> {
  const house = newHouse(environment);
  await house.start();
  return house;
}

/** The same, not started yet. */
export function newHouse(environment: Environment = {}): House {
  const house = makeHouse(environment);
  houses.add(house);
  return house;
}

/** For `afterEach`. */
export async function closeHouses(): Promise<void> {
  const open = [...houses];
  houses.clear();
  for (const house of open) await house.close();
}

function makeHouse(always: Environment): House {
  // Short: a unix socket's path has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-house-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const client = socketClient(join(home, 'patchgit.sock'));
  const daemon = daemonProcess({ folder, home, always, client });
  const house: House = {
    folder,
    home,
    client,
    ...daemon,
    stop: async () => {
      await daemon.kill('SIGTERM');
      return await daemon.ended();
    },
    cli: (args, input) => runCli(home, args, input),
    rows: (sql, ...values) => readRows(join(home, 'patchgit.db'), sql, values),
    close: async () => {
      houses.delete(house);
      try {
        // A crash is never what a test wants; being killed may be.
        const crashed = !daemon.isRunning() && ((await daemon.ended()) ?? 0) > 0;
        if (daemon.isRunning()) await house.stop();
        else await daemon.gone();
        if (crashed) throw new Error(`the daemon ended by itself and said: ${daemon.said()}`);
        const left = existsSync(join(home, 'quarantine')) ? readdirSync(join(home, 'quarantine')) : [];
        if (left.length > 0) throw new Error(`a stopped daemon left ${left.length} folders in quarantine`);
      } finally {
        if (daemon.isRunning()) await daemon.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
  return house;
}

type DaemonProcess = Pick<House, 'pid' | 'start' | 'kill' | 'gone' | 'isRunning' | 'said'> & {
  /** Exit code of the last one; null when a signal ended it or none was started. */
  readonly ended: () => Promise<number | null>;
};

interface Place {
  readonly folder: string;
  readonly home: string;
  readonly always: Environment;
  readonly client: Client;
}

/** One daemon after the other on the same home. */
function daemonProcess({ folder, home, always, client }: Place): DaemonProcess {
  let child: ChildProcess | null = null;
  let said = '';
  let ended: Promise<number | null> = Promise.resolve(null);
  let descendants: SeenProcess[] = [];
  const isRunning = (): boolean => child !== null && child.exitCode === null && child.signalCode === null;
  const running = (): ChildProcess => {
    if (child === null || !isRunning()) throw new Error(`the daemon is not running. It said: ${said}`);
    return child;
  };
  const pid = (): number => running().pid ?? 0;
  const gone = async (): Promise<void> => {
    await ended;
    const left = (): SeenProcess[] => [...descendants, ...processesOf(folder)].filter(stillRuns);
    await until('everything that the daemon had started ends', () => left().length === 0, 15_000);
    descendants = [];
  };
  return {
    pid,
    gone,
    isRunning,
    said: () => said,
    ended: () => ended,
    start: async (environment = {}) => {
      if (isRunning()) throw new Error('the daemon runs already');
      if (!existsSync(home)) throw new Error('this house is closed');
      const env: Record<string, string> = { ...daemonEnvironment(home), ...always, ...environment };
      const started = spawn(process.execPath, [env['PATCHGIT_TEST_MAIN'] ?? 'server/main.ts'], {
        cwd: root,
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child = started;
      children.add(started);
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      ended = new Promise((resolve) => {
        started.on('close', (code) => {
          children.delete(started);
          resolve(code);
        });
      });
      await until('the daemon answers', async () => {
        running();
        return (await client.get('/api/hello')).ok;
      });
    },
    kill: async (signal = 'SIGKILL') => {
      descendants = descendantsOf(pid());
      running().kill(signal);
      await gone();
    },
  };
}

/** Nothing of the developer's own shell but the way to programs. */
function daemonEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    NODE_COMPILE_CACHE: compileCache,
    PATCHGIT_HOME: home,
    PATCHGIT_PORT: '0',
    PATCHGIT_LOG: 'error',
  };
}

function runCli(home: string, args: readonly string[], input: string | Buffer = ''): Promise<CliAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['server/cli.ts', ...args], { cwd: root, env: daemonEnvironment(home) });
    children.add(child);
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
    child.on('error', reject);
    // A command that needs no input may end before it was all written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('close', (code) => {
      children.delete(child);
      const stdout = Buffer.concat(chunks.stdout).toString('utf8');
      resolve({ code, stdout, stderr: Buffer.concat(chunks.stderr).toString('utf8'), json: jsonOrNull(stdout) });
    });
  });
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function readRows(file: string, sql: string, values: readonly (string | number)[]): Record<string, unknown>[] {
  const sqlite = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return sqlite.prepare<(string | number)[], Record<string, unknown>>(sql).all(...values);
  } finally {
    sqlite.close();
  }
}
