/** Numbers that a viewer wrote in front of the lines of a paste, undone. */
import { hasStructure } from './mail.ts';

/** Signs in front (`+12 added`), or numbers in front (`12 +added`, `12 13 | context`). */
const numberedAfterSign = /^([-+ ])[ \t]*\d{1,6}(?: ?[|:](?: |$)|\t| )(.*)$/;
const tightAfterSign = /^([-+ ])[ \t]*\d{1,6}[|:](.*)$/;
const numberedBeforeSign = /^[ \t]*\d{1,6}(?:[ \t]+\d{1,6})?(?: ?[|:] ?|\t| )([-+ ])?(.*)$/;

/** Numbers that a viewer wrote in front of the lines, or behind their signs. */
export function undoLineNumbers(text: string): string | null {
  if (!/^@@/m.test(text)) return null;
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith('@@'));
  const isSigned = lines.some((line, at) => at > start && /^[-+](?![-+]{2} )/.test(line));
  const gutter = isSigned ? null : stripGutter(lines, start);
  if (gutter !== null) return gutter;
  const patterns = isSigned ? [numberedAfterSign, tightAfterSign] : [numberedBeforeSign];
  return patterns.reduce<string | null>((undone, pattern) => undone ?? stripNumbers(lines, start, pattern), null);
}

function stripNumbers(lines: readonly string[], start: number, pattern: RegExp): string | null {
  let numbered = 0;
  let other = 0;
  const undone = lines.map((line, at) => {
    if (at <= start || line === '' || /^(?:@@|diff |--- |\+\+\+ |index |```|\\ )/.test(line)) return line;
    const found = pattern.exec(line);
    if (found) numbered += 1;
    else other += 1;
    // The marker of a last line without line feed has no sign, and is no context.
    return found ? `${found[1] ?? (found[2]?.startsWith('\\ ') ? '' : ' ')}${found[2] ?? ''}` : line;
  });
  return numbered >= 3 && numbered > other * 8 ? undone.join('\n') : null;
}

/**
 * Columns of numbers as wide in every line, with blanks where a side has no line: `18    -removed` and `   18 +added`. The signs
 * stand below each other behind them.
 */
function stripGutter(lines: readonly string[], start: number): string | null {
  const isCode = (line: string, at: number): boolean =>
    at > start && line !== '' && !/^(?:@@|diff |--- |\+\+\+ |index |```|\\ )/.test(line);
  const widths = new Set<number>();
  for (const [at, line] of lines.entries()) {
    const signed = isCode(line, at) ? /^[ \t\d|:]{1,24}(?=[-+])/.exec(line) : null;
    if (signed && /\d/.test(signed[0])) widths.add(signed[0].length);
  }
  const [width] = widths;
  if (width === undefined || widths.size !== 1) return null;
  let numbered = 0;
  const undone: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (!isCode(line, at)) {
      undone.push(line);
      continue;
    }
    const gutter = line.slice(0, width);
    if (!/^[ \t\d|:]*$/.test(gutter) || !/^[-+ \\]?$/.test(line[width] ?? '')) return null;
    if (/\d/.test(gutter)) numbered += 1;
    undone.push(line.slice(width));
  }
  return numbered >= 3 ? undone.join('\n') : null;
}

/** Every line of the whole paste is numbered, headers too, one after the other: `cat -n`, or an editor. */
export function undoNumberedPaste(text: string): string | null {
  if (hasStructure(text)) return null;
  const found = /^[ \t]*\d{1,6}(\t| ?[|:] ?|[.)] | {1,2})(?=diff --git |--- \S|Index: |\*\*\* Begin )/m.exec(text);
  const behind = found?.[1];
  if (behind === undefined) return null;
  const lines = text.split('\n');
  let last: number | null = null;
  const undone: string[] = [];
  for (const [at, line] of lines.entries()) {
    const digits = /^[ \t]*(\d{1,6})/.exec(line);
    const rest = digits ? line.slice(digits[0].length) : null;
    if (digits === null || rest === null) {
      if (line.trim() !== '' || (at < lines.length - 1 && last !== null)) return null;
      undone.push(line);
      continue;
    }
    const number = Number(digits[1]);
    const isNext: boolean = last === null || number === last + 1;
    if (!isNext || !(rest.startsWith(behind) || rest.trim() === behind.trim())) return null;
    last = number;
    undone.push(rest.startsWith(behind) ? rest.slice(behind.length) : '');
  }
  return undone.join('\n');
}
