import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  helperPath,
  limits,
  mebibyte,
  ownHelpers,
  processesWith,
  tryAll,
  tryOne,
  trySetUp,
  uniqueWord,
  World,
} from '../../helper/test-kit.ts';
import type { LayerOptions } from './base-sandbox-layers.ts';
import type { BaseSandbox } from './base-sandbox.ts';

const world = new World();
const runner = firstOf(world.runners());
/** The helper's door, as a program that no other test starts. */
const doorPath = `${world.path('door')}.mjs`;
const doorMain = JSON.stringify(new URL('door-main.ts', new URL(helperPath, import.meta.url)).href);
writeFileSync(doorPath, `import { runDoor } from ${doorMain};\nrunDoor(process.argv.slice(2));\n`);
const opened: BaseSandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
});
afterAll(() => world.remove());

function open(folder: string, more: Partial<LayerOptions> = {}): BaseSandbox {
  const sandbox = world.sandbox(runner, { layers: { folder, keptBytesMax: 1024 * mebibyte, ...more }, doorPath });
  opened.push(sandbox);
  return sandbox;
}

function newKey(): string {
  return randomBytes(32).toString('hex');
}

function keptIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

const lower = world.tree({ a: 'a' }, runner.uid);
const hosts = ['registry.test'];

describe('a set-up leaves nothing under its key', () => {
  it('when its command fails, is ended, or cannot be had', async () => {
    const folder = world.path('layers');
    const sandbox = open(folder);
    const key = newKey();
    expect(await trySetUp(sandbox, { key, lower, hosts }, 'echo x > x; exit 3')).toMatchObject({ exitCode: 3 });
    const hung = await trySetUp(sandbox, { key, lower, limits: { wallMs: 300 } }, 'echo x > x; sleep 60');
    expect(hung).toMatchObject({ exitCode: null, limit: 'wall' });
    await expect(trySetUp(sandbox, { key, lower: '/no/such/tree', hosts }, 'true')).rejects.toThrow(/does not exist/);
    expect(await sandbox.hasLayer(key)).toBe(false);
    expect(keptIn(folder)).toEqual([]);
    await expect(tryOne(sandbox, { lower, layer: key }, 'true')).rejects.toThrow(/not there any more/);
    expect(processesWith(doorPath)).toEqual([]);
  });

  it('when it is cancelled, at any moment', async () => {
    const folder = world.path('layers');
    const sandbox = open(folder);
    const key = newKey();
    const word = uniqueWord();
    for (const delayMs of [0, 40, 150, 300, 600]) {
      const abort = new AbortController();
      const running = trySetUp(
        sandbox,
        { key, lower, hosts, signal: abort.signal },
        `echo x > x; sleep 300; : ${word}`,
      );
      setTimeout(() => abort.abort(), delayMs);
      await expect(running).rejects.toThrow('The run was cancelled.');
      expect(processesWith(word)).toEqual([]);
      expect(keptIn(folder)).toEqual([]);
    }
    expect(ownHelpers()).toEqual([]);
  });

  it('when the helper is killed', async () => {
    const folder = world.path('layers');
    const sandbox = open(folder);
    const key = newKey();
    const word = uniqueWord();
    const onEvent = (event: { type: string }): void => {
      if (event.type === 'output') ownHelpers().forEach((pid) => process.kill(pid, 'SIGKILL'));
    };
    const running = trySetUp(sandbox, { key, lower, onEvent }, `echo x > x; echo running; sleep 300; : ${word}`);
    await expect(running).rejects.toThrow(/ended before it was done \(SIGKILL\)/);
    await vi.waitFor(() => expect(processesWith(word)).toEqual([]), { timeout: 5_000 });
    expect(keptIn(folder)).toEqual([]);
  });

  it('when the daemon is killed; the next one removes what is left, and nothing else ends up open', async () => {
    const folder = world.path('layers');
    const word = uniqueWord();
    const script = `
      import { baseSandbox } from ${JSON.stringify(new URL('base-sandbox.ts', import.meta.url).href)};
      const [nodePath, helperPath, doorPath, folder, lower, limits, key] = process.argv.slice(1);
      const log = { warn: console.error, info: console.error };
      const sandbox = baseSandbox({ nodePath, helperPath, npmFolder: null, log, doorPath, layers: { folder, keptBytesMax: 1e9 } });
      const workspace = { lower, delta: null, remove: [] };
      const command = 'echo x > x; mkdir -p closed/deep; chmod 000 closed; echo running; sleep 300; : ${word}';
      const request = { key, workspace, command, hosts: ['registry.test'], limits: JSON.parse(limits) };
      await sandbox.setUp(request, (event) => event.type === 'output' && console.log('running'), new AbortController().signal);`;
    const key = newKey();
    const args = [
      '--input-type=module',
      '-e',
      script,
      process.execPath,
      helperPath,
      doorPath,
      folder,
      lower,
      JSON.stringify(limits),
      key,
    ];
    const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => daemon.once('close', resolve));
    await new Promise((resolve) => daemon.stdout.once('data', resolve));
    expect(keptIn(folder)).toEqual([expect.stringMatching(/^\.making-/)]);
    daemon.kill('SIGKILL');
    await ended;
    await vi.waitFor(() => expect([...processesWith(word), ...processesWith(doorPath)]).toEqual([]), {
      timeout: 10_000,
    });
    const sandbox = open(folder);
    expect(await sandbox.hasLayer(key)).toBe(false);
    await sandbox.close();
    expect(keptIn(folder)).toEqual([]);
  });
});

describe('kept layers', () => {
  it('are made once: of two set-ups of one key at once one wins, and both are told', async () => {
    const folder = world.path('layers');
    const sandbox = open(folder);
    const key = newKey();
    const made = await Promise.all(
      ['one', 'other'].map((name) =>
        trySetUp(sandbox, { key, lower }, `echo ${name} > ${name}; echo ${name} > winner`),
      ),
    );
    expect(made.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const { log } = await tryOne(sandbox, { lower, layer: key }, 'cat winner; ls');
    expect(log).toMatch(/^(one|other)\na\n\1\nwinner\n$/);
    expect(keptIn(folder)).toEqual([key]);
  });

  it('go when there is no room, the least recently used ones first, but not those of the running job', async () => {
    const folder = world.path('layers');
    const room = { keptBytesMax: 5 * mebibyte };
    const make = async (sandbox: BaseSandbox): Promise<string> => {
      const key = newKey();
      await trySetUp(sandbox, { key, lower }, 'head -c 2000000 /dev/urandom > big');
      return key;
    };
    const job = open(folder, room);
    const [first, second, third] = [await make(job), await make(job), await make(job)];
    await job.close();
    expect(keptIn(folder)).toEqual([first, second, third].toSorted());
    [second, third, first].forEach((key, index) => utimesSync(join(folder, key), 1000, 1000 + index));
    // The next process knows of no job, and tidies when it starts.
    await open(folder, room).close();
    expect(keptIn(folder)).toEqual([first, third].toSorted());
    const next = open(folder, room);
    expect(await next.hasLayer(third)).toBe(true);
    const fourth = await make(next);
    expect(await tryOne(next, { lower, layer: third }, 'stat -c %s big')).toMatchObject({ log: '2000000\n' });
    await next.close();
    expect(keptIn(folder)).toEqual([third, fourth].toSorted());
  });

  it('are counted and removed without following what is in them', async () => {
    const folder = world.path('layers');
    const outside = world.tree({ 'deep/file': 'x'.repeat(3_000_000) }, runner.uid);
    const key = newKey();
    mkdirSync(join(folder, key, 'tree'), { recursive: true });
    mkdirSync(join(folder, key, 'home'));
    symlinkSync(outside, join(folder, key, 'tree/link'));
    symlinkSync(outside, join(folder, '.making-0'));
    mkdirSync(join(folder, '.gone-0'));
    symlinkSync(`${outside}/deep`, join(folder, '.gone-0/link'));
    writeFileSync(join(folder, 'not ours'), '');
    const sandbox = open(folder, { keptBytesMax: 2 * mebibyte });
    await sandbox.close();
    expect(keptIn(folder)).toEqual([key, 'not ours'].toSorted());
    const other = open(folder, { keptBytesMax: 1 });
    await other.close();
    expect(keptIn(folder)).not.toContain(key);
    expect(readFileSync(join(outside, 'deep/file'), 'utf8')).toHaveLength(3_000_000);
  });

  it('need a folder, or there is no set-up phase', async () => {
    const sandbox = world.sandbox(runner);
    await expect(trySetUp(sandbox, { key: newKey(), lower }, 'true')).rejects.toThrow(/keeps no layers/);
    expect(await sandbox.hasLayer(newKey())).toBe(false);
  });
});

describe('a set-up of another user, behind a socket', () => {
  const other = world.runners().at(-1) ?? runner;

  it('makes a layer, which checks there find and cannot write, and which is removed by whom it belongs to', async () => {
    const socketPath = world.path('socket');
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      const child = spawn(other.nodePath, [helperPath], { cwd: '/', env: {}, stdio: [socket, socket, 'inherit'] });
      child.once('spawn', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const folder = world.path('layers');
    const options = { layers: { folder, keptBytesMax: mebibyte }, doorPath, socketPath };
    const sandbox = world.sandbox({ ...runner, nodePath: process.execPath }, options);
    const tree = world.tree({ a: 'a' }, other.uid);
    const key = newKey();
    const command =
      'ls /run; mkdir -p closed/deep; echo x > closed/x; chmod 700 closed; head -c 3000000 /dev/urandom > big';
    expect(await trySetUp(sandbox, { key, lower: tree, hosts }, command)).toMatchObject({ exitCode: 0, log: 'door\n' });
    expect(keptIn(folder)).toEqual([key]);
    expect(statSync(join(folder, key)).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, key, 'tree')).uid).toBe(other.uid);
    const [write, read] = await tryAll(
      sandbox,
      { lower: tree, layer: key },
      'echo x > big; rm a',
      'stat -c %s big; cat a',
    );
    expect(write?.exitCode).toBe(0);
    expect(read?.log).toBe('3000000\na');
    expect(await trySetUp(sandbox, { key: newKey(), lower: tree }, 'touch x; exit 1')).toMatchObject({ exitCode: 1 });
    expect(keptIn(folder)).toEqual([key]);
    await sandbox.standDown();
    await sandbox.close();
    expect(keptIn(folder)).toEqual([]);
    server.close();
  });
});

function firstOf<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('There is always one.');
  return first;
}
