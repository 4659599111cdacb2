import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  limits,
  mebibyte,
  processesWith,
  silentLog,
  tryAll,
  tryOne,
  uniqueWord,
  World,
} from '../../helper/test-kit.ts';
import { sha256 } from '../lib/digest.ts';
import type { Sandbox } from '../ports.ts';
import type { HelperConnection, HelperKeys } from '../ports-cloud.ts';
import { connectTo } from '../testing/machine/connect.ts';
import { bundleHelper } from '../testing/machine/helper-bundle.ts';
import { canRunSshd, startSshd, type TestSshd } from '../testing/sshd.ts';
import { until } from '../testing/wait.ts';
import { remoteSandbox, type FarHelper, type RemoteSandboxOptions } from './remote-sandbox.ts';
import { sshLink } from './ssh-link.ts';

const name = 'the sandbox on a helper machine';
const asRoot = process.getuid?.() === 0;
const runUser = asRoot ? { uid: 65_534, gid: 65_534 } : null;
const owner = runUser?.uid ?? process.getuid?.() ?? -1;
const link = sshLink({ log: silentLog, times: { stopMsMax: 1_000 } });

/** Only what the far side was asked to run, without its name: what a caller could count as traffic. */
function counting(connection: HelperConnection): { connection: HelperConnection; commands: string[] } {
  const commands: string[] = [];
  return {
    commands,
    connection: {
      ...connection,
      isOpen: connection.isOpen,
      forward: connection.forward,
      close: connection.close,
      start: (command, streams) => {
        commands.push(command.includes('take') ? 'take' : (command[0] ?? ''));
        return connection.start(command, streams);
      },
    },
  };
}

describe.runIf(canRunSshd(name))(name, () => {
  const world = new World();
  const base = world.sandbox({ name: 'base', uid: owner, nodePath: process.execPath });
  const direct: FarHelper = { kind: 'direct', nodePath: process.execPath, npmFolder: null, runUser };
  let helperBundle: Buffer;
  let keys: HelperKeys;
  let sshd: TestSshd;
  let connection: HelperConnection;

  const sandboxOver = (over: HelperConnection, change: Partial<RemoteSandboxOptions> = {}): Sandbox =>
    remoteSandbox({
      connection: over,
      helperBundle,
      folder: world.path('far'),
      helper: direct,
      log: silentLog,
      ...change,
    });

  beforeAll(async () => {
    helperBundle = await bundleHelper();
    keys = await link.makeKeys();
    sshd = await startSshd(keys);
    connection = await connectTo(link, sshd, keys);
  });
  afterAll(async () => {
    await connection?.close();
    await sshd?.close();
    world.remove();
  });

  /** A command as a helper machine has it: `check` is what it runs, unless it is told to work in the store. */
  const leadingTo = (program: string, folder: string, check: string): string[] => {
    mkdirSync(folder);
    const store = ['sh', join(dirname(program), 'store.sh'), folder, ...(asRoot ? [`${owner}:${owner}`] : [])];
    return ['sh', '-c', `if [ "$0" = store ]; then exec ${store.join(' ')}; fi\n${check}`];
  };

  /** A tree with everything that a tar archive could get wrong. */
  const hardTree = (): string => {
    const lower = world.tree(
      {
        'run.sh': '#!/bin/sh\necho ran\n',
        'folder/ünïcode ✓.txt': 'ü',
        '-rf': 'dash',
        ' leading and\nnew line ': 'line',
        "quote'$(id)": 'quote',
        [`${'long/'.repeat(60)}end`]: 'long',
        link: ['folder/ünïcode ✓.txt'],
        broken: ['nowhere'],
        outside: ['/etc/passwd'],
        up: ['../../..'],
        'gone.txt': 'gone',
        'empty/.keep': '',
      },
      owner,
    );
    chmodSync(join(lower, 'run.sh'), 0o755);
    const odd = Buffer.concat([Buffer.from(`${lower}/odd-`), Buffer.from([0xff, 0xfe, 0x01])]);
    writeFileSync(odd, 'odd');
    mkdirSync(join(lower, 'hollow'));
    symlinkSync('loop', join(lower, 'loop'));
    if (asRoot) spawnSync('chown', ['-R', '-P', '-h', `${owner}:${owner}`, lower]);
    return lower;
  };
  /** Every name, type, mode, size, link and content, as a check sees them. */
  const look =
    "find . -printf '%p %y %m %s %l\\n' | LC_ALL=C sort | sed 's/ d \\([0-9]*\\) [0-9]* / d \\1 /' && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum && ./run.sh && id -u; exit 3";

  it('says the same as the base sandbox about the same tree', async () => {
    const lower = hardTree();
    const delta = world.tree({ 'added/new.txt': 'new', 'folder/ünïcode ✓.txt': 'changed' }, owner);
    const request = { lower, delta, remove: ['gone.txt', 'folder/ünïcode ✓.txt'] };
    const sandbox = sandboxOver(connection);
    const commands = [look, 'echo out; echo err >&2; cat added/new.txt; ls -l /etc/shadow; kill -9 $$'];
    const [far, near] = [await tryAll(sandbox, request, ...commands), await tryAll(base, request, ...commands)];
    const said = (all: typeof far): unknown => all.map((one) => ({ ...one, durationMs: 0 }));
    expect(far[0]).toMatchObject({ exitCode: 3, limit: null });
    expect(far[0]?.log).toContain('./link l 777');
    expect(far[0]?.log).toContain('./run.sh f 755');
    expect(far[0]?.log).toMatch(/\nran\n\d+\n$/);
    expect(said(far)).toEqual(said(near));
  });

  it('inspects itself there, and names the program by its digest', async () => {
    const far = await sandboxOver(connection).inspect();
    // What is installed there matters to no layer but the machine's own, and these go with it.
    const { runtime: _, ...near } = await base.inspect();
    expect(far).toEqual({ ...near, helperSha256: sha256(helperBundle) });
    expect(far.usable).toBe(true);
  });

  it('works through a command that leads to the program, which takes no flags', async () => {
    const program = world.path('helper.cjs');
    const flags = runUser === null ? '' : `--run-as ${runUser.uid}:${runUser.gid}`;
    const folder = world.path('far');
    const command = leadingTo(program, folder, `exec ${process.execPath} ${program} ${flags}`);
    const sandbox = sandboxOver(connection, { folder, helper: { kind: 'service', command, program } });
    expect(await sandbox.inspect()).toMatchObject({ usable: true, helperSha256: sha256(helperBundle) });
    expect(existsSync(program)).toBe(true);
    const lower = world.tree({ 'a.txt': 'a' }, owner);
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ exitCode: 0, log: 'a' });
  });

  it('tells what happens while it happens', async () => {
    const lower = world.tree({}, owner);
    const events: string[] = [];
    const seen = Promise.withResolvers<null>();
    const abort = new AbortController();
    const running = tryOne(
      sandboxOver(connection),
      {
        lower,
        signal: abort.signal,
        onEvent: (event) => {
          events.push(event.type);
          if (event.type === 'output') seen.resolve(null);
        },
      },
      'echo first; sleep 300',
    );
    running.catch(() => undefined);
    await seen.promise;
    expect(events).toEqual(['started', 'output']);
    abort.abort();
    await expect(running).rejects.toThrow('The run was cancelled.');
  });

  it('carries a folder over once for many runs, and again when it was replaced', async () => {
    const { connection: counted, commands } = counting(connection);
    const sandbox = sandboxOver(counted);
    const lower = world.tree({ 'a.txt': 'one' }, owner);
    const delta = world.tree({ 'b.txt': 'b' }, owner);
    const received = (): number => commands.filter((command) => command === 'take').length;
    await tryOne(sandbox, { lower }, 'true');
    expect(received()).toBe(1);
    expect(await tryOne(sandbox, { lower }, 'cat a.txt; echo changed > a.txt')).toMatchObject({ log: 'one' });
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ log: 'one' });
    expect(received()).toBe(1);
    await tryOne(sandbox, { lower, delta }, 'cat a.txt b.txt');
    expect(received()).toBe(2);
    rmSync(lower, { recursive: true });
    mkdirSync(lower);
    writeFileSync(join(lower, 'a.txt'), 'two');
    if (asRoot) spawnSync('chown', ['-R', '-P', '-h', `${owner}:${owner}`, lower]);
    expect(await tryOne(sandbox, { lower }, 'cat a.txt')).toMatchObject({ log: 'two' });
    expect(received()).toBe(3);
  });

  it('keeps few trees over there, and none that was for one run', async () => {
    const folder = world.path('far');
    const sandbox = sandboxOver(connection, { folder });
    const delta = world.tree({ 'b.txt': 'b' }, owner);
    for (let index = 0; index < 4; index += 1) {
      const lower = world.tree({ 'a.txt': `${index}` }, owner);
      expect(await tryOne(sandbox, { lower, delta }, 'cat a.txt b.txt')).toMatchObject({ log: `${index}b` });
    }
    const trees = (): string[] => readdirSync(join(folder, 'trees')).filter((tree) => !tree.endsWith('-empty'));
    await until('the trees to be removed', () => trees().length === 2);
  });

  it('leaves nothing running over there when it is aborted, at whatever moment', async () => {
    const word = uniqueWord();
    const sandbox = sandboxOver(connection);
    const lower = world.tree({ 'big.bin': 'x'.repeat(4 * mebibyte) }, owner);
    const abort = new AbortController();
    const running = tryOne(
      sandbox,
      { lower, signal: abort.signal, onEvent: (event) => event.type === 'output' && abort.abort() },
      `trap '' TERM INT HUP; setsid sh -c 'sleep 300; : ${word}' & echo running; while :; do sleep 300; done; : ${word}`,
    );
    await expect(running).rejects.toThrow(/^The run was cancelled\.$/);
    expect(processesWith(word)).toEqual([]);
    for (const delayMs of [0, 5, 20, 60, 150, 300]) {
      const early = new AbortController();
      const fresh = sandboxOver(connection);
      const begun = tryOne(fresh, { lower, signal: early.signal }, `sleep 300; : ${word}`);
      setTimeout(() => early.abort(), delayMs);
      await expect(begun).rejects.toThrow(/^The run was cancelled\.$/);
      expect(processesWith(word)).toEqual([]);
    }
    expect(connection.isOpen()).toBe(true);
    expect(await tryOne(sandbox, { lower }, 'echo still here')).toMatchObject({ log: 'still here\n' });
  });

  it('knows nothing about the tree when the connection is lost, and nothing goes on over there', async () => {
    const word = uniqueWord();
    const other = await startSshd(keys);
    const lost = await connectTo(link, other, keys);
    const lower = world.tree({}, owner);
    const running = tryOne(
      sandboxOver(lost),
      { lower, onEvent: (event) => event.type === 'output' && void other.kill() },
      `echo running; sleep 300; : ${word}`,
    );
    await expect(running).rejects.toThrow(
      /^The connection to the helper machine was lost, so nothing is known about the tree\.$/,
    );
    await until('the end of what ran', () => processesWith(word).length === 0);
    expect(lost.isOpen()).toBe(false);
    await expect(tryOne(sandboxOver(lost), { lower }, 'true')).rejects.toThrow(/connection .* is closed/);
    await other.close();
  });

  it('bounds what comes back', async () => {
    const lower = world.tree({}, owner);
    const sandbox = sandboxOver(connection);
    const printing = 'head -c 10485760 /dev/zero | tr "\\0" x';
    let live = 0;
    const kept = await tryOne(
      sandbox,
      {
        lower,
        limits: { outputBytes: 16 * mebibyte },
        onEvent: (event) => (live += event.type === 'output' ? event.base64.length : 0),
      },
      printing,
    );
    expect(kept).toMatchObject({ exitCode: 0, limit: null });
    expect(kept.log.length).toBeLessThanOrEqual(limits.logBytes * 2 + 1024);
    expect(kept.omittedBytes).toBeGreaterThan(9 * mebibyte);
    expect(live).toBeLessThan(16 * mebibyte);
    const ended = await tryOne(sandbox, { lower, limits: { outputBytes: mebibyte } }, 'yes');
    expect(ended).toMatchObject({ exitCode: null, limit: 'output' });
  });

  it('believes a machine no more than its own base', async () => {
    const said = async (script: string): Promise<unknown> => {
      const program = world.path('liar');
      const folder = world.path('far');
      const command = leadingTo(program, folder, script);
      const sandbox = sandboxOver(connection, { folder, helper: { kind: 'service', command, program } });
      const lower = world.tree({}, owner);
      const { signal } = new AbortController();
      const request = {
        workspace: { lower, delta: null, remove: [] },
        steps: [{ name: 'a', command: 'true' }],
        limits,
      };
      return await sandbox.run(request, () => undefined, signal);
    };
    const ready = '{"type":"ready","protocol":1,"isolation":[],"missing":[]}';
    expect(await said('echo hello')).toEqual({ ok: false, why: 'The sandbox helper sent a malformed frame.' });
    expect(await said(`echo '{"type":"done"}'`)).toEqual({
      ok: false,
      why: 'The sandbox helper sent "done" out of turn.',
    });
    expect(await said(`echo '${ready}'; exit 4`)).toEqual({
      ok: false,
      why: 'The sandbox helper ended before it was done (exit code 4).',
    });
    expect(await said(`echo '${ready}'; kill -9 $$`)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/SIGKILL/),
    });
    expect(await said(`yes "$(head -c 100000 /dev/zero | tr '\\0' x)" | tr -d '\\n'`)).toEqual({
      ok: false,
      why: expect.stringMatching(/too long|more than one run/),
    });
  });

  it('does not use a program or a tree that did not arrive as it was sent', async () => {
    const lower = world.tree({ 'a.txt': 'sent like this' }, owner);
    const spoiling = (what: string, from: string, to: string): HelperConnection => ({
      ...counting(connection).connection,
      start: (command, streams) =>
        connection.start(command.includes(what) ? command.map((word) => word.replace(from, to)) : command, streams),
    });
    await expect(tryOne(sandboxOver(spoiling('upload', 'cat >', 'head -c 1000 >')), { lower }, 'true')).rejects.toThrow(
      'The sandbox helper did not arrive on the helper machine as it was sent.',
    );
    await expect(
      tryOne(
        sandboxOver(spoiling('take', 'tee "trees/$name.pipe"', 'sed "s/sent/kept/" | tee "trees/$name.pipe"')),
        { lower },
        'true',
      ),
    ).rejects.toThrow('The tree did not arrive on the helper machine as it was sent.');
  });

  it('refuses a tree that is too large, or not there', async () => {
    const lower = world.tree({ 'a.txt': 'x'.repeat(200_000) }, owner);
    await expect(tryOne(sandboxOver(connection, { treeBytesMax: 100_000 }), { lower }, 'true')).rejects.toThrow(
      /more than 100000 bytes/,
    );
    await expect(tryOne(sandboxOver(connection), { lower: world.path('none') }, 'true')).rejects.toThrow(/not there/);
    await expect(tryOne(sandboxOver(connection), { lower, delta: world.path('none') }, 'true')).rejects.toThrow(
      /could not be packed/,
    );
  });

  it('extracts as the unprivileged user, into a folder that nothing leads out of', async () => {
    const folder = world.path('far');
    const secret = world.path('secret');
    mkdirSync(secret, { mode: 0o777 });
    // As a hostile archive would: a link to a folder, and what is to be written through it.
    const lower = world.tree({ way: [secret], 'a.txt': 'a' }, owner);
    const before = createHash('sha256').update(readdirSync(secret).join()).digest('hex');
    await tryOne(
      sandboxOver(connection, { folder }),
      { lower, delta: world.tree({ 'way/in.txt': 'in' }, owner), remove: ['way'] },
      'cat way/in.txt',
    );
    expect(createHash('sha256').update(readdirSync(secret).join()).digest('hex')).toBe(before);
    const owners = spawnSync('find', [join(folder, 'trees'), '-mindepth', '1', '-printf', '%U\n'], {
      encoding: 'utf8',
    });
    expect(new Set(owners.stdout.trim().split('\n'))).toEqual(new Set([`${owner}`]));
  });
});
