/** The lines that the `*** Begin Patch` format names above a hunk, and what they leave of its places. */
import { indentOf } from './fold.ts';
import { type BaseText, placesOf } from './locate.ts';
import type { Hunk } from './shape.ts';

/** Places below the anchors, within the block that the last anchor opens. All places when there is no anchor. */
export function afterAnchors(hunk: Hunk, places: readonly number[], base: BaseText): readonly number[] {
  if (hunk.anchors.length === 0) return places;
  let starts: readonly number[] = [-1];
  for (const anchor of hunk.anchors) {
    for (const level of ['exact', 'trailing_blanks', 'typography', 'blanks'] as const) {
      const found = placesOf(base, [{ text: anchor, noNewline: false }], level, false) ?? [];
      const below = found.filter((at) => at > (starts[0] ?? -1));
      starts = below;
      if (below.length > 0) break;
    }
  }
  return places.filter(
    (place) => base.budget.steps >= 0 && starts.some((start) => place >= start && isInBlock(base, start, place)),
  );
}

/** Nothing between the anchor and the place stands as far left as the anchor, but closing brackets and blank lines. */
function isInBlock(base: BaseText, anchor: number, place: number): boolean {
  const depth = indentOf(base.lines[anchor] ?? '').length;
  for (let at = anchor + 1; at < place; at += 1) {
    base.budget.steps -= 1;
    if (base.budget.steps < 0) return false;
    const line = base.lines[at] ?? '';
    if (line.trim() === '' || /^\s*[)\]}]/.test(line)) continue;
    if (indentOf(line).length <= depth) return false;
  }
  return true;
}
