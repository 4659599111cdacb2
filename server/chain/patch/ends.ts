/** What belongs to a file and not to its lines, and what a transport loses for all of them: line ends, a byte order mark. */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { showPath } from './bytes.ts';
import type { Level } from './fold.ts';
import type { BaseText } from './locate.ts';
import type { HunkLine } from './shape.ts';

/**
 * Gives added lines the line ends of the file, if the old lines of the same hunk show that the paste lost or gained
 * carriage returns. Refuses where the file has both kinds and nothing says which one is meant.
 */
export function endLines(
  path: string,
  number: number,
  lines: readonly HunkLine[],
  place: number,
  base: BaseText,
  level: Level,
): Result<readonly HunkLine[], Problem> {
  const old = lines.filter((line) => line.sign !== '+');
  if (level === 'exact' || level === 'final_newline') return ok(lines);
  const isLast = (at: number): boolean => at === base.lines.length - 1 && !base.finalNewline;
  const there = old.map((line, at) => ({
    pasted: line.text.endsWith('\r'),
    kept: (base.lines[place + at] ?? '').endsWith('\r'),
    counts: !isLast(place + at),
  }));
  const counted = there.filter((line) => line.counts);
  const lost = counted.some((line) => line.kept && !line.pasted);
  const gained = counted.some((line) => line.pasted && !line.kept);
  if (!lost && !gained) return ok(lines);
  const kinds = new Set(base.crlf === 'mixed' ? counted.map((line) => line.kept) : [base.crlf === 'all']);
  const [returns] = kinds;
  const hasAdded = lines.some((line) => line.sign === '+');
  if (kinds.size !== 1 || returns === undefined) {
    if (!hasAdded) return ok(lines);
    const first = lines.find((line) => line.sign === '+')?.at ?? 0;
    const message = `"${showPath(path)}" mixes two kinds of line ends, and the paste lost them, so line ${first} could get either. Attach the diff as a file.`;
    return no(problem('patch_ambiguous', message, { file: showPath(path), hunk: number, line: first }));
  }
  return ok(
    lines.map((line) => {
      if (line.sign !== '+') return line;
      const plain = line.text.replace(/\r$/, '');
      // The last line of a file that ends without line feed has no line end to give.
      return { ...line, text: returns && !line.noNewline ? `${plain}\r` : plain };
    }),
  );
}

/**
 * Lines that come without any context show nothing of the way here. In a file of which every line ends in CR LF they get the
 * same, unless the paste brought carriage returns (`keeps`).
 */
export function endInsertion(lines: readonly HunkLine[], base: BaseText, keeps: () => boolean): readonly HunkLine[] {
  const isPlain = lines.every((line) => line.sign === '+' && !line.text.endsWith('\r'));
  if (!isPlain || base.crlf !== 'all' || base.lines.length === 0 || keeps()) return lines;
  return lines.map((line) => (line.noNewline ? line : { ...line, text: `${line.text}\r` }));
}

const byteOrderMark = '\u00ef\u00bb\u00bf';

/** A file that starts with a byte order mark keeps it when its first line is replaced by a paste that lost the mark. */
export function keepByteOrderMark(
  path: string,
  number: number,
  lines: readonly HunkLine[],
  place: number,
  base: BaseText,
): Result<readonly HunkLine[], Problem> {
  const old = lines.find((line) => line.sign !== '+');
  if (place !== 0 || !old || base.lines[0]?.startsWith(byteOrderMark) !== true || old.text.startsWith(byteOrderMark)) {
    return ok(lines);
  }
  const at = lines.findIndex((line) => line.sign !== '-');
  const first = lines[at];
  if (first?.sign !== '+' || first.text.startsWith(byteOrderMark)) return ok(lines);
  if (old.sign === '-') return ok(lines.with(at, { ...first, text: byteOrderMark + first.text }));
  const message = `"${showPath(path)}" starts with a byte order mark that the paste lost, and line ${first.at} would go before it. Attach the diff as a file.`;
  return no(problem('patch_corrupt', message, { file: showPath(path), hunk: number, line: first.at }));
}
