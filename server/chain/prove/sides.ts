import { namedMax, type CheckDefinition, type CheckResult, type CheckSide, type NamedTests } from '#contract/check.ts';
import { reportBytesMax, type Limits, type StepOutcome } from '#contract/helper-wire.ts';
import { type KnownSecret, redactLog } from '../../lib/redact.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import { readJunit } from './junit.ts';
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

/** Reads what came out of the sandbox. All of it was written by untrusted code: nothing here can change the exit code. */
export async function toRan(
  artifacts: Artifacts,
  limits: Limits,
  step: CheckDefinition,
  outcome: StepOutcome,
  known: readonly KnownSecret[] = [],
): Promise<Ran> {
  const bytes = redactLog(Buffer.from(outcome.logBase64, 'base64'), known);
  const kept = await artifacts.keep(bytes, 'text/plain');
  const conclusion =
    outcome.limit === 'wall' ? 'timed_out' : outcome.exitCode === 0 && outcome.limit === null ? 'success' : 'failure';
  const log = readResults(bytes.toString('utf8'), outcome.omittedBytes === 0);
  const notes: Ran['notes'] = { always: [], log: [], report: [] };
  if (outcome.omittedBytes > 0 && (log.passed !== null || log.failing.length > 0))
    notes.log.push('The middle of the log was not kept, so tests that are named there are not counted.');
  const report = await readReport(step, outcome, notes);
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
  notes: Ran['notes'],
): Promise<NamedResults | null> {
  if ((step.reports ?? []).length === 0) return null;
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
    broken: named.broken,
  });
  const { vanished, leftOut } = missingTests(sides.before, sides.after);
  const show = (ran: Ran, named: NamedResults): CheckSide => {
    const { failing, passed, broken } = judged(ran, named);
    const notes = [
      ...ran.notes.always,
      ...(isReported ? ran.notes.report : ran.notes.log),
      ...(broken === null ? [] : [`It broke off: ${broken}.`]),
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
    before: show(before, sides.before),
    after: show(after, sides.after),
    newFailures: newFailures(check.name, judged(before, sides.before), judged(after, sides.after)).slice(
      0,
      failingNamesMax,
    ),
    flaky: [],
    ...(vanished.length === 0 ? {} : { vanished: someOf(vanished) }),
    ...(leftOut.length === 0 ? {} : { leftOut: someOf(leftOut) }),
  };
}

/** A report without a failure, of a run that failed, is an old one or not about what failed: then the log says more. */
function explains({ facts, report }: Ran): boolean {
  return report !== null && (facts.conclusion === 'success' || report.failing.length > 0);
}

/** A new failure must show twice. What passes the second time is named flaky, and the second run is what is shown. */
export function settleFlaky(first: CheckResult, second: CheckResult): CheckResult {
  const flaky = first.newFailures.filter((name) => !second.newFailures.includes(name));
  return { ...second, flaky };
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
