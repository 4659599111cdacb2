import { sha256 } from '../../lib/digest.ts';

/** One test that a report or an output names, and how it ended. */
export interface Point {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
}

/** What one reader found in what a run left behind. */
export interface Reading {
  readonly points: readonly Point[];
  /** Numbers of tests, or null where nothing says them. */
  readonly passed: number | null;
  readonly skipped: number | null;
  /** Every test that was run is among the points, so that one that is not there did not run. */
  readonly whole: boolean;
  /** A sentence when the run says itself that it broke off, else null. */
  readonly broken: string | null;
}

/** Of one side of one check. With names of at most 300 characters this stays below a few MB, whatever the tests print. */
export const pointsMax = 20_000;
export const nameCharactersMax = 300;
/** Of a line of output: no runner writes a longer one about a test, and every pattern is tried on every line. */
const lineCharactersMax = 2000;

// Escape sequences of a terminal (ECMA-48 CSI and OSC), which colour the words we look for.
const escapes = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g;

/** The lines of an output without colours, and what overwrote a line in place of what it overwrote. */
export function plainLines(log: string): string[] {
  return log
    .replaceAll(escapes, '')
    .split('\n')
    .map((line) => {
      const end = line.endsWith('\r') ? line.slice(0, -1) : line;
      return end.slice(end.lastIndexOf('\r') + 1).slice(0, lineCharactersMax);
    });
}

const volatile: readonly (readonly [RegExp, string])[] = [
  [/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' '],
  // A duration at the end: "(12 ms)", "[0.1s]", "1.20s", "# time=3.2ms", "(1m 2s)".
  [/(?: # time=\S+| [([]?(?:< ?)?\d+(?:\.\d+)? ?(?:ms|s|sec)[)\]]?)$/, ''],
  [/\b(localhost|127\.0\.0\.1|\[::1\]):\d{2,5}\b/g, '$1:…'],
  [/\/(?:tmp|var\/tmp|var\/folders)\/[^\s'"`)\],;]+/g, '/tmp/…'],
  [/\b0x[0-9a-f]{6,16}\b/gi, '0x…'],
];

/**
 * A test's name as it stays from run to run: one line, without durations, ports, addresses and temporary paths, or an old
 * failure would look like a new one. Names are text of untrusted code: bounded, and apart still when they are cut.
 */
export function stableName(raw: string): string {
  let name = raw.slice(0, lineCharactersMax).toWellFormed();
  for (const [pattern, word] of volatile) name = name.replace(pattern, word);
  name = name.trim();
  if (name.length <= nameCharactersMax) return name;
  const mark = `… ${sha256(name).slice(0, 8)}`;
  return `${name.slice(0, nameCharactersMax - mark.length).replace(/[\uD800-\uDBFF]$/, '')}${mark}`;
}

/** The full name of a test inside its suites, from the outermost in: "suite > test". */
export function fullName(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' > ');
}

export interface Collector {
  /** Notes a test under its stable name. What has no name is not noted. */
  readonly note: (outcome: Point['outcome'], name: string) => void;
  /** The same for outputs that name a test more than once: noted the first time. */
  readonly noteOnce: (outcome: Point['outcome'], name: string) => void;
  readonly has: (outcome: Point['outcome']) => boolean;
  readonly count: (outcome: Point['outcome']) => number;
  /** What was noted, beside the numbers that a summary says. Every test is known when as many passed as it says. */
  readonly reading: (summary: Summary) => Reading;
}

export interface Summary {
  readonly passed: number | null;
  readonly skipped: number | null;
  readonly broken?: string | null;
}

export function collector(): Collector {
  const points: Point[] = [];
  const seen = new Set<string>();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const note: Collector['note'] = (outcome, raw) => {
    const name = stableName(raw);
    if (name === '') return;
    counts[outcome] += 1;
    if (points.length < pointsMax) points.push({ name, outcome });
  };
  return {
    note,
    noteOnce: (outcome, raw) => {
      const key = `${outcome} ${stableName(raw)}`;
      if (seen.has(key) || seen.size >= pointsMax) return;
      seen.add(key);
      note(outcome, raw);
    },
    has: (outcome) => counts[outcome] > 0,
    count: (outcome) => counts[outcome],
    reading: ({ passed, skipped, broken = null }) => ({
      points,
      passed,
      skipped,
      whole: passed !== null && counts.passed === passed && points.length < pointsMax && broken === null,
      broken,
    }),
  };
}

/** A total that grows when a summary names a number, and stays unknown while none does. */
export function add(total: number | null, more: number | string | undefined): number | null {
  return more === undefined ? total : Math.min((total ?? 0) + Number(more), Number.MAX_SAFE_INTEGER);
}

/** One runner's output: `sign` is a line that only it writes, `read` finds the tests in all lines. */
export interface Runner {
  readonly sign: RegExp;
  readonly read: (lines: readonly string[]) => Reading;
}
