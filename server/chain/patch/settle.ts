/**
 * One changed text file: finds the place of every hunk in the base and computes the new content. What comes out is either
 * "take the section as it was pasted" or a section written anew from the base's own bytes; never anything in between.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { afterAnchors } from './anchors.ts';
import { joinLines, showPath } from './bytes.ts';
import { endInsertion, endLines, keepByteOrderMark } from './ends.ts';
import { editsOf } from './edits.ts';
import { type Added, addedOf, type Damage, damageIn, judgeAdded } from './damage.ts';
import type { Level } from './fold.ts';
import { driftLinesMax } from './limits.ts';
import { type BaseText, levelsFor, placesOf } from './locate.ts';
import type { MendCode, MendNote } from './mends.ts';
import { type Candidate, placeHunks } from './place.ts';
import { placeBySeal } from './place-by-seal.ts';
import {
  isCutOff,
  refuseAgain,
  isThereAt,
  refuseAmbiguous,
  refuseDone,
  refuseOverlap,
  refuseRepetitive,
  refuseSurplus,
  refuseTruncated,
  refuseUnplaced,
  refuseUnsigned,
} from './refuse.ts';
import type { Hunk, HunkLine } from './shape.ts';
import { type Edit, editedLines } from './write.ts';

export interface SettledText {
  readonly lines: readonly string[];
  readonly finalNewline: boolean;
  readonly edits: readonly Edit[];
  readonly notes: readonly MendNote[];
  /** git's own apply takes these hunks as they stand, and puts them to the same places. */
  readonly asWritten: boolean;
  /** What the old lines show of the way here, and the added lines that it may have reached (damage.ts). */
  readonly damage: ReadonlySet<Damage>;
  readonly added: readonly Added[];
}

/** A hunk with its lines decided and every place they fit. */
interface Located {
  readonly hunk: Hunk;
  readonly number: number;
  readonly lines: readonly HunkLine[];
  readonly level: Level;
  readonly places: readonly number[];
  readonly expected: number | null;
  readonly notes: readonly MendCode[];
}

/**
 * Settles the hunks of one file against its base. `path` is for the sentences. `isSealed`: whether a content is the one that
 * the index line names, null when it does not say; it decides between places that nothing else tells apart.
 */
export function settleHunks(
  path: string,
  base: BaseText,
  hunks: readonly Hunk[],
  isSealed: ((after: string) => boolean) | null,
): Result<SettledText, Problem> {
  const located: Located[] = [];
  let drift = 0;
  for (const [at, hunk] of hunks.entries()) {
    const found = locate(path, at + 1, hunk, base, drift);
    if (!found.ok) return found;
    located.push(found.value);
    drift += count(found.value.lines, '+') - count(found.value.lines, '-');
  }
  const candidates = located.map((one): Candidate => ({
    places: one.places,
    length: one.lines.length - count(one.lines, '+'),
    above: Math.max(
      one.lines.findIndex((line) => line.sign !== ' '),
      0,
    ),
    below: one.lines.length - 1 - one.lines.findLastIndex((line) => line.sign !== ' '),
    expected: one.expected,
    heading: one.hunk.heading,
  }));
  const placing = placeHunks(candidates, base.lines);
  if (placing.kind === 'ambiguous' && isSealed) {
    const isProved = (places: readonly number[]): boolean => {
      const tried = assemble(path, base, located, places);
      return tried.ok && isSealed(joinLines(tried.value));
    };
    const bytes = base.lines.reduce((sum, line) => sum + line.length + 1, 0);
    const places = placeBySeal(candidates, base.lines, bytes, isProved);
    if (places) return assemble(path, base, located, places);
  }
  if (placing.kind !== 'placed') {
    const one = located[placing.hunk];
    const place = { path, hunk: placing.hunk + 1 };
    const hunk = one?.hunk ?? hunks[0];
    if (!hunk) return no(problem('patch_corrupt', `"${showPath(path)}" has no hunk.`, { file: showPath(path) }));
    return no(
      placing.kind === 'ambiguous'
        ? refuseAmbiguous(place, hunk, placing.places)
        : refuseOverlap(place, hunk, placing.other + 1),
    );
  }
  return assemble(path, base, located, placing.places);
}

function count(lines: readonly HunkLine[], sign: HunkLine['sign']): number {
  return lines.reduce((sum, line) => sum + (line.sign === sign ? 1 : 0), 0);
}

/** Tries the readings of a hunk at each level of tolerance, least first. */
function locate(path: string, number: number, hunk: Hunk, base: BaseText, drift: number): Result<Located, Problem> {
  const place = { path, hunk: number };
  const plain = hunk.lines();
  if (!plain.some((line) => line.sign !== ' ') && !hunk.extra) {
    if (hunk.counts === 'short') return no(refuseTruncated(place, hunk, plain));
    return no(refuseUnsigned(place, hunk, plain));
  }
  const readings = readingsOf(hunk);
  const old = plain.filter((line) => line.sign !== '+');
  if (old.length === 0 && !hunk.extra) return insertion(place, hunk, plain, base, drift);
  for (const level of levelsFor(old)) {
    for (const reading of readings) {
      const lines = reading.lines.filter((line) => line.sign !== '+');
      if (!isTelling(level, lines)) continue;
      const places = placesOf(base, lines, level, hunk.toEndOfFile);
      if (places === null) return no(refuseRepetitive(place, hunk));
      const after = places.length > 0 ? afterAnchors(hunk, places, base) : [];
      if (base.budget.steps < 0) return no(refuseRepetitive(place, hunk));
      if (after.length === 0) continue;
      if (isTruncatedAt(hunk, reading.lines, after, lines.length, base))
        return no(refuseTruncated(place, hunk, reading.lines));
      const notes = [
        ...reading.notes,
        ...(hunk.counts === 'exact' || !hunk.numbers || hunk.numbers.oldCount < 0 ? [] : (['counts'] as const)),
      ];
      const expected = hunk.numbers ? Math.max(hunk.numbers.oldStart - 1, 0) : null;
      const refused = judgeReading(place, hunk, reading, after, base);
      if (refused) return no(refused);
      return ok({ hunk, number, lines: reading.lines, level, places: after, expected, notes });
    }
  }
  const follows = hunk.extra?.near === true ? hunk.extra.lines()[0] : undefined;
  const fits = placesOf(base, old, 'exact', hunk.toEndOfFile) ?? [];
  if (follows && fits.length > 0) return no(refuseSurplus(place, follows));
  return no(refuseUnplaced(place, hunk, plain, base));
}

/**
 * Why the lines that were found must not be changed there, or null: the line number names a place where the change is made
 * already, or it names none and the hunk was only found without lines that touch it.
 */
function judgeReading(
  place: { path: string; hunk: number },
  hunk: Hunk,
  reading: Reading,
  places: readonly number[],
  base: BaseText,
): Problem | null {
  const { numbers } = hunk;
  if (!numbers || places.includes(Math.max(numbers.oldStart - 1, 0))) return null;
  const [dropped] = hunk.extra?.near === true && reading.lines === hunk.lines() ? hunk.extra.lines() : [];
  if (dropped?.sign === ' ' && dropped.text.trim() !== '') return refuseSurplus(place, dropped);
  const isDone = isThereAt(reading.lines, [numbers.oldStart - 1, numbers.newStart - 1], base);
  return isDone ? refuseDone(place, hunk) : null;
}

interface Reading {
  readonly lines: readonly HunkLine[];
  readonly notes: readonly MendCode[];
}

/** The ways to read a hunk's lines, the likeliest first. */
function readingsOf(hunk: Hunk): Reading[] {
  const plain = hunk.lines();
  const readings: Reading[] = [];
  const extra = hunk.extra?.lines() ?? [];
  const told = extra.some((line) => line.sign === '-' || (line.sign === ' ' && line.text.trim() !== ''));
  const trimmed = extra.slice(0, extra.findLastIndex((line) => line.sign !== ' ' || line.text !== '') + 1);
  if (hunk.extra && (hunk.extra.near || told)) readings.push({ lines: [...plain, ...trimmed], notes: ['counts'] });
  const changesMore = hunk.extra?.near === true && extra.some((line) => line.sign !== ' ');
  if (!changesMore || extra.every(isListItem)) readings.push({ lines: plain, notes: [] });
  const unsigned = plain.filter((line) => line.unsigned && line.text.trim() !== '');
  if (unsigned.length === 0) return readings;
  // Every context line lost its blank: then the others begin with a blank of their own.
  const whole = plain.map((line) => (line.sign === ' ' && !line.unsigned ? { ...line, text: ` ${line.text}` } : line));
  readings.unshift({ lines: whole, notes: ['context_lost_blank'] });
  readings.push({ lines: plain, notes: ['context_lost_blank'] });
  const lastSigned = plain.findLastIndex((line) => !line.unsigned);
  if (lastSigned < plain.length - 1) readings.push({ lines: plain.slice(0, lastSigned + 1), notes: ['counts'] });
  return readings;
}

/** `- Changed the error`: a list in the text behind a diff, not a removed line that begins with one blank. */
function isListItem(line: HunkLine): boolean {
  return line.sign === ' ' ? line.text.trim() === '' : /^ [A-Z`*[]/.test(line.text);
}

/** At the tolerant levels a few brackets would fit anywhere: some letters must agree. */
function isTelling(level: Level, lines: readonly HunkLine[]): boolean {
  if (level !== 'typography' && level !== 'blanks') return true;
  return lines.some((line) => (line.text.match(/[A-Za-z0-9\u0080-\u00ff]/g)?.length ?? 0) >= 3);
}

/** Context lines git writes around a change unless it is asked for more. */
const usualContext = 3;

/**
 * Too few lines for its counts where the paste ends. Cut off, and not only miscounted, when more is missing than the last
 * context, when nothing follows the last change although the file goes on, or when only added lines are missing.
 */
function isTruncatedAt(
  hunk: Hunk,
  lines: readonly HunkLine[],
  places: readonly number[],
  length: number,
  base: BaseText,
): boolean {
  if (!isCutOff(hunk, lines) || !hunk.numbers) return false;
  const old = hunk.numbers.oldCount - length;
  const fresh = hunk.numbers.newCount - (lines.length - count(lines, '-'));
  // Behind a text that follows, the paste went on.
  const isLastOfPaste = lines.at(-1) === hunk.lines().at(-1);
  if (isLastOfPaste && Math.min(old, fresh) >= usualContext && Math.max(old, fresh) > usualContext) return true;
  const last = lines.at(-1)?.sign;
  if (last === ' ') return false;
  return (last === '+' && old === 0) || places.every((place) => place + length < base.lines.length);
}

/** A hunk without old lines: only an exact line number can say where it goes (`diff -U0`), or that the file is empty. */
function insertion(
  place: { path: string; hunk: number },
  hunk: Hunk,
  lines: readonly HunkLine[],
  base: BaseText,
  drift: number,
): Result<Located, Problem> {
  const numbers = hunk.numbers;
  const isWritten =
    numbers !== null &&
    numbers.oldCount === 0 &&
    hunk.counts === 'exact' &&
    numbers.newStart === numbers.oldStart + drift + 1;
  if (isCutOff(hunk, lines)) return no(refuseTruncated(place, hunk, lines));
  let at = base.lines.length === 0 ? 0 : null;
  if (hunk.toEndOfFile && hunk.anchors.length === 0) at = base.lines.length;
  else if (isWritten && numbers.oldStart <= base.lines.length) at = numbers.oldStart;
  if (at === null) return no(refuseAmbiguous(place, hunk, []));
  return ok({ hunk, number: place.hunk, lines, level: 'exact', places: [at], expected: at, notes: [] });
}

const levelNotes: Readonly<Record<Level, MendCode | null>> = {
  exact: null,
  final_newline: 'final_newline',
  line_ends: 'context_line_ends',
  trailing_blanks: 'context_trailing_blanks',
  encoding: 'context_encoding',
  lost_characters: 'context_lost_characters',
  typography: 'context_typography',
  blanks: 'context_blanks',
};

function assemble(
  path: string,
  base: BaseText,
  located: readonly Located[],
  places: readonly number[],
): Result<SettledText, Problem> {
  const notes: MendNote[] = [];
  const edits: { edit: Edit; last: HunkLine | null }[] = [];
  const ends = located.map((one, at) => (places[at] ?? 0) + one.lines.length - count(one.lines, '+'));
  // git takes no line for the context of two hunks.
  let asWritten = places.every((place, at) => at === 0 || place >= (ends[at - 1] ?? 0));
  const damage = new Set<Damage>();
  const added: Added[] = [];
  let drift = 0;
  const keepsReturns = (): boolean =>
    located.some(({ lines }) => lines.some((line) => line.sign !== '+' && line.text.endsWith('\r')));
  for (const [at, one] of located.entries()) {
    const place = places[at] ?? 0;
    const refused = judgeAdded({ path, hunk: one.number }, one.lines, one.level, place, base);
    if (refused) return no(refused);
    if (one.level !== 'exact') for (const seen of damageIn(one.lines, place, base, one.level)) damage.add(seen);
    added.push(addedOf(path, one.number, one.lines, { at: place, base }));
    const note = (code: MendCode): number => notes.push({ code, path, hunk: one.number });
    one.notes.forEach(note);
    const levelNote = levelNotes[one.level];
    if (levelNote) note(levelNote);
    if (at > 0 && place >= (places[at - 1] ?? 0) && place < (ends[at - 1] ?? 0)) note('shared_context');
    const marked = keepByteOrderMark(path, one.number, one.lines, place, base);
    if (!marked.ok) return marked;
    const ended = endLines(path, one.number, marked.value, place, base, one.level);
    if (!ended.ok) return ended;
    const final = endInsertion(ended.value, base, keepsReturns);
    if (final !== ended.value) note('context_line_ends');
    edits.push(...editsOf(final, place, base));
    if (!gitAgrees(one, place, drift, base)) {
      const again = refuseAgain({ path, hunk: one.number }, one.hunk, one.lines, place, base);
      if (again) return no(again);
      asWritten = false;
      if (one.level === 'exact' && one.notes.length === 0 && claimsNumbers(one.hunk)) note('line_numbers');
    }
    drift += count(one.lines, '+') - count(one.lines, '-');
  }
  edits.sort((one, other) => one.edit.from - other.edit.from);
  const only = edits.map(({ edit }) => edit);
  const lines = editedLines(base.lines, only);
  const tail = edits.at(-1);
  const endsWithAdded = tail !== undefined && tail.edit.to === base.lines.length && tail.last !== null;
  const tailRemoved = tail !== undefined && tail.edit.to === base.lines.length && tail.edit.from < tail.edit.to;
  const finalNewline = endsWithAdded ? tail.last?.noNewline !== true : tailRemoved || base.finalNewline;
  return ok({ lines, finalNewline, edits: only, notes, asWritten, damage, added });
}

/** A unified diff's header, in contrast to the formats that have no numbers to be wrong. */
function claimsNumbers(hunk: Hunk): boolean {
  return hunk.counts !== 'exact' || (hunk.numbers !== null && hunk.numbers.oldCount >= 0);
}

/** Whether git's apply, without options, puts this hunk to the same place (its rules for the first and last lines). */
function gitAgrees(one: Located, place: number, drift: number, base: BaseText): boolean {
  const { hunk, lines, level } = one;
  const numbers = hunk.numbers;
  if (level !== 'exact' || one.notes.length > 0 || !numbers || hunk.counts !== 'exact' || lines !== hunk.lines())
    return false;
  if (lines.some((line) => line.unsigned && line.text !== '')) return false;
  const old = lines.length - count(lines, '+');
  if (old === 0 && base.lines.length > 0) return false;
  if (numbers.oldStart <= 1 && place + drift !== 0) return false;
  if (lines.at(-1)?.sign !== ' ' && place + old !== base.lines.length) return false;
  const offset = Math.abs(Math.max(numbers.newStart - 1, 0) - (place + drift));
  return offset === 0 || (one.places.length === 1 && offset <= driftLinesMax);
}
