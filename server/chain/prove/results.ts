import type { CheckConclusion } from '#contract/check.ts';

/** What the output of a test run says, read from the log of a check. The exit code stays the verdict. */
export interface NamedResults {
  /** Names of failing tests, in order, each once. */
  readonly failing: string[];
  /** How many tests passed, or null when the output does not say. */
  readonly passed: number | null;
}

export const failingNamesMax = 500;
const nameCharactersMax = 300;

// Escape sequences of a terminal (ECMA-48 CSI and OSC), which colour the words we look for.
const escapes = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g;

/**
 * One line shape a failing test is named in; the first group is the name. Sources: the runners' own reporters. What differs
 * from run to run (durations, line numbers) stays outside of the name, or an old failure would look like a new one.
 */
const failureLines: readonly RegExp[] = [
  /^\s*not ok \d+(?: - |\s+)(?!.*# (?:SKIP|T[O]DO)\b)(.+?)(?:\s+# time=\S+)?$/i, // TAP 13 and 14
  /^\s*✖ (?!failing tests:)(.+?)(?: \(\d+(?:\.\d+)?m?s\))?$/u, // node --test, spec reporter
  /^\s*[✕×] (.+?)(?: \(?\d+(?:\.\d+)? ?m?s\)?)?$/u, // jest, vitest
  /^\s*● (.+ › .+)$/u, // jest, when it runs more than one file
  /^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$/, // pytest
  /^(?:FAIL|ERROR): (\w+ \([\w.]+\))$/, // unittest
  /^\s*--- FAIL: (\S+)/, // go test
  /^test (.+) \.\.\. FAILED$/, // cargo test
  /^rspec \.\/\S+ # (.+)$/, // rspec
  /^\s{2,}\d+\) (.+?):?$/, // mocha, spec reporter
  /^\d+\) (\S+::\S+)/, // phpunit
];

/** Shapes of a summary; the first group is the number of passed tests. */
const passedLines: readonly RegExp[] = [
  /^# pass (\d+)$/, // TAP of node --test
  /^ℹ pass (\d+)$/u, // node --test, spec reporter
  /^\s*Tests:?\s.*?(\d+) passed/, // jest, vitest
  /(\d+) passed(?:, .*)? in [\d.]+s/, // pytest
  /^test result: \w+\. (\d+) passed/, // cargo test, once per binary
  /^\s*(\d+) passing\b/, // mocha
];

/** Reads failing names and the number of passed tests from a log. Unknown output gives none and null. */
export function readResults(log: string): NamedResults {
  const failing = new Set<string>();
  let passed: number | null = null;
  for (const raw of log.split('\n')) {
    const line = raw.replace(/\r$/, '').replaceAll(escapes, '');
    const name = firstGroup(failureLines, line);
    if (name !== null && failing.size < failingNamesMax) failing.add(name.trim().slice(0, nameCharactersMax));
    const count = firstGroup(passedLines, line);
    if (count !== null) passed = (passed ?? 0) + Number(count);
  }
  return { failing: [...failing], passed };
}

function firstGroup(patterns: readonly RegExp[], line: string): string | null {
  for (const pattern of patterns) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}

export interface Side {
  readonly conclusion: CheckConclusion;
  readonly failing: readonly string[];
  readonly passed: number | null;
}

/**
 * What fails after the patch and did not before. A run that fails without naming a test counts as itself; so does one that
 * named tests before and ends without naming any now, because then its tests were not run at all. Pure.
 */
export function newFailures(check: string, before: Side, after: Side): string[] {
  if (after.conclusion === 'success' || after.conclusion === 'skipped') return [];
  const known = new Set(before.failing);
  const fresh = after.failing.filter((name) => name !== check && !known.has(name));
  if (fresh.length > 0) return fresh;
  if (before.conclusion === 'success')
    return [after.conclusion === 'timed_out' ? `${check} (did not end in time)` : check];
  const names = (side: Side): boolean => side.failing.some((name) => name !== check);
  const namedBefore = names(before) || (before.passed ?? 0) > 0;
  const namedAfter = names(after) || (after.passed ?? 0) > 0;
  if (namedBefore && !namedAfter) return [`${check} (its tests were not run)`];
  // Without names only the numbers can tell, and "0 new" must not be said when fewer tests pass.
  const fewer = (before.passed ?? 0) - (after.passed ?? 0);
  return fewer > 0 && !names(after) ? [`${check} (${fewer} fewer tests pass)`] : [];
}
