import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { makeRepository, type Files, type Repository, tryPatch } from './testing/repository.ts';

let repository: Repository;
beforeAll(() => {
  repository = makeRepository();
});
afterAll(() => repository.remove());

/** The diffs of a history one after the other, and where it began and ended. */
function seriesOf(
  shape: readonly string[],
  ...trees: readonly Files[]
): { base: ObjectId; goal: string; patch: string } {
  const commits = repository.commits(...trees);
  const base = commits[0];
  const last = commits.at(-1);
  if (base === undefined || last === undefined) throw new Error('a series has at least one tree');
  const parts = commits
    .slice(1)
    .map((commit, at) => repository.diff(commits[at] ?? commit, commit, '--full-index', ...shape));
  return { base, goal: repository.treeOf(last), patch: parts.map((part) => part.toString('latin1')).join('') };
}

const text = 'one\ntwo\nthree\nfour\nfive\nsix\n';
const keep = { 'keep.txt': 'x\n' };

describe('a series of patches in one paste', () => {
  it.each<[string, Files[]]>([
    [
      'changes a file twice',
      [{ a: text }, { a: text.replace('one', '1') }, { a: text.replace('one', '1').replace('six', '6') }],
    ],
    ['adds a file and changes it', [keep, { ...keep, a: text }, { ...keep, a: text.replace('two', '2') }]],
    ['changes a file and deletes it', [{ ...keep, a: text }, { ...keep, a: text.replace('two', '2') }, keep]],
    ['adds a file and deletes it again beside a change', [keep, { ...keep, a: text }, { 'keep.txt': 'y\n' }]],
    [
      'makes a file executable and deletes it',
      [{ ...keep, a: text }, { ...keep, a: { mode: '100755', content: Buffer.from(text) } }, keep],
    ],
    [
      'changes a file and takes its last lines and its last line feed, beside one that is replaced',
      [
        { a: `${text}\n\n`, b: 'x\n' },
        { a: text, b: '' },
        { a: text.slice(0, -1), b: { mode: '120000', content: Buffer.from('a') } },
      ],
    ],
    ['deletes a file and brings it back', [{ ...keep, a: text }, keep, { ...keep, a: 'new\n' }]],
  ])('that %s gives the last tree', async (_, trees) => {
    const { base, goal, patch } = seriesOf(['--no-renames'], ...trees);
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: true, value: { tree: goal } });
  });

  it('that changes a file and then moves it is refused, because git would move the old one', async () => {
    const { base, patch } = seriesOf(
      ['-M'],
      { a: text },
      { a: text.replace('two', '2') },
      { b: text.replace('two', '2') },
    );
    expect(patch).toContain('similarity index 100%');
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: false, why: { code: 'patch_does_not_apply' } });
  });

  it.each<[string, Files]>([
    ['binary', { a: Buffer.from([0]) }],
    ['text of the same bytes', { a: 'keep.txt' }],
  ])('that creates a symlink above the deletion of the %s file it replaces is refused', async (_, before) => {
    const link = { mode: '120000', content: Buffer.from('keep.txt') } as const;
    const { base, goal, patch } = seriesOf(['--binary'], { ...keep, ...before }, { ...keep, a: link });
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: true, value: { tree: goal } });
    const swapped = patch.split(/^(?=diff --git )/m).toReversed();
    expect(swapped).toHaveLength(2);
    const refused = { ok: false, why: { code: 'patch_corrupt', file: 'a' } };
    expect(await tryPatch(repository, base, swapped.join(''))).toMatchObject(refused);
  });

  it('that frees a name, moves a file there and on is refused, because git would move the first one', async () => {
    const long = (word: string): string => Array.from({ length: 60 }, (_, at) => `${word} ${at}\n`).join('');
    const { base, patch } = seriesOf(
      ['-M'],
      { ...keep, a: long('alder'), b: long('birch') },
      { ...keep, z: long('alder'), b: long('birch') },
      { ...keep, z: long('alder'), a: long('birch') },
      { ...keep, z: long('alder'), c: long('birch') },
    );
    expect(patch).toMatch(/^rename from a\nrename to c$/m);
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: false, why: { code: 'patch_does_not_apply' } });
  });

  it('whose binary part does not start from what an earlier one made of the file is refused', async () => {
    const made = (byte: number): Files => ({ ...keep, a: Buffer.from([0, byte]) });
    const [one, two, three] = [made(1), made(2), made(3)];
    const first = seriesOf(['--binary'], one, two);
    const removal = (from: Files): string => seriesOf(['--binary'], from, keep).patch;
    const after = await tryPatch(repository, first.base, first.patch + removal(two));
    expect(after).toMatchObject({ ok: true, value: { tree: repository.treeOf(repository.commit(keep)) } });
    for (const other of [one, three])
      expect(await tryPatch(repository, first.base, first.patch + removal(other))).toMatchObject({
        ok: false,
        why: { code: 'patch_does_not_apply', file: 'a' },
      });
  });

  it('is held to the index line of every part', async () => {
    const { base, patch } = seriesOf(
      [],
      { a: text },
      { a: text.replace('one', '1') },
      { a: text.replace('one', '1').replace('six', '6') },
    );
    const damaged = patch.replace('+6\n', '+66\n');
    expect(await tryPatch(repository, base, damaged)).toMatchObject({ ok: false, why: { code: 'patch_corrupt' } });
  });
});

describe('one diff', () => {
  it('may change a file and copy what it was, or rewrite it and move what it was', async () => {
    // git only rewrites files of some size.
    const long = Array.from({ length: 99 }, (_, at) => `line ${at}\n`).join('');
    const other = Array.from({ length: 99 }, (_, at) => `${at} others\n`).join('');
    for (const [shape, after] of [
      [['-C', '--find-copies-harder'], { a: long.replace('7', 'x'), b: long }],
      [['-B', '-M'], { a: other, b: long }],
    ] as const) {
      const { base, goal, patch } = seriesOf(shape, { a: long }, after);
      expect(patch).toMatch(/^(?:copy|rename) from a$/m);
      expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: true, value: { tree: goal } });
    }
  });

  it('may give two or three files the names of each other, changed on the way or not, and binary too', async () => {
    const lines = (word: string): string => Array.from({ length: 60 }, (_, at) => `${word} ${at * 7}\n`).join('');
    const bytes = (step: number): Buffer => Buffer.from(Array.from({ length: 900 }, (_, at) => (at * at * step) % 256));
    const [a, b, c] = ['alder', 'birch', 'cedar'].map(lines) as [string, string, string];
    for (const [before, after] of [
      [
        { a, b },
        { a: b, b: a },
      ],
      [
        { a, b },
        { a: `${b}more\n`, b: `first\n${a}` },
      ],
      [
        { a, b, c },
        { a: b, b: c, c: `${a}more\n` },
      ],
      [
        { a, b },
        { a: `${b}more\n`, c: a },
      ],
      [
        { a: bytes(3), b: bytes(5) },
        { a: Buffer.concat([bytes(5), Buffer.from('more')]), b: bytes(3) },
      ],
    ] as const) {
      const { base, goal, patch } = seriesOf(['-B', '-M', '--binary'], before, after);
      expect(patch).toMatch(/^rename from b$/m);
      expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: true, value: { tree: goal, handed: patch } });
    }
  });

  it('may empty a file and copy it, also when carriage returns in it make it look like mail', async () => {
    const mail = `${'0123456789'.repeat(4)} Mon Sep 17 00:00:00 2001`;
    const a = Array.from({ length: 40 }, (_, at) => `line ${at}\rFrom ${mail}\n`).join('');
    const { base, goal, patch } = seriesOf(['-B', '-M'], { a }, { a: '', b: a });
    expect(patch).toMatch(/^(?:copy|rename) from a$/m);
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: true, value: { tree: goal } });
  });

  it('that stands in the paste twice does not count twice', async () => {
    const { base, patch } = seriesOf([], { a: `${text}end\n` }, { a: `${text}end\nmore\n` });
    const plain = patch.replace(/^index .*\n/m, '');
    expect((await tryPatch(repository, base, plain)).ok).toBe(true);
    expect(await tryPatch(repository, base, plain + plain)).toMatchObject({
      ok: false,
      why: { code: 'patch_already_applied' },
    });
  });
});
