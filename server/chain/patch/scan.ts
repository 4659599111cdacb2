/**
 * One pass over a paste: finds the files and hunks of unified diffs, whatever stands around them. Linear in the paste;
 * lines of hunks are cut out only when they are asked for.
 */
import { advance, type Cursor, lineAt, lineEnd, standsAt } from './cursor.ts';
import { readHunk } from './hunk.ts';
import { digitsEnd } from './hunk-header.ts';
import { filesMax, hunksMax } from './limits.ts';
import { type BinaryPart, type FilePatch, type Header, type Hunk } from './shape.ts';

export interface Scan {
  readonly files: readonly FilePatch[];
  /** First line of a hunk that no file name stands above, or null. */
  readonly orphanAt: number | null;
  /** First line of a combined diff (of a merge), or null. */
  readonly combinedAt: number | null;
  /** First header line that belongs to another part, whose `diff --git` line is missing, or null. */
  readonly mixedAt: number | null;
  readonly tooMany: 'files' | 'hunks' | null;
}

interface Draft {
  at: number;
  from: number;
  to: number;
  header: { -readonly [Key in keyof Header]: Header[Key] };
  hunks: Hunk[];
  binary: FilePatch['binary'];
  irregular: boolean;
  /** What its header said already, a bit for each key, with the last line of it. */
  said: number;
  saidLast: string;
  mixedAt: number | null;
  /** Line behind its last part: a hunk further down is separated from it by other text. */
  nextLine: number;
}

/** Reads every unified diff in a byte string. */
export function scan(text: string): Scan {
  const cursor: Cursor = { offset: 0, line: 1 };
  const drafts: Draft[] = [];
  let current: Draft | null = null;
  let hunks = 0;
  let orphanAt: number | null = null;
  let combinedAt: number | null = null;
  let named: string | null = null;
  while (cursor.offset < text.length) {
    const code = text.charCodeAt(cursor.offset);
    if (code === 64 && standsAt(text, '@@', cursor.offset)) {
      if (standsAt(text, '@@@', cursor.offset)) combinedAt ??= cursor.line;
      if (!current && named !== null) drafts.push((current = openDraft(cursor, headerOf(null, named), true)));
      const line = cursor.line;
      const hunk = readHunk(text, cursor);
      if (!current) orphanAt ??= hunk.lines().some((part) => part.sign !== ' ') ? hunk.at : null;
      else {
        if (!hunk.isRegular || current.nextLine !== line) current.irregular = true;
        current.hunks.push(hunk);
        closePart(current, cursor);
      }
      hunks += 1;
      if (hunks > hunksMax) return { files: [], orphanAt, combinedAt, mixedAt: null, tooMany: 'hunks' };
      continue;
    }
    const opened: Draft | null = openFile(text, cursor, current, named);
    if (opened) {
      if (opened !== current) drafts.push(opened);
      if (drafts.length > filesMax) return { files: [], orphanAt, combinedAt, mixedAt: null, tooMany: 'files' };
      current = opened;
      named = null;
      continue;
    }
    if (code === 100 && /^diff --(?:cc|combined) /.test(text.slice(cursor.offset, cursor.offset + 16))) {
      combinedAt ??= cursor.line;
    }
    if (current && current.hunks.length === 0 && readExtended(text, cursor, current)) continue;
    const differing = code === 66 ? /^Binary files (.+) and (.+) differ$/.exec(lineAt(text, cursor.offset)) : null;
    if (differing) {
      const header = headerOf(null, null);
      header.minus = differing[1] ?? null;
      header.plus = differing[2] ?? null;
      drafts.push({ ...openDraft(cursor, header, true), binary: 'absent' });
    }
    const name = nameOnItsOwn(text, cursor.offset);
    if (name !== null) {
      named = name;
      if (current && (current.hunks.length > 0 || current.header.git === null)) current = null;
    }
    advance(text, cursor);
  }
  const mixedAt = drafts.find((draft) => draft.mixedAt !== null)?.mixedAt ?? null;
  return { files: drafts.map(finish), orphanAt, combinedAt, mixedAt, tooMany: null };
}

function openDraft(cursor: Cursor, header: Draft['header'], irregular: boolean): Draft {
  return {
    at: cursor.line,
    from: cursor.offset,
    to: cursor.offset,
    header,
    hunks: [],
    binary: 'none',
    irregular,
    said: 0,
    saidLast: '',
    mixedAt: null,
    nextLine: cursor.line,
  };
}

/** What `emptyHeader` is, written out: copying it is most of what a file of a long diff would cost. */
function headerOf(git: string | null, named: string | null): Draft['header'] {
  return {
    git,
    minus: null,
    plus: null,
    renameFrom: null,
    renameTo: null,
    copyFrom: null,
    copyTo: null,
    oldMode: null,
    newMode: null,
    newFileMode: null,
    deletedFileMode: null,
    index: null,
    named,
  };
}

function closePart(draft: Draft, cursor: Cursor): void {
  draft.to = cursor.offset;
  draft.nextLine = cursor.line;
}

/** Opens a file at `diff --git`, or at `---` and `+++`; or completes the open one with its `---` and `+++`. */
function openFile(text: string, cursor: Cursor, current: Draft | null, named: string | null): Draft | null {
  const code = text.charCodeAt(cursor.offset);
  if (code === 100 && standsAt(text, 'diff --git ', cursor.offset)) {
    const end = lineEnd(text, cursor.offset);
    const git = lineAt(text, cursor.offset + 'diff --git '.length, end);
    const draft = openDraft(cursor, headerOf(git, null), false);
    step(text, cursor, draft, end);
    return draft;
  }
  const minus = code === 45 && standsAt(text, '--- ', cursor.offset);
  const plus = code === 43 && standsAt(text, '+++ ', cursor.offset);
  if (!minus && !plus) return null;
  const end = lineEnd(text, cursor.offset);
  const next = end + 1;
  const pair = minus && standsAt(text, '+++ ', next);
  const hunkNext = standsAt(text, '@@', next);
  const belongs =
    current !== null && current.header.git !== null && current.hunks.length === 0 && !current.header.minus;
  if (!pair && !hunkNext) return null;
  const draft = belongs && current ? current : openDraft(cursor, headerOf(null, named), !pair);
  if (belongs && (draft.nextLine !== cursor.line || !pair)) draft.irregular = true;
  if (minus) {
    draft.header.minus = lineAt(text, cursor.offset + 4, end);
    step(text, cursor, draft, end);
  }
  if (pair || plus) {
    const plusEnd = pair ? lineEnd(text, cursor.offset) : end;
    draft.header.plus = lineAt(text, cursor.offset + 4, plusEnd);
    step(text, cursor, draft, plusEnd);
  }
  return draft;
}

/** Moves behind a header line; a carriage return in it is nothing git would take. */
function step(text: string, cursor: Cursor, draft: Draft, end = lineEnd(text, cursor.offset)): void {
  if (text.charCodeAt(end - 1) === 13) draft.irregular = true;
  cursor.offset = end + 1;
  cursor.line += 1;
  closePart(draft, cursor);
}

const extended: readonly [string, keyof Header][] = [
  ['old mode ', 'oldMode'],
  ['new mode ', 'newMode'],
  ['new file mode ', 'newFileMode'],
  ['deleted file mode ', 'deletedFileMode'],
  ['rename from ', 'renameFrom'],
  ['rename to ', 'renameTo'],
  ['rename old ', 'renameFrom'],
  ['rename new ', 'renameTo'],
  ['copy from ', 'copyFrom'],
  ['copy to ', 'copyTo'],
];

const indexBit = 1 << extended.length;
const similarityBit = indexBit << 1;
const bitsOf = (isKey: (prefix: string) => boolean): number =>
  extended.reduce((bits, [prefix], at) => (isKey(prefix) ? bits | (1 << at) : bits), 0);
const modeBits = bitsOf((prefix) => prefix.endsWith(' mode '));
const sourceBits = bitsOf((prefix) => prefix === 'rename from ' || prefix === 'copy from ');

/** Takes one line between `diff --git` and the hunks. False when it is none of them. */
function readExtended(text: string, cursor: Cursor, draft: Draft): boolean {
  if (draft.header.git === null || (draft.header.minus !== null && draft.binary === 'none')) return false;
  const end = lineEnd(text, cursor.offset);
  const index = readIndexLine(text, cursor.offset, end);
  const line = lineAt(text, cursor.offset, end);
  if (index) {
    beginExtended(draft, line, indexBit, cursor.line);
    draft.header.index = index;
    step(text, cursor, draft, end);
    return true;
  }
  const known = extended.findIndex(([prefix]) => line.startsWith(prefix));
  const key = extended[known];
  const binaryAbsent = line.startsWith('Binary files ') || line.startsWith('Files ');
  const binaryData = line === 'GIT binary patch';
  const similarity = /^(?:dis)?similarity index /.test(line);
  if (!key && !similarity && !binaryAbsent && !binaryData) return false;
  beginExtended(draft, line, key ? 1 << known : similarity ? similarityBit : 0, cursor.line);
  if (key) Object.assign(draft.header, { [key[1]]: line.slice(key[0].length) });
  if (binaryAbsent && line.endsWith(' differ')) draft.binary = 'absent';
  step(text, cursor, draft, end);
  if (binaryData) draft.binary = readBinary(text, cursor, draft);
  return true;
}

/** A header says each thing once, and modes before names; else two parts ran together. The same line twice is one. */
function beginExtended(draft: Draft, line: string, key: number, at: number): void {
  if (draft.nextLine !== at) draft.irregular = true;
  if (key === 0 || line === draft.saidLast) return;
  const isLate = (key & modeBits) !== 0 && (draft.said & sourceBits) !== 0;
  if (isLate || (draft.said & key) !== 0) draft.mixedAt ??= at;
  draft.said |= key;
  draft.saidLast = line;
}

/** `index OLD..NEW`, perhaps with a mode. Looked at by hand, because every file of a long diff has one. */
function readIndexLine(text: string, offset: number, lineFeed: number): Header['index'] {
  if (!standsAt(text, 'index ', offset)) return null;
  const end = text.charCodeAt(lineFeed - 1) === 13 ? lineFeed - 1 : lineFeed;
  const oldEnd = hexEnd(text, offset + 6);
  if (oldEnd < 0 || !standsAt(text, '..', oldEnd)) return null;
  const newEnd = hexEnd(text, oldEnd + 2);
  if (newEnd < 0) return null;
  if (newEnd < end) {
    if (text.charCodeAt(newEnd) !== 32 || digitsEnd(text, newEnd + 1) !== end || newEnd + 1 === end) return null;
  }
  return { old: text.slice(offset + 6, oldEnd), new: text.slice(oldEnd + 2, newEnd) };
}

/** Where the 4 to 64 hexadecimal digits at `from` end, or -1. */
function hexEnd(text: string, from: number): number {
  let at = from;
  for (; ; at += 1) {
    const code = text.charCodeAt(at);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) break;
  }
  return at - from >= 4 && at - from <= 64 ? at : -1;
}

function readBinary(text: string, cursor: Cursor, draft: Draft): BinaryPart[] {
  const parts: BinaryPart[] = [];
  while (parts.length < 2) {
    const head = /^(literal|delta) (\d{1,12})$/.exec(lineAt(text, cursor.offset));
    if (!head) break;
    const at = cursor.line;
    step(text, cursor, draft);
    const lines: string[] = [];
    while (
      cursor.offset < text.length &&
      /^[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+\r?$/.test(rawLine(text, cursor))
    ) {
      lines.push(lineAt(text, cursor.offset));
      step(text, cursor, draft);
    }
    parts.push({ kind: head[1] === 'delta' ? 'delta' : 'literal', size: Number(head[2]), lines, at });
    if (cursor.offset < text.length && lineAt(text, cursor.offset) === '') step(text, cursor, draft);
    else draft.irregular = true;
  }
  return parts;
}

function rawLine(text: string, cursor: Cursor): string {
  return text.slice(cursor.offset, lineEnd(text, cursor.offset));
}

const longestNameLine = 300;

/** `Index: path` of Subversion, or a line that holds nothing but a path, perhaps dressed as a heading. */
function nameOnItsOwn(text: string, offset: number): string | null {
  const end = lineEnd(text, offset);
  if (end - offset < 2 || end - offset > longestNameLine) return null;
  if (text.startsWith('Index: ', offset)) return lineAt(text, offset).slice('Index: '.length).trim();
  const fence = text.startsWith('```', offset) ? /^`{3,}\s*(.*)$/.exec(lineAt(text, offset)) : null;
  return fence ? pathInInfo(fence[1] ?? '') : pathInLine(lineAt(text, offset));
}

/** The path in what stands behind a fence: `js src/a.js`, `diff title="src/a.js"`, `src/a.js`. */
export function pathInInfo(info: string): string | null {
  const titled = /(?:title|file|filename|path)\s*=\s*"?([^"\s]+)"?/i.exec(info)?.[1];
  if (titled !== undefined) return pathInLine(titled);
  const second = /^\w+(?:\s+|:)(\S+)$/.exec(info)?.[1];
  return pathInLine(second ?? (info.includes('/') ? info : ''));
}

/** The path in `src/a.js`, `### src/a.js`, `**src/a.js**`, `File: src/a.js`, "`src/a.js`:"; null for any other line. */
export function pathInLine(line: string): string | null {
  // Nearly all lines of prose and code end here, before the patterns.
  if (!line.includes('.') && !line.includes('/')) return null;
  const plain = line
    .trim()
    .replace(/^(?:#{1,6}|[-*]|\d+[.)])\s+/, '')
    .replace(/^\*\*(.*)\*\*:?$/, '$1')
    .replace(/^(?:in\s+)?(?:file|filename|path|datei)\s*(?:name)?\s*:\s*/i, '')
    .replace(/:$/, '')
    .replace(/^`(.*)`$/, '$1')
    .replace(/^\*\*(.*)\*\*$/, '$1')
    .replace(/:$/, '');
  if (plain === '' || /[\s:*?"<>|`=(){}[\];,@]/.test(plain)) return null;
  return /^(?:[^/]+\/)*[^/]*[^/.][^/]*$/.test(plain) && /[./]/.test(plain) && !/^[-+=.]+$/.test(plain) ? plain : null;
}

function finish(draft: Draft): FilePatch {
  return {
    at: draft.at,
    header: draft.header,
    hunks: draft.hunks,
    binary: draft.binary,
    raw: { from: draft.from, to: draft.to },
    irregular: draft.irregular,
    wish: null,
  };
}
