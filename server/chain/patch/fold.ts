/**
 * The steps of tolerance with which old lines of a hunk are compared with the base, least first. Folding is only for
 * finding the place: what is written then are the base's own bytes, and added lines stay as they came.
 */
import { isUtf8 } from 'node:buffer';

export type Level =
  | 'exact'
  | 'final_newline'
  | 'line_ends'
  | 'trailing_blanks'
  | 'encoding'
  | 'lost_characters'
  | 'typography'
  | 'blanks';

export const levels: readonly Level[] = [
  'exact',
  'final_newline',
  'line_ends',
  'trailing_blanks',
  'encoding',
  'lost_characters',
  'typography',
  'blanks',
];

/** U+FFFD as UTF-8 in a byte string: what a decoder leaves of bytes it could not read. */
export const lostCharacter = '\u00ef\u00bf\u00bd';

/** One form for all texts that a level takes for the same. `noNewline`: nothing follows this line in its file. */
export function fold(level: Level, text: string, noNewline: boolean): string {
  switch (level) {
    case 'exact':
      return noNewline ? `${text}\n` : text;
    case 'final_newline':
      return text;
    case 'line_ends':
      return text.endsWith('\r') ? text.slice(0, -1) : text;
    case 'trailing_blanks':
      return withoutTrailingBlanks(text);
    case 'encoding':
      return decodeEither(withoutTrailingBlanks(text));
    case 'lost_characters':
      return Buffer.from(withoutTrailingBlanks(text), 'latin1').toString('utf8');
    case 'typography':
      return foldTypography(text);
    case 'blanks':
      return foldTypography(text).replace(/\s+/g, ' ').trim();
  }
}

/** UTF-8 where it is, else Latin-1: a paste is UTF-8 whatever the file is. */
function decodeEither(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text)) return text;
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : text;
}

/** A loop, because the obvious pattern takes quadratic time on a line of blanks. */
function withoutTrailingBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t' || text[end - 1] === '\r')) end -= 1;
  return text.slice(0, end);
}

const typographic: readonly (readonly [RegExp, string])[] = [
  [/[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g, ' '],
  [/\u200b|\u200c|\u200d|\u2060|\ufeff|\u00ad/g, ''],
  [/[\u2018\u2019\u201a\u201b\u2032]/g, "'"],
  [/[\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb]/g, '"'],
  [/[\u2010-\u2015\u2212]/g, '-'],
  [/\u2026/g, '...'],
];

function foldTypography(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text)) return withoutTrailingBlanks(text);
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  const folded = typographic.reduce((now, [pattern, plain]) => now.replace(pattern, plain), decoded);
  return withoutTrailingBlanks(folded);
}

/** Typographic characters in a byte string, each once. */
export function typographyIn(text: string): string[] {
  if (!/[\u00c2\u00e2\u00e3\u00ef]/.test(text)) return [];
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  return [...new Set(typographic.flatMap(([pattern]) => decoded.match(pattern) ?? []))];
}

/** The blanks a line starts with. */
export function indentOf(text: string): string {
  let end = 0;
  while (text[end] === ' ' || text[end] === '\t') end += 1;
  return text.slice(0, end);
}
