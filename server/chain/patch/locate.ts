/** Finds where the old lines of a hunk stand in a base file, at the least tolerance that finds them anywhere. */
import { splitLines } from './bytes.ts';
import { fold, type Level, levels, lostCharacter } from './fold.ts';
import { searchStepsMax } from './limits.ts';
import type { HunkLine } from './shape.ts';

/** A file of the base, ready to be searched. */
export interface BaseText {
  readonly lines: readonly string[];
  readonly finalNewline: boolean;
  /** Whether its lines end in carriage return and line feed. */
  readonly crlf: 'all' | 'none' | 'mixed';
  /** Folded lines of a level, made once. */
  readonly folded: (level: Level) => readonly string[];
  /** Where each folded line occurs. */
  readonly occurrences: (level: Level) => ReadonlyMap<string, readonly number[]>;
  /** Comparisons left before the search is given up. */
  readonly budget: { steps: number };
}

export function baseText(content: string): BaseText {
  const { lines, finalNewline } = splitLines(content);
  const foldedBy = new Map<Level, readonly string[]>();
  const occurrencesBy = new Map<Level, ReadonlyMap<string, readonly number[]>>();
  const folded = (level: Level): readonly string[] => {
    const made =
      foldedBy.get(level) ?? lines.map((line, at) => fold(level, line, !finalNewline && at === lines.length - 1));
    foldedBy.set(level, made);
    return made;
  };
  const occurrences = (level: Level): ReadonlyMap<string, readonly number[]> => {
    const made = occurrencesBy.get(level) ?? indexLines(folded(level));
    occurrencesBy.set(level, made);
    return made;
  };
  const returns = lines.filter((line) => line.endsWith('\r')).length;
  const whole = lines.length - (finalNewline || lines.at(-1)?.endsWith('\r') === true ? 0 : 1);
  const crlf = returns === 0 ? 'none' : returns >= whole ? 'all' : 'mixed';
  return { lines, finalNewline, crlf, folded, occurrences, budget: { steps: searchStepsMax } };
}

function indexLines(lines: readonly string[]): Map<string, number[]> {
  const where = new Map<string, number[]>();
  lines.forEach((line, at) => {
    const known = where.get(line);
    if (known) known.push(at);
    else where.set(line, [at]);
  });
  return where;
}

/** All places of these old lines at one level. Null when the search had to be given up. */
export function placesOf(
  base: BaseText,
  old: readonly Pick<HunkLine, 'text' | 'noNewline'>[],
  level: Level,
  toEndOfFile: boolean,
): readonly number[] | null {
  if (old.length === 0 || old.length > base.lines.length) return [];
  const wanted = old.map((line) => fold(level, line.text, line.noNewline));
  const occurrences = base.occurrences(level);
  let rarest: readonly number[] | null = null;
  let rarestAt = 0;
  for (const [at, line] of wanted.entries()) {
    const where = occurrences.get(line);
    if (!where) return [];
    if (!rarest || where.length < rarest.length) {
      rarest = where;
      rarestAt = at;
    }
  }
  const folded = base.folded(level);
  const places: number[] = [];
  for (const where of rarest ?? []) {
    const start = where - rarestAt;
    if (start < 0 || start + wanted.length > folded.length) continue;
    if (toEndOfFile && start + wanted.length !== folded.length) continue;
    let same = 0;
    while (same < wanted.length && folded[start + same] === wanted[same]) same += 1;
    base.budget.steps -= same + 1;
    if (base.budget.steps < 0) return null;
    if (same === wanted.length) places.push(start);
  }
  return places;
}

/** The levels worth trying for these lines: some only make sense when the paste shows their trace. */
export function levelsFor(old: readonly Pick<HunkLine, 'text'>[]): readonly Level[] {
  const isLossy = old.some((line) => line.text.includes(lostCharacter));
  const isForeign = old.some((line) => /[\u0080-\u00ff]/.test(line.text));
  return levels.filter((level) => (level !== 'lost_characters' || isLossy) && (level !== 'encoding' || isForeign));
}

/**
 * The place that resembles the old lines most, for the refusal: the first old line that differs there, and what the base
 * has instead. Null when nothing resembles them.
 */
export function nearest(
  base: BaseText,
  old: readonly HunkLine[],
): { readonly oldAt: number; readonly baseAt: number; readonly similar: number } | null {
  const votes = new Map<number, number>();
  const occurrences = base.occurrences('blanks');
  for (const [at, line] of old.entries()) {
    const folded = fold('blanks', line.text, false);
    if (folded === '') continue;
    const where = occurrences.get(folded) ?? [];
    if (where.length > 50) continue;
    for (const place of where) votes.set(place - at, (votes.get(place - at) ?? 0) + 1);
  }
  const best = [...votes].reduce<readonly [number, number] | null>(
    (top, vote) => (top === null || vote[1] > top[1] ? vote : top),
    null,
  );
  if (!best) return null;
  const folded = base.folded('blanks');
  const oldAt = old.findIndex((line, at) => folded[best[0] + at] !== fold('blanks', line.text, false));
  return { oldAt: Math.max(oldAt, 0), baseAt: best[0] + Math.max(oldAt, 0), similar: best[1] };
}
