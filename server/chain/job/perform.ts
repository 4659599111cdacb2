import { setUpRules, type BudgetFile } from '#contract/budget.ts';
import type { Limits } from '#contract/helper-wire.ts';
import type { JobId, ObjectId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import type { PatchSummary } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Plan } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { assert, never } from '../../lib/assert.ts';
import { type KnownSecret, redactProblem } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, Git, Log, PaidSandbox, Random, Sandbox, Secrets } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Till } from '../../resources/budget/perform.ts';
import type { Checkouts } from '../../resources/repo/checkout.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { openQuarantine, type Quarantine } from '../../resources/repo/quarantine.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import { renderDiff } from '../patch/diff-view.ts';
import { performPatch, treeAgain, type PatchWork } from '../patch/perform.ts';
import { secretValues } from '../patch/secrets.ts';
import { optionsFor, withChoice } from '../plan/gather.ts';
import { performPlan } from '../plan/perform.ts';
import type { Proposals } from '../proposal/store.ts';
import { performProof } from '../prove/perform.ts';
import { proveWhere } from '../prove/where.ts';
import { decide, type JobStep } from './decide.ts';
import { propose } from './propose.ts';
import { asked, currentPlan, isRunning, stepDown } from './replan.ts';
import type { JobRow, Jobs } from './store.ts';

export interface JobParts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly git: Git;
  readonly sandbox: Sandbox;
  readonly artifacts: Artifacts;
  readonly mirrors: Mirrors;
  readonly checkouts: Checkouts;
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly proposals: Proposals;
  readonly quarantineFolder: string;
  readonly limits: Limits;
  readonly secrets: Secrets;
  /** Our own credentials, which no log may show. */
  readonly known: readonly KnownSecret[];
  readonly till: Till;
  readonly settings: () => BudgetFile;
  readonly priceOf: (slug: string) => number | null;
  readonly paid: PaidSandbox;
  readonly publicUrl?: string | null;
  readonly onProgress: (jobId: JobId, progress: CheckProgress) => void;
  readonly onOutput: (jobId: JobId, check: string, side: 'before' | 'after', text: string) => void;
}

/**
 * Takes one running job from stage to stage until it rests. What a stage found is on record before the next one starts, so a
 * crash costs one stage. `signal`: the owner stopped it.
 */
export async function performJob(parts: JobParts, id: JobId, signal: AbortSignal): Promise<void> {
  const quarantine = await openQuarantine(parts.quarantineFolder, parts.random);
  const desk: Desk = { quarantine, made: null };
  try {
    for (;;) {
      const job = parts.jobs.get(id);
      const step = decide({
        state: job.state,
        planned: job.plan !== null,
        patched: job.patch !== null,
        attempts: job.attempts,
      });
      // Aborted while running: the daemon is stopping, and the next start goes on from here.
      if (step === 'nothing' || (signal.aborted && job.state === 'running')) return;
      await performStep(parts, job, step, desk, signal);
    }
  } finally {
    await Promise.all([quarantine.close(), parts.sandbox.standDown(), parts.secrets.standDown()]);
  }
}

/** Where one run of a job works. `made`: the tree whose objects its quarantine holds already. */
interface Desk {
  readonly quarantine: Quarantine;
  made: ObjectId | null;
}

async function performStep(
  parts: JobParts,
  job: JobRow,
  step: Exclude<JobStep, 'nothing'>,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  switch (step) {
    case 'plan':
    case 'patch':
    case 'prove':
      parts.jobs.enterStage(job.id, step);
      return end(parts, job, await performStage(parts, job, step, desk, signal), signal);
    case 'give_up':
      return parts.jobs.take(
        job.id,
        'fail',
        { kind: 'job.failed' },
        {
          problem: problem(
            'internal',
            `patchgit ended ${job.attempts - 1} times while this job ran (stage ${job.stage}), so it is not tried again. Nothing was published.`,
          ),
        },
      );
    case 'confirm_cancelled':
      return confirmStopped(parts.jobs, job.id);
    default:
      return never(step);
  }
}

/** What the owner stopped has really ended. */
export function confirmStopped(jobs: Jobs, id: JobId): void {
  const why = problem('job_cancelled', 'You stopped this job. Nothing was published.');
  jobs.take(id, 'stopped', { kind: 'job.cancelled' }, { problem: why });
}

async function performStage(
  parts: JobParts,
  job: JobRow,
  stage: 'plan' | 'patch' | 'prove',
  desk: Desk,
  signal: AbortSignal,
): Promise<Result<null, Problem>> {
  const repository = parts.repositories.get(job.repositoryId);
  const received = await parts.artifacts.read(job.receivedSha256);
  if (received === null)
    return no(problem('internal', 'The received patch is gone from the data folder. Paste it again.'));
  if (stage === 'plan') {
    parts.sandbox.prepare();
    parts.secrets.prepare();
    const planned = await performPlan(
      { ...parts, repository, title: job.title, baseRef: job.baseRef, signal },
      received,
    );
    if (!planned.ok) return planned;
    const { plan, base } = planned.value;
    const offered = await optionsFor(parts, { ...asked(parts, job, repository), plan, freeOnly: false });
    if (isRunning(parts, job)) parts.jobs.planned(job.id, withChoice(plan, offered, job.wantedOption), base);
    return ok(null);
  }
  assert(job.baseSha !== null && job.plan !== null, 'a planned job has its base');
  const gitDir = parts.mirrors.gitDir(repository.id);
  const { quarantine } = desk;
  const work = { git: parts.git, artifacts: parts.artifacts, gitDir, base: job.baseSha, quarantine, signal };
  if (stage === 'prove') return await performProveStage(parts, job, repository, work, desk);
  const patched = await performPatch({ ...work, secrets: parts.secrets }, received);
  if (!patched.ok) return patched;
  desk.made = patched.value.treeAfter;
  if (isRunning(parts, job)) parts.jobs.patched(job.id, patched.value);
  return ok(null);
}

async function performProveStage(
  parts: JobParts,
  job: JobRow,
  repository: Repository,
  work: PatchWork & { readonly signal: AbortSignal },
  desk: Desk,
): Promise<Result<null, Problem>> {
  assert(job.patch !== null, 'a patched job has its patch');
  const tree = job.patch.treeAfter;
  if (desk.made !== tree) {
    // After a restart the quarantine is a new one: make the objects again and hold them to the recorded tree.
    const again = await treeAgain(work, job.patch);
    if (!again.ok) return again;
    assert(again.value === tree, 'the same patch on the same base gives the same tree');
  }
  const known = await knownSecrets(parts, work, job.patch, tree);
  const plan = await currentPlan(parts, job, repository);
  const proved = await proveWhere(parts, job, plan, work.signal, (sandbox, signal) =>
    performProof({
      ...work,
      known,
      signal,
      sandbox,
      checkouts: parts.checkouts,
      tree,
      plan: { ...plan, checks: plan.checks.filter(({ name }) => plan.leftOut?.includes(name) !== true) },
      limits: limitsOf(parts, plan),
      terms: {
        repositoryId: repository.id,
        defaultBranch: repository.defaultBranch,
        baseRef: job.baseRef,
        rules: setUpRules(parts.settings()),
        inputs: parts.mirrors.setUpInputs,
      },
      onProgress: (progress) => parts.onProgress(job.id, progress),
      onOutput: (check, side, text) => parts.onOutput(job.id, check, side, text),
    }),
  );
  if (proved.kind === 'problem') return no(proved.problem);
  if (proved.kind === 'stopped') stopAtCap(parts, job, proved.problem);
  if (proved.kind === 'no_helper') await stepDown(parts, job, repository, plan, proved.problem);
  if (proved.kind === 'proved') await propose(parts, { ...job, plan }, repository, proved.proved);
  return ok(null);
}

function stopAtCap(parts: JobParts, job: JobRow, why: Problem): void {
  if (isRunning(parts, job)) parts.jobs.take(job.id, 'cap', { kind: 'job.stopped_at_cap' }, { problem: why });
}

/** budget.json as it is now says how long a check may take; the policy of the base may only shorten that. */
function limitsOf({ limits, settings }: JobParts, { policy }: Plan): Limits {
  const ownerMs = settings().proof.checkSecondsMax * 1000;
  return { ...limits, wallMs: Math.min(ownerMs, (policy.checkSecondsMax ?? Infinity) * 1000) };
}

/** What a stage that did not get through means for the job: a refusal is about the patch, a failure is about the world. */
function end(parts: JobParts, job: JobRow, outcome: Result<null, Problem>, signal: AbortSignal): void {
  const now = parts.jobs.get(job.id);
  // The owner's stop wins over whatever the stage said while it was being ended.
  if (outcome.ok || now.state !== 'running' || signal.aborted) return;
  const refused = outcome.why.code.startsWith('patch_') || outcome.why.code === 'base_not_found';
  parts.jobs.take(
    job.id,
    refused ? 'refuse' : 'fail',
    { kind: refused ? 'job.refused' : 'job.failed' },
    // A refusal may quote lines of the patch.
    { problem: redactProblem(outcome.why, parts.known) },
  );
}

/** What no log of this job may show: our own credentials, and the secrets of its patch, read again because they are stored nowhere. */
async function knownSecrets(
  parts: JobParts,
  { git, gitDir, base, quarantine }: { git: Git; gitDir: string; base: ObjectId; quarantine: Quarantine },
  patch: PatchSummary,
  tree: ObjectId,
): Promise<readonly KnownSecret[]> {
  if (patch.secrets.found.length === 0) return parts.known;
  const diff = await renderDiff({ git, gitDir, objectsDir: quarantine.objectsDir }, base, tree);
  return [...parts.known, ...secretValues(diff.text, patch.secrets)];
}
