/** Working trees that are not as plain as they look: `patchgit apply` does the exact thing there, or nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyOffline } from './offline.ts';
import { git } from './testing/repository.ts';
import { good, queue, wanted } from './testing/sample.ts';

let folder: string;
let repository: string;

function sh(command: string, cwd = repository): string {
  return execFileSync('sh', ['-ec', command], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'o',
      GIT_AUTHOR_EMAIL: 'o@o',
      GIT_COMMITTER_NAME: 'o',
      GIT_COMMITTER_EMAIL: 'o@o',
    },
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-places-'));
  repository = join(folder, 'work');
  mkdirSync(join(repository, 'src'), { recursive: true });
  writeFileSync(join(repository, 'src/queue.js'), queue);
  writeFileSync(join(repository, 'other.txt'), 'other\n');
  sh('git init -q && git add -A && git commit -qm base');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const apply = (patch: string, where = repository): ReturnType<typeof applyOffline> =>
  applyOffline(git, { repository: where, patch: Buffer.from(patch) });
const touched = (root = repository): string => readFileSync(join(root, 'src/queue.js'), 'utf8');
const fresh = (path: string): string => `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;

describe('a working tree', () => {
  it('that is linked to a repository elsewhere is changed like any other', async () => {
    sh('git worktree add -q ../linked -b side && cd ../linked && echo more >> other.txt && git commit -qam more');
    const linked = join(folder, 'linked');
    const patch = `${good}--- a/other.txt\n+++ b/other.txt\n@@ -1,2 +1 @@\n other\n-more\n`;
    expect(await apply(patch, linked)).toMatchObject({ ok: true });
    expect(touched(linked)).toBe(wanted);
    expect(readFileSync(join(linked, 'other.txt'), 'utf8')).toBe('other\n');
    expect(touched()).toBe(queue);
    expect(sh('find .git -name "patchgit-*"')).toBe('');
  });

  it('whose file differs in its line ends only is refused with that reason', async () => {
    sh('git config core.autocrlf true && rm src/queue.js && git checkout -q -- src/queue.js');
    expect(touched()).toBe(queue.replaceAll('\n', '\r\n'));
    const done = await apply(good);
    expect(done).toMatchObject({ ok: false, why: { code: 'patch_does_not_apply', file: 'src/queue.js' } });
    expect(!done.ok && done.why.message).toContain('line ends');
    expect(touched()).toBe(queue.replaceAll('\n', '\r\n'));
  });

  it('gets the exact bytes of the patch, whatever core.autocrlf says', async () => {
    sh('git config core.autocrlf true');
    expect(await apply(good + fresh('new.txt'))).toMatchObject({ ok: true });
    expect(touched()).toBe(wanted);
    expect(readFileSync(join(repository, 'new.txt'), 'utf8')).toBe('x\n');
  });

  it('that leaves the touched file out of its sparse checkout is refused with that reason', async () => {
    sh('git sparse-checkout set --no-cone /other.txt');
    expect(existsSync(join(repository, 'src'))).toBe(false);
    const done = await apply(good);
    expect(!done.ok && done.why.message).toContain('sparse');
    expect(existsSync(join(repository, 'src'))).toBe(false);
    expect(await apply('--- a/other.txt\n+++ b/other.txt\n@@ -1 +1 @@\n-other\n+same\n')).toMatchObject({ ok: true });
  });

  it('with a pipe in the place of a touched file is refused instead of waited for', async () => {
    rmSync(join(repository, 'src/queue.js'));
    sh('mkfifo src/queue.js');
    expect(await apply(good)).toMatchObject({ ok: false, why: { code: 'patch_does_not_apply' } });
    expect(lstatSync(join(repository, 'src/queue.js')).isFIFO()).toBe(true);
  });

  it('keeps what lies untracked beside the touched files, and changes that the patch does not touch', async () => {
    writeFileSync(join(repository, 'src/mine.txt'), 'mine\n');
    writeFileSync(join(repository, 'other.txt'), 'changed\n');
    expect(await apply(good)).toMatchObject({ ok: true });
    expect(sh('git status --porcelain')).toBe(' M other.txt\n M src/queue.js\n?? src/mine.txt\n');
  });

  it('does not lose an untracked file below a folder that becomes a file', async () => {
    writeFileSync(join(repository, 'src/mine.txt'), 'mine\n');
    const lines = queue.split('\n').slice(0, -1);
    const removed = `--- a/src/queue.js\n+++ /dev/null\n@@ -1,${lines.length} +0,0 @@\n${lines.map((line) => `-${line}\n`).join('')}`;
    expect(await apply(removed + fresh('src'))).toMatchObject({ ok: false, why: { code: 'patch_file_exists' } });
    expect(touched()).toBe(queue);
  });

  it('with a submodule is never changed inside of it', async () => {
    sh('git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),sub" && git commit -qm sub && mkdir sub');
    for (const patch of [
      good + fresh('sub/x.txt'),
      `${good}diff --git a/sub b/sub\ndeleted file mode 160000\nindex 1111111..0000000\n--- a/sub\n+++ /dev/null\n@@ -1 +0,0 @@\n-Subproject commit ${'1'.repeat(40)}\n`,
    ]) {
      expect((await apply(patch)).ok).toBe(false);
      expect(touched()).toBe(queue);
      expect(existsSync(join(repository, 'sub/x.txt'))).toBe(false);
    }
  });
});

describe('a place that is no working tree', () => {
  it.each<[string, () => string, string]>([
    [
      'a bare repository',
      (): string => {
        sh('git clone -q --bare . ../bare.git');
        return join(folder, 'bare.git');
      },
      'bare repository',
    ],
    ['a folder inside of a repository', (): string => join(repository, 'src'), 'inside of the repository'],
    ['a folder without a repository', (): string => folder, 'no .git folder'],
    ['a file', (): string => join(repository, 'other.txt'), 'not a folder'],
    ['nothing', (): string => join(folder, 'nowhere'), 'There is no folder'],
  ])('is refused with its reason: %s', async (_, make, words) => {
    const done = await apply(good, make());
    expect(done).toMatchObject({ ok: false, why: { code: 'repository_not_git' } });
    expect(!done.ok && done.why.message).toContain(words);
    expect(touched()).toBe(queue);
  });
});
