/**
 * Hunks whose places nothing in them names, placed by the `index` line of their file: of all ways to place them only one
 * gives the file that it names.
 */
import { type Candidate, placeHunks } from './place.ts';

/** Ways that are tried, each at the cost of writing the file once. */
const triesMax = 24;
/** Bytes of files that are written for it. */
const triedBytesMax = 8 * 1024 * 1024;
/** Hunks that are open at once. */
const openMax = 4;

/** Pure. `fileBytes`: size of the file; `isProved`: whether these places give what the index line names. Null: none does. */
export function placeBySeal(
  candidates: readonly Candidate[],
  lines: readonly string[],
  fileBytes: number,
  isProved: (places: readonly number[]) => boolean,
): readonly number[] | null {
  let left = Math.min(triesMax, Math.floor(triedBytesMax / Math.max(fileBytes, 1)));
  const attempt = (some: readonly Candidate[], open: number): readonly number[] | null => {
    const placing = placeHunks(some, lines);
    if (placing.kind !== 'ambiguous') left -= 1;
    if (placing.kind === 'placed') return isProved(placing.places) ? placing.places : null;
    const candidate = placing.kind === 'ambiguous' ? some[placing.hunk] : undefined;
    if (placing.kind !== 'ambiguous' || candidate === undefined || open === openMax) return null;
    for (const place of placing.places) {
      if (left <= 0) return null;
      const found = attempt(some.with(placing.hunk, { ...candidate, places: [place] }), open + 1);
      if (found) return found;
    }
    return null;
  };
  return attempt(candidates, 0);
}
