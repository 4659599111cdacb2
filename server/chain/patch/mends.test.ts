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

/** Applies and compares the whole tree with the base and these differences; null removes a file. */
async function expectChange(
  patch: string | Buffer,
  change: Record<string, string | null>,
  mends?: readonly string[],
): Promise<void> {
  const tried = await tryPatch(repository, base, patch);
  if (!tried.ok) throw new Error(`${tried.why.code}: ${tried.why.message}`);
  const expected: Record<string, string> = { ...repository.files(base), ...(change as Record<string, string>) };
  for (const [path, content] of Object.entries(change)) if (content === null) delete expected[path];
  expect(tried.value.files()).toEqual(expected);
  if (mends) expect(tried.value.mends).toEqual(mends);
}

const done = { 'src/queue.js': wanted };
const line = (text: string): string => text.replaceAll('\n', '\r\n');
const indented = (by: string): string => good.replace(/^(?=.)/gm, by);

describe('a diff that git would take', () => {
  it('goes to git byte for byte, whatever stands around it', async () => {
    for (const [before, after] of [
      ['', ''],
      ['Here you are:\n\n```diff\n', '```\nBest\n'],
      ['So:\n', '- Changed the error\n- Run the tests\n'],
      ['So:\n', '\n- changed the error\n+ more\n'],
      ['From: x\n\nfix\n---\n a | 2 +-\n\n', '-- \n2.39.5\n'],
    ]) {
      const tried = await tryPatch(repository, base, `${before}${good}${after}`);
      expect(tried).toMatchObject({ ok: true, value: { handed: good, mends: before === '' ? [] : ['text_around'] } });
    }
  });
  it('is taken with every odd but valid header', async () => {
    await expectChange(
      `--- a/src/queue.js\t2024-01-01 10:00:00.000000000 +0100\n+++ b/src/queue.js\t2024-01-02\n${goodHunk}`,
      done,
      [],
    );
    await expectChange(`--- "a/src/qu\\145ue.js"\n+++ "b/src/queue.js"\n${goodHunk}`, done);
    await expectChange(
      `diff --git i/src/queue.js w/src/queue.js\n--- i/src/queue.js\n+++ w/src/queue.js\n${goodHunk}`,
      done,
      [],
    );
    await expectChange(
      `diff -ru old/src/queue.js new/src/queue.js\n--- old/src/queue.js\n+++ new/src/queue.js\n${goodHunk}`,
      done,
    );
    await expectChange(goodHead + goodHunk.replace('@@\n', '@@ function f() { "@@ -1,2 +3,4 @@" }\n'), done, []);
    await expectChange(
      `--- a/docs/a name.txt\n+++ b/docs/a name.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n`,
      { 'docs/a name.txt': 'one\n2\nthree\n' },
      [],
    );
  });
  it('may name a place that moved, when there is only one', async () => {
    await expectChange(good.replace('-3,7 +3,7', '-23,7 +23,7'), done, []);
  });
  it('keeps what only looks like damage', async () => {
    await expectChange(
      'diff --git a/page.html b/page.html\n--- a/page.html\n+++ b/page.html\n@@ -1,3 +1,3 @@\n <p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>\n-<p class="a">x</p>\n+<p class="a">&lt;x&gt;</p>\n <p>end</p>\n',
      { 'page.html': '<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>\n<p class="a">&lt;x&gt;</p>\n<p>end</p>\n' },
      [],
    );
    await expectChange(
      'diff --git a/windows.txt b/windows.txt\n--- a/windows.txt\n+++ b/windows.txt\n@@ -1,2 +1,3 @@\n one\r\n+plain\n two\r\n',
      { 'windows.txt': 'one\r\nplain\ntwo\r\nthree\r\nfour\r\n' },
      [],
    );
  });
});

describe('transports', () => {
  it.each<[string, string | Buffer, readonly string[]]>([
    ['a byte order mark', `\ufeff${good}`, ['byte_order_mark']],
    [
      'UTF-16 from a redirected PowerShell',
      Buffer.from(`\ufeff${line(good)}`, 'utf16le'),
      ['utf16', 'line_ends_of_paste'],
    ],
    ['Windows line ends in all lines', line(good), ['line_ends_of_paste']],
    ['old Macintosh line ends', good.replaceAll('\n', '\r'), ['line_ends_of_paste']],
    ['terminal colours', good.replace(/^([-+@].*)$/gm, '\u001b[31m$1\u001b[m'), ['colours']],
    ['colours with a bold header', good.replace(/^(.*)$/gm, '\u001b[1m$1\u001b[0m'), ['colours']],
    ['a quoted mail', good.replace(/^/gm, '> '), ['quoting']],
    ['a mail quoted twice', good.replace(/^(?=.)/gm, '> > '), ['quoting']],
    ['a block indented by four', indented('    '), ['shift_of_paste']],
    ['a block indented by a tab', indented('\t'), ['shift_of_paste']],
    ['HTML escapes', good.replaceAll('"', '&quot;').replaceAll('>', '&gt;'), ['html_escapes']],
    [
      'quoted-printable mail',
      `Content-Transfer-Encoding: quoted-printable\n\n${good.replaceAll('=', '=3D').replace('full")', 'fu=\nll")')}`,
      ['text_around', 'mail_encoding'],
    ],
    [
      'base64 mail',
      `Subject: x\nContent-Transfer-Encoding: base64\n\n${Buffer.from(good).toString('base64').replace(/.{76}/g, '$&\n')}\n`,
      ['mail_encoding'],
    ],
    ['a lost line feed at the end', good.trimEnd(), ['final_newline']],
    ['a fence of tildes in a list', `1. Do this:\n~~~diff\n${good}~~~\n`, ['text_around']],
  ])('%s is undone', async (_, patch, mends) => {
    await expectChange(patch, done, mends);
  });
  it('numbers in front of the lines are undone', async () => {
    const numbered = goodHunk
      .split('\n')
      .map((text, at) => (at === 0 || text === '' ? text : `${String(at + 2).padStart(4)} ${text}`));
    await expectChange(goodHead + numbered.join('\n'), done, ['line_number_prefixes']);
    const behind = goodHunk
      .split('\n')
      .map((text, at) => (at === 0 || text === '' ? text : `${text[0]}${at + 2}: ${text.slice(1)}`.trimEnd()));
    await expectChange(goodHead + behind.join('\n'), done, ['line_number_prefixes']);
  });
  it('escapes are undone in added lines too when only that fits, and once only', async () => {
    const page =
      'diff --git a/page.html b/page.html\n--- a/page.html\n+++ b/page.html\n@@ -1,3 +1,3 @@\n <p>1 &amp;lt; 2 &amp;amp;&amp;amp; 3 &amp;gt; 2</p>\n-<p class="a">x</p>\n+<p class="b">&lt;</p>\n <p>end</p>\n';
    await expectChange(
      page
        .replace('"b">&lt;<', '"b">&amp;lt;<')
        .replaceAll('<p', '&lt;p')
        .replaceAll('p>', 'p&gt;')
        .replaceAll('">', '"&gt;')
        .replaceAll('</p', '&lt;/p'),
      {
        'page.html': '<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>\n<p class="b">&lt;</p>\n<p>end</p>\n',
      },
      ['html_escapes'],
    );
  });
});

describe('headers', () => {
  it.each<[string, string, readonly string[]]>([
    ['no prefixes', `--- src/queue.js\n+++ src/queue.js\n${goodHunk}`, ['headers']],
    [
      'no prefixes below diff --git',
      `diff --git src/queue.js src/queue.js\n--- src/queue.js\n+++ src/queue.js\n${goodHunk}`,
      ['headers'],
    ],
    [
      'Subversion',
      `Index: src/queue.js\n=====\n--- src/queue.js\t(revision 12)\n+++ src/queue.js\t(working copy)\n${goodHunk}`,
      ['text_around', 'headers'],
    ],
    ['only the +++ line', `+++ b/src/queue.js\n${goodHunk}`, ['headers']],
    ['only the --- line', `--- a/src/queue.js\n${goodHunk}`, ['headers']],
    ['only diff --git', `diff --git a/src/queue.js b/src/queue.js\n${goodHunk}`, ['headers']],
    ['only a path above', `**src/queue.js**\n\n${goodHunk}`, ['text_around', 'headers']],
    ['a copy kept as .orig', `--- src/queue.js.orig\n+++ src/queue.js\n${goodHunk}`, ['headers']],
    ['Windows separators', `--- a\\src\\queue.js\n+++ b\\src\\queue.js\n${goodHunk}`, ['headers']],
    ['blanks behind the names', `--- a/src/queue.js  \n+++ b/src/queue.js \n${goodHunk}`, ['headers']],
    ['./ in front', `--- ./src/queue.js\n+++ ./src/queue.js\n${goodHunk}`, []],
  ])('%s is enough to name the file', async (_, patch, mends) => {
    await expectChange(patch, done, mends);
  });
  it('a new file may forget /dev/null', async () => {
    await expectChange('--- a/src/new.js\n+++ b/src/new.js\n@@ -0,0 +1,2 @@\n+a\n+b\n', { 'src/new.js': 'a\nb\n' }, [
      'headers',
    ]);
    await expectChange('--- /dev/null\n+++ src/new.js\n@@ -0,0 +1,2 @@\n+a\n+b\n', { 'src/new.js': 'a\nb\n' }, [
      'headers',
    ]);
  });
});

describe('counts and numbers', () => {
  it.each<[string, string, readonly string[]]>([
    ['counts that are too small', good.replace('-3,7 +3,7', '-3,5 +3,5'), ['text_around', 'counts']],
    ['counts that are too large', good.replace('-3,7 +3,7', '-3,9 +3,9'), ['counts']],
    [
      'counts too large before more text',
      `${good.replace('-3,7 +3,7', '-3,12 +3,12')}\nThat is all, good luck!\n`,
      ['counts'],
    ],
    [
      'counts too large before a fence',
      `\`\`\`diff\n${good.replace('-3,7 +3,7', '-3,9 +3,9')}\`\`\`\n`,
      ['text_around', 'counts'],
    ],
    ['counts that contradict', good.replace('-3,7 +3,7', '-3,3 +3,40'), ['counts']],
    ['dots instead of numbers', good.replace('-3,7 +3,7', '...'), ['line_numbers']],
    ['no numbers', good.replace('@@ -3,7 +3,7 @@', '@@'), ['line_numbers']],
    ['a function instead of numbers', good.replace('@@ -3,7 +3,7 @@', '@@ function push @@'), ['line_numbers']],
    ['half a header', good.replace('@@ -3,7 +3,7 @@', '@@ -3 @@'), ['line_numbers']],
    ['line 1', good.replace('-3,7 +3,7', '-1,7 +1,7'), ['line_numbers']],
    [
      'no context at all',
      `${goodHead}@@ -6 +6 @@\n-    throw new Error("queue is full");\n+    throw new RangeError("queue is full");\n`,
      ['line_numbers'],
    ],
    [
      'no context below',
      `${goodHead}@@ -5,2 +5,2 @@\n   if (queue.length >= 10) {\n-    throw new Error("queue is full");\n+    throw new RangeError("queue is full");\n`,
      ['line_numbers'],
    ],
  ])('%s are mended', async (_, patch, mends) => {
    await expectChange(patch, done, mends);
  });
  it('a line number names one of several equal places, exactly', async () => {
    const hunk = (at: number): string =>
      `--- a/src/queue.js\n+++ b/src/queue.js\n@@ -${at},3 +${at},3 @@\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n`;
    const at = queue.lastIndexOf('    return;');
    await expectChange(
      hunk(23),
      { 'src/queue.js': `${queue.slice(0, at)}    return null;${queue.slice(at + 11)}` },
      [],
    );
  });
  it('a heading names one of several equal places', async () => {
    const at = queue.lastIndexOf('    return;');
    const patch =
      '--- a/src/queue.js\n+++ b/src/queue.js\n@@ -70,3 +70,3 @@ export function last(queue) {\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n';
    await expectChange(patch, { 'src/queue.js': `${queue.slice(0, at)}    return null;${queue.slice(at + 11)}` }, [
      'line_numbers',
    ]);
  });
  it('a neighbour that moved names where an ambiguous hunk moved', async () => {
    const at = queue.lastIndexOf('    return;');
    const patch = `${good.replace('-3,7 +3,7', '-13,7 +13,7')}@@ -33,3 +33,3 @@\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n`;
    const both = `${queue.slice(0, at)}    return null;${queue.slice(at + 11)}`.replace('new Error', 'new RangeError');
    await expectChange(patch, { 'src/queue.js': both }, ['line_numbers']);
  });
  it('diff -U0 inserts where its numbers say', async () => {
    await expectChange(
      '--- a/open.txt\n+++ b/open.txt\n@@ -1,0 +2 @@\n+more\n',
      { 'open.txt': 'alpha\nmore\nbeta\ngamma' },
      ['line_numbers'],
    );
  });
});

describe('context', () => {
  it.each<[string, string, readonly string[]]>([
    ['blank lines that lost their blank', good.replace('\n \n', '\n\n'), []],
    ['all lines that lost their blank', good.replace(/^ /gm, ''), ['context_lost_blank']],
    [
      'blanks at line ends',
      good.replace('item) {', 'item) {  ').replace('full");\n+', 'full"); \n+'),
      ['context_trailing_blanks'],
    ],
    [
      'typographic quotes',
      good.replace('-    throw new Error("queue is full")', '-    throw new Error(\u201cqueue is full\u201d)'),
      ['context_typography'],
    ],
    ['no-break blanks', good.replace('   queue.push', ' \u00a0\u00a0queue.push'), ['context_typography']],
    ['a zero-width blank', good.replace('queue.push', 'queue.\u200bpush'), ['context_typography']],
  ])('%s is taken from the file', async (_, patch, mends) => {
    await expectChange(patch, done, mends);
  });
  it('tabs that became blanks are mended while added lines keep theirs', async () => {
    await expectChange(
      '--- a/build.mk\n+++ b/build.mk\n@@ -1,3 +1,2 @@\n all:\n-    cc -o a a.c\n     cc -o b b.c\n',
      { 'build.mk': 'all:\n\tcc -o b b.c\n\nclean:\n\trm -f a b\n' },
      ['context_blanks'],
    );
  });
  it('lost characters of another encoding are taken from the file', async () => {
    await expectChange(
      '--- a/latin.txt\n+++ b/latin.txt\n@@ -1,3 +1,3 @@\n nom: Zo\ufffd\n-ville: K\ufffdln\n+ville: Bonn\n fin\n',
      { 'latin.txt': 'nom: Zo\u00eb\nville: Bonn\nfin\n' },
      ['context_lost_characters'],
    );
  });
  it('characters of a file that is not UTF-8 are taken from it', async () => {
    await expectChange(
      '--- a/latin.txt\n+++ b/latin.txt\n@@ -1,3 +1,3 @@\n nom: Zo\u00eb\n-ville: K\u00f6ln\n+ville: Bonn\n fin\n',
      { 'latin.txt': 'nom: Zo\u00eb\nville: Bonn\nfin\n' },
      ['context_encoding'],
    );
  });
  it('a byte order mark of the file stays at its start', async () => {
    const patch = '--- a/marked.csv\n+++ b/marked.csv\n@@ -1,2 +1,2 @@\n-name,value\n+name,amount\n x,1\n';
    await expectChange(patch, { 'marked.csv': '\u00ef\u00bb\u00bfname,amount\nx,1\n' }, ['context_typography']);
  });
  it('a Windows file keeps its line ends', async () => {
    const patch = '--- a/windows.txt\n+++ b/windows.txt\n@@ -1,4 +1,5 @@\n one\n-two\n+2\n+2.5\n three\n four\n';
    for (const sent of [patch, line(patch)]) {
      await expectChange(sent, { 'windows.txt': 'one\r\n2\r\n2.5\r\nthree\r\nfour\r\n' });
    }
  });
  it('a missing marker at the end of the file is settled', async () => {
    await expectChange(
      '--- a/open.txt\n+++ b/open.txt\n@@ -1,3 +1,4 @@\n alpha\n+new\n beta\n gamma\n',
      { 'open.txt': 'alpha\nnew\nbeta\ngamma' },
      ['final_newline'],
    );
    await expectChange(
      '--- a/open.txt\n+++ b/open.txt\n@@ -1,3 +1,4 @@\n alpha\n beta\n gamma\n+delta\n',
      { 'open.txt': 'alpha\nbeta\ngamma\ndelta\n' },
      ['final_newline'],
    );
  });
});

describe('other formats', () => {
  it('*** Begin Patch adds, deletes, moves and changes', async () => {
    const patch = `*** Begin Patch
*** Add File: src/new.js
+one
+
+two
*** Delete File: run.sh
*** Update File: tool.py
*** Move to: lib/tool.py
@@ class Tool:
@@     def stop(self):
-        pass
+        return None
*** Update File: open.txt
@@
 beta
-gamma
+omega
*** End of File
*** End Patch
`;
    await expectChange(patch, {
      'src/new.js': 'one\n\ntwo\n',
      'run.sh': null,
      'tool.py': null,
      'lib/tool.py':
        'class Tool:\n    def run(self):\n        self.start()\n        self.stop()\n\n    def stop(self):\n        return None\n',
      'open.txt': 'alpha\nbeta\nomega\n',
    });
  });
  it('an anchor names one of several equal places', async () => {
    const at = queue.lastIndexOf('    return;');
    const patch =
      '*** Begin Patch\n*** Update File: src/queue.js\n@@ export function last(queue) {\n   if (queue === undefined) {\n-    return;\n+    return null;\n   }\n*** End Patch\n';
    await expectChange(patch, { 'src/queue.js': `${queue.slice(0, at)}    return null;${queue.slice(at + 11)}` });
  });
  it('SEARCH/REPLACE blocks change, and an empty SEARCH adds', async () => {
    const patch =
      'src/queue.js\n```js\n<<<<<<< SEARCH\n  if (queue.length >= 10) {\n    throw new Error("queue is full");\n=======\n  if (queue.length >= 10) {\n    throw new RangeError("queue is full");\n>>>>>>> REPLACE\n```\n\n`src/more.js`\n```js\n<<<<<<< SEARCH\n=======\nmore();\n>>>>>>> REPLACE\n```\n';
    await expectChange(patch, { ...done, 'src/more.js': 'more();\n' }, ['format_search_replace']);
  });
  it('context diffs are read', async () => {
    const patch = `*** src/queue.js\tMon Jan 1
--- src/queue.js\tTue Jan 2
***************
*** 3,9 ****
${'  '}
  export function push(queue, item) {
    if (queue.length >= 10) {
!     throw new Error("queue is full");
    }
    queue.push(item);
  }
--- 3,9 ----
${'  '}
  export function push(queue, item) {
    if (queue.length >= 10) {
!     throw new RangeError("queue is full");
    }
    queue.push(item);
  }
***************
*** 11,13 ****
--- 11,14 ----
  export function size(queue) {
+   log("size");
    return queue.length;
  }
`;
    await expectChange(
      patch,
      { 'src/queue.js': wanted.replace('  return queue.length;', '  log("size");\n  return queue.length;') },
      ['format_context_diff'],
    );
  });
  it('a whole file replaces the one it clearly is, and adds one that is not there', async () => {
    await expectChange(`### src/queue.js\n\n\`\`\`js\n${wanted}\`\`\`\n`, done, ['format_whole_file']);
    await expectChange('```js title="src/other.js"\nother();\n```\n', { 'src/other.js': 'other();\n' }, [
      'format_whole_file',
    ]);
    await expectChange('**windows.txt**\n```\none\n2\nthree\nfour\n```\n', {
      'windows.txt': 'one\r\n2\r\nthree\r\nfour\r\n',
    });
  });
});
