/** Reads git's own rendering of a change into rows to show. What is shown is never what is applied: the tree is. */

export type RowKind = 'same' | 'added' | 'removed' | 'hunk' | 'note';

export interface Row {
  readonly kind: RowKind;
  /** Line number on the new side; on the old side for a removed line; null for headings and notes. */
  readonly line: number | null;
  readonly text: string;
}

export interface DiffFile {
  readonly path: string;
  readonly oldPath: string | null;
  readonly rows: readonly Row[];
  readonly additions: number;
  readonly deletions: number;
  readonly binary: boolean;
  /** "new file, executable", "mode 100644 → 100755", "renamed from a.ts (96% alike)". */
  readonly notes: readonly string[];
  readonly lineEnds: 'lf' | 'crlf' | 'mixed';
}

interface Draft {
  path: string;
  oldPath: string | null;
  rows: Row[];
  additions: number;
  deletions: number;
  binary: boolean;
  notes: string[];
  withReturn: number;
  oldMode: string;
}

/** All files of a `git diff`, in its order. Lines that belong to no file are left out. */
export function parseDiff(text: string): DiffFile[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const files: DiffFile[] = [];
  let draft: Draft | null = null;
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.startsWith('diff --git ')) {
      if (draft) files.push(finish(draft));
      draft = begin(line);
      at += 1;
    } else if (draft && line.startsWith('@@ ')) {
      at = readHunk(lines, at, draft);
    } else {
      if (draft) readHeader(line, draft);
      at += 1;
    }
  }
  if (draft) files.push(finish(draft));
  return files;
}

function begin(line: string): Draft {
  return {
    path: pathOfHeading(line.slice('diff --git '.length)),
    oldPath: null,
    rows: [],
    additions: 0,
    deletions: 0,
    binary: false,
    notes: [],
    withReturn: 0,
    oldMode: '',
  };
}

/** The heading names the file twice; it is only needed where no other line does (an empty new file, a mode change). */
function pathOfHeading(names: string): string {
  if (names.startsWith('"')) {
    const end = names.search(/[^\\]"/) + 2;
    return stripSide(unquote(names.slice(0, end)));
  }
  const half = (names.length - 1) / 2;
  return stripSide(Number.isInteger(half) ? names.slice(half + 1) : (names.split(' b/')[1] ?? names));
}

function readHeader(line: string, draft: Draft): void {
  const [, key = '', value = ''] =
    /^(old mode|new mode|deleted file mode|new file mode|similarity index|rename from|rename to|copy from|copy to|---|\+\+\+) (.*)$/.exec(
      line,
    ) ?? [];
  if (key === 'new file mode') draft.notes.push(value === '100644' ? 'new file' : `new file, ${modeText(value)}`);
  else if (key === 'deleted file mode') draft.notes.push('deleted');
  else if (key === 'old mode') draft.oldMode = value;
  else if (key === 'new mode') draft.notes.push(`${modeText(draft.oldMode)} → ${modeText(value)}`);
  else if (key === 'rename from' || key === 'copy from') {
    draft.oldPath = unquote(value);
    draft.notes.push(`${key === 'rename from' ? 'renamed' : 'copied'} from ${draft.oldPath}`);
  } else if (key === 'rename to' || key === 'copy to') draft.path = unquote(value);
  else if (key === '---' || key === '+++') {
    // git ends a name that has spaces with a tab, so that other readers find its end.
    const name = unquote(value.replace(/\t$/, ''));
    if (name !== '/dev/null') draft.path = stripSide(name);
  } else if (line.startsWith('Binary files ') || line === 'GIT binary patch') {
    draft.binary = true;
    draft.rows.push({ kind: 'note', line: null, text: 'Binary file: its bytes are not shown.' });
  }
}

function modeText(mode: string): string {
  if (mode === '100755') return 'executable';
  if (mode === '120000') return 'symbolic link';
  if (mode === '160000') return 'submodule';
  return mode === '100644' ? 'plain file' : `mode ${mode}`;
}

/** Reads one hunk by the counts in its heading, so that a removed line "-- x" is not taken for a header. */
function readHunk(lines: readonly string[], start: number, draft: Draft): number {
  const heading = lines[start] ?? '';
  const [, oldStart = '0', oldCount = '1', newStart = '0', newCount = '1'] =
    /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(heading) ?? [];
  let [oldLine, oldLeft, newLine, newLeft] = [Number(oldStart), Number(oldCount), Number(newStart), Number(newCount)];
  draft.rows.push({ kind: 'hunk', line: null, text: heading });
  let at = start + 1;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const sign = line.charAt(0);
    const text = line.slice(1);
    if (sign === '\\') {
      draft.rows.push({ kind: 'note', line: null, text: 'No newline at the end of the file' });
      continue;
    }
    // git counts right; text that was cut short must not take the next file's heading for a line.
    if ((oldLeft <= 0 && newLeft <= 0) || !['+', '-', ' ', ''].includes(sign)) break;
    if (text.endsWith('\r')) draft.withReturn += 1;
    if (sign === '+') {
      draft.rows.push({ kind: 'added', line: newLine++, text });
      draft.additions += 1;
      newLeft -= 1;
    } else if (sign === '-') {
      draft.rows.push({ kind: 'removed', line: oldLine++, text });
      draft.deletions += 1;
      oldLeft -= 1;
    } else {
      draft.rows.push({ kind: 'same', line: newLine++, text });
      oldLine += 1;
      oldLeft -= 1;
      newLeft -= 1;
    }
  }
  return at;
}

function finish(draft: Draft): DiffFile {
  const contents = draft.rows.filter((row) => row.kind !== 'hunk' && row.kind !== 'note').length;
  const all = draft.withReturn > 0 && draft.withReturn === contents;
  // A file that ends every line with CR LF is said to do so once; the odd one out is marked on its line.
  const rows = all
    ? draft.rows.map((row) => (row.text.endsWith('\r') ? { ...row, text: row.text.slice(0, -1) } : row))
    : draft.rows;
  return {
    path: draft.path,
    oldPath: draft.oldPath,
    rows,
    additions: draft.additions,
    deletions: draft.deletions,
    binary: draft.binary,
    notes: draft.notes,
    lineEnds: all ? 'crlf' : draft.withReturn > 0 ? 'mixed' : 'lf',
  };
}

function stripSide(name: string): string {
  return /^[ab]\//.test(name) ? name.slice(2) : name;
}

const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/** Undoes git's C-style quoting of unusual names: "a/\303\244.txt" is a/ä.txt. */
export function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const bytes: number[] = [];
  const inner = name.slice(1, -1);
  for (let at = 0; at < inner.length; at += 1) {
    const next = inner.charAt(at + 1);
    if (inner.charAt(at) !== '\\') {
      bytes.push(...new TextEncoder().encode(inner.charAt(at)));
    } else if (/[0-7]/.test(next)) {
      bytes.push(Number.parseInt(inner.slice(at + 1, at + 4), 8));
      at += 3;
    } else {
      bytes.push(escapes[next] ?? next.charCodeAt(0));
      at += 1;
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** The part of a changed line that differs from its counterpart: [from, to), or null when all of it does. */
export function changedPart(text: string, other: string): readonly [number, number] | null {
  if (text.length > 1000 || other.length > 1000) return null;
  let from = 0;
  const most = Math.min(text.length, other.length);
  while (from < most && text[from] === other[from]) from += 1;
  let tail = 0;
  while (tail < most - from && text[text.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
  const kept = from + tail;
  // Marks help only where the lines are mostly alike.
  if (kept < most * 0.4 || from === text.length - tail) return null;
  return [from, text.length - tail];
}

/** For every removed line that an added line replaces one to one, the index of its counterpart, and the other way round. */
export function counterparts(rows: readonly Row[]): Map<number, number> {
  const pairs = new Map<number, number>();
  let at = 0;
  while (at < rows.length) {
    const removed = runOf(rows, at, 'removed');
    const added = runOf(rows, at + removed, 'added');
    if (removed > 0 && removed === added) {
      for (let n = 0; n < removed; n += 1) {
        pairs.set(at + n, at + removed + n);
        pairs.set(at + removed + n, at + n);
      }
    }
    at += Math.max(1, removed + added);
  }
  return pairs;
}

function runOf(rows: readonly Row[], from: number, kind: RowKind): number {
  let length = 0;
  while (rows[from + length]?.kind === kind) length += 1;
  return length;
}

const lockfiles =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|composer\.lock|Gemfile\.lock)$/;
const generated = /(^|\/)(dist|vendor|node_modules|generated)\/|\.min\.(js|css)$|\.map$|\.snap$|\.pb\.go$/;

/** Why a file starts folded, in a word for the owner, or null when it starts open. */
export function foldReason(path: string, changedLines: number, linesMax: number): string | null {
  if (lockfiles.test(path)) return 'lockfile';
  if (generated.test(path)) return 'generated or vendored';
  return changedLines > linesMax ? 'long' : null;
}

/** Whether text that was pasted into the chat is a diff rather than words. */
export function looksLikeDiff(text: string): boolean {
  return (
    /^(diff --git |Index: |From [0-9a-f]{40} |--- \S)/m.test(text) &&
    /^(@@ -\d|GIT binary patch|(new|old|deleted file) mode |(rename|copy) from )/m.test(text)
  );
}
