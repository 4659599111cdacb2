/** Context diffs (`diff -c`): both sides of every hunk in full, `!` for changed, `-` for removed, `+` for added lines. */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../../lib/result.ts';
import { splitLines } from '../bytes.ts';
import { emptyHeader, type FilePatch, type Hunk, type HunkLine } from '../shape.ts';
import { hunkLine, hunkOf, startOnly } from './lines.ts';

const stars = /^\*{15}/;
const oldRange = /^\*\*\* (\d{1,9})(?:,(\d{1,9}))? \*{4}/;
const newRange = /^--- (\d{1,9})(?:,(\d{1,9}))? -{4}/;

/** Reads every file; null when this is no context diff. */
export function readContextDiff(text: string): Result<FilePatch[], Problem> | null {
  if (!/^\*\*\* \S.*\n--- \S.*\n\*{15}/m.test(text)) return null;
  const { lines } = splitLines(text);
  const files: FilePatch[] = [];
  for (let at = 0; at + 2 < lines.length; at += 1) {
    const [minus, plus] = [/^\*\*\* (\S.*)$/.exec(lines[at] ?? ''), /^--- (\S.*)$/.exec(lines[at + 1] ?? '')];
    if (!minus || !plus || !stars.test(lines[at + 2] ?? '')) continue;
    const read = readHunks(lines, at + 2);
    if (!read.ok) return read;
    const header = { ...emptyHeader, minus: minus[1] ?? '', plus: plus[1] ?? '' };
    files.push({ at: at + 1, header, hunks: read.value.hunks, binary: 'none', raw: null, irregular: true, wish: null });
    at = read.value.end - 1;
  }
  return ok(files);
}

function readHunks(lines: readonly string[], from: number): Result<{ hunks: Hunk[]; end: number }, Problem> {
  const hunks: Hunk[] = [];
  let at = from;
  while (at < lines.length && stars.test(lines[at] ?? '')) {
    const start = at + 1;
    const old = readSide(lines, start, oldRange, /^(?:[-! ] |[-! ]?$)/);
    const fresh = old && readSide(lines, old.end, newRange, /^(?:[+! ] |[+! ]?$)/);
    if (!old || !fresh) {
      return no(
        problem('patch_corrupt', `The context diff is damaged after line ${start}. Make a unified diff.`, {
          line: start,
        }),
      );
    }
    const isCut = (side: Side): boolean => side.lines.length > 0 && side.lines.length < side.count;
    if (isCut(old) || isCut(fresh)) {
      return no(
        problem('patch_truncated', `Lines are missing in the hunk at line ${start}. Paste all of it.`, { line: start }),
      );
    }
    hunks.push(hunkOf(start, merge(old.lines, fresh.lines), { numbers: startOnly(old.start) }));
    at = fresh.end;
  }
  return ok({ hunks, end: at });
}

interface SideLine {
  readonly mark: string;
  readonly line: HunkLine;
}

interface Side {
  readonly start: number;
  readonly count: number;
  readonly lines: readonly SideLine[];
  readonly end: number;
}

function readSide(lines: readonly string[], at: number, range: RegExp, content: RegExp): Side | null {
  const head = range.exec(lines[at] ?? '');
  if (!head) return null;
  const first = Number(head[1]);
  const last = head[2] === undefined ? first : Number(head[2]);
  const side: SideLine[] = [];
  let end = at + 1;
  const count = Math.max(last - first + 1, 0);
  for (; end < lines.length && side.length < count; end += 1) {
    const line = lines[end] ?? '';
    if (!content.test(line) || newRange.test(line) || stars.test(line)) break;
    side.push({ mark: line[0] ?? ' ', line: hunkLine(' ', line.slice(2), end + 1) });
  }
  const tail = side.at(-1);
  if ((lines[end] ?? '').startsWith('\\') && tail) {
    side[side.length - 1] = { ...tail, line: { ...tail.line, noNewline: true } };
    end += 1;
  }
  return { start: first, count, lines: side, end };
}

/** A side without changes of its own may be left out: then its lines are the context of the other. */
function merge(old: readonly SideLine[], fresh: readonly SideLine[]): HunkLine[] {
  const before = old.length > 0 ? old : fresh.filter((one) => one.mark === ' ');
  const after = fresh.length > 0 ? fresh : old.filter((one) => one.mark === ' ');
  const lines: HunkLine[] = [];
  let one = 0;
  let other = 0;
  const take = (from: readonly SideLine[], at: number, mark: string, sign: HunkLine['sign']): number => {
    let next = at;
    while (from[next]?.mark === mark) {
      const taken = from[next];
      if (taken) lines.push({ ...taken.line, sign });
      next += 1;
    }
    return next;
  };
  while (one < before.length || other < after.length) {
    const [startOne, startOther] = [one, other];
    one = take(before, one, '-', '-');
    one = take(before, one, '!', '-');
    other = take(after, other, '!', '+');
    other = take(after, other, '+', '+');
    if (before[one]?.mark === ' ' && (other >= after.length || after[other]?.mark === ' ')) {
      const taken = before[one];
      if (taken) lines.push({ ...taken.line, sign: ' ' });
      one += 1;
      other += 1;
    }
    if (one === startOne && other === startOther) break;
  }
  return lines;
}
