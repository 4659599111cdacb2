import { setUpName, type CheckResult } from '#contract/check.ts';
import { Sha256, type ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Plan, ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git, SandboxReport } from '../../ports.ts';
import type { Checkouts } from '../../resources/repo/checkout.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { committedReports } from './committed-reports.ts';
import { notProved } from './not-proved.ts';
import { proveSides, type Prepared, type Shown } from './both-sides.ts';
import type { RunWork, Side } from './run-side.ts';
import { layerKeys, type SetUpTerms } from './set-up-key.ts';
import { isMissing, limitsText } from './sides.ts';
import { buildWorkspaces } from './workspaces.ts';

export interface ProveWork extends RunWork {
  readonly git: Git;
  readonly checkouts: Checkouts;
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly tree: ObjectId;
  readonly plan: Plan;
  readonly quarantine: Quarantine;
  /** How one set-up is told from another, and what it may take; there when the plan has one. */
  readonly terms?: SetUpTerms;
}

export interface Proved {
  readonly checks: CheckResult[];
  readonly proof: ProposalDocument['proof'];
}

/**
 * The prove stage: every check on the base's tree, then on the patched tree, each in a fresh sandbox, over what the set-up of that
 * tree left. The tree goes in; exit codes and capped log bytes come out (DESIGN section 9).
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
  const committed = await committedOnSides(work);
  const prepared = await prepareSetUp(work, report);
  for (const name of [...(prepared === null ? [] : [setUpName]), ...names]) {
    for (const side of ['before', 'after'] as const)
      work.onProgress({ name, side, status: 'queued', conclusion: null });
  }
  const shown = await proveSides({ ...work, committed }, workspaces, prepared);
  return shown.ok ? ok(toProved(work, report, shown.value)) : shown;
}

async function committedOnSides({ git, gitDir, base, tree, plan, quarantine }: ProveWork) {
  const patterns = plan.checks.flatMap(({ reports }) => reports ?? []);
  // One after the other: the list of a large tree is a lot of memory.
  const before = await committedReports(git, { gitDir }, base, patterns);
  const after = await committedReports(git, { gitDir, objectsDir: quarantine.objectsDir }, tree, patterns);
  return { before, after };
}

function toProved(work: ProveWork, report: SandboxReport, { checks, format }: Shown): Proved {
  const failing = (side: Side): number => checks.reduce((sum, check) => sum + check[side].failing.length, 0);
  return {
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
      notProved: notProved(checks, format, work.plan.leftOut),
    },
  };
}

/** null: the plan has no set-up, or leaves it out. */
async function prepareSetUp(work: ProveWork, report: SandboxReport): Promise<Prepared | null> {
  const { setUp, leftOut } = work.plan;
  if (setUp === undefined || leftOut?.includes(setUpName) === true) return null;
  const { terms } = work;
  assert(terms !== undefined, 'a plan with a set-up is proved with its terms');
  return { setUp, terms, keys: await layerKeys(work, terms, setUp, report) };
}
