/**
 * SEARCH/REPLACE blocks: a path above `<<<<<<< SEARCH`, old lines, `=======`, new lines, `>>>>>>> REPLACE`; the same with
 * `------- SEARCH` and `+++++++ REPLACE`, or with ORIGINAL and UPDATED, as some assistants write them.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { pathFromBytes } from '../../../lib/path-bytes.ts';
import { no, ok, type Result } from '../../../lib/result.ts';
import { splitLines } from '../bytes.ts';
import { pathInLine } from '../scan.ts';
import { emptyHeader, type FilePatch, type Hunk } from '../shape.ts';
import { compare, compareBudget, hunkLine, hunkOf, nextLine } from './lines.ts';

const searchMark = /^(?:<{5,9}|-{5,9}) ?(?:SEARCH|ORIGINAL)\b/;
const anySearchMark = new RegExp(searchMark, 'm');
const middleMark = /^={5,9}\s*$/;
const replaceMark = /^(?:>{5,9}|\+{5,9}) ?(?:REPLACE|UPDATED)\b/;

/** Reads every block; null when there is none. Blocks of one file become one part of the patch. */
export function readSearchReplace(text: string): Result<FilePatch[], Problem> | null {
  if (!anySearchMark.test(text)) return null;
  const { lines } = splitLines(text);
  const byPath = new Map<string, { at: number; hunks: Hunk[] }>();
  const added: FilePatch[] = [];
  const budget = compareBudget();
  let path: string | null = null;
  for (let at = 0; at < lines.length; at += 1) {
    if (!searchMark.test(lines[at] ?? '')) continue;
    path = pathAbove(lines, at) ?? path;
    const first = nextLine(lines, at, (line) => middleMark.test(line));
    const end = first < 0 ? -1 : nextLine(lines, first, (line) => replaceMark.test(line));
    const middle = end < 0 ? first : middleOf(lines, at, end);
    if (middle === null) {
      const message = `The block at line ${at + 1} has "=======" in it more than once, so nothing says where SEARCH ends. Send a diff.`;
      return no(problem('patch_ambiguous', message, { line: at + 1 }));
    }
    const next = nextLine(lines, at, (line) => searchMark.test(line));
    if (middle < 0 || end < 0 || (next >= 0 && next < end)) {
      return no(
        problem('patch_truncated', `The SEARCH block at line ${at + 1} is not complete. Paste all of it.`, {
          line: at + 1,
        }),
      );
    }
    if (path === null) {
      const message = `No file name stands above the SEARCH block at line ${at + 1}. Write the path on the line above it.`;
      return no(problem('patch_corrupt', message, { line: at + 1 }));
    }
    const old = lines.slice(at + 1, middle).map((line, index) => hunkLine('-', line, at + 2 + index));
    const fresh = lines.slice(middle + 1, end).map((line, index) => hunkLine('+', line, middle + 2 + index));
    if (old.length === 0) {
      const content = fresh.map((line) => `${line.text}\n`).join('');
      added.push(fileOf(at + 1, [], { kind: 'add', path, content, orReplace: false }));
    } else {
      const file = byPath.get(path) ?? { at: at + 1, hunks: [] };
      file.hunks.push(hunkOf(at + 1, compare(old, fresh, budget)));
      byPath.set(path, file);
    }
    at = end;
  }
  return ok([
    ...[...byPath].map(([name, file]) => fileOf(file.at, file.hunks, { kind: 'update', path: name, moveTo: null })),
    ...added,
  ]);
}

/** The line between both halves: the only one of them, or the only one as long as the mark above. Null: it could be several. */
function middleOf(lines: readonly string[], from: number, to: number): number | null {
  const found: number[] = [];
  for (let at = from + 1; at < to; at += 1) if (middleMark.test(lines[at] ?? '')) found.push(at);
  const width = /^[<-]*/.exec(lines[from] ?? '')?.[0].length ?? 0;
  const alike = found.filter((at) => (lines[at] ?? '').trimEnd().length === width);
  const [middle, second] = alike.length > 0 ? alike : found;
  return middle === undefined || second !== undefined ? null : middle;
}

function fileOf(at: number, hunks: readonly Hunk[], wish: FilePatch['wish']): FilePatch {
  return { at, header: emptyHeader, hunks, binary: 'none', raw: null, irregular: true, wish };
}

const linesAboveMax = 4;
const pathLineMax = 4096;

/** The path on one of the lines above, past a fence and blank lines. */
function pathAbove(lines: readonly string[], at: number): string | null {
  for (let above = at - 1; above >= 0 && above >= at - linesAboveMax; above -= 1) {
    const line = lines[above] ?? '';
    const fence = /^(?:`{3,}|~{3,})\s*(.*)$/.exec(line);
    if (line.length > pathLineMax) return null;
    const found = pathInLine(fence ? (fence[1] ?? '').replace(/^\w+[ :]/, '') : line);
    if (found !== null && (!fence || found.includes('/') || found.includes('.'))) return pathFromBytes(found);
    if (!fence && line.trim() !== '') return null;
  }
  return null;
}
