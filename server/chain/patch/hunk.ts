/** Reads one hunk of a unified diff, by its counts where they hold and by its signs where they do not. */
import { advance, type Cursor, lineAt, lineEnd } from './cursor.ts';
import { readNumbers, readUsualNumbers } from './hunk-header.ts';
import {
  isEmptyLine,
  isMarker,
  isSignature,
  isText,
  isUsualMarker,
  startsSomething,
  startsFile,
} from './line-kinds.ts';
import type { Hunk, HunkLine, HunkNumbers } from './shape.ts';

const SPACE = 32;
const PLUS = 43;
const MINUS = 45;
const BACKSLASH = 92;
const NEWLINE = 10;
const RETURN = 13;

/** Reads the hunk whose `@@` line the cursor is on, and leaves the cursor behind it. */
export function readHunk(text: string, cursor: Cursor): ScannedHunk {
  const { offset, line } = cursor;
  const headerEnd = lineEnd(text, offset);
  const hasReturn = text.charCodeAt(headerEnd - 1) === RETURN;
  const usual = readUsualNumbers(text, offset);
  const head = usual ? null : readNumbers(lineAt(text, offset));
  const numbers = usual ?? head?.numbers ?? null;
  cursor.offset = headerEnd + 1;
  cursor.line += 1;
  const markers = { areUsual: true };
  const counts = numbers ? readByCounts(text, cursor, numbers.oldCount, numbers.newCount, markers) : 'wrong';
  if (counts === 'wrong') readBySigns(text, cursor);
  if (counts !== 'short') skipMarker(text, cursor, markers);
  const to = cursor.offset;
  const extra = counts === 'exact' ? readExtra(text, cursor) : null;
  const isRegular = counts === 'exact' && numbers !== null && !hasReturn && markers.areUsual;
  const stretch = { offset, from: headerEnd + 1, to };
  return new ScannedHunk(text, line, stretch, numbers ?? head?.start ?? null, counts, extra, isRegular);
}

const none: readonly string[] = [];

/** Where a hunk stands in the paste: its header, its first line, and what is behind its last one. */
interface Stretch {
  readonly offset: number;
  readonly from: number;
  readonly to: number;
}

/** A long diff has thousands of them, and few are asked for more than their counts: all else is cut out when asked for. */
class ScannedHunk implements Hunk {
  readonly at: number;
  readonly numbers: HunkNumbers | null;
  readonly anchors: readonly string[];
  readonly counts: Hunk['counts'];
  readonly toEndOfFile: boolean;
  readonly extra: Hunk['extra'];
  /** git takes its header as it stands, and the counts hold. */
  readonly isRegular: boolean;
  readonly #text: string;
  readonly #offset: number;
  readonly #from: number;
  readonly #to: number;
  #lines: readonly HunkLine[] | null;

  constructor(
    text: string,
    at: number,
    { offset, from, to }: Stretch,
    numbers: HunkNumbers | null,
    counts: Hunk['counts'],
    extra: Extra | null,
    isRegular: boolean,
  ) {
    this.at = at;
    this.numbers = numbers;
    this.anchors = none;
    this.counts = counts;
    this.toEndOfFile = false;
    this.extra = extra && {
      near: extra.near,
      lines: once(() => materialise(text, extra.from, extra.to)),
    };
    this.isRegular = isRegular;
    this.#text = text;
    this.#offset = offset;
    this.#from = from;
    this.#to = to;
    this.#lines = null;
  }

  get heading(): string {
    return readNumbers(lineAt(this.#text, this.#offset)).heading;
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

function skipMarker(text: string, cursor: Cursor, markers: { areUsual: boolean }): void {
  while (isMarker(text, cursor.offset)) {
    markers.areUsual &&= isUsualMarker(text, cursor.offset);
    advance(text, cursor);
  }
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
