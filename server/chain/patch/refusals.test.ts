import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';
import { good, goodHead, goodHunk, sample } from './testing/sample.ts';

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

describe('what is no patch', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'patch_empty'],
    ['blanks', ' \n\t\r\n', 'patch_empty'],
    ['prose', 'please make the queue longer\n', 'patch_not_a_diff'],
    ['an image', Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]), 'patch_not_a_diff'],
    ['code alone', '```js\nconst a = 1;\n```\n', 'patch_not_a_diff'],
    ['11 MiB', Buffer.alloc(11 * 1024 * 1024, 'x'), 'patch_too_large'],
    [
      'a combined diff',
      'diff --cc src/queue.js\nindex 1,2..3\n--- a/src/queue.js\n+++ b/src/queue.js\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n',
      'patch_combined_diff',
    ],
    [
      'the same line again',
      `${goodHead}@@ -11,3 +11,3 @@\n export function size(queue) {\n-  return queue.length;\n+  return queue.length;\n }\n`,
      'patch_changes_nothing',
    ],
  ])('%s is refused', async (_, patch, code) => {
    await expectRefusal(patch, code);
  });
});

describe('places', () => {
  const twice = (numbers: string): string =>
    `--- a/src/queue.js\n+++ b/src/queue.js\n@@ ${numbers} @@\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n`;
  it.each<[string, string, string, Where]>([
    ['two equal places and no number', twice('...'), 'patch_ambiguous', { file: 'src/queue.js', hunk: 1, line: 3 }],
    [
      'two equal places and a number that names neither',
      twice('-18,3 +18,3'),
      'patch_ambiguous',
      { message: /lines 16, 23/ },
    ],
    ['an insertion without anything that says where', `${goodHead}@@ ... @@\n+lost\n`, 'patch_ambiguous', { line: 4 }],
    ['an insertion whose numbers contradict each other', `${goodHead}@@ -7,0 +20,1 @@\n+lost\n`, 'patch_ambiguous', {}],
    ['lines too many that fit nowhere', `${good}-  other();\n`, 'patch_corrupt', { hunk: 1, line: 13 }],
    [
      'hunks that overlap',
      good + goodHunk.replace('RangeError', 'TypeError'),
      'patch_does_not_apply',
      { hunk: 2, line: 13 },
    ],
    [
      'context that is not there',
      good.replace('queue.push(item);', 'queue.unshift(item);'),
      'patch_does_not_apply',
      { hunk: 1, line: 11, message: /line 8 of the file has "queue.push/ },
    ],
    [
      'another file altogether',
      `${goodHead}@@ -1,3 +1,3 @@\n some\n-other\n+text\n here\n`,
      'patch_does_not_apply',
      { line: 5 },
    ],
    [
      'the second hunk alone',
      `${good}@@ -30,3 +30,3 @@\n export function clear(queue) {\n-  log("emptying");\n+  log("x");\n   queue.length = 0;\n`,
      'patch_does_not_apply',
      { hunk: 2, line: 15 },
    ],
    [
      'tabs that became blanks around an added line',
      `${head('build.mk')}@@ -1,3 +1,4 @@\n all:\n         cc -o a a.c\n+        cc -o c c.c\n         cc -o b b.c\n`,
      'patch_does_not_apply',
      { line: 7, message: /indentation/ },
    ],
    [
      'a whole hunk that was indented',
      good.replace(/^([-+ ]) /gm, '$1   '),
      'patch_does_not_apply',
      { message: /indentation/ },
    ],
    ['one blank too many behind every sign', good.replace(/^([-+]) {4}/gm, '$1     '), 'patch_does_not_apply', {}],
    [
      'typographic quotes in added lines too',
      good.replaceAll('"queue is full"', '\u201cqueue is full\u201d'),
      'patch_corrupt',
      { line: 9 },
    ],
    [
      'lost characters in an added line',
      `--- a/latin.txt\n+++ b/latin.txt\n@@ -1,3 +1,3 @@\n nom: Zo\ufffd\n-ville: K\ufffdln\n+ville: N\ufffdmes\n fin\n`,
      'patch_corrupt',
      { line: 6 },
    ],
    [
      'a file that is not UTF-8 around an added line that needs it',
      '--- a/latin.txt\n+++ b/latin.txt\n@@ -1,3 +1,3 @@\n nom: Zo\u00eb\n-ville: K\u00f6ln\n+ville: N\u00eemes\n fin\n',
      'patch_corrupt',
      { line: 6 },
    ],
    [
      'a line before a byte order mark that the paste lost',
      '--- a/marked.csv\n+++ b/marked.csv\n@@ -1,2 +1,3 @@\n+first\n name,value\n x,1\n',
      'patch_corrupt',
      { line: 4 },
    ],
    [
      'mixed line ends that the paste lost',
      `--- a/mixed.txt\n+++ b/mixed.txt\n@@ -1,3 +1,4 @@\n one\n+new\n two\n three\n`,
      'patch_ambiguous',
      { line: 5 },
    ],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});

describe('what was left out or cut off', () => {
  const short = `${goodHead}@@ -3,7 +3,8 @@\n \n export function push(queue, item) {\n`;
  it.each<[string, string, string, Where]>([
    [
      'dots',
      `${goodHead}@@ -4,6 +4,6 @@\n export function push(queue, item) {\n...\n-  queue.push(item);\n+  queue.unshift(item);\n }\n`,
      'patch_elided',
      { line: 6, hunk: 1 },
    ],
    [
      'a comment that says so',
      `${goodHead}@@ -4,6 +4,6 @@\n export function push(queue, item) {\n   // ... existing code ...\n-  queue.push(item);\n+  queue.unshift(item);\n }\n`,
      'patch_elided',
      { line: 6 },
    ],
    [
      'an added comment that says so',
      good.replace('+    throw', '+    // ... rest of the checks unchanged ...\n+    throw').replace('+3,7', '+3,8'),
      'patch_elided',
      { line: 9 },
    ],
    [
      'a SEARCH block with dots',
      'src/queue.js\n<<<<<<< SEARCH\nexport function push(queue, item) {\n  ...\n  queue.push(item);\n=======\nx\n>>>>>>> REPLACE\n',
      'patch_elided',
      { file: 'src/queue.js' },
    ],
    [
      'a whole file with a gap',
      '`src/queue.js`\n```js\n// a queue with a limit\n// ... rest of the file\n```\n',
      'patch_elided',
      {},
    ],
    [
      'a piece of a file as if it were whole',
      '`src/queue.js`\n```js\nexport function size(queue) {\n  return queue.length;\n}\n```\n',
      'patch_elided',
      {},
    ],
    ['a diff cut within a line', short.slice(0, -12), 'patch_truncated', {}],
    ['a diff cut before its changes', short, 'patch_truncated', { line: 6 }],
    ['a diff cut after an added line', good.slice(0, good.indexOf('   }\n')), 'patch_truncated', { line: 9 }],
    [
      'a second file cut off: the first stays too',
      `${good}${head('tool.py')}@@ -2,4 +2,5 @@\n     def run(self):\n         self.st`,
      'patch_truncated',
      { file: 'tool.py' },
    ],
    ['a header alone', `${good}diff --git a/tool.py b/tool.py\n`, 'patch_truncated', { file: 'tool.py', line: 13 }],
    ['half a header', `${good}--- a/tool.py\n`, 'patch_truncated', { line: 13 }],
    [
      'a new file with fewer lines than it says',
      added('src/new.js').replace('+1 @@', '+1,9 @@'),
      'patch_truncated',
      {},
    ],
    [
      '*** Begin Patch without its end',
      '*** Begin Patch\n*** Update File: open.txt\n@@\n-beta\n+b\n',
      'patch_truncated',
      {},
    ],
    ['a SEARCH block without its end', 'open.txt\n<<<<<<< SEARCH\nbeta\n=======\nb\n', 'patch_truncated', { line: 2 }],
    [
      'conflict markers',
      good
        .replace('+    throw', '+<<<<<<< HEAD\n+    throw')
        .replace('   }\n', '+=======\n+    return;\n+>>>>>>> theirs\n   }\n')
        .replace('+3,7', '+3,11'),
      'patch_conflict_markers',
      { line: 9 },
    ],
    ['no file name', `In the push function:\n\n${goodHunk}`, 'patch_corrupt', { line: 3 }],
    [
      'lines of a new file without "+"',
      added('src/new.js').replace('@@ -0,0 +1 @@\n', '@@ -0,0 +1,2 @@\n').concat('second\n'),
      'patch_truncated',
      {},
    ],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});

describe('files', () => {
  const removal = (path: string, mode: string, lines: string): string =>
    `diff --git a/${path} b/${path}\ndeleted file mode ${mode}\n--- a/${path}\n+++ /dev/null\n@@ -1,2 +0,0 @@\n${lines}`;
  it.each<[string, string, string, Where]>([
    [
      'a file that is not there',
      good.replaceAll('queue.js', 'queues.js'),
      'patch_file_missing',
      { file: 'src/queues.js', line: 1 },
    ],
    [
      'another letter case, with a hint',
      good.replaceAll('src/queue.js', 'Src/Queue.js'),
      'patch_file_missing',
      { message: /Did you mean "src\/queue\.js"/ },
    ],
    [
      'another folder, with a hint',
      good.replaceAll('src/queue.js', 'lib/queue.js'),
      'patch_file_missing',
      { message: /Did you mean "src\/queue\.js"/ },
    ],
    ['a new file that is there', added('readme.md'), 'patch_file_exists', { file: 'readme.md', line: 1 }],
    ['a new file where a folder is', added('src'), 'patch_file_exists', {}],
    ['a new file below a file', added('readme.md/x'), 'patch_file_exists', {}],
    [
      'a rename onto a file',
      'diff --git a/open.txt b/readme.md\nsimilarity index 100%\nrename from open.txt\nrename to readme.md\n',
      'patch_file_exists',
      {},
    ],
    [
      'a deletion of a part',
      removal('run.sh', '100755', '-#!/bin/sh\n-set -e\n'),
      'patch_does_not_apply',
      { file: 'run.sh' },
    ],
    [
      'a deletion without lines',
      'diff --git a/run.sh b/run.sh\ndeleted file mode 100755\n',
      'patch_does_not_apply',
      {},
    ],
    [
      'already applied',
      `${goodHead}@@ -3,7 +3,7 @@\n \n export function push(queue, item) {\n   if (queue.length >= 10) {\n-    throw new SyntaxError("queue is full");\n+    throw new Error("queue is full");\n   }\n   queue.push(item);\n }\n`,
      'patch_already_applied',
      { hunk: 1 },
    ],
    ['the wrong way round', good.replace(/^-( .*)\n\+(.*)$/m, '+$1\n-$2'), 'patch_reversed', { hunk: 1 }],
    [
      'a new file that is there with that content',
      '--- /dev/null\n+++ b/src/log.js\n@@ -0,0 +1 @@\n+export const log = (text) => console.log(text);\n',
      'patch_already_applied',
      {},
    ],
    [
      'a mode it already has',
      'diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n',
      'patch_already_applied',
      {},
    ],
    [
      'binary without data',
      `diff --git a/image.bin b/image.bin\nindex 1111111..2222222 100644\nBinary files a/image.bin and b/image.bin differ\n${good}`,
      'patch_binary_without_data',
      { file: 'image.bin', line: 1 },
    ],
    [
      'binary without data or header',
      `${good}Binary files a/image.bin and b/image.bin differ\n`,
      'patch_binary_without_data',
      {},
    ],
    [
      'two files in one part',
      `--- a/src/queue.js\n+++ b/src/log.js\n${goodHunk}`,
      'patch_corrupt',
      { message: /two files/ },
    ],
    [
      'a header for one file above names of another',
      `diff --git a/readme.md b/readme.md\n--- a/src/queue.js\n+++ b/src/queue.js\n${goodHunk}`,
      'patch_corrupt',
      {},
    ],
    [
      'a file that both comes and goes',
      'diff --git a/x b/x\nnew file mode 100644\ndeleted file mode 100644\n',
      'patch_corrupt',
      {},
    ],
  ])('%s', async (_, patch, code, where) => {
    await expectRefusal(patch, code, where);
  });
});
