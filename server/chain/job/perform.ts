import type { Limits } from '#contract/helper-wire.ts';
import { ProposalId, type JobId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Cost } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { assert, never } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, Git, Log, Random, Sandbox } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Checkouts } from '../../resources/repo/checkout.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { openQuarantine, type Quarantine } from '../../resources/repo/quarantine.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import { addedLines } from '../patch/diff-view.ts';
import { performPatch, treeAgain } from '../patch/perform.ts';
import { performPlan } from '../plan/perform.ts';
import { matching } from '../plan/policy.ts';
import { assessConfidence } from '../proposal/confidence.ts';
import { freeze } from '../proposal/freeze.ts';
import { assessRisk } from '../proposal/risk.ts';
import type { Proposals } from '../proposal/store.ts';
import { performProof, type Proved } from '../prove/perform.ts';
import { decide, type JobStep } from './decide.ts';
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
  /** Money left now; GO on the base placement itself costs nothing. */
  readonly cost: () => Cost;
  readonly onProgress: (jobId: JobId, progress: CheckProgress) => void;
  readonly onOutput: (jobId: JobId, check: string, side: 'before' | 'after', text: string) => void;
}

/**
 * Takes one running job from stage to stage until it rests. What a stage found is on record before the next one starts, so a
 * crash costs one stage. `signal`: the owner stopped it.
 */
export async function performJob(parts: JobParts, id: JobId, signal: AbortSignal): Promise<void> {
  const quarantine = await openQuarantine(parts.quarantineFolder, parts.random);
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
      await performStep(parts, job, step, quarantine, signal);
    }
  } finally {
    await quarantine.close();
  }
}

async function performStep(
  parts: JobParts,
  job: JobRow,
  step: Exclude<JobStep, 'nothing'>,
  quarantine: Quarantine,
  signal: AbortSignal,
): Promise<void> {
  switch (step) {
    case 'plan':
    case 'patch':
    case 'prove':
      parts.jobs.enterStage(job.id, step);
      return end(parts, job, await performStage(parts, job, step, quarantine, signal), signal);
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
  quarantine: Quarantine,
  signal: AbortSignal,
): Promise<Result<null, Problem>> {
  const repository = parts.repositories.get(job.repositoryId);
  const received = await parts.artifacts.read(job.receivedSha256);
  if (received === null)
    return no(problem('internal', 'The received patch is gone from the data folder. Paste it again.'));
  if (stage === 'plan') {
    const planned = await performPlan(
      { ...parts, repository, title: job.title, baseRef: job.baseRef, signal },
      received,
    );
    if (planned.ok && isRunning(parts, job)) parts.jobs.planned(job.id, planned.value.plan, planned.value.base);
    return planned.ok ? ok(null) : planned;
  }
  assert(job.baseSha !== null && job.plan !== null, 'a planned job has its base');
  const gitDir = parts.mirrors.gitDir(repository.id);
  const work = { git: parts.git, artifacts: parts.artifacts, gitDir, base: job.baseSha, quarantine, signal };
  if (stage === 'patch') {
    const patched = await performPatch(work, received);
    if (patched.ok && isRunning(parts, job)) parts.jobs.patched(job.id, patched.value);
    return patched.ok ? ok(null) : patched;
  }
  assert(job.patch !== null, 'a patched job has its patch');
  // The quarantine may be a new one, after a restart: make the objects again and hold them to the recorded tree.
  const tree = await treeAgain(work, job.patch);
  if (!tree.ok) return tree;
  assert(tree.value === job.patch.treeAfter, 'the same patch on the same base gives the same tree');
  const proved = await performProof({
    ...work,
    sandbox: parts.sandbox,
    checkouts: parts.checkouts,
    tree: tree.value,
    plan: job.plan,
    limits: shorter(parts.limits, job.plan.policy.checkSecondsMax),
    onProgress: (progress) => parts.onProgress(job.id, progress),
    onOutput: (check, side, text) => parts.onOutput(job.id, check, side, text),
  });
  if (!proved.ok) return proved;
  await propose(parts, job, repository, proved.value);
  return ok(null);
}

/** The owner may have stopped it while a stage was at work: then what the stage found is not needed any more. */
function isRunning(parts: JobParts, job: JobRow): boolean {
  return parts.jobs.get(job.id).state === 'running';
}

/** The policy of the base may only shorten the clock. */
function shorter(limits: Limits, checkSecondsMax: number | null): Limits {
  return checkSecondsMax === null ? limits : { ...limits, wallMs: Math.min(limits.wallMs, checkSecondsMax * 1000) };
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
    { problem: outcome.why },
  );
}

/** Freezes the proposal and ends the job, in one transaction. */
async function propose(parts: JobParts, job: JobRow, repository: Repository, proved: Proved): Promise<void> {
  assert(job.plan !== null && job.patch !== null && job.baseSha !== null, 'a proved job has its plan, patch and base');
  const { plan, patch, baseSha } = job;
  const diff = await parts.artifacts.read(patch.diff.sha256);
  const touched = patch.files.flatMap((file) => (file.oldPath === null ? [file.path] : [file.path, file.oldPath]));
  const risk = assessRisk({
    files: patch.files,
    addedLines: diff === null ? [] : addedLines(diff),
    mended: patch.mends.length,
    protectedPaths: matching(touched, plan.policy.protect),
    ownRepository: repository.name === 'patchgit',
  });
  parts.db.transaction(() => {
    const current = parts.jobs.get(job.id);
    if (current.state !== 'running') return;
    const id = ProposalId.parse(`prop_${parts.random.bytes(6).toString('hex')}`);
    const history = parts.proposals.history(repository.id, risk.level);
    const head = parts.ledger.list({ limit: 1 }).entries[0];
    const document = freeze({
      id,
      jobId: job.id,
      title: job.title,
      repository,
      base: { ref: job.baseRef, sha: baseSha },
      plan,
      patch,
      proved,
      risk,
      forbiddenPaths: matching(touched, plan.policy.forbid),
      confidence: assessConfidence({ checks: proved.checks, risk, mended: patch.mends.length, history }),
      cost: parts.cost(),
      ledgerHead: head === undefined ? '0' : `${head.seq}:${head.hash}`,
      nowMs: parts.clock.nowMs(),
    });
    for (const check of proved.checks) {
      const body = {
        name: check.name,
        command: check.command,
        before: {
          conclusion: check.before.conclusion,
          failing: check.before.failing.length,
          log: check.before.log.sha256,
        },
        after: { conclusion: check.after.conclusion, failing: check.after.failing.length, log: check.after.log.sha256 },
        newFailures: check.newFailures.length,
      };
      parts.ledger.append({ kind: 'check.completed', actor: 'system', subject: job.id, jobId: job.id, body });
    }
    parts.proposals.add(document);
    parts.jobs.take(job.id, 'propose', { kind: 'job.proposed', body: { proposalId: id } }, { proposalId: id });
  });
}
