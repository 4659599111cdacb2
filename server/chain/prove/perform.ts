import type { CheckDefinition, CheckResult } from '#contract/check.ts';
import type { Limits, Workspace } from '#contract/helper-wire.ts';
import { Sha256, type ObjectId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Plan, ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { type KnownSecret, redactor, type Redactor } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git, Sandbox } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Checkouts } from '../../resources/repo/checkout.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { notProved } from './not-proved.ts';
import { compare, isMissing, limitsText, settleFlaky, toRan, type Ran } from './sides.ts';
import { buildWorkspaces } from './workspaces.ts';

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
  /** What no log may show. */
  readonly known: readonly KnownSecret[];
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
  const isDoubted = (check: CheckDefinition): boolean => {
    const { after: shown, newFailures } = compareRuns(check, before.value, after.value);
    return newFailures.length > 0 && shown.conclusion === 'failure';
  };
  const doubted = work.plan.checks.filter(isDoubted);
  const again = await runSide(work, 'after', workspaces.after, doubted);
  if (!again.ok) return again;
  const checks = work.plan.checks.map((check) => {
    const first = compareRuns(check, before.value, after.value);
    return again.value.has(check.name) ? settleFlaky(first, compareRuns(check, before.value, again.value)) : first;
  });
  const format = after.value.get(formatStep)?.facts ?? null;
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

function compareRuns(check: CheckDefinition, before: Map<string, Ran>, after: Map<string, Ran>): CheckResult {
  const sides = { before: before.get(check.name), after: after.get(check.name) };
  assert(sides.before && sides.after, 'every planned check ran on both sides');
  return compare(check, sides.before, sides.after);
}

async function runSide(
  work: ProveWork,
  side: Side,
  workspace: Workspace,
  steps: readonly CheckDefinition[],
): Promise<Result<Map<string, Ran>, Problem>> {
  if (steps.length === 0) return ok(new Map());
  const streams = new Map<string, Redactor>();
  const streamOf = (step: string): Redactor => {
    const stream = streams.get(step) ?? redactor(work.known);
    streams.set(step, stream);
    return stream;
  };
  const show = (step: string, text: string): void => {
    if (text !== '') work.onOutput(step, side, text);
  };
  const ran = await work.sandbox.run(
    {
      workspace,
      steps: steps.map(({ name, command, reports }) => ({ name, command, ...(reports ? { reports } : {}) })),
      limits: work.limits,
    },
    (event) => {
      if (event.type === 'started') work.onProgress({ name: event.step, side, status: 'running', conclusion: null });
      else show(event.step, streamOf(event.step).push(Buffer.from(event.base64, 'base64').toString('utf8')));
    },
    work.signal,
  );
  if (work.signal.aborted) return no(problem('job_cancelled', 'You stopped this job. Nothing was published.'));
  if (!ran.ok)
    return no(problem('sandbox_unavailable', `The sandbox could not be used, so nothing was proved: ${ran.why}`));
  for (const [step, stream] of streams) show(step, stream.end());
  const sides = new Map<string, Ran>();
  for (const outcome of ran.value) {
    const step = steps.find(({ name }) => name === outcome.name);
    assert(step !== undefined, 'an outcome is of a step that was asked for');
    const shown = await toRan(work.artifacts, work.limits, step, outcome, work.known);
    sides.set(outcome.name, shown);
    work.onProgress({ name: outcome.name, side, status: 'completed', conclusion: shown.facts.conclusion });
  }
  return ok(sides);
}
