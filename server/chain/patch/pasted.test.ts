/** What viewers, clipboards and models do to a patch, beyond mends.test.ts and refusals.test.ts: mended, or refused with its reason. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';
import { good, goodHead, goodHunk, queue, sample, wanted } from './testing/sample.ts';

let repository: Repository;
let base: ObjectId;

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(sample);
});
afterAll(() => repository.remove());

async function expectChange(patch: string, change: Record<string, string>, mends?: readonly string[]): Promise<void> {
  const tried = await tryPatch(repository, base, patch);
  if (!tried.ok) throw new Error(`${tried.why.code}: ${tried.why.message}`);
  expect(tried.value.files()).toEqual({ ...repository.files(base), ...change });
  if (mends) expect(tried.value.mends).toEqual(mends);
}

async function expectRefusal(patch: string, code: string, line?: number, from = base): Promise<void> {
  const tried = await tryPatch(repository, from, patch);
  if (tried.ok) throw new Error(`applied: ${JSON.stringify(tried.value.mends)}`);
  expect(tried.why.code).toBe(code);
  if (line !== undefined) expect(tried.why.line).toBe(line);
}

const done = { 'src/queue.js': wanted };
const numbered = (text: string): string =>
  text
    .split('\n')
    .map((one, at, all) => (at === all.length - 1 ? one : `${at + 1}\t${one}`))
    .join('\n');
const names = '--- a/src/queue.js\n+++ b/src/queue.js\n';

describe('what a viewer put around the lines', () => {
  it.each<[string, string, readonly string[]]>([
    ['colours without their escape character', good.replace(/^([-+@].*)$/gm, '[31m$1[m'), ['colours']],
    ['colours with a name for it', good.replace(/^([-+])(\s*)(\S.*)$/gm, '^[[32m$1^[[m$2^[[32m$3^[[m'), ['colours']],
    ['escapes with numbers', good.replaceAll('"', '&#x22;').replaceAll('>', '&#62;'), ['html_escapes']],
    [
      'two columns of line numbers',
      `${goodHead}@@ -3,7 +3,7 @@\n 3  3  \n 4  4  export function push(queue, item) {\n 5  5    if (queue.length >= 10) {\n 6    -    throw new Error("queue is full");\n    6 +    throw new RangeError("queue is full");\n 7  7    }\n 8  8    queue.push(item);\n 9  9  }\n`,
      ['line_number_prefixes'],
    ],
    ['a number in front of every line of the paste', numbered(good), ['line_number_prefixes']],
    ['a path behind the fence', `\`\`\`diff src/queue.js\n${goodHunk}\`\`\`\n`, ['text_around', 'headers']],
  ])('%s is undone', async (_, patch, mends) => {
    await expectChange(patch, done, mends);
  });
  it('stays where it is code: a colour in an added line', async () => {
    const coloured = good.replace('"queue is full");\n   }', '"[31mfull[0m!");\n   }').replace(/^(@.*)$/gm, '[36m$1[m');
    await expectChange(coloured, { 'src/queue.js': wanted.replace('"queue is full"', '"[31mfull[0m!"') });
  });
});

describe('hunks that show the same context', () => {
  const shared = `${names}@@ -4,4 +4,4 @@\n export function push(queue, item) {\n-  if (queue.length >= 10) {\n+  if (queue.length > 9) {\n     throw new Error("queue is full");\n   }\n@@ -6,3 +6,3 @@\n     throw new Error("queue is full");\n   }\n-  queue.push(item);\n+  queue.unshift(item);\n`;
  it('are joined', async () => {
    const after = queue.replace('>= 10', '> 9').replace('queue.push(item)', 'queue.unshift(item)');
    await expectChange(shared, { 'src/queue.js': after }, ['line_numbers', 'shared_context']);
  });
  it('are refused when one of them changes it', async () => {
    await expectRefusal(shared.replace('-  queue.push(item);', '-  }'), 'patch_does_not_apply');
    const first = `${names}@@ -4,2 +4,3 @@\n export function push(queue, item) {\n+  // one\n   if (queue.length >= 10) {\n`;
    await expectRefusal(first + first.slice(names.length).replace('one', 'two'), 'patch_does_not_apply');
  });
});

describe('added lines', () => {
  it('keep tabs that the old lines around them have lost', async () => {
    const patch =
      '--- a/build.mk\n+++ b/build.mk\n@@ -1,3 +1,4 @@\n all:\n     cc -o a a.c\n+\tcc -o c c.c\n     cc -o b b.c\n';
    await expectChange(patch, {
      'build.mk': 'all:\n\tcc -o a a.c\n\tcc -o c c.c\n\tcc -o b b.c\n\nclean:\n\trm -f a b\n',
    });
    await expectRefusal(patch.replace('+\tcc', '+    cc'), 'patch_does_not_apply', 6);
  });
  it('without context get the line ends that all lines of the file have, unless the paste has its own', async () => {
    const insert = '--- a/windows.txt\n+++ b/windows.txt\n@@ -2,0 +3 @@\n+2.5\n';
    await expectChange(insert, { 'windows.txt': 'one\r\ntwo\r\n2.5\r\nthree\r\nfour\r\n' });
    await expectChange(`${insert}@@ -4 +5 @@\n-four\r\n+4\r\n`, {
      'windows.txt': 'one\r\ntwo\r\n2.5\nthree\r\n4\r\n',
    });
  });
  it.each<[string, string, number]>([
    ['the first marker of a conflict', good.replace('+    throw', '+<<<<<<< HEAD\n+    throw'), 9],
    ['the last one', good.replace('full");\n   }', 'full");\n+>>>>>>> theirs\n   }'), 10],
    [
      'those in a new file of another format',
      '*** Begin Patch\n*** Add File: n.txt\n+<<<<<<< HEAD\n+a\n+=======\n+b\n+>>>>>>> theirs\n*** End Patch\n',
      3,
    ],
    [
      'those in a whole file',
      'readme.md\n```md\n<<<<<<< HEAD\n# Queue\n\nUse it so:\n\npush(queue, 1);\n\nThat is all.\n```\n',
      3,
    ],
  ])('with %s are refused', async (_, patch, line) => {
    await expectRefusal(patch, 'patch_conflict_markers', line);
  });
  it('may underline a heading', async () => {
    const patch = '--- a/readme.md\n+++ b/readme.md\n@@ -1,2 +1,4 @@\n # Queue\n \n+Use\n+=======\n';
    await expectChange(patch, {
      'readme.md': (repository.files(base)['readme.md'] ?? '').replace('Use it', 'Use\n=======\nUse it'),
    });
  });
});

describe('lines that stand below no "@@" line', () => {
  it.each<[string, string, number]>([
    [
      'of a second hunk',
      `${goodHead}@@ -11,3 +11,3 @@\n export function size(queue) {\n-  return queue.length;\n+  return queue.length || 0;\n }\n...\n${goodHunk.slice(goodHunk.indexOf('\n') + 1)}`,
      13,
    ],
    ['of a new file', 'diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n+a\n+b\n', 5],
  ])('%s are not left out', async (_, patch, line) => {
    await expectRefusal(patch, 'patch_corrupt', line);
  });
  it('may be a list in the text behind', async () => {
    await expectChange(`${good}\nThat is:\n\n- another error\n  for callers\n- nothing else\n`, done);
  });
});

describe('a place that the line number does not name', () => {
  const hunk = (numbers: string): string =>
    `${names}@@ ${numbers} @@\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n`;
  it('is not taken when the change is made already where it says', async () => {
    const half = repository.commit({ ...sample, 'src/queue.js': queue.replace('    return;', '    return null;') });
    await expectRefusal(hunk('-16,3 +16,3'), 'patch_already_applied', 3, half);
    expect((await tryPatch(repository, half, hunk('...'))).ok).toBe(true);
    const told = hunk('-16,3 +16,3') + '   return queue[0];\n';
    await expectRefusal(told, 'patch_corrupt', 8, half);
  });
});

describe('other formats', () => {
  const block = (search: string, replace: string): string =>
    `n.md\n<<<<<<< SEARCH\n${search}=======\n${replace}>>>>>>> REPLACE\n`;
  it('SEARCH/REPLACE blocks end their first half in one place only', async () => {
    await expectRefusal(block('Title\n=======\n', 'Long title\n'), 'patch_ambiguous', 2);
    const headed = repository.commit({ ...sample, 'n.md': 'Title\n=====\n' });
    const tried = await tryPatch(repository, headed, block('Title\n=====\n', 'Big\n===\n'));
    expect(tried.ok && tried.value.files()['n.md']).toBe('Big\n===\n');
  });
  it.each([
    ['<<<<<<< SEARCH', '>>>>>>> REPLACE'],
    ['<<<<<<< ORIGINAL', '>>>>>>> UPDATED'],
    ['------- SEARCH', '+++++++ REPLACE'],
    ['------- SEARCH>', '+++++++ REPLACE>'],
  ])('blocks may be marked with %s and %s', async (search, replace) => {
    const patch = `src/queue.js\n\`\`\`js\n${search}\n  return queue.length;\n=======\n  return 0;\n${replace}\n\`\`\`\n`;
    await expectChange(patch, { 'src/queue.js': queue.replace('return queue.length', 'return 0') });
  });
  it('*** Begin Patch may name its files from the folder it stands in', async () => {
    const patch =
      '*** Begin Patch\n*** Update File: ./src/queue.js\n@@\n-  return queue.length;\n+  return 0;\n*** End Patch\n';
    await expectChange(patch, { 'src/queue.js': queue.replace('return queue.length', 'return 0') });
  });
  it('a mode may come without the old one', async () => {
    const tried = await tryPatch(repository, base, 'diff --git a/readme.md b/readme.md\nnew mode 100755\n');
    expect(tried.ok).toBe(true);
  });
  it.each<[string, string, string, number | undefined]>([
    [
      'a word diff',
      `${goodHead}@@ -11,2 +11,2 @@\n export function size([-queue-]{+list+}) {\n }\n`,
      'patch_corrupt',
      5,
    ],
    ['diff without options', '2c2\n< a\n---\n> b\n', 'patch_not_a_diff', 1],
    ['a quoted string', JSON.stringify({ patch: good }), 'patch_not_a_diff', undefined],
    [
      'an anchor that is elsewhere',
      '*** Begin Patch\n*** Update File: src/queue.js\n@@ function nope() {\n-  return queue.length;\n+  return 0;\n*** End Patch\n',
      'patch_does_not_apply',
      3,
    ],
  ])('%s is refused with its reason', async (_, patch, code, line) => {
    await expectRefusal(patch, code, line);
  });
});
