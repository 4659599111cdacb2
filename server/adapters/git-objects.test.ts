import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PortError, type GitObjects } from '../ports.ts';
import { until } from '../testing/wait.ts';
import { hardenedGit } from './git.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
const git = hardenedGit({ path });
let folder: string;
let gitDir: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-objects-'));
  gitDir = join(folder, 'bare.git');
  execFileSync('git', ['init', '-q', '--bare', gitDir]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function store(content: string | Buffer, objectsDir?: string): Promise<string> {
  const stdin = Buffer.from(content);
  const place = objectsDir === undefined ? {} : { objectsDir };
  return (await git.run({ gitDir, args: ['hash-object', '-w', '--stdin'], stdin, ...place })).stdout.toString().trim();
}

/** A git that answers with `script`; it notes its process in the file `pid`. */
function falseGit(script: string): { git: typeof git; isGone: () => boolean } {
  const home = mkdtempSync(join(folder, 'false-'));
  writeFileSync(join(home, 'git'), `#!/bin/sh\necho $$ > ${home}/pid\n${script}\n`);
  chmodSync(join(home, 'git'), 0o755);
  const isGone = (): boolean => {
    // Ended before it could write its number down: 0 would mean this process's own group.
    const pid = existsSync(join(home, 'pid')) ? Number(readFileSync(join(home, 'pid'), 'utf8')) : 0;
    if (pid === 0) return true;
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  return { git: hardenedGit({ path: `${home}:${path}` }), isGone };
}

async function reading<T>(work: (objects: GitObjects) => Promise<T>, with_ = git): Promise<T> {
  const objects = with_.openObjects({ gitDir });
  try {
    return await work(objects);
  } finally {
    await objects.close();
  }
}

const one = '1'.repeat(40);
const two = '2'.repeat(40);

describe('one process that answers for objects', () => {
  it('gives each object whole and in the order asked, and null for what is not there', async () => {
    const contents = ['', 'one\n', '\n\n', Buffer.alloc(3_000_000, 'line\n'), Buffer.from([0, 10, 255, 10])];
    const oids: string[] = [];
    for (const content of contents) oids.push(await store(content));
    await reading(async (objects) => {
      const asked = [oids[3] ?? '', one, ...oids.toReversed()];
      const [heads, found] = await Promise.all([objects.heads(asked), objects.contents(asked, 10_000_000)]);
      const expected = [contents[3], null, ...contents.toReversed()].map((each) => each && Buffer.from(each));
      expect(heads).toEqual(
        expected.map((each) => (each === null ? null : { type: 'blob', bytes: each?.length ?? 0 })),
      );
      expect(found.map((each) => each?.content.toString('latin1') ?? null)).toEqual(
        expected.map((each) => (each === '' ? '' : (each?.toString('latin1') ?? null))),
      );
      expect(await objects.contents([], 0)).toEqual([]);
    });
  });

  it('sees what is written while it is open, in the quarantine alone', async () => {
    const objectsDir = join(folder, 'quarantine');
    mkdirSync(objectsDir);
    const objects = git.openObjects({ gitDir, objectsDir });
    const oid = await store('before', objectsDir);
    expect(await objects.heads([oid])).toEqual([{ type: 'blob', bytes: 6 }]);
    const later = await store('written later', objectsDir);
    expect((await objects.contents([later], 100))[0]?.content.toString()).toBe('written later');
    await objects.close();
    expect(await reading((mirror) => mirror.heads([oid, later]))).toEqual([null, null]);
  });

  it('is asked by full object names and by nothing else', async () => {
    for (const name of ['HEAD', `${one}\ninfo ${two}`, one.slice(1), `${one}:a`, '']) {
      await expect(reading((objects) => objects.heads([name]))).rejects.toThrow(/full name/);
    }
  });

  it.each([
    ['another object', `echo ${two} blob 1; echo x`],
    ['objects out of order', `printf '${two} blob 1\\nx\\n${one} blob 1\\nx\\n'`],
    ['no name', `echo blob 1; echo x`],
    ['a type that does not exist', `echo ${one} bomb 1; echo x`],
    ['an object that ends early', `printf '${one} blob 9\\nshort'`],
    ['one object of two', `printf '${one} blob 1\\nx\\n'`],
    ['an object longer than it says', `printf '${one} blob 1\\nxx\\n'`],
    ['an object larger than allowed', `echo ${one} blob 101`],
    ['a head without an end', `head -c 1000 /dev/zero | tr '\\0' a; exec sleep 60`],
    ['nothing', `exit 0`],
    ['an error', `echo no such folder >&2; exit 128`],
  ])('takes %s for no answer, and ends the process', async (_, script) => {
    const { git: wrong, isGone } = falseGit(script);
    const objects = wrong.openObjects({ gitDir });
    const asking = objects.contents([one, two], 100);
    await expect(asking).rejects.toThrow(PortError);
    await expect(objects.heads([one])).rejects.toThrow(PortError);
    await objects.close();
    await until('it is gone', isGone);
  });

  it('takes no answer that nobody asked for', async () => {
    const { git: wrong } = falseGit(`read line; printf '${one} blob 1\\n${two} blob 1\\n'; cat > ${folder}/nothing`);
    const objects = wrong.openObjects({ gitDir });
    await objects.heads([one]).catch(() => undefined);
    await expect(objects.heads([two])).rejects.toThrow(PortError);
    await objects.close();
  });

  it('ends at its clock, when it is aborted, and with the one who opened it', async () => {
    const { git: silent, isGone } = falseGit('exec sleep 60');
    const slow = silent.openObjects({ gitDir, wallMs: 50 });
    await expect(slow.heads([one])).rejects.toThrow(PortError);
    await slow.close();
    await until('it is gone', isGone);
    const abort = new AbortController();
    const aborted = silent.openObjects({ gitDir, signal: abort.signal });
    const asking = aborted.heads([one]);
    abort.abort();
    await expect(asking).rejects.toThrow(PortError);
    await aborted.close();
    await until('it is gone', isGone);
    const unused = git.openObjects({ gitDir });
    await unused.close();
    await unused.close();
    await expect(unused.heads([one])).rejects.toThrow(PortError);
  });

  it('says when git cannot be started', async () => {
    const objects = hardenedGit({ path: join(folder, 'nowhere') }).openObjects({ gitDir });
    await expect(objects.heads([one])).rejects.toThrow(PortError);
    await objects.close();
  });

  it('runs within the memory it may have', async () => {
    const { git: greedy } = falseGit(`head -c 300000000 /dev/zero | tail | wc -c; exec sleep 60`);
    const objects = greedy.openObjects({ gitDir, memoryBytesMax: 64 * 1024 * 1024 });
    await expect(objects.heads([one])).rejects.toThrow(PortError);
    await objects.close();
  });
});
