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
  /** Lines of context before its first change, and behind its last one: another hunk may show them, too. */
  readonly above: number;
  readonly below: number;
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
  const headings = headingsOf(lines);
  for (const rule of [byNumber, byDrift, byOrder, byHeading]) applyRule(rule, candidates, placed, headings);
  const open = placed.indexOf(null);
  if (open >= 0) return { kind: 'ambiguous', hunk: open, places: candidates[open]?.places ?? [] };
  const places = placed.map((place) => place ?? 0);
  const order = candidates.map((_, at) => at).toSorted((one, other) => (places[one] ?? 0) - (places[other] ?? 0));
  for (const [at, hunk] of order.entries()) {
    const other = order[at + 1];
    if (other === undefined) break;
    const shared = (places[hunk] ?? 0) + (candidates[hunk]?.length ?? 0) - (places[other] ?? 0);
    if (shared > Math.max(Math.min(candidates[hunk]?.below ?? 0, candidates[other]?.above ?? 0), 0))
      return { kind: 'overlapping', hunk: Math.max(hunk, other), other: Math.min(hunk, other) };
  }
  return { kind: 'placed', places };
}

/** What the placed hunks around an open one say about it. */
interface Neighbours {
  /** Lines by which the nearest placed hunk above is off, and the one below. */
  readonly driftAbove: number | null;
  readonly driftBelow: number | null;
  /** First line behind the hunks above, and first line of the hunks below. */
  readonly from: number;
  readonly to: number;
}

/** The place a rule names, or null. `headings`: see headingsOf. */
type Rule = (candidate: Candidate, around: Neighbours, headings: Headings) => number | null;

/** Visits the open hunks from the top, so that one placed here helps the next. Linear: thousands may be open. */
function applyRule(rule: Rule, candidates: readonly Candidate[], placed: (number | null)[], headings: Headings): void {
  const below: Pick<Neighbours, 'driftBelow' | 'to'>[] = [];
  let driftBelow: number | null = null;
  let to = Number.POSITIVE_INFINITY;
  for (let at = candidates.length - 1; at >= 0; at -= 1) {
    below[at] = { driftBelow, to };
    const place = placed[at] ?? null;
    if (place === null) continue;
    const expected = candidates[at]?.expected ?? null;
    if (expected !== null) driftBelow = place - expected;
    to = Math.min(to, place);
  }
  let driftAbove: number | null = null;
  let from = 0;
  for (const [at, candidate] of candidates.entries()) {
    const around: Neighbours = { driftAbove, from, ...(below[at] ?? { driftBelow: null, to }) };
    const place: number | null = placed[at] ?? rule(candidate, around, headings);
    placed[at] = place;
    if (place === null) continue;
    if (candidate.expected !== null) driftAbove = place - candidate.expected;
    from = Math.max(from, place + candidate.length);
  }
}

/** The line number names one place exactly. Not when the neighbours agree that the numbers are off and name another. */
const byNumber: Rule = (candidate, around, headings) => {
  if (candidate.expected === null || !has(candidate.places, candidate.expected)) return null;
  return byDrift(candidate, around, headings);
};

/** The nearest placed hunks before and after are off by the same number of lines, and so would this one be. */
const byDrift: Rule = ({ expected, places }, { driftAbove, driftBelow }) => {
  if (expected === null) return null;
  const drifts = [driftAbove, driftBelow, 0].filter((drift) => drift !== null);
  const fitting = new Set(drifts.map((drift) => expected + drift).filter((place) => has(places, place)));
  return fitting.size === 1 ? ([...fitting][0] ?? null) : null;
};

/** Hunks stand in the order of the file: only one place lies between the neighbours. */
const byOrder: Rule = ({ places, length }, { from, to }) => {
  const first = firstFrom(places, from);
  const place = places[first];
  if (place === undefined || place + length > to) return null;
  const next = places[first + 1];
  return next === undefined || next + length > to ? place : null;
};

/** The text after `@@` is the nearest line above that starts a function, as git writes it. */
const byHeading: Rule = ({ heading, places }, _around, headings) => {
  if (heading === '') return null;
  const fitting = places.filter((place) => headings(place).startsWith(heading));
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
};

function has(places: readonly number[], place: number): boolean {
  return places[firstFrom(places, place)] === place;
}

/** Index of the first place that is not before `line`; places are ascending. */
function firstFrom(places: readonly number[], line: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Headings = (place: number) => string;

/** git's default for a hunk's heading: the last line above that starts with a letter, `_` or `$`. Found once for a file. */
function headingsOf(lines: readonly string[]): Headings {
  let above: Int32Array | null = null;
  return (place) => {
    above ??= lastHeadings(lines);
    return (lines[above[place] ?? -1] ?? '').trim();
  };
}

function lastHeadings(lines: readonly string[]): Int32Array {
  const above = new Int32Array(lines.length + 1);
  let last = -1;
  for (const [at, line] of lines.entries()) {
    above[at] = last;
    if (/^[A-Za-z_$]/.test(line)) last = at;
  }
  above[lines.length] = last;
  return above;
}
