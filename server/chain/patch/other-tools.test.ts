/** What diff, quilt, Subversion and coding agents write where git would write something else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { type Files, makeRepository, type Repository, tryPatch } from './testing/repository.ts';

const files: Files = {
  'src/pump.c': 'open\nfill\nclose\n',
  'src/old.c': 'worn\n',
  'lib/tap/drip.c': 'drip\n',
  'kept.txt': 'kept\n',
};

let repository: Repository;
let base: ObjectId;
beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(files);
});
afterAll(() => repository.remove());

/** The files that differ from the base after the patch; null for removed ones. */
async function changed(patch: string): Promise<Record<string, string | null>> {
  const tried = await tryPatch(repository, base, patch);
  if (!tried.ok) throw new Error(`${tried.why.code}: ${tried.why.message}`);
  const [before, after] = [repository.files(base), tried.value.files()];
  const names = Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name]);
  return Object.fromEntries(names.map((name) => [name, after[name] ?? null]));
}

const change = (old: string, fresh: string): string =>
  `--- ${old}/src/pump.c\n+++ ${fresh}/src/pump.c\n@@ -1,3 +1,3 @@\n open\n-fill\n+fill twice\n close\n`;
const create = (name: string, old = '/dev/null'): string => `--- ${old}\n+++ ${name}\n@@ -0,0 +1 @@\n+new\n`;
const pumped = { 'src/pump.c': 'open\nfill twice\nclose\n' };

describe('a folder above the whole tree', () => {
  it.each([
    ['below a part that shows it', change('works.orig', 'works') + create('works/src/new.c')],
    ['above a part that shows it', create('works/src/new.c') + change('works.orig', 'works')],
    [
      'with the names of Subversion',
      `Index: works/src/new.c\n====\n${create('works/src/new.c')}${change('works', 'works')}`,
    ],
  ])('is not made for a new file %s', async (_, patch) => {
    expect(await changed(patch)).toEqual({ ...pumped, 'src/new.c': 'new\n' });
  });

  it('is one of the repository when the base has it, or when nothing shows otherwise', async () => {
    expect(await changed(create('works/src/new.c'))).toEqual({ 'works/src/new.c': 'new\n' });
    const within = '--- lib/tap/drip.c\n+++ lib/tap/drip.c\n@@ -1 +1 @@\n-drip\n+drop\n';
    expect(await changed(within + create('lib/src/new.c'))).toEqual({
      'lib/tap/drip.c': 'drop\n',
      'lib/src/new.c': 'new\n',
    });
  });

  it('is one of the repository when the names show both', async () => {
    const within = '--- lib/tap/drip.c\n+++ lib/tap/drip.c\n@@ -1 +1 @@\n-drip\n+drop\n';
    const above = '--- lib/kept.txt\n+++ lib/kept.txt\n@@ -1 +1 @@\n-kept\n+held\n';
    expect(await changed(within + above + create('lib/src/new.c'))).toEqual({
      'lib/tap/drip.c': 'drop\n',
      'kept.txt': 'held\n',
      'lib/src/new.c': 'new\n',
    });
  });

  it('is a prefix when "diff --git" names two that differ only there', async () => {
    const head = 'diff --git before/src/new.c after/src/new.c\nnew file mode 100644\n';
    expect(await changed(head + create('after/src/new.c'))).toEqual({ 'src/new.c': 'new\n' });
    expect(await changed(`${head}index 0000000..e69de29\n`)).toEqual({ 'src/new.c': '' });
    const blanks = 'diff --git works.orig/src/a new one works/src/a new one\nnew file mode 100644\n';
    expect(await changed(`${blanks}${create('works/src/a new one\t')}`)).toEqual({ 'src/a new one': 'new\n' });
    expect(await changed(`${blanks}index 0000000..e69de29\n`)).toEqual({ 'src/a new one': '' });
  });
});

describe('the times of diff -N', () => {
  const removal = (stamp: string): string =>
    `--- works.orig/src/old.c\t2024-05-01 10:00:00.000000000 +0200\n+++ works/src/old.c\t${stamp}\n@@ -1 +0,0 @@\n-worn\n`;
  it.each(['1970-01-01 00:00:00.000000000 +0000', '1970-01-01 05:30:00.000000000 +0530', '1969-12-31 16:00:00 -08:00'])(
    'remove a file whose new time is %s',
    async (stamp) => {
      expect(await changed(removal(stamp))).toEqual({ 'src/old.c': null });
    },
  );
  it('leave an empty file at any other time', async () => {
    expect(await changed(removal('1970-01-01 00:00:00.000000000 +0100'))).toEqual({ 'src/old.c': '' });
    expect(await changed(removal('2024-05-02 00:00:00.000000000 +0000'))).toEqual({ 'src/old.c': '' });
  });
  it('may stand behind a blank, also below folders of two names', async () => {
    const patch = create(
      'works-2/src/new.c 2024-05-01 10:00:00 +02:00',
      'works-1/src/new.c 1970-01-01 02:00:00 +02:00',
    );
    expect(await changed(patch)).toEqual({ 'src/new.c': 'new\n' });
  });
  it('do not cut a name at a tab that is a part of it', async () => {
    const patch = create(
      'b/kept\tnot.txt\t2024-05-01 10:00:00.0 +0200',
      'a/kept\tnot.txt\t1970-01-01 00:00:00.0 +0000',
    );
    expect(await tryPatch(repository, base, patch)).toMatchObject({ ok: false, why: { code: 'patch_name_refused' } });
  });
});

describe('a kept copy of a file that is not there yet', () => {
  it('is not a second name of it', async () => {
    expect(await changed(create('new.txt', 'new.txt.orig'))).toEqual({ 'new.txt': 'new\n' });
    expect(await tryPatch(repository, base, create('new.txt', 'other.txt'))).toMatchObject({
      ok: false,
      why: { code: 'patch_corrupt' },
    });
  });
});

describe('blanks in front of the lines around a "*** Begin Patch"', () => {
  const body = '*** Update File: kept.txt\n@@\n-kept\n+held\n';
  it.each([
    ['the first', ` *** Begin Patch\n${body}*** End Patch\n`],
    ['the last', `*** Begin Patch\n${body} *** End Patch \n`],
    ['the last in a fence', `\`\`\`\n*** Begin Patch\n${body} *** End Patch\n\`\`\`\n`],
    ['the name', `*** Begin Patch\n  ${body}*** End Patch\n`],
  ])('do not matter at %s', async (_, patch) => {
    expect(await changed(patch)).toEqual({ 'kept.txt': 'held\n' });
  });
  it('are the sign of context further down, and in a diff about such a patch', async () => {
    const content = '*** Begin Patch\n*** Update File: x\n*** End Patch\nlast\n';
    const about = repository.commit({ ...files, 'about.md': content });
    const inside =
      '*** Begin Patch\n*** Update File: about.md\n@@\n *** Begin Patch\n *** Update File: x\n *** End Patch\n-last\n+end\n*** End Patch\n';
    const diff =
      '--- a/about.md\n+++ b/about.md\n@@ -1,4 +1,4 @@\n *** Begin Patch\n *** Update File: x\n *** End Patch\n-last\n+end\n';
    for (const patch of [inside, diff]) {
      const tried = await tryPatch(repository, about, patch);
      if (!tried.ok) throw new Error(tried.why.message);
      expect(tried.value.files()['about.md']).toBe(content.replace('last', 'end'));
    }
  });
  it('are not what is missing where nothing says begin and end', async () => {
    expect(await tryPatch(repository, base, body)).toMatchObject({
      ok: false,
      why: { code: 'patch_truncated', message: /Begin Patch.*missing/, line: 1 },
    });
  });
});
