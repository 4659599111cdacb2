/**
 * Chooses one place for every hunk of a file. A hunk with several equal places needs something that names one of them:
 * its line number, the drift of its neighbours, its position between them, or the function it says it is in. Otherwise the
 * patch is ambiguous: the nearest place, which other tools take, can be the wrong one without anybody noticing.
 */

export interface Candidate {
  /** 0-based lines of the base, ascending; at least one. */
  readonly places: readonly number[];
  /** Old lines it covers. */
  readonly length: number;
  /** 0-based line its header names, or null. */
  readonly expected: number | null;
  readonly heading: string;
}

export type Placing =
  | { readonly kind: 'placed'; readonly places: readonly number[] }
  | { readonly kind: 'ambiguous'; readonly hunk: number; readonly places: readonly number[] }
  | { readonly kind: 'overlapping'; readonly hunk: number; readonly other: number };

/** Pure. `lines` is the base file, for the headings. */
export function placeHunks(candidates: readonly Candidate[], lines: readonly string[]): Placing {
  const placed: (number | null)[] = candidates.map((candidate) =>
    candidate.places.length === 1 ? (candidate.places[0] ?? null) : null,
  );
  const rules = [byNumber, byDrift, byOrder, byHeading];
  for (const rule of rules) {
    for (const [at, candidate] of candidates.entries()) {
      if (placed[at] !== null) continue;
      placed[at] = rule(candidate, at, candidates, placed, lines);
    }
  }
  const open = placed.indexOf(null);
  if (open >= 0) return { kind: 'ambiguous', hunk: open, places: candidates[open]?.places ?? [] };
  const places = placed.map((place) => place ?? 0);
  const order = candidates.map((_, at) => at).toSorted((one, other) => (places[one] ?? 0) - (places[other] ?? 0));
  for (const [at, hunk] of order.entries()) {
    const other = order[at + 1];
    if (other === undefined) break;
    const end = (places[hunk] ?? 0) + (candidates[hunk]?.length ?? 0);
    if (end > (places[other] ?? 0))
      return { kind: 'overlapping', hunk: Math.max(hunk, other), other: Math.min(hunk, other) };
  }
  return { kind: 'placed', places };
}

type Rule = (
  candidate: Candidate,
  at: number,
  candidates: readonly Candidate[],
  placed: readonly (number | null)[],
  lines: readonly string[],
) => number | null;

/** The line number names one place exactly. Not when the neighbours agree that the numbers are off and name another. */
const byNumber: Rule = (candidate, at, candidates, placed) => {
  if (candidate.expected === null || !candidate.places.includes(candidate.expected)) return null;
  return byDrift(candidate, at, candidates, placed, []);
};

/** The nearest placed hunks before and after are off by the same number of lines, and so would this one be. */
const byDrift: Rule = (candidate, at, candidates, placed) => {
  const expected = candidate.expected;
  if (expected === null) return null;
  const drifts = [nearestDrift(at, -1, candidates, placed), nearestDrift(at, 1, candidates, placed)];
  const named = [...new Set(drifts.flatMap((drift) => (drift === null ? [] : [expected + drift])))];
  const fitting = named.filter((place) => candidate.places.includes(place));
  if (candidate.places.includes(expected)) fitting.push(expected);
  return new Set(fitting).size === 1 ? (fitting[0] ?? null) : null;
};

function nearestDrift(
  at: number,
  step: 1 | -1,
  candidates: readonly Candidate[],
  placed: readonly (number | null)[],
): number | null {
  for (let other = at + step; other >= 0 && other < candidates.length; other += step) {
    const place = placed[other] ?? null;
    const expected = candidates[other]?.expected ?? null;
    if (place !== null && expected !== null) return place - expected;
  }
  return null;
}

/** Hunks stand in the order of the file: only one place lies between the neighbours. */
const byOrder: Rule = (candidate, at, candidates, placed) => {
  let from = 0;
  let to = Number.POSITIVE_INFINITY;
  for (const [other, place] of placed.entries()) {
    if (place === null) continue;
    if (other < at) from = Math.max(from, place + (candidates[other]?.length ?? 0));
    else to = Math.min(to, place);
  }
  const between = candidate.places.filter((place) => place >= from && place + candidate.length <= to);
  return between.length === 1 ? (between[0] ?? null) : null;
};

/** The text after `@@` is the nearest line above that starts a function, as git writes it. */
const byHeading: Rule = (candidate, _at, _candidates, _placed, lines) => {
  if (candidate.heading === '') return null;
  const fitting = candidate.places.filter((place) => headingAt(lines, place).startsWith(candidate.heading));
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
};

/** git's default for a hunk's heading: the last line above that starts with a letter, `_` or `$`. */
function headingAt(lines: readonly string[], place: number): string {
  for (let at = place - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? '';
    if (/^[A-Za-z_$]/.test(line)) return line.trim();
  }
  return '';
}
