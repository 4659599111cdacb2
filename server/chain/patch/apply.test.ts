import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { readIndex, writeIndex } from '../../resources/repo/index-file.ts';
import { judgeTree } from './judge.ts';
import { withObjects } from './objects.ts';
import { readPatch } from './read.ts';
import { git, makeQuarantine, makeRepository, type Repository } from './testing/repository.ts';
import { good, sample } from './testing/sample.ts';

let repository: Repository;
let base: ObjectId;

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(sample);
});
afterAll(() => repository.remove());

const added = (path: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;

function apply(patch: string, files: readonly string[]): ReturnType<typeof applyPatch> {
  return applyPatch(git, {
    gitDir: repository.gitDir,
    base,
    patch: Buffer.from(patch),
    files,
    ...makeQuarantine(repository),
  });
}

describe('applying on the touched paths', () => {
  it('keeps a wrong list of files from giving a wrong tree', async () => {
    // git would silently drop everything below "src" for a file of that name, and the base's file for a new one.
    expect(await apply(added('src'), ['src'])).toMatchObject({ ok: false, why: { code: 'patch_file_exists' } });
    expect(await apply(added('src'), [])).toMatchObject({ ok: false });
    expect(await apply(added('readme.md'), [])).toMatchObject({ ok: false, why: { code: 'patch_file_exists' } });
    expect(await apply(added('readme.md/x'), ['readme.md/x'])).toMatchObject({ ok: false });
    expect(await apply(added('link/x'), [])).toMatchObject({ ok: false, why: { code: 'patch_path_symlink' } });
    const right = await apply(good, ['src/queue.js']);
    expect(right).toMatchObject({
      ok: true,
      value: { rows: [{ path: 'src/queue.js', oldMode: '100644', newMode: '100644' }] },
    });
    expect(await apply(good, [])).toEqual(right);
  });

  it('says what git said, in our words', async () => {
    for (const [patch, code] of [
      [good.replace('queue.push', 'queue.pop'), 'patch_does_not_apply'],
      [good.replaceAll('queue.js', 'none.js'), 'patch_file_missing'],
      [good.slice(0, -20), 'patch_corrupt'],
      ['nothing\n', 'patch_not_a_diff'],
      [added('.git/x'), 'patch_path_git'],
      [added('../x'), 'patch_path_outside'],
    ] as const) {
      expect(await apply(patch, ['src/queue.js'])).toMatchObject({ ok: false, why: { code } });
    }
  });

  it('takes nothing of a patch that git read only in part', async () => {
    // git says "corrupt binary patch", exits with 0, and would have applied the first file.
    const damaged = `diff --git a/image.bin b/image.bin\nindex ${'1'.repeat(40)}..${'2'.repeat(40)} 100644\nGIT binary patch\nliteral 2\nJcmd;L&amp;\n\n`;
    expect(await apply(good + damaged, ['src/queue.js', 'image.bin'])).toMatchObject({
      ok: false,
      why: { code: 'patch_corrupt' },
    });
  });

  it('stops when it is told to', async () => {
    const stopped = AbortSignal.abort();
    const request = {
      gitDir: repository.gitDir,
      base,
      patch: Buffer.from(good),
      files: ['src/queue.js'],
      signal: stopped,
      ...makeQuarantine(repository),
    };
    await expect(applyPatch(git, request)).rejects.toThrow(/could not/);
  });

  it('costs the same number of processes in a large repository as in a small one', async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`many/${at % 50}/${at}.txt`, `${at}\n`]));
    const large = repository.commit({ ...sample, ...many });
    for (const commit of [base, large]) {
      const commands: string[] = [];
      const counting: typeof git = {
        ...git,
        run: (request) => (commands.push(request.args[0] ?? ''), git.run(request)),
        openObjects: (request) => (commands.push('objects'), git.openObjects(request)),
      };
      const place = { gitDir: repository.gitDir, base: commit, ...makeQuarantine(repository) };
      await withObjects(counting, place, async (objects) => {
        const reader = gitBaseReader(counting, place.gitDir, commit, undefined, { objects });
        const read = await readPatch(Buffer.from(added('new/file') + good), reader);
        if (!read.ok) throw new Error(read.why.message);
        const request = { ...place, objects, patch: read.value.bytes, files: read.value.files };
        const applied = await applyPatch(counting, request);
        if (!applied.ok) throw new Error(applied.why.message);
        expect(await judgeTree(counting, { ...place, objects, ...applied.value })).toBeNull();
      });
      expect(commands).toEqual(['objects', 'apply', 'diff-tree']);
    }
  });

  it('leaves the mirror as it was', async () => {
    const listing = (): string =>
      createHash('sha256')
        .update(readdirSync(repository.gitDir, { recursive: true }).join('\n'))
        .digest('hex');
    const before = listing();
    await apply(good, ['src/queue.js']);
    await apply(added('src'), ['src']);
    expect(listing()).toBe(before);
  });
});

describe('the index file', () => {
  it('is one that git reads, and reads what git writes', async () => {
    const { indexFile } = makeQuarantine(repository);
    const oid = '78981922613b2afb6025042ff6bd878ac1994e85';
    const entries = new Map(
      ['b', 'b1/c', 'a'.repeat(7), 'a'.repeat(8), 'latin\udce9', '\u00e9'].map(
        (path, at) => [path === 'b' ? 'b0' : path, { mode: at === 1 ? '100755' : '100644', oid }] as const,
      ),
    );
    await writeIndex(indexFile, entries, 20);
    const run = (...args: string[]): string =>
      execFileSync('git', [`--git-dir=${repository.gitDir}`, `--work-tree=${repository.folder}`, ...args], {
        env: { PATH: '/usr/bin:/bin', GIT_INDEX_FILE: indexFile },
      }).toString('latin1');
    expect(run('ls-files', '-s', '-z').split('\0').length).toBe(entries.size + 1);
    expect(run('ls-files', '-s')).toContain('100755');
    run('update-index', '--force-remove', 'b0');
    const after = await readIndex(indexFile, 20);
    expect([...after.keys()].toSorted()).toEqual([...entries.keys()].filter((path) => path !== 'b0').toSorted());
    expect(readFileSync(join(indexFile)).toString('latin1', 0, 4)).toBe('DIRC');
  });
});
