/** What a line in or behind a hunk can only be, whatever the counts of the hunk say. */
import { lineAt, lineEnd, standsAt } from './cursor.ts';

const MINUS = 45;
const NEWLINE = 10;
const RETURN = 13;
const BACKSLASH = 92;

/** The line below a last line without line feed, in any language; or in English without its blank, as some tools cut it. */
export function isMarker(text: string, offset: number): boolean {
  // Asked behind every hunk, and nearly never so.
  if (text.charCodeAt(offset) !== BACKSLASH) return false;
  return /^\\(?: |No newline)/i.test(text.slice(offset, offset + '\\No newline'.length));
}

/** git's own rule for it: a blank, and twelve bytes with the line feed. */
export function isUsualMarker(text: string, offset: number): boolean {
  return text.startsWith('\\ ', offset) && lineEnd(text, offset) + 1 - offset >= 12;
}

/** `--- old` with `+++ new` and a hunk right behind it: never the middle of a hunk. */
export function startsFile(text: string, offset: number): boolean {
  if (!standsAt(text, '--- ', offset)) return false;
  const next = lineEnd(text, offset) + 1;
  if (!text.startsWith('+++ ', next)) return false;
  return text.startsWith('@@', lineEnd(text, next) + 1);
}

/** The two dashes that end a mail. */
export function isSignature(text: string, offset: number): boolean {
  return text.startsWith('--', offset) && /^-- ?$/.test(lineAt(text, offset));
}

/** By their first character, because nearly every line starts with another one. */
const starts: ReadonlyMap<number, readonly string[]> = Map.groupBy(
  ['diff --git ', '@@', 'Index: ', '```', '~~~', '*** ', 'diff -', 'Only in ', 'Binary files '],
  (start) => start.charCodeAt(0),
);

export function startsSomething(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code === MINUS) return startsFile(text, offset);
  return starts.get(code)?.some((start) => text.startsWith(start, offset)) === true;
}

export function isEmptyLine(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code === NEWLINE) return true;
  return code === RETURN && (offset + 1 === text.length || text.charCodeAt(offset + 1) === NEWLINE);
}

export function isText(text: string, offset: number): boolean {
  if (offset >= text.length || startsSomething(text, offset) || isSignature(text, offset)) return false;
  return lineAt(text, offset).trim() !== '';
}
