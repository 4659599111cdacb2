import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  helperPath,
  limits,
  ownHelpers,
  processesWith,
  silentLog,
  tryOne,
  uniqueWord,
  World,
} from '../../helper/test-kit.ts';
import type { Log, SandboxRequest } from '../ports.ts';
import { parseRunUser } from './base-sandbox-user.ts';
import { baseSandbox } from './base-sandbox.ts';

const world = new World();
afterAll(() => world.remove());

const request: SandboxRequest = {
  workspace: { lower: '/', delta: null, remove: [] },
  steps: [
    { name: 'one', command: 'true' },
    { name: 'two', command: 'true' },
  ],
  limits,
};
const signal = new AbortController().signal;

describe.each(world.runners())('the base sandbox, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const lower = world.tree({ 'a.txt': 'a' }, runner.uid);

  it('inspects itself by a sandbox that it really starts', async () => {
    const report = await sandbox.inspect();
    expect(report.usable).toBe(true);
    expect(report.isolation.join('\n')).toMatch(/bubblewrap runs checks as user \d+ .* no network/s);
    expect(report.helperSha256).toBe(createHash('sha256').update(readFileSync(helperPath)).digest('hex'));
  });

  it('really ends what runs when it is aborted', async () => {
    const word = uniqueWord();
    const abort = new AbortController();
    const running = tryOne(
      sandbox,
      { lower, signal: abort.signal, onEvent: (event) => event.type === 'output' && abort.abort() },
      `trap '' TERM INT HUP; setsid sh -c 'sleep 300; : ${word}' & echo running; while :; do sleep 300; done; : ${word}`,
    );
    await expect(running).rejects.toThrow('The run was cancelled.');
    expect(processesWith(word)).toEqual([]);
    expect(ownHelpers()).toEqual([]);
  });

  it('can be aborted at any moment', async () => {
    const word = uniqueWord();
    for (const delayMs of [0, 20, 60, 100, 140, 180, 220, 260, 300]) {
      const abort = new AbortController();
      const running = tryOne(sandbox, { lower, signal: abort.signal }, `sleep 300; : ${word}`);
      setTimeout(() => abort.abort(), delayMs);
      await expect(running).rejects.toThrow('The run was cancelled.');
      await vi.waitFor(() => expect(processesWith(word)).toEqual([]), { timeout: 2_000 });
    }
    expect(ownHelpers()).toEqual([]);
  });

  it('starts nothing when it was aborted before', async () => {
    const marker = world.path('marker');
    await expect(tryOne(sandbox, { lower, signal: AbortSignal.abort() }, `touch ${marker}`)).rejects.toThrow(
      /cancelled/,
    );
    expect(ownHelpers()).toEqual([]);
    expect(existsSync(marker)).toBe(false);
  });
});

/** A sandbox whose helper is a script of ours: says what a broken or captured helper could say. */
function sandboxWith(script: string, log: Log = silentLog): ReturnType<typeof baseSandbox> {
  const path = `${world.path('helper')}.mjs`;
  writeFileSync(path, `const say = (frame) => process.stdout.write(JSON.stringify(frame) + '\\n');\n${script}`);
  return baseSandbox({ nodePath: process.execPath, helperPath: path, npmFolder: null, log });
}

const ready = "say({ type: 'ready', protocol: 1, isolation: [], missing: [] });";
const started = (step: string): string => `say({ type: 'started', step: '${step}' });`;
const outcome = (name: string): string =>
  `say({ type: 'outcome', outcome: { name: '${name}', exitCode: 0, signal: null, limit: null, durationMs: 1, logBase64: '', omittedBytes: 0 } });`;
const done = "say({ type: 'done' });";
const all = [ready, started('one'), outcome('one'), started('two'), outcome('two'), done];

describe('a helper is not believed', () => {
  it('unless it says everything that was asked, in order', async () => {
    const answer = await sandboxWith(all.join('\n')).run(request, () => undefined, signal);
    expect(answer.ok && answer.value.map(({ name, exitCode }) => [name, exitCode])).toEqual([
      ['one', 0],
      ['two', 0],
    ]);
  });

  it.each<[string, string[], RegExp]>([
    ['leaves out a step', [ready, started('one'), outcome('one'), done], /"done" out of turn/],
    ['begins with another step', [ready, started('two'), outcome('two')], /"started" out of turn/],
    ['judges a step that was not begun', [ready, outcome('one')], /"outcome" out of turn/],
    ['judges a step twice', [ready, started('one'), outcome('one'), outcome('one')], /"outcome" out of turn/],
    ['judges another step than it began', [ready, started('one'), outcome('two')], /"outcome" out of turn/],
    [
      'judges more than was asked',
      [...all.slice(0, -1), started('three'), outcome('three'), done],
      /"started" out of turn/,
    ],
    ['prints between steps', [ready, "say({ type: 'output', step: 'one', base64: '' });"], /"output" out of turn/],
    ['is ready twice', [ready, ready], /"ready" out of turn/],
    ['is never ready', [started('one')], /"started" out of turn/],
    ['speaks another protocol', [ready.replace('protocol: 1', 'protocol: 2')], /"ready" out of turn/],
    ['speaks of something else', ["say({ type: 'push', branch: 'main' });"], /malformed frame/],
    [
      'gives a text for an exit code',
      [ready, started('one'), outcome('one').replace('exitCode: 0', "exitCode: '0'")],
      /malformed frame/,
    ],
    ['speaks no JSON', ["process.stdout.write('ok\\n');"], /malformed frame/],
    [
      'sends a line without end',
      [
        "for (;;) if (!process.stdout.write('x'.repeat(65536))) await new Promise((r) => process.stdout.once('drain', r));",
      ],
      /too long|more than one run/,
    ],
    [
      'sends frames without end',
      [
        ready,
        started('one'),
        "for (;;) if (!process.stdout.write(JSON.stringify({ type: 'output', step: 'one', base64: 'x'.repeat(60000) }) + '\\n')) await new Promise((r) => process.stdout.once('drain', r));",
      ],
      /more than one run can need/,
    ],
    ['reports trouble', [ready, "say({ type: 'trouble', message: 'No sandbox here.' });"], /^No sandbox here\.$/],
    ['ends early', [ready, started('one'), 'process.exit(3);'], /ended before it was done \(exit code 3\)/],
    ['is killed', [ready, "process.kill(process.pid, 'SIGKILL');"], /ended before it was done \(SIGKILL\)/],
  ])('when it %s', async (_, script, why) => {
    const answer = await sandboxWith(script.join('\n')).run(request, () => undefined, signal);
    expect(answer).toEqual({ ok: false, why: expect.stringMatching(why) });
  });

  it('and is killed when it does not stop', async () => {
    const abort = new AbortController();
    const script = `${ready} ${started('one')} process.on('SIGTERM', () => {}); process.stdin.on('error', () => {}).resume(); setInterval(() => {}, 1000);`;
    const answer = await sandboxWith(script).run(request, () => abort.abort(), abort.signal);
    expect(answer).toEqual({ ok: false, why: 'The run was cancelled.' });
  });

  it('and gets nothing of the environment, and its complaints go to the log', async () => {
    const warned: object[] = [];
    const log: Log = { ...silentLog, warn: (fields) => warned.push(fields) };
    process.env['PATCHGIT_TEST_CANARY'] = 'canary';
    const answer = await sandboxWith('console.error(JSON.stringify(process.env)); process.exit(1);', log).run(
      request,
      () => undefined,
      signal,
    );
    delete process.env['PATCHGIT_TEST_CANARY'];
    expect(answer.ok).toBe(false);
    expect(warned).toEqual([{ exit: 'exit code 1', stderr: '{}\n' }]);
  });
});

describe('a machine that cannot isolate', () => {
  it('is said to be unusable, with what to do', async () => {
    const sandbox = baseSandbox({ nodePath: '/no/such/node', helperPath, npmFolder: null, log: silentLog });
    expect(await sandbox.inspect()).toMatchObject({
      usable: false,
      missing: [expect.stringMatching(/could not be started/)],
    });
    expect(await sandbox.run(request, () => undefined, signal)).toMatchObject({ ok: false });
  });

  it.runIf(process.getuid?.() === 0).each([
    [
      'bubblewrap is not installed',
      'mount --bind /dev/null $(command -v bwrap)',
      /bubblewrap is not installed: apt-get install/,
    ],
    [
      'the kernel allows no namespaces',
      'echo 0 > /proc/sys/user/max_user_namespaces',
      /could not be set up: .*bwrap: /s,
    ],
  ])('because %s', async (_, spoil, why) => {
    // In user and mount namespaces of its own, so that nothing of this machine is touched.
    const nodePath = world.script(
      `exec unshare --user --map-root-user --mount sh -c '${spoil} && exec "$@"' sh ${process.execPath} "$@"`,
    );
    const sandbox = world.sandbox({ name: 'root', uid: 0, nodePath });
    const report = await sandbox.inspect();
    expect(report.usable).toBe(false);
    expect(report.missing.at(-1)).toMatch(why);
    const lower = world.tree({}, 65_534);
    await expect(tryOne(sandbox, { lower }, 'true')).rejects.toThrow(why);
  });
});

it('knows its run user by name, and never takes root for it', () => {
  const passwd = 'root:x:0:0::/root:/bin/sh\npatchgit-run:x:991:990::/nonexistent:/usr/sbin/nologin\n';
  expect(parseRunUser(passwd)).toEqual({ name: 'patchgit-run', uid: 991, gid: 990 });
  expect(parseRunUser('patchgit-run:x:0:0::/:/bin/sh\n')).toBeNull();
  expect(parseRunUser('nobody:x:65534:65534::/:/bin/false\n')).toBeNull();
});

it.runIf(process.getuid?.() === 0)('works as the root of a container that has no other user', async () => {
  const nodePath = world.script(`exec unshare --user --map-root-user --mount ${process.execPath} "$@"`);
  const sandbox = world.sandbox({ name: 'root', uid: 0, nodePath });
  const lower = world.tree({ 'a/b': 'b' }, 0);
  expect(await tryOne(sandbox, { lower }, 'cat a/b && rm -r a && id -u')).toMatchObject({
    exitCode: 0,
    log: 'b1000\n',
  });
});
