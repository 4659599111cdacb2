/** Reads one hunk of a unified diff, by its counts where they hold and by its signs where they do not. */
import type { Hunk, HunkLine, HunkNumbers } from './shape.ts';

const SPACE = 32;
const PLUS = 43;
const MINUS = 45;
const BACKSLASH = 92;
const NEWLINE = 10;
const RETURN = 13;
const COMMA = 44;
const ZERO = 48;

/** Where a reader stands in a byte string: the offset of a line's first character and its 1-based number. */
export interface Cursor {
  offset: number;
  line: number;
}

/** The heading is a line of the file, so it may hold carriage returns. */
const headerPattern = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$/s;
/** Half-written headers: `@@ -15 +15 @@`, `@@ -15,7 @@`; only the old start is believed. */
const headerCharactersMax = 4096;
const loosePattern = /^@@+ *-(\d{1,9})(?:,\d*)?(?: +\+\d*(?:,\d*)?)? *@@+(.*)$/;

export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end;
}

/** One line without its line feed and without a carriage return before it. */
export function lineAt(text: string, offset: number, end = lineEnd(text, offset)): string {
  return text.slice(offset, end > offset && text.charCodeAt(end - 1) === RETURN ? end - 1 : end);
}

export function advance(text: string, cursor: Cursor): void {
  cursor.offset = lineEnd(text, cursor.offset) + 1;
  cursor.line += 1;
}

/** Reads the hunk whose `@@` line the cursor is on, and leaves the cursor behind it. */
export function readHunk(text: string, cursor: Cursor): ScannedHunk {
  const { offset, line } = cursor;
  const headerEnd = lineEnd(text, offset);
  const hasReturn = text.charCodeAt(headerEnd - 1) === RETURN;
  const head =
    readUsualNumbers(text, offset, hasReturn ? headerEnd - 1 : headerEnd) ?? readNumbers(lineAt(text, offset));
  cursor.offset = headerEnd + 1;
  cursor.line += 1;
  const markers = { areUsual: true };
  const counts = head.numbers
    ? readByCounts(text, cursor, head.numbers.oldCount, head.numbers.newCount, markers)
    : 'wrong';
  if (counts === 'wrong') readBySigns(text, cursor);
  if (counts !== 'short') skipMarker(text, cursor, markers);
  const to = cursor.offset;
  const extra = counts === 'exact' ? readExtra(text, cursor) : null;
  const isRegular = counts === 'exact' && head.numbers !== null && !hasReturn && markers.areUsual;
  return new ScannedHunk(text, line, headerEnd + 1, to, head, counts, extra, isRegular);
}

const none: readonly string[] = [];

/** A long diff has thousands of them, and few are asked for more than their counts: all else is cut out when asked for. */
class ScannedHunk implements Hunk {
  readonly at: number;
  readonly numbers: HunkNumbers | null;
  readonly heading: string;
  readonly anchors: readonly string[];
  readonly counts: Hunk['counts'];
  readonly toEndOfFile: boolean;
  readonly extra: Hunk['extra'];
  /** git takes its header as it stands, and the counts hold. */
  readonly isRegular: boolean;
  readonly #text: string;
  readonly #from: number;
  readonly #to: number;
  #lines: readonly HunkLine[] | null;

  constructor(
    text: string,
    at: number,
    from: number,
    to: number,
    head: HunkHead,
    counts: Hunk['counts'],
    extra: Extra | null,
    isRegular: boolean,
  ) {
    this.at = at;
    this.numbers = head.numbers ?? head.start;
    this.heading = head.heading;
    this.anchors = none;
    this.counts = counts;
    this.toEndOfFile = false;
    this.extra = extra && {
      near: extra.near,
      lines: once(() => materialise(text, extra.from, extra.to)),
    };
    this.isRegular = isRegular;
    this.#text = text;
    this.#from = from;
    this.#to = to;
    this.#lines = null;
  }

  get atEndOfPaste(): boolean {
    return this.#to >= this.#text.length;
  }

  get textFollows(): boolean {
    return isText(this.#text, this.#to);
  }

  lines(): readonly HunkLine[] {
    return (this.#lines ??= materialise(this.#text, { offset: this.#from, line: this.at + 1 }, this.#to));
  }
}

interface HunkHead {
  /** All four, as git writes them. */
  readonly numbers: HunkNumbers | null;
  /** The old start alone, when there is no more to believe. */
  readonly start: HunkNumbers | null;
  readonly heading: string;
}

/**
 * What `headerPattern` reads, without its cost: a long diff has thousands of these lines. Null for all others, which
 * readNumbers then looks at.
 */
function readUsualNumbers(text: string, offset: number, end: number): HunkHead | null {
  if (!text.startsWith('@@ -', offset)) return null;
  const digits = { at: offset + 4, value: 0 };
  if (!readDigits(text, digits)) return null;
  const oldStart = digits.value;
  let oldCount = 1;
  if (text.charCodeAt(digits.at) === COMMA) {
    digits.at += 1;
    if (!readDigits(text, digits)) return null;
    oldCount = digits.value;
  }
  if (text.charCodeAt(digits.at) !== SPACE || text.charCodeAt(digits.at + 1) !== PLUS) return null;
  digits.at += 2;
  if (!readDigits(text, digits)) return null;
  const newStart = digits.value;
  let newCount = 1;
  if (text.charCodeAt(digits.at) === COMMA) {
    digits.at += 1;
    if (!readDigits(text, digits)) return null;
    newCount = digits.value;
  }
  if (!text.startsWith(' @@', digits.at)) return null;
  const numbers = { oldStart, oldCount, newStart, newCount };
  return { numbers, start: null, heading: text.slice(digits.at + 3, end).trim() };
}

/** One to nine digits; `number.at` is left behind them. */
function readDigits(text: string, number: { at: number; value: number }): boolean {
  const from = number.at;
  let value = 0;
  let at = from;
  for (; ; at += 1) {
    const digit = text.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
    if (at - from >= 9) return false;
  }
  number.at = at;
  number.value = value;
  return at > from;
}

export function readNumbers(head: string): HunkHead {
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
  // No header anybody wrote is this long, and the patterns below look at each sign of it again and again.
  if (head.length > headerCharactersMax) return { numbers: null, start: null, heading: '' };
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

/**
 * Consumes lines until the counts are used up. Stops at anything that can only be the start of something else.
 * Nearly all lines of a paste pass here, so a line costs the search for its end and a look at its first character.
 */
function readByCounts(
  text: string,
  cursor: Cursor,
  oldCount: number,
  newCount: number,
  markers: { areUsual: boolean },
): Hunk['counts'] {
  let old = oldCount;
  let fresh = newCount;
  let { offset, line } = cursor;
  let counts: Hunk['counts'] = 'exact';
  while (old > 0 || fresh > 0) {
    if (offset >= text.length) {
      counts = 'short';
      break;
    }
    const code = text.charCodeAt(offset);
    if (code === PLUS) fresh -= 1;
    else if (code === MINUS) {
      if (text.charCodeAt(offset + 1) === MINUS && startsFile(text, offset) && !(old === 1 && fresh === 1)) {
        counts = 'short';
        break;
      }
      old -= 1;
    } else if (code === SPACE || code === NEWLINE) {
      old -= 1;
      fresh -= 1;
    } else if (code === BACKSLASH && isMarker(text, offset)) {
      markers.areUsual &&= isUsualMarker(text, offset);
    } else {
      if (startsSomething(text, offset)) {
        counts = 'short';
        break;
      }
      old -= 1;
      fresh -= 1;
    }
    if (old < 0 || fresh < 0) {
      counts = 'wrong';
      break;
    }
    offset = lineEnd(text, offset) + 1;
    line += 1;
  }
  cursor.offset = offset;
  cursor.line = line;
  return counts;
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

interface Extra {
  readonly near: boolean;
  readonly from: Cursor;
  readonly to: number;
}

/** Lines behind a hunk whose counts are used up, as far as they could still belong to it. */
function readExtra(text: string, cursor: Cursor): Extra | null {
  // Nearly always the next part starts here, and nothing is left over.
  const first = text.charCodeAt(cursor.offset);
  if (!(first === PLUS || first === MINUS || first === SPACE || first === NEWLINE || first === RETURN)) return null;
  const probe = { offset: cursor.offset, line: cursor.line };
  let near = true;
  while (probe.offset < text.length && isEmptyLine(text, probe.offset)) {
    near = false;
    advance(text, probe);
  }
  if (probe.offset >= text.length) return null;
  const code = text.charCodeAt(probe.offset);
  if (code !== PLUS && code !== MINUS && code !== SPACE) return null;
  if (startsSomething(text, probe.offset) || isSignature(text, probe.offset)) return null;
  // Rather the header of a file that was cut off than a line too many.
  if (text.startsWith('--- ', probe.offset) || text.startsWith('+++ ', probe.offset)) return null;
  const from = { offset: cursor.offset, line: cursor.line };
  readBySigns(text, probe);
  return { near, from, to: probe.offset };
}

function isEmptyLine(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code === NEWLINE) return true;
  return code === RETURN && (offset + 1 === text.length || text.charCodeAt(offset + 1) === NEWLINE);
}

function isText(text: string, offset: number): boolean {
  if (offset >= text.length || startsSomething(text, offset) || isSignature(text, offset)) return false;
  return lineAt(text, offset).trim() !== '';
}

function skipMarker(text: string, cursor: Cursor, markers: { areUsual: boolean }): void {
  if (!isMarker(text, cursor.offset)) return;
  markers.areUsual &&= isUsualMarker(text, cursor.offset);
  advance(text, cursor);
}

/** The line below a last line without line feed, in any language; or in English without its blank, as some tools cut it. */
function isMarker(text: string, offset: number): boolean {
  return /^\\(?: |No newline)/i.test(text.slice(offset, offset + '\\No newline'.length));
}

/** git's own rule for it: a blank, and twelve bytes with the line feed. */
function isUsualMarker(text: string, offset: number): boolean {
  return text.startsWith('\\ ', offset) && lineEnd(text, offset) + 1 - offset >= 12;
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

/** By their first character, because nearly every line starts with another one. */
const starts: ReadonlyMap<number, readonly string[]> = Map.groupBy(
  ['diff --git ', '@@', 'Index: ', '```', '~~~', '*** ', 'diff -', 'Only in ', 'Binary files '],
  (start) => start.charCodeAt(0),
);

function startsSomething(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code === MINUS) return startsFile(text, offset);
  return starts.get(code)?.some((start) => text.startsWith(start, offset)) === true;
}

function materialise(text: string, from: Cursor, to: number): HunkLine[] {
  const lines: HunkLine[] = [];
  const cursor = { ...from };
  while (cursor.offset < to) {
    const whole = text.slice(cursor.offset, Math.min(lineEnd(text, cursor.offset), to));
    const sign = whole[0];
    const last = lines.at(-1);
    if (isMarker(whole, 0) && last) lines[lines.length - 1] = { ...last, noNewline: true };
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
