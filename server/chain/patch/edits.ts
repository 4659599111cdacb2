/** From a hunk that has its place to the stretches of the base that it changes. */
import type { BaseText } from './locate.ts';
import type { HunkLine } from './shape.ts';
import type { Edit } from './write.ts';

/** Walks a placed hunk: runs of removed and added lines become edits; `last` is the last added line of an edit. */
export function editsOf(
  lines: readonly HunkLine[],
  place: number,
  base: BaseText,
): { edit: Edit; last: HunkLine | null }[] {
  const edits: { edit: Edit; last: HunkLine | null }[] = [];
  let at = place;
  let from = place;
  let added: HunkLine[] = [];
  const close = (): void => {
    if (at === from && added.length === 0) return;
    const trimmed = trimEdit(base, from, at, added);
    if (trimmed) edits.push(trimmed);
  };
  for (const line of lines) {
    if (line.sign === '+') added.push(line);
    else if (line.sign === '-') at += 1;
    else {
      close();
      at += 1;
      from = at;
      added = [];
    }
  }
  close();
  return edits;
}

/** Drops lines that a run removes and adds again unchanged, from its start. */
function trimEdit(
  base: BaseText,
  from: number,
  to: number,
  added: readonly HunkLine[],
): { edit: Edit; last: HunkLine | null } | null {
  let same = 0;
  while (from + same < to && same < added.length - 1 && base.lines[from + same] === added[same]?.text) same += 1;
  const rest = added.slice(same);
  return { edit: { from: from + same, to, lines: rest.map((line) => line.text) }, last: rest.at(-1) ?? null };
}
