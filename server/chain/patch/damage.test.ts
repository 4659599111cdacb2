/** Trees that were wrong without a word, found by real commits and generated histories; each is refused or right now. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { hashObject } from './tree.ts';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';

const code = `int main(void) {
\tint first = 1;
\tif (first) {
\t\treturn first;
\t}
\treturn 0;
}

int other(void)
{
\treturn 2;
}
`;
const spaced = code.replaceAll('\t', '    ');
const prose = 'Say "one" to it.\n\nPlain text here.\nMore of it.\n\nThe end of it.\n';

let repository: Repository;
let base: ObjectId;
beforeAll(() => {
  repository = makeRepository();
  base = repository.commit({ 'tabs.c': code, 'spaces.c': spaced, 'prose.md': prose, 'open.txt': 'one\ntwo' });
});
afterAll(() => repository.remove());

const first = (path: string, by: string): string =>
  `--- a/${path}\n+++ b/${path}\n@@ -1,4 +1,5 @@\n int main(void) {\n ${by}int first = 1;\n+${by}int second = 2;\n ${by}if (first) {\n ${by}${by}return first;\n`;
/** A hunk without any indented old line. */
const second = (path: string, added: string): string =>
  `--- a/${path}\n+++ b/${path}\n@@ -7,3 +7,4 @@\n }\n \n+${added}\n int other(void)\n`;

async function refusal(patch: string): Promise<string | null> {
  const tried = await tryPatch(repository, base, patch);
  return tried.ok ? null : tried.why.code;
}
const lines = (patch: string, change: (text: string) => string): string =>
  patch.replace(/^([-+ ])(?![-+]{2} )(.*)$/gm, (_, sign: string, text: string) => sign + change(text));

describe('damage that the context shows', () => {
  it('counts against the added lines of the same hunk', async () => {
    expect(await refusal(first('tabs.c', '\t'))).toBe(null);
    expect(await refusal(lines(first('tabs.c', '\t'), (text) => text.trimStart()))).toBe('patch_does_not_apply');
    expect(await refusal(lines(first('tabs.c', '\t'), (text) => text.replaceAll('\t', '    ')))).toBe(
      'patch_does_not_apply',
    );
    expect(await refusal(lines(first('tabs.c', '\t'), (text) => `${text} `))).toBe('patch_corrupt');
    expect(
      await refusal(
        lines(first('spaces.c', '    '), (text) => Buffer.from(text.replaceAll('  ', '\u00a0 ')).toString('utf8')),
      ),
    ).toBe('patch_corrupt');
  });

  it('counts against hunks and new files that show nothing themselves', async () => {
    // Only context was changed here, so that this part alone is mended.
    const harmless = `--- a/tabs.c\n+++ b/tabs.c\n@@ -9,4 +9,3 @@\n int other(void)\n {\n-    return 2;\n }\n`;
    expect(await refusal(harmless)).toBe(null);
    expect(await refusal(harmless + second('spaces.c', 'int x;'))).toBe(null);
    expect(await refusal(harmless + second('spaces.c', '    int x;'))).toBe('patch_does_not_apply');
    const fresh = (text: string): string => `--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+${text}\n`;
    expect(await refusal(harmless + fresh('    int x;'))).toBe('patch_does_not_apply');
    expect(await refusal(harmless + fresh('int x;'))).toBe(null);
    // The file's own indentation stands beside the added line.
    expect(await refusal(harmless + first('spaces.c', '    '))).toBe(null);
    const quotes = `--- a/prose.md\n+++ b/prose.md\n@@ -1,2 +1,1 @@\n Say \u201cone\u201d to it.\n-\n`;
    expect(await refusal(quotes)).toBe(null);
    expect(await refusal(quotes + fresh('a = \u201cb\u201d;'))).toBe('patch_corrupt');
  });

  it('counts against blanks in added lines when runs of them were made one', async () => {
    const aligned = 'int one   = 1;\nint three = 3;\nint five  = 5;\n';
    const from = repository.commit({ 'table.c': aligned, 'other.c': 'a\nb\n' });
    const hunk = (old: string, line: string): string =>
      `--- a/table.c\n+++ b/table.c\n@@ -1,3 +1,4 @@\n ${old}\n int three = 3;\n+${line}\n int five  = 5;\n`;
    const tried = async (patch: string): Promise<string | null> => {
      const answer = await tryPatch(repository, from, patch);
      return answer.ok ? null : answer.why.code;
    };
    const collapsed = (patch: string): string => lines(patch, (text) => text.replace(/ {2,}/g, ' '));
    expect(await tried(hunk('int one   = 1;', 'int four  = 4;'))).toBe(null);
    expect(await tried(collapsed(hunk('int one   = 1;', 'int four  = 4;')))).toBe('patch_corrupt');
    expect(await tried(collapsed(hunk('int one   = 1;', '#endif')))).toBe(null);
    // One sloppy line beside another that came as it was: nobody collapsed them all.
    expect(await tried(hunk('int one = 1;', 'int four  = 4;'))).toBe(null);
    const other = '--- a/other.c\n+++ b/other.c\n@@ -1,2 +1,3 @@\n a\n+x = y\n b\n';
    expect(await tried(other)).toBe(null);
    expect(await tried(collapsed(hunk('int one   = 1;', '#endif') + other))).toBe('patch_corrupt');
  });

  it('does not count when the index line proves the result', async () => {
    const [after = base] = repository.commits({
      'tabs.c': code.replace('2;', '3;'),
      'spaces.c': spaced,
      'prose.md': prose,
      'open.txt': 'one\ntwo',
      'trail.md': 'blanks at the end  \n',
    });
    const diff = repository.diff(base, after, '--full-index').toString();
    const padded = diff.replace(/^( .*\S)$/gm, '$1 ');
    expect(padded).not.toBe(diff);
    const tried = await tryPatch(repository, base, padded);
    expect(tried).toMatchObject({ ok: true, value: { tree: repository.treeOf(after) } });
  });
});

describe('what was cut off', () => {
  const whole = first('tabs.c', '\t');
  it('above the first header is noticed', async () => {
    const rest = ' \treturn 0;\n+// the end\n }\n';
    expect(await refusal(rest + whole)).toBe('patch_truncated');
    expect(await refusal(`- Changed the numbers\n+ Added more\n\n${whole}`)).toBe(null);
    expect(await refusal(`old mode 100644\nnew mode 100755\n${whole}`)).toBe('patch_corrupt');
    expect(await refusal(`index 1111111..2222222 100644\n${whole}`)).toBe(null);
  });

  it('below is noticed when more is missing than the last context', async () => {
    expect(await refusal(whole.replace('-1,4 +1,5', '-1,12 +1,14'))).toBe('patch_truncated');
    expect(await refusal(whole.replace('-1,4 +1,5', '-1,6 +1,7'))).toBe(null);
    const appended =
      '--- a/prose.md\n+++ b/prose.md\n@@ -4,3 +4,9 @@\n More of it.\n \n The end of it.\n+one\n+two\n+th';
    expect(await refusal(appended)).toBe('patch_truncated');
  });

  it('is not a context line when it only marks a missing line feed behind a number', async () => {
    const patch = `--- a/open.txt\n+++ b/open.txt\n@@ -1,2 +1,2 @@\n    1  one\n    2 -two\n    3 \\ No newline at end of file\n    4 +2\n    5 \\ No newline at end of file\n`;
    const tried = await tryPatch(repository, base, patch);
    expect(tried.ok && tried.value.files()['open.txt']).toBe('one\n2');
  });
});

describe('the index line of a new file', () => {
  const fresh = (index: string): string =>
    `diff --git a/new.c b/new.c\nnew file mode 100644\nindex ${index}\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int x;\n`;
  it('decides when it is written in full, and may be invented when it is short', async () => {
    const zeros = '0'.repeat(40);
    const oid = hashObject('blob', Buffer.from('int x;\n'), 20);
    expect(await refusal(fresh(`${zeros}..${oid}`))).toBe(null);
    expect(await refusal(fresh(`${zeros}..${oid.replace(/^./, (digit) => (digit === '1' ? '2' : '1'))}`))).toBe(
      'patch_corrupt',
    );
    expect(await refusal(fresh('0000000..1234567'))).toBe(null);
  });
});

describe('the marker of a missing line feed', () => {
  it('is understood without its blank, and is no line of the file', async () => {
    const hunk = (marker: string): string =>
      `--- a/open.txt\n+++ b/open.txt\n@@ -1,2 +1,2 @@\n one\n-two\n${marker}\n+2\n${marker}\n`;
    for (const marker of ['\\ No newline at end of file', '\\No newline at end of file', '\\ fin']) {
      const tried = await tryPatch(repository, base, hunk(marker));
      expect(tried.ok && tried.value.files()['open.txt']).toBe('one\n2');
    }
  });

  it('is not a command that lost the blank in front of it', async () => {
    const from = repository.commit({ 'a.tex': 'one\n\\section{x}\ntwo\n' });
    const tried = await tryPatch(
      repository,
      from,
      '--- a/a.tex\n+++ b/a.tex\n@@ -1,3 +1,4 @@\n one\n+more\n\\section{x}\n two\n',
    );
    expect(tried.ok && tried.value.files()['a.tex']).toBe('one\nmore\n\\section{x}\ntwo\n');
  });
});

describe('a header that lost a line', () => {
  const goodPart = first('tabs.c', '\t');
  it('is refused when what is left belongs to no part', async () => {
    for (const left of [
      'old mode 100644\nnew mode 100755\n',
      `new file mode 100644\nindex 0000000..e69de29\n`,
      'similarity index 100%\nrename from spaces.c\nrename to blanks.c\n',
      `index ${'1'.repeat(40)}..${'2'.repeat(40)}\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n`,
    ])
      expect(await refusal(goodPart + left)).toBe('patch_corrupt');
    expect(await refusal(`rename from here to there\nold mode is gone\n\n${goodPart}\nnew file mode\n`)).toBe(null);
  });

  it('still deletes and creates, and never makes a file of the name "dev/null"', async () => {
    const deletion =
      'diff --git a/open.txt b/open.txt\n--- a/open.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n\\ No newline at end of file\n';
    const creation = 'diff --git a/new.c b/new.c\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int x;\n';
    const tried = await tryPatch(repository, base, deletion + creation);
    expect(tried.ok && Object.keys(tried.value.files()).toSorted()).toEqual([
      'new.c',
      'prose.md',
      'spaces.c',
      'tabs.c',
    ]);
  });

  it('is refused when what is left would count for the part above', async () => {
    const copied = 'diff --git a/tabs.c b/t.c\nsimilarity index 100%\ncopy from tabs.c\ncopy to t.c\n';
    expect(await refusal(copied)).toBe(null);
    expect(await refusal(`${copied}old mode 100644\nnew mode 100755\n`)).toBe('patch_corrupt');
    const empty = (name: string): string =>
      `diff --git a/${name} b/${name}\nnew file mode 100644\nindex 0000000..e69de29\n`;
    expect(await refusal(empty('e1') + empty('e2'))).toBe(null);
    expect(await refusal(empty('e1') + empty('e2').replace(/^diff.*\n/, ''))).toBe('patch_corrupt');
    expect(await refusal(empty('e1').replace(/^(new.*\n)/m, '$1$1'))).toBe(null);
    expect(await refusal(empty('e1').replace(/(new.*\n)(index.*\n)/, '$2$1'))).toBe(null);
  });

  it('is refused when it announces lines and there are none', async () => {
    const modes = 'diff --git a/tabs.c b/tabs.c\nold mode 100644\nnew mode 100755\n';
    expect(await refusal(modes)).toBe(null);
    expect(await refusal(first('tabs.c', '\t').replace(/^/, modes.replace(/^new mode.*\n/m, '')))).toBe(
      'patch_corrupt',
    );
    expect(await refusal(`${modes}--- a/tabs.c\n+++ b/tabs.c\n-int main(void) {\n`)).toBe('patch_truncated');
    expect(await refusal(`${modes}index 1111111..2222222\n`)).toBe('patch_truncated');
    const moved = 'diff --git a/tabs.c b/t.c\nsimilarity index 90%\nrename from tabs.c\nrename to t.c\n';
    expect(await refusal(moved)).toBe(null);
    expect(await refusal(`${moved}index 1111111..2222222 100644\n`)).toBe('patch_truncated');
  });

  it('is refused when a binary file is deleted in one line and changed in another', async () => {
    const [from = base, to = base] = repository.commits({ a: 'one\n', 'b.bin': Buffer.from([0]) }, { a: 'two\n' });
    const diff = repository.diff(from, to, '--binary').toString('latin1');
    expect((await tryPatch(repository, from, diff)).ok).toBe(true);
    expect(await tryPatch(repository, from, diff.replace(/^deleted.*\n/m, ''))).toMatchObject({
      ok: false,
      why: { code: 'patch_corrupt' },
    });
  });

  it('is refused when a new file could have another mode', async () => {
    const [from = base, to = base] = repository.commits(
      { 'a.txt': 'one\n' },
      { 'a.txt': 'two\n', 'run.sh': { mode: '100755', content: Buffer.from('x\n') } },
    );
    const diff = repository.diff(from, to, '--full-index').toString();
    expect(await tryPatch(repository, from, diff.replace(/^new file mode.*\n/m, ''))).toMatchObject({
      ok: false,
      why: { code: 'patch_corrupt' },
    });
  });
});

describe('a part that git would leave out', () => {
  it('without a word, is refused', async () => {
    const before = { 'image.bin': Buffer.from([0]), 'a.txt': 'one\n' };
    const [from = base, to = base] = repository.commits(before, {
      'image.bin': Buffer.from([10, 0]),
      'a.txt': 'two\n',
    });
    const diff = repository.diff(from, to, '--binary', '--full-index').toString('latin1');
    expect((await tryPatch(repository, from, diff)).ok).toBe(true);
    for (const damaged of [
      diff.replace(/^index .*\n(?=GIT)/m, ''),
      diff.replace(/(?<=^index .*)\w (?=.*\nGIT)/m, '=\n'),
    ])
      expect(await tryPatch(repository, from, damaged)).toMatchObject({ ok: false, why: { code: 'patch_corrupt' } });
  });
});

describe('a marker of a missing line feed', () => {
  const open = 'diff --git a/o b/o\nnew file mode 100644\n--- /dev/null\n+++ b/o\n@@ -0,0 +1 @@\n+x\n';
  const marker = '\\ No newline at end of file\n';
  it('that stands apart from its hunk is noticed, and may stand there twice', async () => {
    for (const between of ['index 0000000..c1b0730\n', 'text\n', '\n'])
      expect(await refusal(`${first('tabs.c', '\t')}${open}${between}${marker}`)).toBe('patch_corrupt');
    const twice = await tryPatch(repository, base, `${open}${marker}${marker}${first('tabs.c', '\t')}`);
    expect(twice.ok && twice.value.files()['o']).toBe('x');
  });
});

describe('names', () => {
  it('that lost their quotation marks are not taken with their escapes', async () => {
    const fresh = (name: string): string => `diff --git a/${name} b/${name}\nnew file mode 100644\n`;
    const quoted = await tryPatch(repository, base, fresh('q\\".txt').replace(/([ab]\/\S+)/g, '"$1"'));
    expect(quoted.ok && Object.keys(quoted.value.files())).toContain('q".txt');
    for (const name of ['q\\".txt', 'q\\.txt', '\\303\\251.txt'])
      expect(await refusal(fresh(name.replaceAll('"', '')))).toBe('patch_corrupt');
    expect(
      await refusal('diff --git a/tabs.c b/q\\.c\nsimilarity index 100%\nrename from tabs.c\nrename to q\\.c\n'),
    ).toBe('patch_corrupt');
  });

  it('of a moved file are the same in all lines of its header', async () => {
    const moved = (git: string, from: string, to: string): string =>
      `diff --git ${git}\nsimilarity index 100%\nrename from ${from}\nrename to ${to}\n`;
    for (const [git, from, to] of [
      ['a/tabs.c b/with blank.c', 'tabs.c', 'with blank.c'],
      ['tabs.c with blank.c', 'tabs.c', 'with blank.c'],
      ['a/tabs.c "b/\\303\\251.c"', 'tabs.c', '"\\303\\251.c"'],
      ['old/tabs.c new/t.c', 'tabs.c', 't.c'],
      ['a/tabs.c b/a/b/c', 'tabs.c', 'a/b/c'],
    ] as const)
      expect(await refusal(moved(git, from, to))).toBe(null);
    for (const [git, from, to] of [
      ['a/tabs.c b/with blank.c', 'tabs.c', 'with blank.c~'],
      ['a/tabs.c b/t.c', 'spaces.c', 't.c'],
      ['a/tabs.c "b/\\303\\251.c"', 'tabs.c', '"\\303\\252.c"'],
    ] as const)
      expect(await refusal(moved(git, from, to))).toBe('patch_corrupt');
  });

  it('with escapes are not names of other files', async () => {
    const patch = `${first('tabs.c', '\t')}diff --git &quot;a/q.txt&quot; &quot;b/q.txt&quot;\nnew file mode 100644\nindex 0000000..e69de29\n`;
    const tried = await tryPatch(repository, base, patch);
    expect(tried.ok && Object.keys(tried.value.files())).toContain('q.txt');
  });

  it('whose quotation marks became escapes are the names they were, also with lines below them', async () => {
    const named = '&quot;b/quote\\&quot;.txt&quot;';
    const patch = `${first('tabs.c', '\t')}diff --git ${named.replace('b/', 'a/')} ${named}\nnew file mode 100644\nindex 0000000..8b13789\n--- /dev/null\n+++ ${named}\n@@ -0,0 +1 @@\n+\n`;
    const tried = await tryPatch(repository, base, patch);
    expect(tried.ok && Object.keys(tried.value.files())).toContain('quote".txt');
  });

  it('that stand twice without prefixes are taken as they are', async () => {
    const patch = `diff --git b/c.js b/c.js\nnew file mode 100644\nindex 0000000..8b13789\n--- /dev/null\n+++ b/c.js\n@@ -0,0 +1 @@\n+\n`;
    const tried = await tryPatch(repository, base, patch);
    expect(tried.ok && Object.keys(tried.value.files())).toContain('b/c.js');
    const usual = await tryPatch(repository, base, patch.replace('diff --git b/', 'diff --git a/'));
    expect(usual.ok && Object.keys(usual.value.files())).toContain('c.js');
  });

  it('that end in a blank and have no prefixes keep it', async () => {
    const named = 'ends in blank ';
    const patch = `diff --git ${named} ${named}\nnew file mode 100644\nindex 0000000..e69de29\n`;
    const tried = await tryPatch(repository, base, patch);
    expect(tried.ok && Object.keys(tried.value.files())).toContain(named);
  });

  it('of the "*** Begin Patch" format may have any letters', async () => {
    const named = repository.commit({ 'b/\u00e9t\u00e9.txt': 'one\n' });
    const patch =
      '*** Begin Patch\n*** Update File: b/\u00e9t\u00e9.txt\n*** Move to: \u00fc.txt\n@@\n-one\n+two\n*** End Patch\n';
    const tried = await tryPatch(repository, named, Buffer.from(patch));
    expect(tried.ok && tried.value.files()).toEqual({ '\u00fc.txt': 'two\n' });
  });
});
