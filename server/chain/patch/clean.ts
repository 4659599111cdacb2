/**
 * What a transport put around or into a whole paste, undone. Each step is tried only where its trace is seen, in this
 * order; the first text that gives a patch wins (issue 3, item 2). Lines stay lines, so that refusals name the right one.
 */
import { hasStructure, structure, undoDeclared, undoMailEncoding } from './mail.ts';
import type { MendCode } from './mends.ts';

/** A text to try, and what was undone to get it. */
export interface Attempt {
  readonly text: string;
  readonly codes: readonly MendCode[];
}

interface Step {
  readonly code: MendCode;
  /** The text without this trace, or null when there is none. */
  readonly undo: (text: string) => string | null;
}

/** Seen beyond doubt: undone before anything is tried. A mail can be quoted or shifted, and its text again. */
const certain: readonly Step[] = [
  { code: 'byte_order_mark', undo: (text) => (text.startsWith('\u00ef\u00bb\u00bf') ? text.slice(3) : null) },
  { code: 'line_ends_of_paste', undo: undoLineEnds },
  { code: 'mail_encoding', undo: undoDeclared },
  { code: 'colours', undo: undoColours },
  { code: 'quoting', undo: undoQuoting },
  { code: 'shift_of_paste', undo: undoShift },
  { code: 'mail_encoding', undo: undoDeclared },
];

/** Could be the code's own text: undone only after the text without it gave no patch. */
const doubtful: readonly Step[] = [
  { code: 'mail_encoding', undo: undoMailEncoding },
  { code: 'html_escapes', undo: undoHtml },
  { code: 'line_number_prefixes', undo: undoLineNumbers },
];

/** All texts worth trying, least changed first; made one after the other, as they are asked for. */
export function* attempts(bytes: Buffer): Generator<Attempt> {
  const wide = decodeUtf16(bytes);
  let text = (wide ?? bytes).toString('latin1');
  const codes: MendCode[] = wide ? ['utf16'] : [];
  for (const step of certain) {
    const undone = step.undo(text);
    if (undone === null) continue;
    text = undone;
    if (!codes.includes(step.code)) codes.push(step.code);
  }
  yield { text, codes: [...codes] };
  for (const steps of combinations(doubtful)) {
    const undone = steps.reduce<string | null>((now, step) => (now === null ? null : step.undo(now)), text);
    if (undone !== null && undone !== text) yield { text: undone, codes: [...codes, ...steps.map(({ code }) => code)] };
  }
}

/** Single steps first, then several together; each in the order of the list. */
function combinations(steps: readonly Step[]): Step[][] {
  const all = steps.reduce<Step[][]>((sets, step) => [...sets, ...sets.map((set) => [...set, step])], [[]]);
  return all.filter((set) => set.length > 0).toSorted((one, other) => one.length - other.length);
}

/** A redirected PowerShell pipe writes UTF-16 with a byte order mark. */
function decodeUtf16(bytes: Buffer): Buffer | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return Buffer.from(bytes.toString('utf16le', 2), 'utf8');
  if (bytes[0] !== 0xfe || bytes[1] !== 0xff) return null;
  return Buffer.from(
    Buffer.from(bytes.subarray(2, bytes.length - (bytes.length % 2)))
      .swap16()
      .toString('utf16le'),
    'utf8',
  );
}

/** Only when every line, headers too, ends in CR LF: a diff of a Windows file has plain line ends in its headers. */
function undoLineEnds(text: string): string | null {
  if (!text.includes('\r')) return null;
  if (!text.includes('\n')) return text.replaceAll('\r', '\n');
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) if (text[at - 1] !== '\r') return null;
  return text.replaceAll('\r\n', '\n').replace(/\r$/, '');
}

function undoColours(text: string): string | null {
  if (!text.includes('\u001b[')) return null;
  if (!/^\u001b\[[0-9;]*m(?:\u001b\[[0-9;]*m)*(?:diff |index |---|\+\+\+|@@|[-+ ])/m.test(text)) return null;
  return text.replace(/\u001b\[[0-9;]*[mK]/g, '');
}

function undoQuoting(text: string): string | null {
  if (hasStructure(text)) return null;
  const quoted = new RegExp(`^((?:> ?){1,50}|[|] )${structure}`, 'm').exec(text)?.[1];
  return quoted === undefined ? null : withoutPrefix(text, quoted);
}

function undoShift(text: string): string | null {
  if (hasStructure(text)) return null;
  const shift = new RegExp(
    String.raw`^([ \t]+)(?:diff --git |--- \S|\+\+\+ \S|@@ -\d|Index: |\*\*\* Begin )`,
    'm',
  ).exec(text)?.[1];
  return shift === undefined ? null : withoutPrefix(text, shift);
}

function withoutPrefix(text: string, prefix: string): string {
  const bare = prefix.trimEnd();
  return text
    .split('\n')
    .map((line) => {
      if (line.startsWith(prefix)) return line.slice(prefix.length);
      return bare !== '' && line.startsWith(bare) && line.trimEnd() === bare ? '' : line;
    })
    .join('\n');
}

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  '#39': "'",
  '#039': "'",
  '#x27': "'",
  '#34': '"',
  nbsp: ' ',
  '#160': ' ',
};

/** Once, so that an escape that was in the code itself (`&amp;lt;`) comes out as it was. */
function undoHtml(text: string): string | null {
  if (
    !/&(?:lt|gt|amp|quot|apos|nbsp|#\d+|#x27);/i.test(text) ||
    !/^(?:@@|--- |\*\*\* |&lt;&lt;&lt;&lt;&lt;)/m.test(text)
  )
    return null;
  return text.replace(
    /&(lt|gt|amp|quot|apos|nbsp|#0?39|#x27|#34|#160);/gi,
    (whole, name: string) => entities[name.toLowerCase()] ?? whole,
  );
}

/** Signs in front (`+12 added`), or numbers in front (`12 +added`, `12 13 | context`). */
const numberedAfterSign = /^([-+ ])[ \t]*\d{1,6}(?: ?[|:](?: |$)|\t| )(.*)$/;
const tightAfterSign = /^([-+ ])[ \t]*\d{1,6}[|:](.*)$/;
const numberedBeforeSign = /^[ \t]*\d{1,6}(?:[ \t]+\d{1,6})?(?: ?[|:] ?|\t| )([-+ ])?(.*)$/;

/** Numbers that a viewer wrote in front of the lines, or behind their signs. */
function undoLineNumbers(text: string): string | null {
  if (!/^@@/m.test(text)) return null;
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith('@@'));
  const isSigned = lines.some((line, at) => at > start && /^[-+](?![-+]{2} )/.test(line));
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
