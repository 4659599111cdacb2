/** What the formats share: lines with numbers, and hunks made of lines that are known already. */
import type { Hunk, HunkLine, HunkNumbers } from '../shape.ts';

export function hunkOf(at: number, lines: readonly HunkLine[], more: Partial<Hunk> = {}): Hunk {
  return {
    at,
    numbers: null,
    heading: '',
    anchors: [],
    counts: 'exact',
    atEndOfPaste: false,
    textFollows: false,
    toEndOfFile: false,
    extra: null,
    ...more,
    lines: () => lines,
  };
}

export function hunkLine(sign: HunkLine['sign'], text: string, at: number, unsigned = false): HunkLine {
  return { sign, text, at, noNewline: false, unsigned };
}

/** Numbers of which only the old start is believed. */
export function startOnly(oldStart: number): HunkNumbers {
  return { oldStart, oldCount: -1, newStart: oldStart, newCount: -1 };
}

/**
 * The next line below `above` that passes, or -1. A reader that goes on where it ended costs linear time with it, which
 * `findIndex` over all lines would not.
 */
export function nextLine(lines: readonly string[], above: number, isWanted: (line: string) => boolean): number {
  for (let at = above + 1; at < lines.length; at += 1) if (isWanted(lines[at] ?? '')) return at;
  return -1;
}

/** Largest table of the line comparison below, in cells; and of all tables for one patch. */
const cellsMax = 4_000_000;
const cellsOfPatchMax = 64_000_000;

/** Cells that are left for the comparisons of one patch. */
export interface CompareBudget {
  cells: number;
}

export function compareBudget(): CompareBudget {
  return { cells: cellsOfPatchMax };
}

/**
 * Old and new lines as one hunk: what both have becomes context, so that those lines keep the file's own bytes. The
 * longest common subsequence; when that would be too large, only what both begin and end with.
 */
export function compare(old: readonly HunkLine[], fresh: readonly HunkLine[], budget: CompareBudget): HunkLine[] {
  let start = 0;
  while (start < old.length && start < fresh.length && old[start]?.text === fresh[start]?.text) start += 1;
  let tail = 0;
  while (
    tail < old.length - start &&
    tail < fresh.length - start &&
    old.at(-1 - tail)?.text === fresh.at(-1 - tail)?.text
  )
    tail += 1;
  const before = old.slice(start, old.length - tail);
  const after = fresh.slice(start, fresh.length - tail);
  const context = (lines: readonly HunkLine[]): HunkLine[] => lines.map((line) => ({ ...line, sign: ' ' }));
  return [...context(old.slice(0, start)), ...middle(before, after, budget), ...context(old.slice(old.length - tail))];
}

function middle(old: readonly HunkLine[], fresh: readonly HunkLine[], budget: CompareBudget): HunkLine[] {
  const removed = old.map((line): HunkLine => ({ ...line, sign: '-' }));
  const added = fresh.map((line): HunkLine => ({ ...line, sign: '+' }));
  const cells = old.length * fresh.length;
  if (cells === 0 || cells > Math.min(cellsMax, budget.cells)) return [...removed, ...added];
  budget.cells -= cells;
  const width = fresh.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let one = old.length - 1; one >= 0; one -= 1) {
    for (let other = fresh.length - 1; other >= 0; other -= 1) {
      const isSame = old[one]?.text === fresh[other]?.text;
      longest[one * width + other] = isSame
        ? (longest[(one + 1) * width + other + 1] ?? 0) + 1
        : Math.max(longest[(one + 1) * width + other] ?? 0, longest[one * width + other + 1] ?? 0);
    }
  }
  const lines: HunkLine[] = [];
  let one = 0;
  let other = 0;
  while (one < old.length || other < fresh.length) {
    const [gone, come] = [removed[one], added[other]];
    if (gone && come && gone.text === come.text) {
      lines.push({ ...gone, sign: ' ' });
      one += 1;
      other += 1;
    } else if (
      gone &&
      (!come || (longest[(one + 1) * width + other] ?? 0) >= (longest[one * width + other + 1] ?? 0))
    ) {
      lines.push(gone);
      one += 1;
    } else if (come) {
      lines.push(come);
      other += 1;
    }
  }
  return lines;
}
