/**
 * What a transport did to the old lines of a paste it also did to the added ones, which nothing can prove right. So every
 * hunk that was found in spite of damage is evidence against the added lines of all others (issue 3: a mend never changes
 * added lines, and never gives a tree that the text speaks against).
 */
import { type Problem, problem } from '#contract/problem.ts';
import { showPath } from './bytes.ts';
import { indentOf, type Level, lostCharacter, typographyIn } from './fold.ts';
import type { BaseText } from './locate.ts';
import { where } from './refuse.ts';
import type { HunkLine } from './shape.ts';

/** What happened to lines on their way here, as old lines show it that are known from the base. */
export type Damage =
  | 'typography'
  | 'blanks_at_ends'
  | 'tabs_to_blanks'
  | 'blanks_to_tabs'
  | 'indentation_lost'
  | 'runs_collapsed';

/** The added lines of one hunk, and what the hunk's own old lines say for them. */
export interface Added {
  readonly path: string;
  readonly hunk: number;
  readonly lines: readonly HunkLine[];
  /** An indented old line of this hunk came with the base's own indentation. */
  readonly isIndentKept: boolean;
  /** An old line of this hunk came with a run of blanks inside, as the base has it. */
  readonly isRunKept: boolean;
  /** An old line of this hunk with typographic characters came as the base has it. */
  readonly typography: ReadonlySet<string>;
}

/** One pass over the old lines of a placed hunk. */
export function damageIn(lines: readonly HunkLine[], place: number, base: BaseText, level: Level): ReadonlySet<Damage> {
  const seen = new Set<Damage>();
  // Only there are both sides UTF-8 and can be compared by character.
  const isReadable = level === 'typography' || level === 'blanks';
  let at = place;
  for (const line of lines) {
    if (line.sign === '+') continue;
    const there = base.lines[at] ?? '';
    at += 1;
    if (line.text === there) continue;
    const [pasted, kept] = [indentOf(line.text), indentOf(there)];
    if (line.text.trim() !== '' && pasted !== kept) {
      if (pasted === '') seen.add('indentation_lost');
      else if (kept.includes('\t') && !pasted.includes('\t')) seen.add('tabs_to_blanks');
      else if (!kept.includes('\t') && pasted.includes('\t')) seen.add('blanks_to_tabs');
    }
    if (runsIn(there) !== runsIn(line.text) && runsIn(line.text) === '') seen.add('runs_collapsed');
    if (endsInBlank(line.text) && !endsInBlank(there)) seen.add('blanks_at_ends');
    const odd = isReadable ? typographyIn(line.text) : [];
    if (odd.length > 0 && !odd.every((character) => typographyIn(there).includes(character))) seen.add('typography');
  }
  return seen;
}

/** Runs of blanks within a line, or tabs: what is left when a viewer made one blank of each. */
function runsIn(text: string): string {
  return (
    text
      .trim()
      .match(/\t[ \t]*| [ \t]+/g)
      ?.join('|') ?? ''
  );
}

function endsInBlank(text: string): boolean {
  const end = text.endsWith('\r') ? text.length - 2 : text.length - 1;
  return text[end] === ' ' || text[end] === '\t';
}

/** The added lines of a hunk; without a place (a new file) nothing speaks for them. */
export function addedOf(
  path: string,
  hunk: number,
  lines: readonly HunkLine[],
  placed: { readonly at: number; readonly base: BaseText } | null,
): Added {
  let at = placed?.at ?? 0;
  let isIndentKept = false;
  let isRunKept = false;
  for (const line of lines) {
    if (line.sign === '+' || !placed) continue;
    const there = placed.base.lines[at] ?? '';
    at += 1;
    const indent = indentOf(line.text);
    isRunKept ||= line.text === there && runsIn(there) !== '';
    isIndentKept ||= indent !== '' && indent === indentOf(there) && line.text.trim() !== '';
  }
  const added = lines.filter((line) => line.sign === '+');
  const isPlain = added.every((line) => typographyIn(line.text).length === 0);
  return {
    path,
    hunk,
    lines: added,
    isIndentKept,
    isRunKept,
    typography: placed && !isPlain ? knownTypography(placed.base) : none,
  };
}

const none: ReadonlySet<string> = new Set();
const typographyOf = new WeakMap<BaseText, ReadonlySet<string>>();

/** Made once for a file: with every hunk it would take quadratic time. */
function knownTypography(base: BaseText): ReadonlySet<string> {
  const known = typographyOf.get(base) ?? new Set(base.lines.flatMap(typographyIn));
  typographyOf.set(base, known);
  return known;
}

/** The refusal for the first added line that the damage seen in the paste must have reached, too; or null. */
export function judgeByDamage(all: readonly Added[], damage: ReadonlySet<Damage>): Problem | null {
  if (damage.size === 0) return null;
  for (const added of all) {
    const found = added.lines.map((line) => reached(line, added, damage)).find((problem) => problem !== null);
    if (found) return found;
  }
  return null;
}

function reached(line: HunkLine, added: Added, damage: ReadonlySet<Damage>): Problem | null {
  const here = where(added, line.at);
  if (damage.has('typography') && typographyIn(line.text).some((character) => !added.typography.has(character)))
    return problem('patch_corrupt', typographySentence(line.at), here);
  if (damage.has('blanks_at_ends') && endsInBlank(line.text)) {
    const message = `Line ${line.at} adds blanks at its end, and the context shows that the paste put some there. Paste it unchanged, or attach it as a file.`;
    return problem('patch_corrupt', message, here);
  }
  if (damage.has('runs_collapsed') && !added.isRunKept && /\S[ \t]+\S/.test(line.text)) {
    const message = `Line ${line.at} has blanks in it, and the context shows that the paste made one blank of several. Paste it unchanged, or attach it as a file.`;
    return problem('patch_corrupt', message, here);
  }
  if (line.text.trim() === '' || added.isIndentKept) return null;
  const indent = indentOf(line.text);
  const isDoubtful =
    damage.has('indentation_lost') ||
    (damage.has('tabs_to_blanks') && indent.includes(' ')) ||
    (damage.has('blanks_to_tabs') && indent.includes('\t'));
  return isDoubtful ? problem('patch_does_not_apply', indentSentence(added, line.at), here) : null;
}

function typographySentence(at: number): string {
  return `Line ${at} adds typographic quotes, dashes or blanks, and the context shows that the paste changed them. Paste the plain text.`;
}

function indentSentence({ path, hunk }: { path: string; hunk: number }, at: number): string {
  return `The indentation of hunk ${hunk} of "${showPath(path)}" is not that of the file (tabs or blanks were changed), so line ${at} would be indented wrongly. Paste it unchanged, or attach it as a file.`;
}

/** Added lines are never changed, so a hunk whose context was changed on the way is refused if they were changed too. */
export function judgeAdded(
  place: { readonly path: string; readonly hunk: number },
  lines: readonly HunkLine[],
  level: Level,
  at: number,
  base: BaseText,
): Problem | null {
  const added = lines.filter((line) => line.sign === '+');
  const lost = added.find((line) => line.text.includes(lostCharacter));
  if (lost && level === 'lost_characters') {
    const message = `Line ${lost.at} has characters that were lost on the way here (shown as \ufffd). Send the diff as a file.`;
    return problem('patch_corrupt', message, where(place, lost.at));
  }
  const foreign = level === 'encoding' ? added.find((line) => /[\u0080-\u00ff]/.test(line.text)) : undefined;
  if (foreign) {
    const message = `"${showPath(place.path)}" is not UTF-8 but the paste is, so line ${foreign.at} would be written in another encoding. Attach the diff as a file.`;
    return problem('patch_corrupt', message, where(place, foreign.at));
  }
  if (level === 'typography') {
    const known = knownTypography(base);
    const odd = added.find((line) => typographyIn(line.text).some((character) => !known.has(character)));
    if (odd) return problem('patch_corrupt', typographySentence(odd.at), where(place, odd.at));
  }
  return level === 'blanks' ? judgeIndent(place, lines, added, at, base) : null;
}

/** Found only by its words: an added line must have an indentation that some old line brought unchanged. */
function judgeIndent(
  place: { readonly path: string; readonly hunk: number },
  lines: readonly HunkLine[],
  added: readonly HunkLine[],
  at: number,
  base: BaseText,
): Problem | null {
  const trusted = new Set(['']);
  let untouched: string | null = null;
  const old = lines.filter((line) => line.sign !== '+' && line.text.trim() !== '');
  let from = at;
  const changed = new Set<string>();
  for (const line of lines) {
    if (line.sign === '+') continue;
    const kept = indentOf(base.lines[from] ?? '');
    from += 1;
    if (line.text.trim() === '') continue;
    const pasted = indentOf(line.text);
    if (kept === pasted) trusted.add(kept);
    else {
      changed.add(pasted);
      const blank = kept.includes('\t') ? (pasted.includes('\t') ? '' : '\t') : pasted.includes('\t') ? ' ' : '';
      untouched = untouched === null || untouched === blank ? blank : '';
    }
  }
  // An indentation that was wrong for one old line is no better for an added one.
  for (const indent of changed) trusted.delete(indent);
  // Made of what the paste has nowhere else: whoever changed the old lines did not change this one.
  const isUntouched = (indent: string): boolean =>
    untouched !== null && untouched !== '' && !changed.has(indent) && indent === untouched.repeat(indent.length);
  const doubtful = added.find((line) => {
    const indent = indentOf(line.text);
    return line.text.trim() !== '' && !trusted.has(indent) && !isUntouched(indent);
  });
  return doubtful && old.length > 0
    ? problem('patch_does_not_apply', indentSentence(place, doubtful.at), where(place, doubtful.at))
    : null;
}
