import { describe, expect, it } from 'vitest';
import { changedPart, counterparts, foldReason, looksLikeDiff, parseDiff, unquote } from './diff.ts';

function only(text: string) {
  const files = parseDiff(text);
  expect(files).toHaveLength(1);
  const [file] = files;
  if (!file) throw new Error('no file');
  return file;
}

const head = 'diff --git a/x.ts b/x.ts\nindex 1..2 100644\n--- a/x.ts\n+++ b/x.ts\n';

describe('reading a diff', () => {
  it('numbers new lines on the new side and removed lines on the old side', () => {
    const file = only(`${head}@@ -10,3 +20,4 @@ function f() {\n a\n-b\n+c\n+d\n e\n`);
    expect(file.rows.map((row) => [row.kind, row.line, row.text])).toEqual([
      ['hunk', null, '@@ -10,3 +20,4 @@ function f() {'],
      ['same', 20, 'a'],
      ['removed', 11, 'b'],
      ['added', 21, 'c'],
      ['added', 22, 'd'],
      ['same', 23, 'e'],
    ]);
    expect([file.additions, file.deletions]).toEqual([2, 1]);
  });

  it('does not take a removed line that looks like a header for one', () => {
    const file = only(`${head}@@ -1,2 +1,2 @@\n--- old comment\n+++ new comment\n same\n`);
    expect(file.path).toBe('x.ts');
    expect(file.rows.slice(1).map((row) => [row.kind, row.text])).toEqual([
      ['removed', '-- old comment'],
      ['added', '++ new comment'],
      ['same', 'same'],
    ]);
  });

  it('shows a missing newline at the end of the file on both sides', () => {
    const file = only(`${head}@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n`);
    expect(file.rows.map((row) => row.kind)).toEqual(['hunk', 'removed', 'note', 'added', 'note']);
  });

  it('tells a rename, a mode change, a new file, a deletion and a binary file in words', () => {
    const text = [
      'diff --git a/old.ts b/new.ts\nsimilarity index 100%\nrename from old.ts\nrename to new.ts',
      'diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755',
      'diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29',
      'diff --git a/gone b/gone\ndeleted file mode 100644\nindex 1..0\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x',
      'diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n',
    ].join('\n');
    const files = parseDiff(text);
    expect(files.map((file) => [file.path, file.notes, file.binary])).toEqual([
      ['new.ts', ['renamed from old.ts'], false],
      ['run.sh', ['plain file → executable'], false],
      ['empty', ['new file'], false],
      ['gone', ['deleted'], false],
      ['p.png', [], true],
    ]);
  });

  it('finds the end of a name with spaces, and undoes the quoting of unusual names', () => {
    const spaced = only('diff --git a/a b.txt b/a b.txt\n--- a/a b.txt\t\n+++ b/a b.txt\t\n@@ -1 +1 @@\n-x\n+y\n');
    expect(spaced.path).toBe('a b.txt');
    expect(unquote('"a/\\303\\244\\t\\"q\\".txt"')).toBe('a/ä\t"q".txt');
    expect(only('diff --git "a/\\303\\244" "b/\\303\\244"\nold mode 100644\nnew mode 100755\n').path).toBe('ä');
  });

  it('ends a hunk where its counts say, whatever follows', () => {
    const file = only(`${head}@@ -1 +1 @@\n-a\n+b\n-- \n2.40.0\n`);
    expect(file.rows.map((row) => row.kind)).toEqual(['hunk', 'removed', 'added']);
  });

  it('starts the next file even where a hunk was cut short', () => {
    const files = parseDiff(`${head}@@ -1,9 +1,9 @@\n a\ndiff --git a/y.ts b/y.ts\nold mode 100644\nnew mode 100755\n`);
    expect(files.map((file) => file.path)).toEqual(['x.ts', 'y.ts']);
  });

  it('says once that every line ends with CR LF, and leaves the odd one out marked', () => {
    const all = only(`${head}@@ -1 +1 @@\n-a\r\n+b\r\n`);
    expect([all.lineEnds, all.rows[1]?.text]).toEqual(['crlf', 'a']);
    const mixed = only(`${head}@@ -1 +1 @@\n-a\n+b\r\n`);
    expect([mixed.lineEnds, mixed.rows[2]?.text]).toEqual(['mixed', 'b\r']);
  });

  it('gives nothing for an empty diff', () => {
    expect(parseDiff('')).toEqual([]);
  });
});

describe('what a diff view folds and marks', () => {
  it('folds lockfiles, generated files and very long changes, and says why', () => {
    expect(foldReason('web/package-lock.json', 3, 400)).toBe('lockfile');
    expect(foldReason('dist/app.js', 3, 400)).toBe('generated or vendored');
    expect(foldReason('src/a.ts', 401, 400)).toBe('long');
    expect(foldReason('src/a.ts', 400, 400)).toBeNull();
  });

  it('pairs a removed line with the added one that replaces it, one to one', () => {
    const { rows } = only(`${head}@@ -1,3 +1,4 @@\n-a\n-b\n+c\n+d\n same\n+e\n`);
    expect([...counterparts(rows)].toSorted((a, b) => a[0] - b[0])).toEqual([
      [1, 3],
      [2, 4],
      [3, 1],
      [4, 2],
    ]);
  });

  it('marks the part of a line that changed, and nothing where the lines have little in common', () => {
    expect(changedPart('const a = put(x);', 'const a = get(x);')).toEqual([10, 12]);
    expect(changedPart('completely', 'different')).toBeNull();
    expect(changedPart('same', 'same')).toBeNull();
  });

  it('tells a pasted diff from words', () => {
    expect(looksLikeDiff('diff --git a/x b/x\r\n--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n')).toBe(true);
    expect(looksLikeDiff('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b')).toBe(true);
    expect(looksLikeDiff('Please change the diff --git handling')).toBe(false);
    expect(looksLikeDiff('- one\n- two')).toBe(false);
  });
});
