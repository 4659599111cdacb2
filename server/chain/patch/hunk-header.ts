/** The numbers in the `@@` line of a hunk, and what stands behind them. */
import { standsAt } from './cursor.ts';
import type { HunkNumbers } from './shape.ts';

const SPACE = 32;
const PLUS = 43;
const COMMA = 44;
const ZERO = 48;
const NINE = 57;

/** The heading is a line of the file, so it may hold carriage returns. */
const headerPattern = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)$/s;
/** Half-written headers: `@@ -15 +15 @@`, `@@ -15,7 @@`; only the old start is believed. */
const headerCharactersMax = 4096;
const loosePattern = /^@@+ *-(\d{1,9})(?:,\d*)?(?: +\+\d*(?:,\d*)?)? *@@+(.*)$/;

export interface HunkHead {
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
export function readUsualNumbers(text: string, offset: number): HunkNumbers | null {
  if (!standsAt(text, '@@ -', offset)) return null;
  let [oldStart, oldCount, newStart, newCount] = [0, 1, 0, 1];
  let isNew = false;
  let isCount = false;
  let value = 0;
  let digits = 0;
  for (let at = offset + 4; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      value = value * 10 + code - ZERO;
      digits += 1;
      continue;
    }
    if (digits === 0 || digits > 9) return null;
    if (isNew && isCount) newCount = value;
    else if (isNew) newStart = value;
    else if (isCount) oldCount = value;
    else oldStart = value;
    if (code === COMMA && !isCount) isCount = true;
    else if (code !== SPACE) return null;
    else if (isNew) return standsAt(text, '@@', at + 1) ? { oldStart, oldCount, newStart, newCount } : null;
    else if (text.charCodeAt(at + 1) !== PLUS) return null;
    else {
      isNew = true;
      isCount = false;
      at += 1;
    }
    value = 0;
    digits = 0;
  }
}

/** Where the digits at `from` end. */
export function digitsEnd(text: string, from: number): number {
  let at = from;
  for (; ; at += 1) {
    const code = text.charCodeAt(at);
    if (!(code >= ZERO && code <= NINE)) return at;
  }
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
