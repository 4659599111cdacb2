/** A patch read behind a socket, by the program of its unit, against the same patch read by git right here. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GitAnswer, GitRequest } from '../ports.ts';
import { applyBehindSocket, findApplySocket, readsPatch } from './git-apply-socket.ts';
import { hardenedGit } from './git.ts';

const world = mkdtempSync(join(tmpdir(), 'patchgit-apply-'));
const path = process.env['PATH'] ?? '/usr/bin:/bin';
const gitDir = join(world, 'mirror.git');
const program = new URL('../../systemd/apply.sh', import.meta.url).pathname;
const git = hardenedGit({ path });
const memoryBytesMax = 512 * 1024 * 1024;
const args = ['apply', '--cached', '--whitespace=nowarn', '-p1', '-'];
const patch =
  '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n--- /dev/null\n+++ b/new/b.txt\n@@ -0,0 +1 @@\n+new\n';

let base = '';
let count = 0;
/** Where an empty quarantine is, with the base in its index. */
async function place(): Promise<Required<Pick<GitRequest, 'gitDir' | 'indexFile' | 'objectsDir'>>> {
  count += 1;
  const home = join(world, `quarantine-${count}`);
  mkdirSync(join(home, 'objects'), { recursive: true });
  const at = { gitDir, indexFile: join(home, 'index'), objectsDir: join(home, 'objects') };
  expect((await git.run({ ...at, args: ['read-tree', base] })).code).toBe(0);
  return at;
}

async function treeOf(at: Awaited<ReturnType<typeof place>>): Promise<string> {
  return (await git.run({ ...at, args: ['write-tree'] })).stdout.toString('utf8').trim();
}

beforeAll(async () => {
  chmodSync(world, 0o755);
  const work = join(world, 'work');
  mkdirSync(work);
  writeFileSync(join(work, 'a.txt'), 'one\n');
  const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.com'];
  const run = (...words: string[]): string => execFileSync('git', ['-C', work, ...who, ...words], { encoding: 'utf8' });
  run('init', '-q');
  run('add', '.');
  run('commit', '-qm', 'first');
  base = run('rev-parse', 'HEAD').trim();
  execFileSync('git', ['clone', '-q', '--bare', work, gitDir]);
});
afterAll(() => rmSync(world, { recursive: true, force: true }));

async function serve(answer: (server: Server) => Server): Promise<{ socketPath: string; server: Server }> {
  count += 1;
  const socketPath = join(world, `socket-${count}`);
  const server = answer(createServer({ allowHalfOpen: true, pauseOnConnect: true })).listen(socketPath);
  await once(server, 'listening');
  return { socketPath, server };
}

describe('a patch read behind a socket', () => {
  let here: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    // As its unit has it: everything read-only, a /tmp of its own.
    const walls = [
      '--ro-bind',
      '/',
      '/',
      '--tmpfs',
      '/tmp',
      '--ro-bind',
      world,
      world,
      '--ro-bind',
      program,
      '/tmp/apply.sh',
    ];
    here = await serve((server) =>
      server.on('connection', (socket) => {
        const words = [...walls, '--dev', '/dev', '--proc', '/proc', '--die-with-parent', 'sh', '/tmp/apply.sh'];
        const child = spawn('sh', ['-c', 'exec bwrap "$@"', 'sh', ...words], {
          stdio: [socket, socket, 'inherit'],
          env: { PATH: path },
        });
        child.once('spawn', () => socket.destroy());
      }),
    );
  });
  afterAll(() => here?.server.close());

  it('gives the tree that git gives here, and the objects it is made of', async () => {
    const [near, far] = [await place(), await place()];
    const request = { args, stdin: patch, memoryBytesMax };
    expect(await git.run({ ...near, ...request })).toMatchObject({ code: 0 });
    expect(await applyBehindSocket(here.socketPath, path, { ...far, ...request })).toEqual({
      code: 0,
      stdout: Buffer.alloc(0),
      stderr: '',
      ended: null,
    });
    expect(await treeOf(far)).toBe(await treeOf(near));
    const objects = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).toSorted();
    expect(objects(far.objectsDir)).toEqual(objects(near.objectsDir));
  });

  it('sees what an earlier patch of the same job has made', async () => {
    const at = await place();
    const again = '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-two\n+three\n';
    for (const stdin of [patch, again]) {
      const answer = await applyBehindSocket(here.socketPath, path, { ...at, args, stdin: Promise.resolve(stdin) });
      expect(answer).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it.each([
    ['one that does not fit', '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-other\n+two\n'],
    ['one that is none', 'hello\n'],
    ['one that leaves the tree', '--- /dev/null\n+++ b/../../x\n@@ -0,0 +1 @@\n+x\n'],
    ['none at all', ''],
  ])('is refused in the words of git, and leaves nothing: %s', async (_, stdin) => {
    const [near, far] = [await place(), await place()];
    const before = readFileSync(far.indexFile);
    const answer = await applyBehindSocket(here.socketPath, path, { ...far, args, stdin });
    expect(answer).toEqual(await git.run({ ...near, args, stdin }));
    expect(readdirSync(far.objectsDir)).toEqual([]);
    expect(readFileSync(far.indexFile)).toEqual(before);
  });

  it('has the cap on memory of any git that reads a patch', async () => {
    const at = await place();
    const delta = Buffer.from([4, 0x80, 0x80, 0x80, 0x80, 8, 0x90, 4]);
    const packed = deflateSync(delta);
    const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
    let encoded = '';
    for (let from = 0; from < packed.length; from += 4) {
      let word = packed.subarray(from, from + 4).reduce((sum, byte, at) => sum + byte * 256 ** (3 - at), 0);
      let five = '';
      for (let digit = 0; digit < 5; digit += 1) {
        five = (letters[word % 85] ?? '') + five;
        word = Math.floor(word / 85);
      }
      encoded += five;
    }
    const oid = execFileSync('git', ['--git-dir', gitDir, 'rev-parse', `${base}:a.txt`], { encoding: 'utf8' }).trim();
    const head = `diff --git a/a.txt b/a.txt\nindex ${oid}..${'1'.repeat(40)} 100644\nGIT binary patch\n`;
    const bomb = `${head}delta ${delta.length}\n${String.fromCharCode(64 + packed.length)}${encoded}\n\n`;
    const answer = await applyBehindSocket(here.socketPath, path, { ...at, args, stdin: bomb, memoryBytesMax });
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).toMatch(/out of memory/i);
  });

  it('is given up when its job is, also before it has come', async () => {
    const at = await place();
    const abort = new AbortController();
    const never = Promise.withResolvers<string>();
    const waiting = applyBehindSocket(here.socketPath, path, {
      ...at,
      args,
      stdin: never.promise,
      signal: abort.signal,
    });
    abort.abort();
    never.reject(new Error('no patch'));
    expect(await waiting).toMatchObject({ ended: 'aborted' });
  });
});

describe('a reader that has been taken over', () => {
  const blob = (content: string): { oid: string; bytes: Buffer } => {
    const body = Buffer.from(`blob ${content.length}\0${content}`);
    return { oid: createHash('sha1').update(body).digest('hex'), bytes: deflateSync(body) };
  };
  const entry = (name: string, content: Buffer, type = '0'): Buffer => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
  };
  const good = blob('good');
  const nameOf = ({ oid }: { oid: string }): string => `objects/${oid.slice(0, 2)}/${oid.slice(2)}`;
  const end = Buffer.alloc(1024);
  let at: Awaited<ReturnType<typeof place>>;
  beforeEach(async () => {
    at = await place();
  });

  const hear = async (...said: (Buffer | string)[]): Promise<GitAnswer> => {
    const { socketPath, server } = await serve((each) =>
      each.on('connection', (socket) => {
        socket.resume().on('end', () => socket.end(Buffer.concat(said.map((part) => Buffer.from(part)))));
      }),
    );
    try {
      return await applyBehindSocket(socketPath, path, { ...at, args, stdin: patch });
    } finally {
      server.close();
    }
  };
  const index = (): Buffer => entry('index', readFileSync(at.indexFile));

  it('is believed when what it says is sound', async () => {
    expect(await hear('0 0\n', index(), entry(nameOf(good), good.bytes), end)).toMatchObject({ code: 0 });
    expect(readdirSync(at.objectsDir)).toEqual([good.oid.slice(0, 2)]);
  });

  it.each<[string, () => (Buffer | string)[]]>([
    ['says nothing', () => []],
    ['says no code', () => ['yes\n']],
    ['sends no index', () => ['0 0\n', entry(nameOf(good), good.bytes), end]],
    ['sends an archive that is cut short', () => ['0 0\n', index().subarray(0, 700)]],
    ['sends an object under another name', () => ['0 0\n', index(), entry(nameOf(blob('other')), good.bytes), end]],
    ['sends an object that is none', () => ['0 0\n', index(), entry(nameOf(good), Buffer.from('plain')), end]],
    ['names a file elsewhere', () => ['0 0\n', index(), entry('objects/../../../escaped', good.bytes), end]],
    ['names an alternate', () => ['0 0\n', index(), entry('objects/info/alternates', Buffer.from('/etc')), end]],
    ['sends a link', () => ['0 0\n', index(), entry(nameOf(good), Buffer.alloc(0), '2'), end]],
    [
      'sends a size that is none',
      () => {
        const wrong = entry(nameOf(good), good.bytes);
        wrong.write('-1', 124);
        return ['0 0\n', index(), wrong, end];
      },
    ],
  ])('is not believed when it %s, and nothing of it is kept', async (_, said) => {
    const before = readFileSync(at.indexFile);
    await expect(hear(...said())).rejects.toThrow(/^git: could not/);
    expect(readdirSync(at.objectsDir, { recursive: true })).toEqual([]);
    expect(readFileSync(at.indexFile)).toEqual(before);
    expect(readdirSync(world)).not.toContain('escaped');
  });
});

it('a socket that is not there is no reason to read the patch here', async () => {
  const at = await place();
  const asked = applyBehindSocket(join(world, 'none'), path, { ...at, args, stdin: patch });
  await expect(asked).rejects.toThrow('git: could not have a patch read by the run user');
});

it('is used where the environment of the daemon names a socket, for what reads a patch', () => {
  expect(findApplySocket({})).toBeNull();
  expect(findApplySocket({ PATCHGIT_APPLY_SOCKET: '/run/apply.sock' })).toBe('/run/apply.sock');
  expect(() => findApplySocket({ PATCHGIT_APPLY_SOCKET: 'apply.sock' })).toThrow('absolute');
  expect([args, ['write-tree'], ['diff-tree']].map((words) => readsPatch({ gitDir, args: words }))).toEqual([
    true,
    false,
    false,
  ]);
});
