/** Links, submodules and types: what a patch can turn into what, and where links of the base lead afterwards. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';

let repository: Repository;
let base: ObjectId;

const linkTo = (target: string) => ({
  mode: '120000' as const,
  content: Buffer.from(target),
});

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit({
    'top.txt': 'top\n',
    text: '/etc/passwd',
    'p/x': 'x\n',
    'p/q/a/file.txt': 'one\n',
    'deep/er/file.txt': 'deep\n',
    // Inside while p/q/a is a folder: p/q/a/../../x is p/x.
    looks: linkTo('p/q/a/../../x'),
    plain: linkTo('top.txt'),
    'was-folder': linkTo('deep/er'),
    back: linkTo('was-folder/../../top.txt'),
  });
});
afterAll(() => repository.remove());

const removed = (path: string, line: string): string =>
  `diff --git a/${path} b/${path}\ndeleted file mode 100644\n--- a/${path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-${line}\n`;
const unlinked = (path: string, target: string): string =>
  `diff --git a/${path} b/${path}\ndeleted file mode 120000\n--- a/${path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-${target}\n\\ No newline at end of file\n`;
const linked = (path: string, target: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 120000\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`;
const added = (path: string, line: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${line}\n`;

async function codeOf(patch: string): Promise<string> {
  const tried = await tryPatch(repository, base, patch);
  return tried.ok ? 'applied' : `${tried.why.code} ${tried.why.file ?? ''}`.trim();
}

describe('a link of the base', () => {
  it('must not be led outside by a folder that turns into a link', async () => {
    const swap = removed('p/q/a/file.txt', 'one') + linked('p/q/a', '../../deep');
    expect(await codeOf(swap)).toBe('patch_symlink_outside looks');
  });
  it('must not be led outside by a link that turns into a folder', async () => {
    const swap = unlinked('was-folder', 'deep/er') + added('was-folder/file.txt', 'new');
    expect(await codeOf(swap)).toBe('patch_symlink_outside back');
  });
  it('must not be led outside by a link that is turned elsewhere, or that goes away', async () => {
    const turn = `diff --git a/was-folder b/was-folder\n--- a/was-folder\n+++ b/was-folder\n@@ -1 +1 @@\n-deep/er\n\\ No newline at end of file\n+deep\n\\ No newline at end of file\n`;
    // was-folder -> deep: was-folder/../../top.txt is one level too high.
    expect(await codeOf(turn)).toBe('patch_symlink_outside back');
    expect(await codeOf(unlinked('was-folder', 'deep/er'))).toBe('patch_symlink_outside back');
  });
  it('that stays inside is no reason to refuse', async () => {
    expect(await codeOf(linked('another', 'p/x'))).toBe('applied');
    expect(await codeOf(removed('p/q/a/file.txt', 'one') + linked('p/q/a', '../q2/r') + added('p/q2/r/x', 'y'))).toBe(
      'applied',
    );
    expect(await codeOf(unlinked('plain', 'top.txt') + added('plain/x', 'y'))).toBe('applied');
  });
});

describe('types', () => {
  it.each<[string, string, string]>([
    [
      'a text file that is turned into a link by its mode alone',
      'diff --git a/text b/text\nold mode 100644\nnew mode 120000\n',
      'patch_corrupt',
    ],
    [
      'the same as git writes it',
      removed('text', '/etc/passwd\n\\ No newline at end of file') + linked('text', '/etc/passwd'),
      'patch_symlink_outside text',
    ],
    [
      'a new link and, later in the patch, the link it leads through',
      linked('one', 'two/../..') + linked('two', 'p/q'),
      'applied',
    ],
    [
      'a new link, and later in the patch a link that leads it outside',
      linked('one', 'two/../../x') + linked('two', 'p'),
      'patch_symlink_outside one',
    ],
    ['a link to itself', linked('loop', 'loop'), 'applied'],
    ['links in a circle', linked('one', 'two') + linked('two', 'one'), 'applied'],
    ['.gitmodules behind a link', linked('.gitmodules', 'p/x'), 'patch_submodule .gitmodules'],
    ['a link that disguises git', linked('.git', 'p'), 'patch_path_git .git'],
    [
      'set-uid on a file that is there',
      'diff --git a/top.txt b/top.txt\nold mode 100644\nnew mode 104755\n',
      'patch_mode_refused top.txt',
    ],
    ['set-gid', added('x', 'y').replace('100644', '102755'), 'patch_mode_refused x'],
    ['sticky', added('x', 'y').replace('100644', '101755'), 'patch_mode_refused x'],
  ])('%s', async (_what, patch, expected) => {
    expect(await codeOf(patch)).toBe(expected);
  });
});

describe('submodules', () => {
  const commit = '1'.repeat(40);
  let withModule: ObjectId;
  beforeAll(() => {
    const content = `M 160000 ${commit} sub\nM 100644 inline a.txt\ndata 2\na\n\n`;
    execFileSync('git', [`--git-dir=${repository.gitDir}`, 'fast-import', '--quiet'], {
      input: `commit refs/heads/module\ncommitter o <o@o> 1700000000 +0000\ndata 1\nx\n${content}`,
    });
    withModule = ObjectId.parse(
      execFileSync('git', [`--git-dir=${repository.gitDir}`, 'rev-parse', 'refs/heads/module'])
        .toString()
        .trim(),
    );
  });
  it.each<[string, string]>([
    [
      'a changed one',
      `diff --git a/sub b/sub\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit ${commit}\n+Subproject commit ${'2'.repeat(40)}\n`,
    ],
    [
      'a changed one with its mode',
      `diff --git a/sub b/sub\nindex ${commit.slice(0, 7)}..2222222 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit ${commit}\n+Subproject commit ${'2'.repeat(40)}\n`,
    ],
    [
      'a removed one',
      `diff --git a/sub b/sub\ndeleted file mode 160000\n--- a/sub\n+++ /dev/null\n@@ -1 +0,0 @@\n-Subproject commit ${commit}\n`,
    ],
    ['one that becomes a file', `diff --git a/sub b/sub\nold mode 160000\nnew mode 100644\n`],
    ['one that moves', 'diff --git a/sub b/other\nsimilarity index 100%\nrename from sub\nrename to other\n'],
  ])('%s is refused', async (_what, patch) => {
    const tried = await tryPatch(repository, withModule, patch);
    expect(tried.ok ? 'applied' : tried.why.code).toBe('patch_submodule');
  });
  it('a file below one is refused', async () => {
    const tried = await tryPatch(repository, withModule, added('sub/x', 'y'));
    expect(tried.ok).toBe(false);
  });
});
