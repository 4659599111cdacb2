import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';
import { good, goodHunk, queue, sample } from './testing/sample.ts';

let repository: Repository;
let base: ObjectId;

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(sample);
});
afterAll(() => repository.remove());

type Where = { file?: string; hunk?: number; line?: number; message?: RegExp };

async function expectRefusal(patch: string | Buffer, code: string, where: Where = {}): Promise<void> {
  const tried = await tryPatch(repository, base, patch);
  if (tried.ok) throw new Error(`applied: ${JSON.stringify(tried.value.mends)}`);
  expect(tried.why.code).toBe(code);
  const { message, ...place } = where;
  expect(tried.why).toMatchObject(place);
  if (message) expect(tried.why.message).toMatch(message);
}

const added = (path: string, mode = '100644', content = 'x'): string =>
  `diff --git a/${path} b/${path}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${content}\n`;
const linked = (path: string, target: string): string =>
  `${added(path, '120000', target)}\\ No newline at end of file\n`;

describe('hostile patches', () => {
  it.each<[string, string, string]>([
    [
      'an absolute path',
      good.replaceAll('a/src', '/home/me/src').replaceAll('b/src', '/home/me/src'),
      'patch_path_outside',
    ],
    ['an absolute path behind a prefix', added('/etc/cron.d/x'), 'patch_path_outside'],
    ['a Windows drive', `--- C:\\src\\queue.js\n+++ C:\\src\\queue.js\n${goodHunk}`, 'patch_path_outside'],
    ['..', added('../x'), 'patch_path_outside'],
    ['.. in the middle', added('src/../../x'), 'patch_path_outside'],
    ['.. behind backslashes', added('src\\..\\..\\x'), 'patch_path_outside'],
    ['.. in octal', '--- /dev/null\n+++ "b/\\056\\056/x"\n@@ -0,0 +1 @@\n+x\n', 'patch_path_outside'],
    ['an empty part', added('src//x'), 'patch_path_outside'],
    ['git hooks', added('.git/hooks/post-checkout', '100755'), 'patch_path_git'],
    ['git hooks in capitals', added('.GiT/hooks/x'), 'patch_path_git'],
    ['git below a folder', added('src/.git/config'), 'patch_path_git'],
    ['the short name of git', added('GIT~1/config'), 'patch_path_git'],
    ['git with a trailing dot', added('.git./config'), 'patch_path_git'],
    ['a stream of git', added('.git::$INDEX_ALLOCATION/config'), 'patch_path_git'],
    ['git with an invisible character', added('.g\u200cit/config'), 'patch_path_git'],
    ['git in wide letters', added('.\uff47\uff49\uff54/config'), 'patch_path_git'],
    ['git behind a backslash', added('src\\.git\\config'), 'patch_path_git'],
    [
      'a rename into git',
      'diff --git a/run.sh b/.git/hooks/x\nrename from run.sh\nrename to .git/hooks/x\n',
      'patch_path_git',
    ],
    ['.gitmodules', added('.gitmodules'), 'patch_submodule'],
    ['.gitmodules with an invisible character', added('.gitmod\u200dules'), 'patch_submodule'],
    ['the short name of .gitmodules', added('GITMOD~1'), 'patch_submodule'],
    [
      'a submodule',
      `diff --git a/sub b/sub\nnew file mode 160000\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`,
      'patch_submodule',
    ],
    [
      'a file that turns into a submodule',
      `diff --git a/open.txt b/open.txt\nold mode 100644\nnew mode 160000\n`,
      'patch_submodule',
    ],
    ['a symlink, then a file through it', linked('out', 'src') + added('out/x.txt'), 'patch_path_symlink'],
    ['a file through a symlink of the base', added('link/x.txt'), 'patch_path_symlink'],
    [
      'a rename through a symlink',
      `${linked('out', '.')}diff --git a/open.txt b/out/open.txt\nrename from open.txt\nrename to out/open.txt\n`,
      'patch_path_symlink',
    ],
    ['an absolute symlink', linked('out', '/etc/passwd'), 'patch_symlink_outside'],
    ['a symlink that climbs out', linked('src/out', '../../x'), 'patch_symlink_outside'],
    [
      'a symlink of the base that climbs out',
      'diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-src/log.js\n\\ No newline at end of file\n+../x\n\\ No newline at end of file\n',
      'patch_symlink_outside',
    ],
    [
      'a chain of symlinks that climbs out',
      `${linked('one', 'src')}${linked('two', 'one/../..')}`,
      'patch_symlink_outside',
    ],
    [
      'a chain that only the file system sees',
      `${linked('here', '.')}${linked('src/two', '../here/../x')}`,
      'patch_symlink_outside',
    ],
    ['a symlink into git', linked('out', '.git/config'), 'patch_path_git'],
    ['a symlink under a Windows drive', linked('out', 'C:\\x'), 'patch_symlink_outside'],
    ['set-uid', added('x', '104755'), 'patch_mode_refused'],
    ['mode 777', added('x', '100777'), 'patch_mode_refused'],
    [
      'mode of a folder',
      'diff --git a/src b/src\nnew file mode 040000\nindex 0000000..1111111\n',
      'patch_mode_refused',
    ],
    ['a control character in a name', '--- /dev/null\n+++ "b/a\\033[2Jb"\n@@ -0,0 +1 @@\n+x\n', 'patch_name_refused'],
    ['a line feed in a name', '--- /dev/null\n+++ "b/a\\nb"\n@@ -0,0 +1 @@\n+x\n', 'patch_name_refused'],
    ['a name of 300 bytes', added('x'.repeat(300)), 'patch_name_refused'],
    ['a path of 5,000 bytes', added(`${'d/'.repeat(2500)}x`), 'patch_name_refused'],
    ['another letter case of a file', added('README.md'), 'patch_name_clash'],
    ['another letter case of a folder', added('SRC/x'), 'patch_name_clash'],
    ['two new names that differ in composition', added('caf\u00e9.txt') + added('cafe\u0301.txt'), 'patch_name_clash'],
    [
      '*** Begin Patch out of the tree',
      '*** Begin Patch\n*** Add File: ../x\n+x\n*** End Patch\n',
      'patch_path_outside',
    ],
    [
      '*** Move to git',
      '*** Begin Patch\n*** Update File: open.txt\n*** Move to: .git/x\n@@\n-beta\n+b\n*** End Patch\n',
      'patch_path_git',
    ],
    [
      'a SEARCH block out of the tree',
      '../x/y.txt\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n',
      'patch_path_outside',
    ],
    [
      'a literal that asks for a gigabyte',
      'diff --git a/x b/x\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111\nGIT binary patch\nliteral 1073741824\nzcmV\n\n',
      'patch_too_large',
    ],
  ])('%s', async (_, patch, code) => {
    await expectRefusal(patch, code);
  });
  it('a small delta that asks for gigabytes is refused before git sees it', async () => {
    const { deflateSync } = await import('node:zlib');
    const number = (value: number): number[] =>
      value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))];
    const delta = Buffer.from([...number(8), ...number(20 * 1024 ** 3), 0x90, 1]);
    const packed = deflateSync(delta);
    const padded = Buffer.concat([packed, Buffer.alloc((4 - (packed.length % 4)) % 4)]);
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
    let line = String.fromCharCode(64 + packed.length);
    for (let at = 0; at < padded.length; at += 4) {
      let value = padded.readUInt32BE(at);
      let group = '';
      for (let digit = 0; digit < 5; digit += 1) {
        group = (alphabet[value % 85] ?? '') + group;
        value = Math.floor(value / 85);
      }
      line += group;
    }
    const patch = `diff --git a/image.bin b/image.bin\nindex ${'1'.repeat(40)}..${'2'.repeat(40)} 100644\nGIT binary patch\ndelta ${delta.length}\n${line}\n\n`;
    await expectRefusal(patch, 'patch_too_large', { line: 4 });
  });
  it('a refused patch leaves no object behind', async () => {
    const before = readdirSync(repository.gitDir, { recursive: true }).length;
    await expectRefusal(linked('out', '/etc/passwd'), 'patch_symlink_outside');
    expect(readdirSync(repository.gitDir, { recursive: true }).length).toBe(before);
  });
});

describe('the index line', () => {
  it('reveals lines that a paste lost', async () => {
    const after = repository.commit({
      ...sample,
      'src/queue.js': queue.replace('queue.length = 0;', 'queue.length = 0;  ').replace('full', 'very full'),
    });
    const diff = repository.diff(base, after).toString('latin1');
    expect((await tryPatch(repository, base, diff)).ok).toBe(true);
    await expectRefusal(diff.replace(/ +$/gm, ''), 'patch_corrupt', { file: 'src/queue.js', message: /index/ });
    await expectRefusal(diff.slice(0, diff.lastIndexOf('@@ -')), 'patch_corrupt', { message: /missing/ });
  });
  it('decides between line ends of a new file that the paste lost', async () => {
    const after = repository.commit({ ...sample, 'new.txt': 'a\r\nb\r\n', 'open.txt': 'alpha' });
    const diff = repository.diff(base, after).toString('latin1').replaceAll('\r', '');
    const tried = await tryPatch(repository, base, diff);
    expect(tried).toMatchObject({ ok: true, value: { tree: repository.treeOf(after) } });
  });
});
