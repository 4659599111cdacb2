import type { CheckConclusion } from '#contract/check.ts';
import { plainLines, pointsMax, stableName, type Reading, type Runner } from './named.ts';
import { compiledRunners } from './runners-compiled.ts';
import { goRunners } from './runners-go.ts';
import { moreJavascriptRunners } from './runners-javascript-more.ts';
import { javascriptRunners } from './runners-javascript.ts';
import { jvmRunners } from './runners-jvm.ts';
import { nativeRunners } from './runners-native.ts';
import { scriptRunners } from './runners-script.ts';
import { readTap } from './tap.ts';

/** What a run says about its tests. The exit code stays the verdict. */
export interface NamedResults {
  /** Names of failing tests, in order, each once; one of several of the same name has its number behind it. */
  readonly failing: readonly string[];
  /** How many tests passed and were left out, or null when nothing says it. */
  readonly passed: number | null;
  readonly skipped: number | null;
  readonly passedNames: ReadonlySet<string>;
  readonly skippedNames: ReadonlySet<string>;
  /** All tests that ran or were left out are named, so that one that is not named is not there. */
  readonly whole: boolean;
  /** How the run broke off, as the run itself says it, in half a sentence; else null. */
  readonly broken: string | null;
  /** How many runs of runners, or packages of a workspace, said how many tests passed. */
  readonly summaries: number;
  /** The names that fail are of lines that only look like a result: no runner that we know has written them. */
  readonly isGuess: boolean;
}

const runners: readonly Runner[] = [
  ...javascriptRunners,
  ...moreJavascriptRunners,
  ...scriptRunners,
  ...goRunners,
  ...compiledRunners,
  ...jvmRunners,
  ...nativeRunners,
];

/**
 * How a failing test is named where the runner's summary is missing, because it was ended or is one we do not know. The
 * first group is the name.
 */
const looseFailures: readonly RegExp[] = [
  /^ *✖ (?!failing tests:)(.+)$/u, // node --test
  /^ *[✕×✗✘] (.+)$/u, // jest, vitest, bats
  /^ *● (.+ › .+)$/u, // jest
  /^(?:FAILED|ERROR) (\S+::\S+)/, // pytest
  /^(?:FAIL|ERROR): (\w+ \([\w.]+\))/, // unittest
  /^test (.+) \.\.\. FAILED$/, // cargo test
  /^ {2,}\d+\) (.+?):?$/, // mocha
  /^\d+\) (\S+::\w+)/, // phpunit
];

/**
 * Reads the tests from a log. Unknown output gives no names and null. `entire` says that nothing was left out in the middle
 * of the log. Every runner that can be told by its own words is read, because one command may start several.
 */
export function readResults(log: string, entire = true): NamedResults {
  const readings = membersOf(plainLines(log)).flatMap(({ member, lines }) =>
    readMember(lines, entire).map((reading) => (member === '' ? reading : within(reading, member))),
  );
  const isGuess = !readings.some(hasFailed);
  if (isGuess) readings.push(readLoosely(plainLines(log)));
  const results = toResults(readings);
  return { ...results, whole: results.whole && entire, isGuess: isGuess && results.failing.length > 0 };
}

interface Member {
  /** Empty: what is of none. */
  readonly member: string;
  readonly lines: readonly string[];
}

/** How pnpm and turbo begin the output of one package's script, which they then write in front of each of its lines. */
const memberStart = /^((\S+) [\w:.-]+)\$ |^((\S+):[\w.-]+): cache (?:miss|hit|bypass)\b/;
const memberHeading = /^> ((?:@[\w.-]+\/)?[\w.-]+)@\d\S* \S+(?: \S+)?$/;

/**
 * The output of each package of a workspace, as npm and pnpm head it ("> shop@1.0.0 test") or write its name in front of every
 * line: tests of two packages may have one name, and a run that ends badly must not hide behind another. A single package is no
 * member of anything.
 */
function membersOf(lines: readonly string[]): Member[] {
  const prefixes = new Map<string, string>();
  for (const line of lines) {
    const [, pnpm, folder, turbo, name] = memberStart.exec(line) ?? [];
    const prefix = pnpm ?? turbo;
    if (prefix !== undefined && prefixes.size < membersMax) prefixes.set(prefix, folder ?? name ?? prefix);
  }
  const members = new Map<string, string[]>([['', []]]);
  let current = '';
  for (const line of lines) {
    const heading = memberHeading.exec(line)?.[1];
    if (heading !== undefined && members.size < membersMax) current = heading;
    const prefix = prefixes.size === 0 ? undefined : /^(\S+(?: [\w:.-]+)?): /.exec(`${line} `)?.[1];
    const owner = prefix === undefined ? undefined : prefixes.get(prefix);
    const [member, text] =
      prefix === undefined || owner === undefined ? [current, line] : [owner, line.slice(prefix.length + 2)];
    const known = members.get(member);
    if (known === undefined) members.set(member, [text]);
    else known.push(text);
  }
  if (members.size === 2) return [{ member: '', lines: [...members.values()].flat() }];
  return [...members].map(([member, own]) => ({ member, lines: own }));
}

const membersMax = 500;

function within(reading: Reading, member: string): Reading {
  const points = reading.points.map(({ name, outcome }) => ({ name: stableName(`${member}: ${name}`), outcome }));
  return { ...reading, points, broken: reading.broken === null ? null : `${member}: ${reading.broken}` };
}

function readMember(lines: readonly string[], entire: boolean): Reading[] {
  const tap = readTap(lines, entire);
  const rest = tap?.rest ?? lines;
  const signed = runners.filter(({ sign }) => rest.some((line) => sign.test(line)));
  // "ok 1" alone is what any test may print; beside a runner of its own only a version or a plan makes it TAP.
  if (tap !== null && (tap.isAnnounced || signed.length === 0))
    return [tap.reading, ...signed.map(({ read }) => read(rest))];
  return signed.map(({ read }) => read(lines));
}

function hasFailed({ points }: Reading): boolean {
  return points.some(({ outcome }) => outcome === 'failed');
}

function readLoosely(lines: readonly string[]): Reading {
  const names = new Set<string>();
  for (const line of lines) {
    const name = looseFailures.map((pattern) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
    if (name !== undefined && names.size < pointsMax) names.add(stableName(name));
  }
  names.delete('');
  const points = [...names].map((name) => ({ name, outcome: 'failed' as const }));
  return { points, passed: null, skipped: null, whole: points.length === 0, broken: null };
}

/** What several readers found, as one. */
export function toResults(readings: readonly Reading[]): NamedResults {
  const points = readings.flatMap((reading) => reading.points).slice(0, pointsMax);
  const failing = new Set<string>();
  const times = new Map<string, number>();
  for (const { name, outcome } of points) {
    if (outcome !== 'failed') continue;
    const number = (times.get(name) ?? 0) + 1;
    times.set(name, number);
    // A second failing test of the same name is one more failure, and must not hide behind the first.
    failing.add(number === 1 ? name : `${name} (${number})`);
  }
  const named = (wanted: 'passed' | 'skipped'): Set<string> =>
    new Set(points.filter(({ outcome }) => outcome === wanted).map(({ name }) => name));
  const sum = (numbers: (number | null)[]): number | null => {
    const known = numbers.filter((number) => number !== null);
    return known.length === 0 ? null : known.reduce((total, number) => total + number, 0);
  };
  return {
    failing: [...failing],
    passed: sum(readings.map((reading) => reading.passed)),
    skipped: sum(readings.map((reading) => reading.skipped)),
    passedNames: named('passed'),
    skippedNames: named('skipped'),
    whole: points.length > 0 && points.length < pointsMax && readings.every((reading) => reading.whole),
    broken: readings.map((reading) => reading.broken).find((broken) => broken !== null) ?? null,
    summaries: readings.filter(({ passed }) => passed !== null).length,
    isGuess: false,
  };
}

export interface Side {
  readonly conclusion: CheckConclusion;
  readonly failing: readonly string[];
  readonly passed: number | null;
  /** How the run broke off, or null. */
  readonly broken?: string | null;
  /** As in `NamedResults`, of the log: a package that cannot even begin is in no report. */
  readonly summaries?: number;
  /** The names are those of a log whose middle was not kept. */
  readonly isCut?: boolean;
}

/**
 * What fails after the patch and did not before. A run that fails without naming a test counts as itself; so does one that
 * named tests before and ends without naming any now, because then its tests were not run at all, and one that breaks off
 * now and did not before. Pure.
 */
export function newFailures(check: string, before: Side, after: Side): string[] {
  if (after.conclusion === 'success' || after.conclusion === 'skipped') return [];
  const known = new Set(before.failing);
  const fresh = after.failing.filter((name) => name !== check && !known.has(name));
  if (fresh.length > 0) return fresh;
  if (after.conclusion === 'timed_out' && before.conclusion !== 'timed_out') return [`${check} (did not end in time)`];
  if (before.conclusion === 'success') return [check];
  const names = (side: Side): boolean => side.failing.some((name) => name !== check);
  const namedBefore = names(before) || (before.passed ?? 0) > 0;
  const namedAfter = names(after) || (after.passed ?? 0) > 0;
  if (namedBefore && !namedAfter) return [`${check} (its tests were not run)`];
  const isBroken = (after.broken ?? null) !== null && (before.broken ?? null) === null;
  // A summary is gone while the failures are the old ones: a run ended before it came to it, or one of several never began.
  const isCutShort = (after.summaries ?? 0) < (before.summaries ?? 0);
  if (isBroken || isCutShort || (before.passed !== null && after.passed === null))
    return [`${check} (its tests did not all run)`];
  // Without all names only the numbers can tell, and "0 new" must not be said when fewer tests pass.
  const fewer = (before.passed ?? 0) - (after.passed ?? 0);
  return fewer > 0 && (after.isCut === true || !names(after)) ? [`${check} (${fewer} fewer tests pass)`] : [];
}

/** Tests that passed before and are now gone, or left out: the ways to make a check pass without making it true. */
export interface Missing {
  readonly vanished: string[];
  readonly leftOut: string[];
}

/** What passed before and was not run after; nothing where it cannot be known, because not every test is named. Pure. */
export function missingTests(before: NamedResults, after: NamedResults): Missing {
  const { failing, passedNames, skippedNames } = after;
  const leftOut = [...before.passedNames].filter((name) => skippedNames.has(name) && !passedNames.has(name));
  if (!after.whole) return { vanished: [], leftOut };
  const there = new Set([...failing, ...passedNames, ...skippedNames]);
  return { vanished: [...before.passedNames].filter((name) => !there.has(name)), leftOut };
}
