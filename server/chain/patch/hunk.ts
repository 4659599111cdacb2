/** Reads one hunk of a unified diff, by its counts where they hold and by its signs where they do not. */
import type { Hunk, HunkLine, HunkNumbers } from './shape.ts';

const SPACE = 32;
const PLUS = 43;
const MINUS = 45;
const BACKSLASH = 92;
const NEWLINE = 10;
const RETURN = 13;

/** Where a reader stands in a byte string: the offset of a line's first character and its 1-based number. */
export interface Cursor {
  offset: number;
  line: number;
}

const headerPattern = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$/;
/** Half-written headers: `@@ -15 +15 @@`, `@@ -15,7 @@`; only the old start is believed. */
const loosePattern = /^@@+ *-(\d{1,9})(?:,\d*)?(?: +\+\d*(?:,\d*)?)? *@@+(.*)$/;

export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end;
}

/** One line without its line feed and without a carriage return before it. */
export function lineAt(text: string, offset: number): string {
  const end = lineEnd(text, offset);
  return text.slice(offset, end > offset && text.charCodeAt(end - 1) === RETURN ? end - 1 : end);
}

export function advance(text: string, cursor: Cursor): void {
  cursor.offset = lineEnd(text, cursor.offset) + 1;
  cursor.line += 1;
}

/** Reads the hunk whose `@@` line the cursor is on, and leaves the cursor behind it. */
export function readHunk(text: string, cursor: Cursor): { hunk: Hunk; regular: boolean } {
  const at = cursor.line;
  const headerEnd = lineEnd(text, cursor.offset);
  const head = lineAt(text, cursor.offset);
  const { numbers, heading, start } = readNumbers(head);
  const regular = numbers !== null && text.charCodeAt(headerEnd - 1) !== RETURN;
  advance(text, cursor);
  const from = { ...cursor };
  const counts = numbers ? readByCounts(text, cursor, numbers.oldCount, numbers.newCount) : 'wrong';
  if (counts === 'wrong') readBySigns(text, cursor);
  if (counts !== 'short') skipMarker(text, cursor);
  const to = cursor.offset;
  const atEndOfPaste = cursor.offset >= text.length;
  const extra = counts === 'exact' ? readExtra(text, cursor) : null;
  const hunk: Hunk = {
    at,
    numbers: numbers ?? start,
    heading,
    anchors: [],
    counts,
    atEndOfPaste,
    textFollows: isText(text, to),
    toEndOfFile: false,
    lines: once(() => materialise(text, from, to)),
    extra: extra && {
      near: extra.near,
      lines: once(() => materialise(text, extra.from, extra.to)),
    },
  };
  return { hunk, regular: regular && counts === 'exact' };
}

export function readNumbers(head: string): { numbers: HunkNumbers | null; start: HunkNumbers | null; heading: string } {
  const exact = headerPattern.exec(head);
  if (exact) {
    const [, oldStart, oldCount = '1', newStart, newCount = '1', heading = ''] = exact;
    return {
      numbers: {
        oldStart: Number(oldStart),
        oldCount: Number(oldCount),
        newStart: Number(newStart),
        newCount: Number(newCount),
      },
      start: null,
      heading: heading.trim(),
    };
  }
  const loose = loosePattern.exec(head);
  if (loose) {
    const oldStart = Number(loose[1]);
    const start = { oldStart, oldCount: -1, newStart: oldStart, newCount: -1 };
    return { numbers: null, start, heading: (loose[2] ?? '').trim() };
  }
  const heading = head
    .replace(/^@@+/, '')
    .replace(/@@+\s*$/, '')
    .trim();
  return { numbers: null, start: null, heading: /^(?:\.\.\.|…|[-+,.\d\s]*)$/.test(heading) ? '' : heading };
}

/** Consumes lines until the counts are used up. Stops at anything that can only be the start of something else. */
function readByCounts(text: string, cursor: Cursor, oldCount: number, newCount: number): Hunk['counts'] {
  let old = oldCount;
  let fresh = newCount;
  while (old > 0 || fresh > 0) {
    if (cursor.offset >= text.length) return 'short';
    const code = text.charCodeAt(cursor.offset);
    if (code === PLUS) fresh -= 1;
    else if (code === MINUS) {
      if (startsFile(text, cursor.offset) && !(old === 1 && fresh === 1)) return 'short';
      old -= 1;
    } else if (code !== BACKSLASH) {
      if (code !== SPACE && code !== NEWLINE && startsSomething(text, cursor.offset)) return 'short';
      old -= 1;
      fresh -= 1;
    }
    if (old < 0 || fresh < 0) return 'wrong';
    advance(text, cursor);
  }
  return 'exact';
}

/** Consumes lines as long as they look like hunk lines; a stray line counts as one while hunk lines follow it closely. */
function readBySigns(text: string, cursor: Cursor): void {
  while (cursor.offset < text.length) {
    const code = text.charCodeAt(cursor.offset);
    const signed = code === PLUS || code === SPACE || code === BACKSLASH || code === MINUS;
    if (signed && isSignature(text, cursor.offset)) return;
    if ((!signed || code === MINUS) && startsSomething(text, cursor.offset)) return;
    if (!signed && !hunkGoesOn(text, cursor.offset)) return;
    advance(text, cursor);
  }
}

const strayLinesMax = 3;

/** After at most three unsigned lines a line with a sign follows. */
function hunkGoesOn(text: string, offset: number): boolean {
  let at = offset;
  for (let stray = 0; stray < strayLinesMax && at < text.length; stray += 1) {
    at = lineEnd(text, at) + 1;
    const code = text.charCodeAt(at);
    if (at >= text.length || startsSomething(text, at) || isSignature(text, at)) return false;
    if (code === PLUS || code === MINUS || code === SPACE) return true;
  }
  return false;
}

/** Lines behind a hunk whose counts are used up, as far as they could still belong to it. */
function readExtra(text: string, cursor: Cursor): { near: boolean; from: Cursor; to: number } | null {
  const probe = { ...cursor };
  let near = true;
  while (probe.offset < text.length && lineAt(text, probe.offset) === '') {
    near = false;
    advance(text, probe);
  }
  if (probe.offset >= text.length) return null;
  const code = text.charCodeAt(probe.offset);
  if (code !== PLUS && code !== MINUS && code !== SPACE) return null;
  if (startsSomething(text, probe.offset) || isSignature(text, probe.offset)) return null;
  // Rather the header of a file that was cut off than a line too many.
  if (text.startsWith('--- ', probe.offset) || text.startsWith('+++ ', probe.offset)) return null;
  const from = { ...cursor };
  readBySigns(text, probe);
  return { near, from, to: probe.offset };
}

function isText(text: string, offset: number): boolean {
  if (offset >= text.length || lineAt(text, offset).trim() === '') return false;
  return !startsSomething(text, offset) && !isSignature(text, offset);
}

function skipMarker(text: string, cursor: Cursor): void {
  if (text.charCodeAt(cursor.offset) === BACKSLASH && cursor.offset < text.length) advance(text, cursor);
}

/** `--- old` with `+++ new` and a hunk right behind it: never the middle of a hunk. */
export function startsFile(text: string, offset: number): boolean {
  if (!text.startsWith('--- ', offset)) return false;
  const next = lineEnd(text, offset) + 1;
  if (!text.startsWith('+++ ', next)) return false;
  return text.startsWith('@@', lineEnd(text, next) + 1);
}

/** The two dashes that end a mail. */
function isSignature(text: string, offset: number): boolean {
  return text.startsWith('--', offset) && /^-- ?$/.test(lineAt(text, offset));
}

const starts = ['diff --git ', '@@', 'Index: ', '```', '~~~', '*** ', 'diff -', 'Only in ', 'Binary files '] as const;

function startsSomething(text: string, offset: number): boolean {
  return startsFile(text, offset) || starts.some((start) => text.startsWith(start, offset));
}

function materialise(text: string, from: Cursor, to: number): HunkLine[] {
  const lines: HunkLine[] = [];
  const cursor = { ...from };
  while (cursor.offset < to) {
    const whole = text.slice(cursor.offset, Math.min(lineEnd(text, cursor.offset), to));
    const sign = whole[0];
    const last = lines.at(-1);
    if (sign === '\\' && last) lines[lines.length - 1] = { ...last, noNewline: true };
    else if (sign === ' ' || sign === '+' || sign === '-') {
      lines.push({ sign, text: whole.slice(1), at: cursor.line, noNewline: false, unsigned: false });
    } else {
      lines.push({ sign: ' ', text: whole, at: cursor.line, noNewline: false, unsigned: true });
    }
    advance(text, cursor);
  }
  return lines;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
