/**
 * Patches are bytes. Inside the engine they are "byte strings": one character per byte (latin1), so that no byte is lost
 * and string search stays fast. Paths are text (lib/path-bytes.ts).
 */
import { pathToBytes } from '../../lib/path-bytes.ts';
import { redactText } from '../../lib/redact.ts';
import { quotedCharactersMax } from './limits.ts';

/** A path as people may see it: what cannot be shown is escaped, and a token in it is masked as one in a line is. */
export function showPath(path: string): string {
  return redactText(path).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return `\\u{${code.toString(16)}}`;
  });
}

/** A line of a byte string for a sentence: decoded, on one line, bounded, in quotation marks. */
export function quoteLine(bytes: string): string {
  const text = showPath(
    Buffer.from(bytes.slice(0, quotedCharactersMax * 4), 'latin1')
      .toString('utf8')
      .trim()
      .replaceAll('\t', ' '),
  );
  return text.length > quotedCharactersMax ? `"${text.slice(0, quotedCharactersMax)}…"` : `"${text}"`;
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
};

/**
 * Reads a C-quoted name at the start of a byte string, as git writes names with special characters.
 * `end` is the offset after the closing quotation mark; null when it is not a whole quoted name.
 */
export function unquote(bytes: string): { name: string; end: number } | null {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(bytes);
  if (!quoted) return null;
  const body = quoted[1] ?? '';
  const name = body.replace(/\\([0-3][0-7]{2}|.)/gs, (whole, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code, 8));
    return escapes[code] ?? whole;
  });
  return { name, end: quoted[0].length };
}

/** A path as git writes it in a header, quoted only where it must be. Returns a byte string. */
export function quoteName(path: string): string {
  const bytes = pathToBytes(path).toString('latin1');
  if (!/[\x00-\x1f\x7f-\xff"\\]/.test(bytes)) return bytes;
  const escaped = bytes.replace(/[\x00-\x1f\x7f-\xff"\\]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${escaped}"`;
}

/** Lines without their line feed, and whether the last one had it. An empty text has no lines. */
export interface Lines {
  readonly lines: readonly string[];
  readonly finalNewline: boolean;
}

export function splitLines(bytes: string): Lines {
  if (bytes === '') return { lines: [], finalNewline: true };
  const lines = bytes.split('\n');
  if (lines.at(-1) !== '') return { lines, finalNewline: false };
  lines.pop();
  return { lines, finalNewline: true };
}

export function joinLines({ lines, finalNewline }: Lines): string {
  if (lines.length === 0) return '';
  return finalNewline ? `${lines.join('\n')}\n` : lines.join('\n');
}
