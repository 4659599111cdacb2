/** Diffs that the base has already, or that were made for an empty file, and that would fit a second time for want of context. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';

const list = 'apples\npears\nplums\n';
let repository: Repository;
let base: ObjectId;
beforeAll(() => {
  repository = makeRepository();
  base = repository.commit({ 'list.txt': list, 'one.txt': 'one\n' });
});
afterAll(() => repository.remove());

const nameOf = (content: string): string =>
  createHash('sha1').update(`blob ${content.length}\0${content}`).digest('hex').slice(0, 7);
const diff = (path: string, index: string, hunk: string): string =>
  `diff --git a/${path} b/${path}\n${index}--- a/${path}\n+++ b/${path}\n${hunk}`;
const index = (before: string, after: string): string => `index ${nameOf(before)}..${nameOf(after)} 100644\n`;

async function refusal(patch: string): Promise<string> {
  const tried = await tryPatch(repository, base, patch);
  return tried.ok ? `applied: ${JSON.stringify(tried.value.files())}` : tried.why.code;
}

describe('a diff whose result is there', () => {
  it('is refused when its index line names the base as the result', async () => {
    const hunk = '@@ -0,0 +1 @@\n+one\n';
    expect(await refusal(diff('one.txt', index('', 'one\n'), hunk))).toBe('patch_already_applied');
    expect(await refusal(diff('one.txt', index('two\n', 'one\n'), '@@ -1,0 +1 @@\n+one\n'))).toBe(
      'patch_already_applied',
    );
  });
  it('is refused when the lines that it adds at an end of the file stand behind its context', async () => {
    expect(await refusal(diff('list.txt', '', '@@ -1,2 +1,3 @@\n apples\n pears\n+plums\n'))).toBe(
      'patch_already_applied',
    );
    expect(await refusal(diff('list.txt', '', '@@ -1,2 +1,3 @@\n+apples\n pears\n plums\n'))).toBe(
      'patch_already_applied',
    );
  });
  it('is another when it adds something else there, or has the context on both sides', async () => {
    for (const [hunk, after] of [
      ['@@ -1,2 +1,3 @@\n apples\n pears\n+quinces\n', 'apples\npears\nquinces\nplums\n'],
      ['@@ -2,2 +2,3 @@\n pears\n+plums\n plums\n', 'apples\npears\nplums\nplums\n'],
    ] as const) {
      const tried = await tryPatch(repository, base, diff('list.txt', '', hunk));
      expect(tried.ok && tried.value.files()['list.txt']).toBe(after);
    }
  });
});

describe('a diff that fills an empty file', () => {
  it('is refused where the file is not empty, and inserts where only its numbers say so', async () => {
    const hunk = '@@ -0,0 +1 @@\n+kiwis\n';
    expect(await refusal(diff('list.txt', index('', 'kiwis\n'), hunk))).toBe('patch_does_not_apply');
    const tried = await tryPatch(repository, base, diff('list.txt', index(list, `kiwis\n${list}`), hunk));
    expect(tried.ok && tried.value.files()['list.txt']).toBe(`kiwis\n${list}`);
  });
});
