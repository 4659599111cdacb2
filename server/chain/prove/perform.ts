import { mkdir } from 'node:fs/promises';
import type { CheckDefinition, CheckResult, CheckSide } from '#contract/check.ts';
import type { Limits, StepOutcome, Workspace } from '#contract/helper-wire.ts';
import { Sha256, type ObjectId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Plan, ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { PortError, type Git, type Sandbox } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Checkouts } from '../../resources/repo/checkout.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { pathFromBytes } from '../patch/bytes.ts';
import { newFailures, readResults } from './results.ts';

export interface ProveWork {
  readonly git: Git;
  readonly sandbox: Sandbox;
  readonly artifacts: Artifacts;
  readonly checkouts: Checkouts;
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly tree: ObjectId;
  readonly plan: Plan;
  readonly quarantine: Quarantine;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CheckProgress) => void;
  readonly onOutput: (check: string, side: Side, text: string) => void;
}

type Side = 'before' | 'after';

export interface Proved {
  readonly checks: CheckResult[];
  readonly proof: ProposalDocument['proof'];
}

/** No check of the owner's can have this name: names are trimmed. */
const formatStep = ' format';

/**
 * The prove stage: every check on the base's tree, then on the patched tree, each in a fresh sandbox. The tree goes in; exit
 * codes and capped log bytes come out (DESIGN section 9).
 */
export async function performProof(work: ProveWork): Promise<Result<Proved, Problem>> {
  const report = await work.sandbox.inspect();
  if (!report.usable) {
    return no(
      problem(
        'sandbox_unavailable',
        `Nothing can be proved here: ${report.missing.join(' ')} Run "patchgit doctor" for the whole list.`,
      ),
    );
  }
  const names = work.plan.checks.map((check) => check.name);
  assert(new Set(names).size === names.length, 'a plan names its checks apart, because results are found by name');
  const workspaces = await buildWorkspaces(work);
  for (const { name } of work.plan.checks) {
    for (const side of ['before', 'after'] as const)
      work.onProgress({ name, side, status: 'queued', conclusion: null });
  }
  const before = await runSide(work, 'before', workspaces.before, work.plan.checks);
  if (!before.ok) return before;
  const formatter: CheckDefinition[] =
    work.plan.formatter === null ? [] : [{ name: formatStep, command: work.plan.formatter, source: 'detected' }];
  const after = await runSide(work, 'after', workspaces.after, [...work.plan.checks, ...formatter]);
  if (!after.ok) return after;
  const compared = work.plan.checks.map((check) => compare(check, before.value, after.value));
  const doubted = compared.filter((check) => check.newFailures.length > 0 && check.after.conclusion === 'failure');
  const again = await runSide(work, 'after', workspaces.after, doubted);
  if (!again.ok) return again;
  const checks = compared.map((check) => {
    const second = again.value.get(check.name);
    return second === undefined ? check : settleFlaky(check, second);
  });
  const format = after.value.get(formatStep) ?? null;
  const failing = (side: Side): number => checks.reduce((sum, check) => sum + check[side].failing.length, 0);
  return ok({
    checks,
    proof: {
      failingBefore: failing('before'),
      failingAfter: failing('after'),
      newFailures: checks.reduce((sum, check) => sum + check.newFailures.length, 0),
      placement: work.sandbox.placement,
      helperSha256: Sha256.parse(report.helperSha256),
      limits: limitsText(work.limits),
      // 126 and 127 are the shell's own: the formatter is not there, so nothing is known about the format.
      formatter:
        format === null || isMissing(format)
          ? null
          : { command: work.plan.formatter ?? '', clean: format.conclusion === 'success' },
      notProved: notProved(checks, format),
    },
  });
}

function compare(check: CheckDefinition, before: Map<string, CheckSide>, after: Map<string, CheckSide>): CheckResult {
  const sides = { before: before.get(check.name), after: after.get(check.name) };
  assert(sides.before && sides.after, 'every planned check ran on both sides');
  const found = newFailures(check.name, sides.before, sides.after);
  return { ...check, before: sides.before, after: sides.after, newFailures: found, flaky: [] };
}

/** A new failure must show twice. What passes the second time is named flaky, and the second run is what is shown. */
function settleFlaky(check: CheckResult, second: CheckSide): CheckResult {
  const still = newFailures(check.name, check.before, second);
  const flaky = check.newFailures.filter((name) => !still.includes(name));
  return { ...check, after: second, newFailures: still, flaky };
}

function isMissing(side: CheckSide): boolean {
  return side.exitCode === 126 || side.exitCode === 127;
}

interface Workspaces {
  readonly before: Workspace;
  readonly after: Workspace;
}

/** The base as a cached read-only folder; the patched tree is the same folder with what differs laid over it. */
async function buildWorkspaces(work: ProveWork): Promise<Workspaces> {
  const { git, checkouts, gitDir, base, tree, quarantine } = work;
  const baseTree = await treeOfCommit(git, gitDir, base);
  const lower = await checkouts.whole(gitDir, baseTree);
  const before = { lower, delta: null, remove: [] };
  const changed = await changedEntries(git, gitDir, quarantine.objectsDir, base, tree);
  if (changed.some((entry) => !isPlainPath(entry.path))) {
    // A name that has no exact text cannot travel in a list of paths: take the whole patched tree instead.
    return {
      before,
      after: { lower: await checkouts.whole(gitDir, tree, quarantine.objectsDir), delta: null, remove: [] },
    };
  }
  const delta = quarantine.folder('delta');
  await mkdir(delta, { recursive: true });
  const present = changed.filter((entry) => entry.mode !== '000000');
  await checkouts.partial(gitDir, present, delta, quarantine.objectsDir);
  return { before, after: { lower, delta, remove: changed.map((entry) => entry.path) } };
}

function isPlainPath(path: string): boolean {
  return !/[\uDC80-\uDCFF\uFFFD\0]/.test(path);
}

async function treeOfCommit(git: Git, gitDir: string, commit: ObjectId): Promise<ObjectId> {
  const answer = await git.run({ gitDir, args: ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`] });
  if (answer.code !== 0) throw new PortError('git', 'find the tree of the base', { cause: new Error(answer.stderr) });
  return answer.stdout.toString('utf8').trim() as ObjectId;
}

async function changedEntries(git: Git, gitDir: string, objectsDir: string, base: ObjectId, tree: ObjectId) {
  const answer = await git.run({
    gitDir,
    objectsDir,
    args: ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', base, tree],
  });
  if (answer.code !== 0)
    throw new PortError('git', 'list what differs between two trees', { cause: new Error(answer.stderr) });
  const fields = answer.stdout.toString('latin1').split('\0');
  const entries: { mode: string; oid: string; path: string }[] = [];
  for (let at = 0; fields[at]?.startsWith(':'); at += 2) {
    const [, mode = '', , oid = ''] = (fields[at] ?? '').slice(1).split(' ');
    entries.push({ mode, oid, path: pathFromBytes(fields[at + 1] ?? '') });
  }
  return entries;
}

async function runSide(
  work: ProveWork,
  side: Side,
  workspace: Workspace,
  steps: readonly CheckDefinition[],
): Promise<Result<Map<string, CheckSide>, Problem>> {
  if (steps.length === 0) return ok(new Map());
  const ran = await work.sandbox.run(
    { workspace, steps: steps.map(({ name, command }) => ({ name, command })), limits: work.limits },
    (event) => {
      if (event.type === 'started') work.onProgress({ name: event.step, side, status: 'running', conclusion: null });
      else work.onOutput(event.step, side, Buffer.from(event.base64, 'base64').toString('utf8'));
    },
    work.signal,
  );
  if (work.signal.aborted) return no(problem('job_cancelled', 'You stopped this job. Nothing was published.'));
  if (!ran.ok)
    return no(problem('sandbox_unavailable', `The sandbox could not be used, so nothing was proved: ${ran.why}`));
  const sides = new Map<string, CheckSide>();
  for (const outcome of ran.value) {
    const shown = await toSide(work, outcome);
    sides.set(outcome.name, shown);
    work.onProgress({ name: outcome.name, side, status: 'completed', conclusion: shown.conclusion });
  }
  return ok(sides);
}

async function toSide({ artifacts, limits }: ProveWork, outcome: StepOutcome): Promise<CheckSide> {
  const log = Buffer.from(outcome.logBase64, 'base64');
  const kept = await artifacts.keep(log, 'text/plain');
  const conclusion =
    outcome.limit === 'wall' ? 'timed_out' : outcome.exitCode === 0 && outcome.limit === null ? 'success' : 'failure';
  const named = readResults(log.toString('utf8'));
  return {
    conclusion,
    exitCode: outcome.exitCode,
    // The exit code is the verdict: names in the output of a run that succeeded are not failures.
    failing: conclusion === 'success' ? [] : named.failing.length > 0 ? named.failing : [outcome.name],
    passed: named.passed,
    durationMs: outcome.durationMs,
    log: { sha256: kept.sha256, bytes: kept.bytes, omittedBytes: outcome.omittedBytes },
    limit: outcome.limit === null ? null : limitText(outcome.limit, limits),
  };
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

function limitsText(limits: Limits): string {
  const names = ['wall', 'memory', 'processes', 'disk', 'output'] as const;
  return names.map((name) => limitText(name, limits)).join(', ');
}

/** What this proof does not show, in plain words (notes/web.md 3.3, point 9). */
function notProved(checks: readonly CheckResult[], format: CheckSide | null): string[] {
  const said: string[] = ['The checks ran without network and without credentials; what needs either was not tested.'];
  if (checks.every((check) => check.source === 'built_in'))
    said.push('No check is configured for this repository, so nothing was tested.');
  for (const check of checks) {
    if (isMissing(check.after) && isMissing(check.before))
      said.push(`"${check.command}" could not be started in the sandbox: the program is not there.`);
    const fewer = (check.before.passed ?? 0) - (check.after.passed ?? 0);
    if (check.after.passed !== null && fewer > 0)
      said.push(`${check.name}: ${fewer} fewer tests passed than before the patch.`);
  }
  if (format !== null && isMissing(format))
    said.push('The formatter is not in the sandbox, so the format was not checked.');
  return said;
}
