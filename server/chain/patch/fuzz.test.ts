import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problemStatus } from '#contract/problem.ts';
import type { BaseReader } from './base-reader.ts';
import { readPatch } from './read.ts';
import { scan } from './scan.ts';
import { good, goodHead, queue } from './testing/sample.ts';

/** A base in memory: the parser needs no git. */
function memory(files: Readonly<Record<string, string>>): BaseReader {
  return {
    entries: async (paths) =>
      new Map(
        paths
          .filter((path) => path in files)
          .map((path) => [path, { mode: '100644', oid: '1'.repeat(40), type: 'blob' }]),
      ),
    blobs: async (paths) =>
      new Map(paths.filter((path) => path in files).map((path) => [path, Buffer.from(files[path] ?? '')])),
    paths: async () => Object.keys(files),
  };
}

const base = memory({ 'src/queue.js': queue, 'open.txt': 'alpha\nbeta' });

/** Pieces of which patches are made, so that noise gets past the first line. */
const piece = fc.oneof(
  fc.constantFrom(
    ...good.split(/(?<=\n)/),
    '@@ -1 +1 @@\n',
    '@@\n',
    '@@ -0,0 +1,99999999 @@\n',
    '@@ -999999999,999999999 +1 @@\n',
    '@@@ -1 -1 +1 @@@\n',
    '--- a/open.txt\n',
    '+++ b/open.txt\n',
    '+++ /dev/null\n',
    '--- "a/\\303"\n',
    'diff --git a/open.txt b/open.txt\n',
    'new file mode 100644\n',
    'deleted file mode 100644\n',
    'rename from open.txt\n',
    'rename to x\n',
    'index 1111111..2222222\n',
    'GIT binary patch\n',
    'literal 5\n',
    'delta 3\n',
    'McmZ?d00001\n',
    '*** Begin Patch\n',
    '*** Update File: open.txt\n',
    '*** Add File: n\n',
    '*** End Patch\n',
    '*** open.txt\n',
    '***************\n',
    '*** 1,2 ****\n',
    '--- 1,2 ----\n',
    '<<<<<<< SEARCH\n',
    '=======\n',
    '>>>>>>> REPLACE\n',
    '```\n',
    '> ',
    '\u001b[31m',
    '\r\n',
    '\r',
    '\n',
    ' alpha\n',
    '-beta\n',
    '+gamma\n',
    '\\ No newline at end of file\n',
    '&lt;',
    '=3D',
    '\u00ff\u00fe',
    '\0',
    'open.txt\n',
    '  ',
  ),
  fc.string({ maxLength: 20, unit: 'binary' }),
);

describe('noise', () => {
  it('ends in an answer of the contract, whatever it is made of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
        const read = await readPatch(Buffer.from(pieces.join('')), base);
        if (read.ok) expect(read.value.bytes.length).toBeGreaterThan(0);
        else expect(Object.keys(problemStatus)).toContain(read.why.code);
      }),
      { numRuns: 1500 * Number(process.env['PATCHGIT_TEST_TIMES'] ?? 1) },
    );
  });

  it('of ten megabytes is answered', async () => {
    const size = 10 * 1024 * 1024;
    const fill = (text: string): Buffer => Buffer.alloc(size, text);
    const random = Buffer.alloc(size);
    for (let at = 0, state = 1; at < size; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      random[at] = state >>> 24;
    }
    for (const noise of [
      random,
      fill('\n'),
      fill(' '),
      fill('@@ -1 +1 @@\n'),
      fill('`'),
      fill('> '),
      fill('diff --git a/x b/x\n'),
      fill('--- a/x\n+++ b/x\n'),
      fill('&amp;'),
      fill('*** Update File: x\n'),
      fill('<<<<<<< SEARCH\n'),
      fill('```a/b\n'),
      fill('+\n'),
      fill('1: x\n'),
    ]) {
      const read = await readPatch(noise, base);
      expect(read.ok).toBe(false);
    }
  });

  it('inside a hunk costs no more than its size', async () => {
    const line = ' alpha\n'.repeat(300_000);
    for (const patch of [
      `${goodHead}@@ -1,300000 +1,300000 @@\n${line}`,
      `${goodHead}@@ ... @@\n${'x\n'.repeat(500_000)}`,
      `${goodHead}@@ ... @@\n${' }\n'.repeat(200_000)}-x\n`,
      `--- a/${'d/'.repeat(200_000)}x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n`,
      `--- "a/${'\\303'.repeat(200_000)}\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n`,
    ]) {
      expect((await readPatch(Buffer.from(patch), base)).ok).toBe(false);
    }
  });

  it('in a repetitive file is given up instead of searched for ever', async () => {
    const same = memory({ 'same.txt': '}\n'.repeat(400_000) });
    const hunk = `@@ ... @@\n${' }\n'.repeat(2_000)}-x\n+y\n`;
    const ambiguous = `--- a/same.txt\n+++ b/same.txt\n@@ ... @@\n${' }\n'.repeat(2_000)}-}\n+y\n`;
    expect((await readPatch(Buffer.from(`--- a/same.txt\n+++ b/same.txt\n${hunk.repeat(50)}`), same)).ok).toBe(false);
    expect(await readPatch(Buffer.from(ambiguous), same)).toMatchObject({
      ok: false,
      why: { code: 'patch_took_too_long' },
    });
  });
});

/** Each of these took minutes before it was mended: quadratic in ten megabytes, or in the places of a repetitive file. */
describe('nearly a patch', () => {
  const size = 10 * 1024 * 1024 - 1000;
  const fill = (text: string, bytes = size): string => text.repeat(Math.floor(bytes / text.length));
  const head = '--- a/src/queue.js\n+++ b/src/queue.js\n';
  const end = '@@ -1 +1 @@\n-a\n+b\n';
  it.each<[string, () => string]>([
    ['of fences', (): string => fill('```\n')],
    ['of fenced files', (): string => fill('```js a/b.js\nx\n```\n')],
    ['of SEARCH blocks', (): string => fill('x.js\n<<<<<<< SEARCH\nalpha\n=======\nbeta\n>>>>>>> REPLACE\n')],
    [
      'of long SEARCH blocks',
      (): string => {
        const block = (at: number, side: string): string =>
          Array.from({ length: 900 }, (_, line) => `${side}${at} ${line}\n`).join('');
        const blocks = Array.from(
          { length: 500 },
          (_, at) => `<<<<<<< SEARCH\n${block(at, 'o')}=======\n${block(at, 'n')}>>>>>>> REPLACE\n`,
        );
        return `src/queue.js\n${blocks.join('')}`;
      },
    ],
    [
      'of a name before a SEARCH block',
      (): string => `file${fill(' ')}x\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n`,
    ],
    ['of envelopes', (): string => fill('*** Begin Patch\n*** Update File: x\n@@\n-alpha\n+b\n*** End Patch\n')],
    [
      'of anchors',
      (): string =>
        `*** Begin Patch\n*** Update File: src/queue.js\n${fill('@@ }\n', 1_000_000)}-a\n+b\n*** End Patch\n`,
    ],
    ['of blanks in a name', (): string => `*** Begin Patch\n*** Update File: ${fill(' ')}x\n*** End Patch\n`],
    [
      'of blanks in an anchor',
      (): string => `*** Begin Patch\n*** Update File: x\n@@ ${fill(' ')}x\n-a\n+b\n*** End Patch\n`,
    ],
    ['of blanks behind a name', (): string => `--- a/x${fill(' ')}y\n+++ b/x\n${end}`],
    ['of quoting marks', (): string => fill('>')],
    ['of a quoted name', (): string => `--- "a/${fill('a')}\n+++ b/x\n${end}`],
    ['of escapes in a quoted name', (): string => `--- "a/${fill('\\303')}"\n+++ b/x\n${end}`],
    ['of bytes that are no text in a name', (): string => `--- a/${fill('\u00ff')}\n+++ b/x\n${end}`],
    ['of folders above', (): string => `--- a/${fill('../')}y\n+++ b/x\n${end}`],
    ['of lines of headers', (): string => `${fill('index 0\n')}new file mode 100644\nx\n${good}`],
    [
      'of lists between its parts',
      (): string =>
        Array.from(
          { length: 9_900 },
          (_, at) => `--- a/f${at}\n+++ b/f${at}\n@@ -1 +1 @@\n-a${'x'.repeat(900)}\n+b\n\nwords\n\n- item\n\n`,
        ).join(''),
    ],
    ['of colours without their escape', (): string => `${fill('[1m')}diff \n+++ b/x\n${end}`],
    ['of line numbers', (): string => `1 --- a/x\n${fill('2 3 4\n')}`],
    ['of numbers in front', (): string => `${head}@@ -1 +1 @@\n${fill('12 13 ')}\n`],
    ['of words behind a fence', (): string => `\`\`\`${fill('a=')}\n${end}`],
    ['of added lines', (): string => `${head}@@ ... @@\n${fill('+\n')}`],
  ])('%s is answered with one sentence', async (_, make) => {
    const read = await readPatch(Buffer.from(make(), 'latin1'), base);
    expect(read.ok).toBe(false);
    expect(!read.ok && read.why.message.length).toBeLessThan(1000);
  });

  it('for a repetitive file is answered, however its hunks are to be found', async () => {
    const same = '}\n'.repeat(200_000);
    const pairs = Array.from({ length: 50_000 }, (_, at) => `a${at % 25_000}\n`).join('');
    const repetitive = memory({ 'same.txt': same, 'pairs.txt': pairs });
    const hunks = Array.from({ length: 25_000 }, (_, at) => `@@ -${at + 90_000} +${at + 90_000} @@\n-a${at}\n+b\n`);
    for (const patch of [
      `--- a/same.txt\n+++ b/same.txt\n@@ -900000 +900000 @@ function x\n-}\n+y\n`,
      `*** Begin Patch\n*** Update File: same.txt\n@@ }\n-}\n+x\n*** End Patch\n`,
      `--- a/pairs.txt\n+++ b/pairs.txt\n${hunks.join('')}`,
    ]) {
      const read = await readPatch(Buffer.from(patch), repetitive);
      expect(read).toMatchObject({ ok: false, why: { code: expect.stringMatching(/ambiguous|took_too_long/) } });
    }
  });

  it('for one large file again and again is given up', async () => {
    const large = memory({ 'large.txt': Array.from({ length: 40_000 }, (_, at) => `line ${at}\n`).join('') });
    // Each part fits what the one above it made.
    const parts = Array.from({ length: 900 }, (_, at) => {
      const below = at === 0 ? 'line 6' : `new ${at - 1}`;
      return `--- a/large.txt\n+++ b/large.txt\n@@ -6,2 +6,3 @@\n line 5\n+new ${at}\n ${below}\n`;
    });
    expect(await readPatch(Buffer.from(parts.join('')), large)).toMatchObject({
      ok: false,
      why: { code: 'patch_took_too_long' },
    });
  });
});

describe('the scanner', () => {
  it('counts what it finds in a large diff', () => {
    const part = (at: number): string => good.replaceAll('src/queue.js', `src/${at}.js`);
    const text = Array.from({ length: 800 }, (_, at) => part(at)).join('');
    const found = scan(text);
    expect(found.files.length).toBe(800);
    expect(found.files.every((file) => file.hunks.length === 1 && !file.irregular)).toBe(true);
    expect(found.files[799]?.at).toBe(799 * good.split('\n').length - 799 + 1);
  });
});
