/**
 * What a transport put around or into a whole paste, undone. Each step is tried only where its trace is seen, in this
 * order; the first text that gives a patch wins (issue 3, item 2). Lines stay lines, so that refusals name the right one.
 */
import { undoLineNumbers, undoNumberedPaste } from './line-numbers.ts';
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
  { code: 'line_number_prefixes', undo: undoNumberedPaste },
  { code: 'mail_encoding', undo: undoDeclared },
];

/** Could be the code's own text: undone only after the text without it gave no patch. */
const doubtful: readonly Step[] = [
  { code: 'mail_encoding', undo: undoMailEncoding },
  { code: 'colours', undo: undoBareColours },
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

/** A colour without its escape character, which a clipboard loses, or with a name for it. */
const bareColour = String.raw`(?:\^\[|\\(?:e|033|x1b|u001b))?\[(?:\d{1,3}(?:;\d{1,3}){0,4})?[mK]`;

/** That git writes in one place; a pattern without an end takes the whole stack for a paste of nothing else. */
const coloursMax = 8;

/** Only where git writes them: around a line, and around the blanks behind its sign. Elsewhere they may be code. */
function undoBareColours(text: string): string | null {
  if (!new RegExp(`^(?:${bareColour}){1,${coloursMax}}(?:diff |index |--- |\\+\\+\\+ |@@|[-+])`, 'm').test(text))
    return null;
  return text
    .replace(new RegExp(`^(?:${bareColour}){1,${coloursMax}}`, 'gm'), '')
    .replace(
      new RegExp(`^([-+ ])((?:${bareColour}){0,${coloursMax}})([ \\t]*)((?:${bareColour}){0,${coloursMax}})`, 'gm'),
      '$1$3',
    )
    .replace(new RegExp(`(?:${bareColour}){1,${coloursMax}}$`, 'gm'), '');
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

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

/** What an escape stands for, as a byte string; itself where that is no character of a line. */
function decodeEntity(whole: string, name: string): string {
  const known = entities[name.toLowerCase()];
  if (known !== undefined) return known;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  if (code === 160) return ' ';
  const isOfLine = code === 9 || (code >= 32 && code < 0xd800) || (code >= 0xe000 && code <= 0xffff);
  return isOfLine ? Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1') : whole;
}

/** Once, so that an escape that was in the code itself (`&amp;lt;`) comes out as it was. */
function undoHtml(text: string): string | null {
  const escapes = /&(lt|gt|amp|quot|apos|nbsp|#\d{1,5}|#x[0-9a-f]{1,4});/gi;
  if (text.search(escapes) < 0 || !/^(?:@@|--- |\*\*\* |&lt;&lt;&lt;&lt;&lt;)/m.test(text)) return null;
  return text.replace(escapes, decodeEntity);
}
