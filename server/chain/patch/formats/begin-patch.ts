/**
 * The `*** Begin Patch` format of coding agents: Add, Delete and Update File, Move to, `@@ anchor` lines, End of File.
 * It has no counts; hunks are found by their old lines below their anchors.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { pathFromBytes } from '../../../lib/path-bytes.ts';
import { no, ok, type Result } from '../../../lib/result.ts';
import { showPath, splitLines } from '../bytes.ts';
import { readNumbers } from '../hunk-header.ts';
import { pathBytesMax } from '../limits.ts';
import { emptyHeader, type FilePatch, type Hunk, type HunkLine, type Wish } from '../shape.ts';
import { hunkLine, hunkOf, nextLine, startOnly } from './lines.ts';

const exactBegin = /^\*\*\* Begin Patch\s*$/m;
const shiftedBegin = /^ {1,3}\*\*\* Begin Patch\s*$/m;
const exactHead = /^\*\*\* (?:Add|Delete|Update) File: /m;
const shiftedHead = /^ {1,3}\*\*\* (?:Add|Delete|Update) File: /m;

/**
 * Reads every envelope of a paste; null when there is none. Models put blanks in front of the first or the last lines of it.
 * Not in front of both first ones: so they stand in the context of a diff that is about such a patch.
 */
export function readBeginPatch(text: string): Result<FilePatch[], Problem> | null {
  const isExact = exactBegin.test(text);
  const found = isExact
    ? exactHead.test(text) || shiftedHead.test(text)
    : shiftedBegin.test(text) && exactHead.test(text);
  if (!found) return null;
  const begin = isExact ? exactBegin : shiftedBegin;
  const { lines } = splitLines(text);
  const files: FilePatch[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (!begin.test(lines[at] ?? '')) continue;
    const exact = nextLine(lines, at, (line) => /^\*\*\* End Patch\s*$/.test(line));
    const end = exact < 0 ? shiftedEnd(lines) : exact;
    if (end < 0) {
      const message = 'The patch has "*** Begin Patch" but no "*** End Patch": its end is missing. Paste all of it.';
      return no(problem('patch_truncated', message, { line: lines.length }));
    }
    const read = readEnvelope(lines, at + 1, end);
    if (!read.ok) return read;
    files.push(...read.value);
    at = end;
  }
  return ok(files);
}

/** The refusal for files of this format with nothing around them that says where they begin and end, or null. */
export function refuseWithoutEnvelope(text: string): Problem | null {
  const at = text.search(exactHead);
  if (at < 0) return null;
  const line = text.slice(0, at).split('\n').length;
  const message = `Line ${line} is from the "*** Begin Patch" format, but that line and "*** End Patch" are missing. Paste all of it.`;
  return problem('patch_truncated', message, { line });
}

/** The last line of all, with blanks in front of it: further up it would be context of an update. -1: it is another. */
function shiftedEnd(lines: readonly string[]): number {
  const last = lines.findLastIndex((line) => line.trim() !== '' && !/^\s*(?:`{3,}|~{3,})\s*$/.test(line));
  return /^ {1,3}\*\*\* End Patch\s*$/.test(lines[last] ?? '') ? last : -1;
}

function readEnvelope(lines: readonly string[], from: number, to: number): Result<FilePatch[], Problem> {
  const files: FilePatch[] = [];
  for (let at = from; at < to;) {
    // With blanks in front only the first one gets here: below it, they are the sign of context.
    const head = /^ {0,3}\*\*\* (Add|Delete|Update) File: (.*)$/.exec((lines[at] ?? '').trimEnd());
    if (!head) {
      if ((lines[at] ?? '').trim() !== '') {
        const message = `Line ${at + 1} stands outside of every file of the patch. Write "*** Update File: PATH" above it.`;
        return no(problem('patch_corrupt', message, { line: at + 1 }));
      }
      at += 1;
      continue;
    }
    const start = at;
    const path = pathFromBytes((head[2] ?? '').slice(0, pathBytesMax * 2));
    at += 1;
    while (at < to && !/^\*\*\* (?:Add|Delete|Update) File: /.test(lines[at] ?? '')) at += 1;
    const body = { lines, from: start + 1, to: at };
    const read =
      head[1] === 'Add'
        ? readAdd(path, body)
        : head[1] === 'Update'
          ? readUpdate(path, body)
          : ok(fileOf(start + 1, { kind: 'delete', path }, []));
    if (!read.ok) return read;
    files.push({ ...read.value, at: start + 1 });
  }
  return ok(files);
}

/** A refusal is a sentence, whatever length a name has. */
function shown(path: string): string {
  return showPath(path.length > pathBytesMax ? `${path.slice(0, 80)}…` : path);
}

interface Body {
  readonly lines: readonly string[];
  readonly from: number;
  readonly to: number;
}

function fileOf(at: number, wish: Wish, hunks: readonly Hunk[]): FilePatch {
  return { at, header: emptyHeader, hunks, binary: 'none', raw: null, irregular: true, wish };
}

function readAdd(path: string, body: Body): Result<FilePatch, Problem> {
  const lines = body.lines.slice(body.from, body.to);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const odd = lines.findIndex((line) => !line.startsWith('+') && line.trim() !== '');
  if (odd >= 0) {
    const line = body.from + odd + 1;
    return no(
      problem('patch_corrupt', `Line ${line} of the new file "${shown(path)}" does not begin with "+".`, {
        file: shown(path),
        line,
      }),
    );
  }
  const content = lines.map((line) => `${line.slice(1)}\n`).join('');
  return ok(fileOf(body.from, { kind: 'add', path, content, orReplace: false }, []));
}

function readUpdate(path: string, body: Body): Result<FilePatch, Problem> {
  let moveTo: string | null = null;
  const hunks: Hunk[] = [];
  let anchors: string[] = [];
  let numbers: Hunk['numbers'] = null;
  let lines: HunkLine[] = [];
  let startsAt = body.from + 1;
  const close = (toEndOfFile: boolean): void => {
    while (lines.at(-1)?.unsigned === true && lines.at(-1)?.text === '') lines.pop();
    if (lines.length > 0) hunks.push(hunkOf(startsAt, lines, { anchors, numbers, toEndOfFile }));
    if (lines.length > 0) {
      anchors = [];
      numbers = null;
    }
    lines = [];
  };
  for (let at = body.from; at < body.to; at += 1) {
    const line = body.lines[at] ?? '';
    const move = /^\*\*\* Move to: (.*)$/.exec(line.trimEnd());
    if (move) moveTo = pathFromBytes((move[1] ?? '').slice(0, pathBytesMax * 2));
    else if (/^\*\*\* End of File\s*$/.test(line)) close(true);
    else if (line.startsWith('@@')) {
      close(false);
      startsAt = at + 1;
      const read = readNumbers(line);
      const named = read.numbers ?? read.start;
      if (named) numbers = startOnly(named.oldStart);
      const anchor = anchorIn(line);
      if (!named && anchor.trim() !== '') anchors.push(anchor);
    } else lines.push(signedLine(line, at + 1));
  }
  close(false);
  if (hunks.length === 0 && moveTo === null) {
    return no(
      problem('patch_truncated', `The update of "${shown(path)}" brings no change. Paste all of it.`, {
        file: shown(path),
        line: body.from,
      }),
    );
  }
  return ok(fileOf(body.from, { kind: 'update', path, moveTo }, hunks));
}

/** `@@ class Tool`, or `@@ class Tool @@`. Cut by hand: a pattern would take quadratic time on a line of blanks. */
function anchorIn(line: string): string {
  const text = line.replace(/^@@ ?/, '');
  const trimmed = text.trimEnd();
  return trimmed.endsWith('@@') ? trimmed.slice(0, -2).trimEnd() : text;
}

function signedLine(line: string, at: number): HunkLine {
  const sign = line[0];
  if (sign === ' ' || sign === '+' || sign === '-') return hunkLine(sign, line.slice(1), at);
  return hunkLine(' ', line, at, true);
}
