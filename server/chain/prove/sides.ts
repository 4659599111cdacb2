import { namedMax, type CheckDefinition, type CheckResult, type CheckSide, type NamedTests } from '#contract/check.ts';
import { reportBytesMax, type Limits, type StepOutcome } from '#contract/helper-wire.ts';
import { type KnownSecret, redactLog } from '../../lib/redact.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import { readJunit } from './junit.ts';
import { missingProgram } from './missing-program.ts';
import { plainLines, stableName } from './named.ts';
import { missingTests, newFailures, readResults, toResults, type NamedResults } from './results.ts';

/** Kept of the names of failing tests in a proposal; all of them are compared. */
const failingNamesMax = 500;

/** One run of one check on one tree: how it ended, and its tests as its log and as its reports name them. */
export interface Ran {
  readonly facts: Omit<CheckSide, 'failing' | 'passed' | 'skipped' | 'notes'>;
  readonly log: NamedResults;
  /** null when the command left none, or none that can be read. */
  readonly report: NamedResults | null;
  /** What is not known and why, by the source that it matters for. */
  readonly notes: { readonly always: string[]; readonly log: string[]; readonly report: string[] };
}

/**
 * Reads what came out of the sandbox. All of it was written by untrusted code: nothing here can change the exit code.
 * `committed`: files of the tree itself where reports were looked for. What they say no run here has shown.
 */
export async function toRan(
  artifacts: Artifacts,
  limits: Limits,
  step: CheckDefinition,
  outcome: StepOutcome,
  known: readonly KnownSecret[] = [],
  committed: readonly string[] = [],
): Promise<Ran> {
  const bytes = redactLog(Buffer.from(outcome.logBase64, 'base64'), known);
  const kept = await artifacts.keep(bytes, 'text/plain');
  const conclusion =
    outcome.limit === 'wall' ? 'timed_out' : outcome.exitCode === 0 && outcome.limit === null ? 'success' : 'failure';
  const text = bytes.toString('utf8');
  const log = readResults(text, outcome.omittedBytes === 0);
  const missing = conclusion === 'failure' ? missingProgram(plainLines(text)) : null;
  const notes: Ran['notes'] = { always: missing === null ? [] : [missing], log: [], report: [] };
  if (outcome.omittedBytes > 0 && (log.passed !== null || log.failing.length > 0))
    notes.log.push('The middle of the log was not kept, so tests that are named there are not counted.');
  const report = await readReport(step, outcome, committed, notes);
  return {
    facts: {
      conclusion,
      exitCode: outcome.exitCode,
      durationMs: outcome.durationMs,
      log: { sha256: kept.sha256, bytes: kept.bytes, omittedBytes: outcome.omittedBytes },
      limit: outcome.limit === null ? null : limitText(outcome.limit, limits),
    },
    log,
    report,
    notes,
  };
}

async function readReport(
  step: CheckDefinition,
  outcome: StepOutcome,
  committed: readonly string[],
  notes: Ran['notes'],
): Promise<NamedResults | null> {
  if ((step.reports ?? []).length === 0) return null;
  const [first] = committed;
  if (first !== undefined) {
    const files = committed.length === 1 ? first : `${first} and ${committed.length - 1} more`;
    notes.always.push(
      `The tree itself has a file where test reports are looked for (${stableName(files)}), so none is believed, and the results are taken from the log.`,
    );
    return null;
  }
  const text = Buffer.from(outcome.reportsBase64, 'base64').toString('utf8');
  if (text.trim() === '') {
    // The program itself is not there: that is said elsewhere, and a report is not to be expected.
    if (!isMissing(outcome)) notes.always.push('It left no test report, so its results are taken from the log.');
    return null;
  }
  if (outcome.reportsCut)
    notes.report.push(
      `Its test reports are longer than ${reportBytesMax / mebibyte} MiB, so tests at their end are not counted.`,
    );
  const read = await readJunit(text, outcome.reportsCut);
  if (read.ok) return read.value.points.length === 0 ? null : toResults([read.value]);
  notes.always.push(`The test report could not be read (${read.why}), so the results are taken from the log.`);
  return null;
}

/** The two runs of a check side by side, by the same source on both: its reports name a test otherwise than its log does. */
export function compare(check: CheckDefinition, before: Ran, after: Ran): CheckResult {
  const isReported = explains(before) && explains(after);
  const results = (ran: Ran): NamedResults => (isReported && ran.report !== null ? ran.report : ran.log);
  const sides = { before: results(before), after: results(after) };
  const judged = (ran: Ran, named: NamedResults) => ({
    conclusion: ran.facts.conclusion,
    // The exit code is the verdict: names in the output of a run that succeeded are not failures.
    failing: ['success', 'skipped'].includes(ran.facts.conclusion)
      ? []
      : named.failing.length > 0
        ? named.failing
        : [check.name],
    // A report of one side only cannot be compared by name, but it tells that tests were run there.
    passed: named.passed ?? ran.report?.passed ?? null,
    // Reports that were never written say nothing: a module that does not compile shows only in the log.
    broken: named.broken ?? ran.log.broken,
    summaries: ran.log.summaries,
    isCut: !isReported && ran.facts.log.omittedBytes > 0,
  });
  const { vanished, leftOut } = missingTests(sides.before, sides.after);
  const show = (ran: Ran, named: NamedResults, more: readonly string[]): CheckSide => {
    const { failing, passed, broken } = judged(ran, named);
    const notes = [
      ...ran.notes.always,
      ...(isReported ? ran.notes.report : ran.notes.log),
      ...(broken === null ? [] : [`It broke off: ${broken}.`]),
      ...more,
    ];
    return {
      ...ran.facts,
      failing: failing.slice(0, failingNamesMax),
      passed,
      ...(named.skipped === null ? {} : { skipped: named.skipped }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  };
  return {
    name: check.name,
    command: check.command,
    source: check.source,
    before: show(before, sides.before, []),
    after: show(after, sides.after, deniedFailures(after, sides)),
    newFailures: newFailures(check.name, judged(before, sides.before), judged(after, sides.after)).slice(
      0,
      failingNamesMax,
    ),
    flaky: [],
    ...(vanished.length === 0 ? {} : { vanished: someOf(vanished) }),
    ...(leftOut.length === 0 ? {} : { leftOut: someOf(leftOut) }),
  };
}

/** A run that succeeded although its own results name tests as failed that did not fail before: the owner should look. */
function deniedFailures(
  { facts }: Ran,
  sides: { readonly before: NamedResults; readonly after: NamedResults },
): string[] {
  const { failing, passedNames, isGuess } = sides.after;
  if (facts.conclusion !== 'success' || isGuess) return [];
  const known = new Set(sides.before.failing);
  // What failed and then passed was tried again by the runner itself.
  const denied = failing.filter((name) => !known.has(name) && !passedNames.has(name));
  if (denied.length === 0) return [];
  const shown = denied.slice(0, deniedNamesMax).join(', ');
  const names = denied.length > deniedNamesMax ? `${shown} and ${denied.length - deniedNamesMax} more` : shown;
  return [`It ended with exit code 0, although its results name as failed what did not fail before: ${names}.`];
}

const deniedNamesMax = 3;

/** A report without a failure, of a run that failed, is an old one or not about what failed: then the log says more. */
function explains({ facts, report }: Ran): boolean {
  return report !== null && (facts.conclusion === 'success' || report.failing.length > 0);
}

/**
 * A new failure must show twice. What passes the second time is named flaky, and the second run is what is shown, with the time
 * that both took. No test is called flaky for a check that fails again and only says otherwise why.
 */
export function settleFlaky(first: CheckResult, second: CheckResult): CheckResult {
  const isOfCheck = (name: string): boolean => name === first.name || name.startsWith(`${first.name} (`);
  const failsAgain = second.newFailures.length > 0;
  const flaky = first.newFailures.filter(
    (name) => !second.newFailures.includes(name) && !(failsAgain && isOfCheck(name)),
  );
  const durationMs = first.after.durationMs + second.after.durationMs;
  return { ...second, after: { ...second.after, durationMs }, flaky };
}

function someOf(names: readonly string[]): NamedTests {
  return { count: names.length, names: names.slice(0, namedMax) };
}

/** 126 and 127 are the shell's own: the program is not there, so nothing is known. */
export function isMissing(ended: { readonly exitCode: number | null }): boolean {
  return ended.exitCode === 126 || ended.exitCode === 127;
}

const mebibyte = 1024 * 1024;

function limitText(limit: NonNullable<StepOutcome['limit']>, limits: Limits): string {
  switch (limit) {
    case 'wall':
      return `time: ${limits.wallMs / 1000} s`;
    case 'memory':
      return `memory: ${Math.round(limits.memoryBytes / mebibyte)} MiB`;
    case 'processes':
      return `processes: ${limits.processes}`;
    case 'disk':
      return `disk: ${Math.round(limits.diskBytes / mebibyte)} MiB`;
    case 'output':
      return `output: ${Math.round(limits.outputBytes / mebibyte)} MiB`;
  }
}

export function limitsText(limits: Limits): string {
  const names = ['wall', 'memory', 'processes', 'disk', 'output'] as const;
  return names.map((name) => limitText(name, limits)).join(', ');
}
