import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Limits } from '#contract/helper-wire.ts';
import {
  fingerprint,
  helperPath,
  limits,
  mebibyte,
  ownHelpers,
  processesWith,
  silentLog,
  tryAll,
  tryOne,
  uniqueWord,
  World,
} from '../../helper/test-kit.ts';
import type { Runner } from '../../helper/test-kit.ts';
import type { Log } from '../ports.ts';
import { StandingHelper } from './base-sandbox-standing.ts';
import { baseSandbox } from './base-sandbox.ts';
import type { BaseSandbox } from './base-sandbox.ts';

const world = new World();
afterAll(() => world.remove());

const opened: BaseSandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
  await gone();
});

function open(
  { nodePath }: Pick<Runner, 'nodePath'>,
  expectedLimits: Limits = limits,
  log: Log = silentLog,
): BaseSandbox {
  const sandbox = baseSandbox({ nodePath, helperPath, npmFolder: null, expectedLimits, log });
  opened.push(sandbox);
  return sandbox;
}

/** Resolves with the one helper of this process, once a sandbox stands behind it. */
async function stood(parent = process.pid): Promise<number> {
  return await vi.waitFor(
    () => {
      const helpers = processesWith(helperPath).filter((pid) => parentOf(pid) === parent);
      const [pid] = helpers;
      if (pid === undefined || helpers.length > 1) throw new Error(`${helpers.length} helpers`);
      const inits = sandboxesOf(pid);
      if (inits.length === 0) throw new Error('no sandbox stands yet');
      return pid;
    },
    { timeout: 30_000, interval: 20 },
  );
}

async function gone(): Promise<void> {
  await vi.waitFor(() => expect(ownHelpers()).toEqual([]), { timeout: 30_000, interval: 20 });
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}

/** Programs that stand inside a sandbox of this helper: bubblewrap, its init, the shell in it. */
function sandboxesOf(helper: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const depth = (pid: number): number => {
    let at: number | null | undefined = pid;
    for (let steps = 0; at !== undefined && at !== null && steps < 10; steps += 1) {
      if (at === helper) return steps;
      at = parents.get(at);
    }
    return -1;
  };
  return pids.filter((pid) => depth(pid) === 3);
}

describe.each(world.runners())('a helper that stands ready, run by $name', (runner) => {
  const lower = world.tree({ 'a.txt': 'a' }, runner.uid);

  it('is used once and never twice, and there is never more than one', async () => {
    const sandbox = open(runner);
    sandbox.prepare();
    sandbox.prepare();
    const first = await stood();
    sandbox.prepare();
    expect(ownHelpers()).toEqual([first]);
    const seen: number[][] = [];
    const onEvent = (): void => void seen.push(ownHelpers());
    expect(await tryOne(sandbox, { lower, onEvent }, 'cat a.txt; touch left /tmp/left')).toMatchObject({ log: 'a' });
    // A slow listener may hear of it when it has ended; but nobody else was there for it.
    expect(seen[0]?.filter((pid) => pid !== first)).toEqual([]);
    // The next one was started while the first was at work.
    await vi.waitFor(() => expect(ownHelpers()).not.toContain(first), { timeout: 10_000 });
    seen.length = 0;
    const second = await tryOne(sandbox, { lower, onEvent }, 'cat a.txt; ls /ws /tmp');
    expect(second).toMatchObject({ exitCode: 0, log: 'a/tmp:\nhome\n\n/ws:\na.txt\n' });
    expect(seen.flat()).not.toContain(first);
  });

  it('gives the tree, what differs and what is removed to a sandbox that stood before, and no more', async () => {
    const sandbox = open(runner);
    const delta = world.tree({ 'b.txt': 'b', 'deep/c.txt': 'c' }, runner.uid);
    const before = [fingerprint(lower), fingerprint(delta)];
    sandbox.prepare();
    await stood();
    const command =
      'cat b.txt deep/c.txt; ls; touch /delta/x /delta/deep/x; rm -rf /delta/b.txt; echo more >> b.txt; grep -E " /(ws|delta) .*overlay" /proc/self/mountinfo | cut -d" " -f 5-6';
    const { exitCode, log } = await tryOne(sandbox, { lower, delta, remove: ['a.txt'] }, command);
    expect(exitCode).toBe(0);
    expect(log.replaceAll(/^(touch|rm): .*\n/gm, '')).toMatch(
      /^bcb\.txt\ndeep\n(\/ws rw,nosuid,nodev,relatime\n\/delta ro,nosuid,nodev,relatime|\/delta ro,nosuid,nodev,relatime\n\/ws rw,nosuid,nodev,relatime)\n$/,
    );
    expect(log.match(/Read-only file system/g)).toHaveLength(3);
    expect([fingerprint(lower), fingerprint(delta)]).toEqual(before);
  });

  it('serves an assignment with several steps, and one with other limits than were expected', async () => {
    const sandbox = open(runner);
    sandbox.prepare();
    await stood();
    const tried = await tryAll(sandbox, { lower }, 'rm a.txt', 'cat a.txt', 'exit 7');
    expect(tried.map(({ exitCode }) => exitCode)).toEqual([0, 0, 7]);
    const other = { diskBytes: 2 * mebibyte, wallMs: 50_000 };
    const fill = 'dd if=/dev/zero of=fill bs=64k; stat -c %s fill; exit 5';
    const full = await tryOne(sandbox, { lower, limits: other }, fill);
    expect(full).toMatchObject({ exitCode: null, limit: 'disk' });
    expect(Number(full.log.trim().split('\n').at(-1))).toBeLessThanOrEqual(other.diskBytes);
  });

  it('is replaced in silence when it was killed, whether that was seen already or not', async () => {
    const warned: object[] = [];
    const sandbox = open(runner, limits, { ...silentLog, warn: (fields) => warned.push(fields) });
    sandbox.prepare();
    process.kill(await stood(), 'SIGKILL');
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ exitCode: 0, log: 'a' });
    await sandbox.close();
    const again = open(runner, limits, { ...silentLog, warn: (fields) => warned.push(fields) });
    again.prepare();
    process.kill(await stood(), 'SIGKILL');
    await gone();
    expect(await tryOne(again, { lower }, 'cat a.txt')).toMatchObject({ exitCode: 0, log: 'a' });
    expect(warned).toEqual([]);
  });

  it('can be cancelled at any moment, and leaves nothing', async () => {
    const word = uniqueWord();
    for (const delayMs of [0, 5, 15, 40, 80]) {
      const sandbox = open(runner);
      sandbox.prepare();
      await stood();
      const abort = new AbortController();
      const running = tryOne(sandbox, { lower, signal: abort.signal }, `sleep 300; : ${word}`);
      setTimeout(() => abort.abort(), delayMs);
      await expect(running).rejects.toThrow('The run was cancelled.');
      expect(ownHelpers()).toEqual([]);
      expect(processesWith(word)).toEqual([]);
    }
  });

  it('is gone when the sandbox is closed, and none stands from then on', async () => {
    const sandbox = open(runner);
    sandbox.prepare();
    const helper = await stood();
    const inside = sandboxesOf(helper);
    await sandbox.close();
    expect(ownHelpers()).toEqual([]);
    expect(inside.map(parentOf)).toEqual(inside.map(() => null));
    sandbox.prepare();
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ log: 'a' });
    await gone();
  });

  it.each(['SIGKILL', 'the end of its work'])('ends, with its sandbox, when the daemon ends by %s', async (how) => {
    const script = `
      import { baseSandbox } from ${JSON.stringify(new URL('base-sandbox.ts', import.meta.url).href)};
      const log = { warn: console.error };
      const [nodePath, helperPath, limits] = process.argv.slice(1);
      const sandbox = baseSandbox({ nodePath, helperPath, npmFolder: null, expectedLimits: JSON.parse(limits), log });
      sandbox.prepare();
      process.stdin.once('data', () => process.stdin.destroy());`;
    const args = ['--input-type=module', '-e', script, runner.nodePath, helperPath, JSON.stringify(limits)];
    const daemon = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
    const ended = new Promise((resolve) => daemon.once('close', (...how) => resolve(how)));
    const helper = await stood(daemon.pid);
    const inside = sandboxesOf(helper);
    if (how === 'SIGKILL') daemon.kill('SIGKILL');
    else daemon.stdin.end('now');
    expect(await ended).toEqual(how === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null]);
    await vi.waitFor(() => expect([helper, ...inside].map(parentOf)).toEqual([null, ...inside.map(() => null)]), {
      timeout: 30_000,
    });
  });
});

describe('a helper that nobody comes for', () => {
  const options = { nodePath: process.execPath, helperPath, npmFolder: null, log: silentLog };

  it('is ended after its time, and the time begins anew when it is asked for again', async () => {
    const standing = new StandingHelper(options);
    standing.prepare(limits, 60_000);
    await stood();
    standing.prepare(limits, 50);
    await gone();
    expect(await standing.take()).toBeNull();
  });

  it('stays while its end was not asked for, and is given to one taker only', async () => {
    const standing = new StandingHelper(options);
    standing.prepare(limits, 50);
    standing.prepare(limits, null);
    const [one, other] = await Promise.all([standing.take(), standing.take()]);
    expect(other).toBeNull();
    await one?.end();
    expect(ownHelpers()).toEqual([]);
  });

  it('is no trouble where none can be started', async () => {
    const standing = new StandingHelper({ ...options, nodePath: '/no/such/node' });
    standing.prepare(limits, 60_000);
    await (await standing.take())?.end();
    expect(ownHelpers()).toEqual([]);
  });
});
