/** The base sandbox over a socket whose every connection is a helper's standard input and output, as systemd hands it out. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  helperPath,
  limits,
  ownHelpers,
  processesWith,
  silentLog,
  tryAll,
  tryOne,
  uniqueWord,
  World,
} from '../../helper/test-kit.ts';
import { baseSandbox, type BaseSandbox } from './base-sandbox.ts';
import { findRunSocket } from './base-sandbox-socket.ts';

const world = new World();
const opened: BaseSandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
});
afterAll(() => world.remove());

const open = (socketPath: string): BaseSandbox => {
  // Nothing can be started by these: whatever runs came through the socket.
  const nowhere = { nodePath: '/nonexistent', helperPath, npmFolder: null };
  const sandbox = baseSandbox({ ...nowhere, socketPath, expectedLimits: limits, log: silentLog });
  opened.push(sandbox);
  return sandbox;
};

describe.each(world.runners().slice(-1))('the base sandbox behind a socket of $name', ({ nodePath, uid }) => {
  const socketPath = world.path('socket');
  const lower = world.tree({ 'a.txt': 'a' }, uid);
  let server: Server;
  beforeAll(async () => {
    server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket: Socket) => {
      const child = spawn(nodePath, [helperPath], { cwd: '/', env: {}, stdio: [socket, socket, 'inherit'] });
      // The connection is the child's alone from here on.
      child.once('spawn', () => socket.destroy());
    }).listen(socketPath);
    await once(server, 'listening');
    chmodSync(socketPath, 0o600);
  });
  afterAll(() => server?.close());
  const gone = (): Promise<void> =>
    vi.waitFor(() => expect(ownHelpers()).toEqual([]), { timeout: 30_000, interval: 20 });

  it('runs every step, and nothing is left', async () => {
    const outcomes = await tryAll(open(socketPath), { lower }, 'cat a.txt', 'exit 3');
    expect(outcomes.map(({ exitCode, log }) => [exitCode, log])).toEqual([
      [0, 'a'],
      [3, ''],
    ]);
    await opened[0]?.close();
    await gone();
  });

  it('inspects itself by a sandbox that stands on the other side', async () => {
    const report = await open(socketPath).inspect();
    expect(report).toMatchObject({ usable: true });
    expect(report.isolation.join(' ')).toContain(`runs checks as user ${uid}`);
    await gone();
  });

  it('has a helper stand ready there, and ends it when it is not wanted', async () => {
    const sandbox = open(socketPath);
    sandbox.prepare();
    await vi.waitFor(() => expect(ownHelpers()).toHaveLength(1), { timeout: 30_000, interval: 20 });
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ log: 'a' });
    sandbox.prepare();
    await sandbox.standDown();
    await gone();
  });

  it('really ends what runs when it is aborted', async () => {
    const word = uniqueWord();
    const abort = new AbortController();
    const onEvent = (event: { type: string }): void => void (event.type === 'output' && abort.abort());
    const running = tryOne(
      open(socketPath),
      { lower, signal: abort.signal, onEvent },
      `trap '' TERM; echo running; while :; do sleep 300; done; : ${word}`,
    );
    await expect(running).rejects.toThrow('The run was cancelled.');
    await vi.waitFor(() => expect(processesWith(word)).toEqual([]), { timeout: 10_000 });
    await gone();
  });

  it('hangs up on a helper that does not stop when it is asked to', async () => {
    const deaf = world.path('deaf');
    const held: Socket[] = [];
    const stubborn = createServer({ allowHalfOpen: true }, (socket) => held.push(socket.resume())).listen(deaf);
    await once(stubborn, 'listening');
    const abort = new AbortController();
    const running = tryOne(open(deaf), { lower, signal: abort.signal }, 'true');
    await vi.waitFor(() => expect(held).toHaveLength(1));
    const closed = once(held[0] ?? stubborn, 'close');
    held[0]?.on('error', () => undefined).on('end', () => held[0]?.write('{"type":'));
    abort.abort();
    await expect(running).rejects.toThrow('The run was cancelled.');
    held[0]?.destroy();
    await closed;
    stubborn.close();
  });
});

it('a socket that is not there is said, and nothing runs as this user instead', async () => {
  const sandbox = open('/nonexistent/helper.sock');
  expect(await sandbox.inspect()).toMatchObject({
    usable: false,
    missing: [expect.stringMatching(/run user's socket failed: .*ENOENT.*systemctl status patchgit-run\.socket/)],
  });
  const lower = world.tree({}, 65_534);
  await expect(tryOne(sandbox, { lower }, 'true')).rejects.toThrow(/run user's socket failed/);
});

it('is used where the environment of the daemon names a socket', () => {
  expect(findRunSocket({})).toBeNull();
  expect(findRunSocket({ PATCHGIT_RUN_SOCKET: '' })).toBeNull();
  expect(findRunSocket({ PATCHGIT_RUN_SOCKET: '/run/patchgit-run/helper.sock' })).toBe('/run/patchgit-run/helper.sock');
  expect(() => findRunSocket({ PATCHGIT_RUN_SOCKET: 'helper.sock' })).toThrow('absolute');
});
