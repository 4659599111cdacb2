import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';
import { good, goodHead, goodHunk, queue, sample } from './testing/sample.ts';

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

const head = (path: string): string => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n`;
const added = (path: string, mode = '100644', content = 'x'): string =>
  `diff --git a/${path} b/${path}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${content}\n`;
const linked = (path: string, target: string): string => `${added(path, '120000', target)}\\ No newline at end of file\n`;

describe('what is no patch', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'patch_empty'],
    ['blanks', ' \n\t\r\n', 'patch_empty'],
    ['prose', 'please make the queue longer\n', 'patch_not_a_diff'],
    ['an image', Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]), 'patch_not_a_diff'],
    ['code alone', '```js\nconst a = 1;\n```\n', 'patch_not_a_diff'],
    ['11 MiB', Buffer.alloc(11 * 1024 * 1024, 'x'), 'patch_too_large'],
    ['a combined diff', 'diff --cc src/queue.js\nindex 1,2..3\n--- a/src/queue.js\n+++ b/src/queue.js\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n', 'patch_combined_diff'],
    ['the same line again', `${goodHead}@@ -11,3 +11,3 @@\n export function size(queue) {\n-  return queue.length;\n+  return queue.length;\n }\n`, 'patch_changes_nothing'],
  ])('%s is refused', async (_, patch, code) => {
    await expectRefusal(patch, code);
  });
});

describe('places', () => {
  const twice = (numbers: string): string => `--- a/src/queue.js\n+++ b/src/queue.js\n@@ ${numbers} @@\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n`;
  it.each<[string, string, string, Where]>([
    ['two equal places and no number', twice('...'), 'patch_ambiguous', { file: 'src/queue.js', hunk: 1, line: 3 }],
    ['two equal places and a number that names neither', twice('-18,3 +18,3'), 'patch_ambiguous', { message: /lines 16, 23/ }],
    ['an insertion without anything that says where', `${goodHead}@@ ... @@\n+lost\n`, 'patch_ambiguous', { line: 4 }],
    ['an insertion whose numbers contradict each other', `${goodHead}@@ -7,0 +20,1 @@\n+lost\n`, 'patch_ambiguous', {}],
    ['hunks that overlap', good + goodHunk.replace('RangeError', 'TypeError'), 'patch_does_not_apply', { hunk: 2, line: 13 }],
    ['context that is not there', good.replace('queue.push(item);', 'queue.unshift(item);'), 'patch_does_not_apply', { hunk: 1, line: 11, message: /line 8 of the file has "queue.push/ }],
    ['another file altogether', `${goodHead}@@ -1,3 +1,3 @@\n some\n-other\n+text\n here\n`, 'patch_does_not_apply', { line: 5 }],
    ['the second hunk alone', `${good}@@ -30,3 +30,3 @@\n export function clear(queue) {\n-  log("emptying");\n+  log("x");\n   queue.length = 0;\n`, 'patch_does_not_apply', { hunk: 2, line: 15 }],
    ['tabs that became blanks around an added line', `${head('build.mk')}@@ -1,3 +1,4 @@\n all:\n         cc -o a a.c\n+        cc -o c c.c\n         cc -o b b.c\n`, 'patch_does_not_apply', { line: 7, message: /indentation/ }],
    ['a whole hunk that was indented', good.replace(/^([-+ ]) /gm, '$1   '), 'patch_does_not_apply', { message: /indentation/ }],
    ['one blank too many behind every sign', good.replace(/^([-+]) {4}/gm, '$1     '), 'patch_does_not_apply', {}],
    ['typographic quotes in added lines too', good.replaceAll('"queue is full"', '\u201cqueue is full\u201d'), 'patch_corrupt', { line: 9 }],
    ['lost characters in an added line', `--- a/latin.txt\n+++ b/latin.txt\n@@ -1,3 +1,3 @@\n nom: Zo\ufffd\n-ville: K\ufffdln\n+ville: N\ufffdmes\n fin\n`, 'patch_corrupt', { line: 6 }],
    ['mixed line ends that the paste lost', `--- a/mixed.txt\n+++ b/mixed.txt\n@@ -1,3 +1,4 @@\n one\n+new\n two\n three\n`, 'patch_ambiguous', { line: 5 }],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});

describe('what was left out or cut off', () => {
  const short = `${goodHead}@@ -3,7 +3,8 @@\n \n export function push(queue, item) {\n`;
  it.each<[string, string, string, Where]>([
    ['dots', `${goodHead}@@ -4,6 +4,6 @@\n export function push(queue, item) {\n...\n-  queue.push(item);\n+  queue.unshift(item);\n }\n`, 'patch_elided', { line: 6, hunk: 1 }],
    ['a comment that says so', `${goodHead}@@ -4,6 +4,6 @@\n export function push(queue, item) {\n   // ... existing code ...\n-  queue.push(item);\n+  queue.unshift(item);\n }\n`, 'patch_elided', { line: 6 }],
    ['an added comment that says so', good.replace('+    throw', '+    // ... rest of the checks unchanged ...\n+    throw').replace('+3,7', '+3,8'), 'patch_elided', { line: 9 }],
    ['a SEARCH block with dots', 'src/queue.js\n<<<<<<< SEARCH\nexport function push(queue, item) {\n  ...\n  queue.push(item);\n=======\nx\n>>>>>>> REPLACE\n', 'patch_elided', { file: 'src/queue.js' }],
    ['a whole file with a gap', '`src/queue.js`\n```js\n// a queue with a limit\n// ... rest of the file\n```\n', 'patch_elided', {}],
    ['a piece of a file as if it were whole', '`src/queue.js`\n```js\nexport function size(queue) {\n  return queue.length;\n}\n```\n', 'patch_elided', {}],
    ['a diff cut within a line', short.slice(0, -12), 'patch_truncated', {}],
    ['a diff cut before its changes', short, 'patch_truncated', { line: 6 }],
    ['a diff cut after an added line', good.slice(0, good.indexOf('   }\n')), 'patch_truncated', { line: 9 }],
    ['a second file cut off: the first stays too', `${good}${head('tool.py')}@@ -2,4 +2,5 @@\n     def run(self):\n         self.st`, 'patch_truncated', { file: 'tool.py' }],
    ['a header alone', `${good}diff --git a/tool.py b/tool.py\n`, 'patch_truncated', { file: 'tool.py', line: 13 }],
    ['a new file with fewer lines than it says', added('src/new.js').replace('+1 @@', '+1,9 @@'), 'patch_truncated', {}],
    ['*** Begin Patch without its end', '*** Begin Patch\n*** Update File: open.txt\n@@\n-beta\n+b\n', 'patch_truncated', {}],
    ['a SEARCH block without its end', 'open.txt\n<<<<<<< SEARCH\nbeta\n=======\nb\n', 'patch_truncated', { line: 2 }],
    ['conflict markers', good.replace('+    throw', '+<<<<<<< HEAD\n+    throw').replace('   }\n', '+=======\n+    return;\n+>>>>>>> theirs\n   }\n').replace('+3,7', '+3,11'), 'patch_conflict_markers', { line: 9 }],
    ['no file name', `In the push function:\n\n${goodHunk}`, 'patch_corrupt', { line: 3 }],
    ['lines of a new file without "+"', added('src/new.js').replace('@@ -0,0 +1 @@\n', '@@ -0,0 +1,2 @@\n').concat('second\n'), 'patch_corrupt', {}],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});

describe('files', () => {
  const removal = (path: string, mode: string, lines: string): string =>
    `diff --git a/${path} b/${path}\ndeleted file mode ${mode}\n--- a/${path}\n+++ /dev/null\n@@ -1,2 +0,0 @@\n${lines}`;
  it.each<[string, string, string, Where]>([
    ['a file that is not there', good.replaceAll('queue.js', 'queues.js'), 'patch_file_missing', { file: 'src/queues.js', line: 1 }],
    ['another letter case, with a hint', good.replaceAll('src/queue.js', 'Src/Queue.js'), 'patch_file_missing', { message: /Did you mean "src\/queue\.js"/ }],
    ['another folder, with a hint', good.replaceAll('src/queue.js', 'lib/queue.js'), 'patch_file_missing', { message: /Did you mean "src\/queue\.js"/ }],
    ['a new file that is there', added('readme.md'), 'patch_file_exists', { file: 'readme.md', line: 1 }],
    ['a new file where a folder is', added('src'), 'patch_file_exists', {}],
    ['a new file below a file', added('readme.md/x'), 'patch_file_exists', {}],
    ['a rename onto a file', 'diff --git a/open.txt b/readme.md\nsimilarity index 100%\nrename from open.txt\nrename to readme.md\n', 'patch_file_exists', {}],
    ['a deletion of a part', removal('run.sh', '100755', '-#!/bin/sh\n-set -e\n'), 'patch_does_not_apply', { file: 'run.sh' }],
    ['a deletion without lines', 'diff --git a/run.sh b/run.sh\ndeleted file mode 100755\n', 'patch_does_not_apply', {}],
    ['already applied', `${goodHead}@@ -3,7 +3,7 @@\n \n export function push(queue, item) {\n   if (queue.length >= 10) {\n-    throw new SyntaxError("queue is full");\n+    throw new Error("queue is full");\n   }\n   queue.push(item);\n }\n`, 'patch_already_applied', { hunk: 1 }],
    ['the wrong way round', good.replace(/^-( .*)\n\+(.*)$/m, '+$1\n-$2'), 'patch_reversed', { hunk: 1 }],
    ['a new file that is there with that content', '--- /dev/null\n+++ b/src/log.js\n@@ -0,0 +1 @@\n+export const log = (text) => console.log(text);\n', 'patch_already_applied', {}],
    ['a mode it already has', 'diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n', 'patch_already_applied', {}],
    ['binary without data', `diff --git a/image.bin b/image.bin\nindex 1111111..2222222 100644\nBinary files a/image.bin and b/image.bin differ\n${good}`, 'patch_binary_without_data', { file: 'image.bin', line: 1 }],
    ['binary without data or header', `${good}Binary files a/image.bin and b/image.bin differ\n`, 'patch_binary_without_data', {}],
    ['two files in one part', `--- a/src/queue.js\n+++ b/src/log.js\n${goodHunk}`, 'patch_corrupt', { message: /two files/ }],
    ['a header for one file above names of another', `diff --git a/readme.md b/readme.md\n--- a/src/queue.js\n+++ b/src/queue.js\n${goodHunk}`, 'patch_corrupt', {}],
    ['a file that both comes and goes', 'diff --git a/x b/x\nnew file mode 100644\ndeleted file mode 100644\n', 'patch_corrupt', {}],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});

describe('hostile patches', () => {
  it.each<[string, string, string]>([
    ['an absolute path', good.replaceAll('a/src', '/home/me/src').replaceAll('b/src', '/home/me/src'), 'patch_path_outside'],
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
    ['a rename into git', 'diff --git a/run.sh b/.git/hooks/x\nrename from run.sh\nrename to .git/hooks/x\n', 'patch_path_git'],
    ['.gitmodules', added('.gitmodules'), 'patch_submodule'],
    ['.gitmodules with an invisible character', added('.gitmod\u200dules'), 'patch_submodule'],
    ['the short name of .gitmodules', added('GITMOD~1'), 'patch_submodule'],
    ['a submodule', `diff --git a/sub b/sub\nnew file mode 160000\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`, 'patch_submodule'],
    ['a file that turns into a submodule', `diff --git a/open.txt b/open.txt\nold mode 100644\nnew mode 160000\n`, 'patch_submodule'],
    ['a symlink, then a file through it', linked('out', 'src') + added('out/x.txt'), 'patch_path_symlink'],
    ['a file through a symlink of the base', added('link/x.txt'), 'patch_path_symlink'],
    ['a rename through a symlink', `${linked('out', '.')}diff --git a/open.txt b/out/open.txt\nrename from open.txt\nrename to out/open.txt\n`, 'patch_path_symlink'],
    ['an absolute symlink', linked('out', '/etc/passwd'), 'patch_symlink_outside'],
    ['a symlink that climbs out', linked('src/out', '../../x'), 'patch_symlink_outside'],
    ['a symlink of the base that climbs out', 'diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-src/log.js\n\\ No newline at end of file\n+../x\n\\ No newline at end of file\n', 'patch_symlink_outside'],
    ['a chain of symlinks that climbs out', `${linked('one', 'src')}${linked('two', 'one/../..')}`, 'patch_symlink_outside'],
    ['a chain that only the file system sees', `${linked('here', '.')}${linked('src/two', '../here/../x')}`, 'patch_symlink_outside'],
    ['a symlink into git', linked('out', '.git/config'), 'patch_path_git'],
    ['a symlink under a Windows drive', linked('out', 'C:\\x'), 'patch_symlink_outside'],
    ['set-uid', added('x', '104755'), 'patch_mode_refused'],
    ['mode 777', added('x', '100777'), 'patch_mode_refused'],
    ['mode of a folder', 'diff --git a/src b/src\nnew file mode 040000\nindex 0000000..1111111\n', 'patch_mode_refused'],
    ['a control character in a name', '--- /dev/null\n+++ "b/a\\033[2Jb"\n@@ -0,0 +1 @@\n+x\n', 'patch_name_refused'],
    ['a line feed in a name', '--- /dev/null\n+++ "b/a\\nb"\n@@ -0,0 +1 @@\n+x\n', 'patch_name_refused'],
    ['a name of 300 bytes', added('x'.repeat(300)), 'patch_name_refused'],
    ['a path of 5,000 bytes', added(`${'d/'.repeat(2500)}x`), 'patch_name_refused'],
    ['another letter case of a file', added('README.md'), 'patch_name_clash'],
    ['another letter case of a folder', added('SRC/x'), 'patch_name_clash'],
    ['two new names that differ in composition', added('caf\u00e9.txt') + added('cafe\u0301.txt'), 'patch_name_clash'],
    ['*** Begin Patch out of the tree', '*** Begin Patch\n*** Add File: ../x\n+x\n*** End Patch\n', 'patch_path_outside'],
    ['*** Move to git', '*** Begin Patch\n*** Update File: open.txt\n*** Move to: .git/x\n@@\n-beta\n+b\n*** End Patch\n', 'patch_path_git'],
    ['a SEARCH block out of the tree', '../x/y.txt\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n', 'patch_path_outside'],
    ['a literal that asks for a gigabyte', 'diff --git a/x b/x\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111\nGIT binary patch\nliteral 1073741824\nzcmV\n\n', 'patch_too_large'],
  ])('%s', async (_, patch, code) => {
    await expectRefusal(patch, code);
  });
  it('a small delta that asks for gigabytes is refused before git sees it', async () => {
    const { deflateSync } = await import('node:zlib');
    const number = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))]);
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
    const after = repository.commit({ ...sample, 'src/queue.js': queue.replace('queue.length = 0;', 'queue.length = 0;  ').replace('full', 'very full') });
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
