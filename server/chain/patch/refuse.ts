/** Refusals about hunks: what is wrong, where, and what the owner can do. Lines are those of the paste, 1-based. */
import { type Problem, problem } from '#contract/problem.ts';
import { quoteLine, showPath } from './bytes.ts';
import { type BaseText, nearest, placesOf } from './locate.ts';
import type { Hunk, HunkLine } from './shape.ts';

export interface HunkPlace {
  readonly path: string;
  /** 1-based. */
  readonly hunk: number;
}

export function where(place: HunkPlace, line: number): { file: string; hunk: number; line: number } {
  return { file: showPath(place.path), hunk: place.hunk, line };
}

/** Explains why the old lines of a hunk are nowhere in the file. */
export function refuseUnplaced(place: HunkPlace, hunk: Hunk, lines: readonly HunkLine[], base: BaseText): Problem {
  const old = lines.filter((line) => line.sign !== '+');
  const elided = old.find((line) => isElision(line.text));
  if (elided) return refuseElided(place, elided);
  const path = showPath(place.path);
  const done = alreadyThere(lines, base);
  if (done === 'reversed') {
    const message = `Hunk ${place.hunk} of "${path}" adds what the file already has and removes what it does not have: the diff is the wrong way round. Swap the two sides.`;
    return problem('patch_reversed', message, where(place, hunk.at));
  }
  if (done === 'applied') return refuseDone(place, hunk);
  if (isCutOff(hunk, lines)) return refuseTruncated(place, hunk, lines);
  const anchor = hunk.anchors.at(-1);
  if (anchor !== undefined && (placesOf(base, old, 'exact', false) ?? []).length > 0) {
    const message = `Hunk ${place.hunk} of "${path}" fits, but not within ${quoteLine(anchor)}, which its "@@" line names. Write that line as it is in the file.`;
    return problem('patch_does_not_apply', message, where(place, hunk.at));
  }
  return refuseMissing(place, hunk, old, base);
}

export function refuseDone(place: HunkPlace, hunk: Hunk): Problem {
  const message = `Hunk ${place.hunk} of "${showPath(place.path)}" is already in the file. Nothing to do, or choose an older base.`;
  return problem('patch_already_applied', message, where(place, hunk.at));
}

/** The new side of a hunk, with added lines that say something, stands at one of these places (0-based lines). */
export function isThereAt(lines: readonly HunkLine[], places: readonly number[], base: BaseText): boolean {
  const fresh = lines.filter((line) => line.sign !== '-');
  if (!fresh.some((line) => line.sign === '+' && /\w/.test(line.text))) return false;
  return places.some((place) => fresh.every((line, by) => base.lines[place + by] === line.text));
}

/** Old lines that resemble nothing, or nearly something: says the first difference. */
function refuseMissing(place: HunkPlace, hunk: Hunk, old: readonly HunkLine[], base: BaseText): Problem {
  const path = showPath(place.path);
  const start = `Hunk ${place.hunk} of "${path}" does not fit`;
  const near = nearest(base, old);
  const line = near ? old[near.oldAt] : old[0];
  if (!near || !line) {
    const message = `${start}: none of its old lines is in the file. Was the diff made for another version or another file?`;
    return problem('patch_does_not_apply', message, where(place, line?.at ?? hunk.at));
  }
  const has = base.lines[near.baseAt];
  const there =
    has === undefined ? 'the file ends before it' : `line ${near.baseAt + 1} of the file has ${quoteLine(has)}`;
  const message = `${start}: it expects ${quoteLine(line.text)}, but at the nearest match ${there}. Make the diff against this base.`;
  return problem('patch_does_not_apply', message, where(place, line.at));
}

/** A hunk with nothing but context changes nothing, or is not made of lines. */
export function refuseUnsigned(place: HunkPlace, hunk: Hunk, lines: readonly HunkLine[]): Problem {
  const words = lines.find((line) => /\[-.*-\]|\{\+.*\+\}/.test(line.text.slice(0, 500)));
  const message = words
    ? `Line ${words.at} is from a word diff, which cannot be applied. Make it with "git diff" alone.`
    : `Hunk ${place.hunk} of "${showPath(place.path)}" has no "+" or "-" line, so it changes nothing. Paste all of it.`;
  return problem('patch_corrupt', message, where(place, words?.at ?? hunk.at));
}

export function refuseElided(place: HunkPlace, line: HunkLine): Problem {
  const message = `Line ${line.at} says ${quoteLine(line.text)} where code was left out. Write the real lines, or leave them out of the hunk.`;
  return problem('patch_elided', message, where(place, line.at));
}

/** Lines with signs behind a hunk that is complete: they fit neither the file nor the counts. */
export function refuseSurplus(place: HunkPlace, line: HunkLine): Problem {
  const message = `Line ${line.at} follows hunk ${place.hunk} of "${showPath(place.path)}" although its counts are used up, and does not fit the file. Leave a blank line before other text, or correct the hunk.`;
  return problem('patch_corrupt', message, where(place, line.at));
}

export function refuseTruncated(place: HunkPlace, hunk: Hunk, lines: readonly HunkLine[]): Problem {
  const last = lines.at(-1)?.at ?? hunk.at;
  const message = `The diff ends in the middle of hunk ${place.hunk} of "${showPath(place.path)}": lines are missing after line ${last}. Paste all of it.`;
  return problem('patch_truncated', message, where(place, last));
}

/** The paste ended inside the hunk, and what is there does not look like a whole hunk with wrong counts. */
export function isCutOff(hunk: Hunk, lines: readonly HunkLine[]): boolean {
  if (!hunk.atEndOfPaste || hunk.counts !== 'short' || !hunk.numbers) return false;
  const old = lines.filter((line) => line.sign !== '+').length;
  const fresh = lines.filter((line) => line.sign !== '-').length;
  return old < hunk.numbers.oldCount || fresh < hunk.numbers.newCount;
}

export function refuseAmbiguous(place: HunkPlace, hunk: Hunk, places: readonly number[]): Problem {
  const shown = places.slice(0, 5).map((at) => at + 1);
  const more = places.length > shown.length ? ` and ${places.length - shown.length} more` : '';
  const message =
    places.length === 0
      ? `Nothing says where hunk ${place.hunk} of "${showPath(place.path)}" belongs. Add lines of context around the change.`
      : `Hunk ${place.hunk} of "${showPath(place.path)}" fits at lines ${shown.join(', ')}${more}, and its numbers name none of them. Add lines of context.`;
  return problem('patch_ambiguous', message, where(place, hunk.at));
}

export function refuseRepetitive(place: HunkPlace, hunk: Hunk): Problem {
  const message = `"${showPath(place.path)}" repeats itself too often to find its hunks. Make a smaller diff.`;
  return problem('patch_took_too_long', message, where(place, hunk.at));
}

export function refuseOverlap(place: HunkPlace, hunk: Hunk, other: number): Problem {
  const message = `Hunks ${other} and ${place.hunk} of "${showPath(place.path)}" change the same lines. Make one hunk of them.`;
  return problem('patch_does_not_apply', message, where(place, hunk.at));
}

/**
 * A hunk that adds without context at one end claims that the file begins or ends there, which is how git reads it. Where the
 * file goes on with the very lines that it adds, it was applied already, and once more would double them. Null: it was not.
 */
export function refuseAgain(
  place: HunkPlace,
  hunk: Hunk,
  lines: readonly HunkLine[],
  at: number,
  base: BaseText,
): Problem | null {
  const first = lines.findIndex((line) => line.sign !== '+');
  const last = lines.findLastIndex((line) => line.sign !== '+');
  if (first < 0 || !hunk.numbers) return null;
  const end = at + lines.filter((line) => line.sign !== '+').length;
  const stands = (added: readonly HunkLine[], from: number): boolean =>
    added.some((line) => /\w/.test(line.text)) && added.every((line, by) => base.lines[from + by] === line.text);
  const below = lines[last]?.sign === ' ' && stands(lines.slice(last + 1), end);
  const above = hunk.numbers.oldStart <= 1 && lines[first]?.sign === ' ' && stands(lines.slice(0, first), at - first);
  if (!below && !above) return null;
  const message = `Hunk ${place.hunk} of "${showPath(place.path)}" adds lines that already stand there. Nothing to do; or add the line ${below ? 'below' : 'above'} them as context, if they are to be there twice.`;
  return problem('patch_already_applied', message, where(place, hunk.at));
}

/** The new side is there although the old side is not; git writes "-" before "+", so the other order means reversed. */
function alreadyThere(lines: readonly HunkLine[], base: BaseText): 'applied' | 'reversed' | null {
  const fresh = lines.filter((line) => line.sign !== '-');
  const hasAdded = fresh.some((line) => line.sign === '+' && line.text.trim() !== '');
  const isOnlyRemoving = !lines.some((line) => line.sign === '+');
  if (!hasAdded && !(isOnlyRemoving && fresh.some((line) => line.text.trim() !== ''))) return null;
  const found = ['exact', 'line_ends', 'trailing_blanks'] as const;
  if (!found.some((level) => (placesOf(base, fresh, level, false) ?? []).length > 0)) return null;
  const firstAdded = lines.findIndex((line) => line.sign === '+');
  const swapped =
    firstAdded >= 0 && lines[lines.findIndex((line, at) => at > firstAdded && line.sign !== '+')]?.sign === '-';
  return swapped ? 'reversed' : 'applied';
}

const marker = String.raw`(?://+|#+|--+|;+|/\*+|<!--|%+|\*)?`;
const dots = String.raw`(?:\.{3,}|\u00e2\u0080\u00a6)`;
const elisionWords =
  'rest|remain(?:ing|der|s)?|exist(?:ing|s)|unchanged|same|previous|omitted|other|more|keep|kept|snip(?:ped)?|your|continues?|code|lines?|as before|above|below|restlich\\w*|unver\\w*';
const bareDots = new RegExp(String.raw`^\s*${marker}\s*[[({<]?\s*${dots}\s*[\])}>]?\s*(?:\*/|-->)?\s*$`);
const dotsAndWords = new RegExp(String.raw`^\s*${marker}\s*[[({<]?\s*${dots}.{0,40}\b(?:${elisionWords})\b`, 'i');
const wordsAndDots = new RegExp(
  String.raw`^\s*(?://+|#+|--+|;+|/\*+|<!--|%+)\s*[[({<]?\s*(?:the |all )?(?:${elisionWords})\b.{0,60}(?:${dots}|unchanged|omitted|as before|the same|here)\s*[\])}>]?\s*(?:\*/|-->)?\s*$`,
  'i',
);

/** A line that stands for code that was left out. */
export function isElision(text: string): boolean {
  if (text.length > 200) return false;
  return bareDots.test(text) || dotsAndWords.test(text) || wordsAndDots.test(text);
}

const commentedElision = new RegExp(
  String.raw`^\s*(?://+|#+|--+|;+|/\*+|<!--|%+)\s*[[({<]?\s*${dots}.{0,40}\b(?:${elisionWords})\b`,
  'i',
);
const bareElision = new RegExp(
  String.raw`^\s*[[({<]?\s*${dots}\s*(?:(?:the )?rest\b|existing code|remaining code|unchanged|same as before|omitted|other code).{0,40}$`,
  'i',
);

/** An added line that stands for code that was left out; stricter, because `...` alone is good Python. */
export function isAddedElision(text: string): boolean {
  if (text.length > 200) return false;
  return (
    commentedElision.test(text) || bareElision.test(text) || (wordsAndDots.test(text) && new RegExp(dots).test(text))
  );
}

/**
 * The refusal for an added line that is a marker of a conflict, or null. One of them is enough, as for `git diff --check`, but not
 * the one in the middle, which also underlines headings. `known`: old lines, which a patch may move.
 */
export function refuseConflict(
  place: HunkPlace,
  lines: readonly HunkLine[],
  known: ReadonlySet<string>,
): Problem | null {
  const marker = lines.find(
    (line) => line.sign === '+' && /^(?:<{7}|>{7})(?: |\r?$)/.test(line.text) && !known.has(line.text.trim()),
  );
  if (!marker) return null;
  const message = `Line ${marker.at} adds the markers of an unresolved conflict. Resolve it first.`;
  return problem('patch_conflict_markers', message, where(place, marker.at));
}
