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
      { numRuns: 1500 },
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
