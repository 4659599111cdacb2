/** Trees that were wrong without a word, found by real commits and generated histories; each is refused or right now. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
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

describe('names', () => {
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

  it('of the "*** Begin Patch" format may have any letters', async () => {
    const named = repository.commit({ 'b/\u00e9t\u00e9.txt': 'one\n' });
    const patch =
      '*** Begin Patch\n*** Update File: b/\u00e9t\u00e9.txt\n*** Move to: \u00fc.txt\n@@\n-one\n+two\n*** End Patch\n';
    const tried = await tryPatch(repository, named, Buffer.from(patch));
    expect(tried.ok && tried.value.files()).toEqual({ '\u00fc.txt': 'two\n' });
  });
});
