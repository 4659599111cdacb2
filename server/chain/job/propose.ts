/** Freezes what a job has shown, with risk, confidence, cost, gates, and the stronger proof that could stand beside it. */
import type { CheckResult } from '#contract/check.ts';
import { ProposalId } from '#contract/ids.ts';
import { usdFromMicros } from '#contract/money.ts';
import type { Cost, Escalation, Plan, Risk } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { assert } from '../../lib/assert.ts';
import { addedLines } from '../patch/diff-view.ts';
import { escalationOf, optionsFor } from '../plan/gather.ts';
import { matching } from '../plan/policy.ts';
import { isOwnRepository } from '../proposal/own-repository.ts';
import { assessConfidence, expectedConfidence, type History } from '../proposal/confidence.ts';
import { freeze } from '../proposal/freeze.ts';
import { assessRisk } from '../proposal/risk.ts';
import type { Proved } from '../prove/perform.ts';
import type { JobParts } from './perform.ts';
import { asked } from './replan.ts';
import type { JobRow } from './store.ts';

/** GO itself needs no machine and no model, so what it will cost is nothing; what the job has cost is in the rows. */
function costOf({ till }: JobParts, job: JobRow): Cost {
  const { hour, day } = till.now();
  const spentUsd = usdFromMicros(till.spentOn(job.id));
  return { spentUsd, projectedUsd: 0, hourLeftUsd: hour.leftUsd, dayLeftUsd: day.leftUsd };
}

interface Shown {
  readonly plan: Plan;
  readonly proved: Proved;
  readonly risk: Risk;
  readonly mended: number;
  readonly history: History;
}

/** The cheapest way that would show more, when what was done is not enough by what it has shown. */
async function strongerThan(
  parts: JobParts,
  job: JobRow,
  repository: Repository,
  { plan, proved: { checks, proof }, ...rest }: Shown,
): Promise<Escalation | undefined> {
  const { key } = plan.option;
  if (key === undefined) return undefined;
  const before = asked(parts, job, repository);
  const proofs = [{ checks, proof }, ...before.proofs];
  const { options } = await optionsFor(parts, { ...before, proofs, plan, freeOnly: false });
  const passed = checks.map((check) => ({ ...check, ...allPassed(check), newFailures: [] }));
  // A Draft has no checks whose passing could be imagined: then it is as was estimated.
  const then =
    passed.length > 0
      ? assessConfidence({ ...rest, checks: passed })
      : expectedConfidence(rest.history, plan.checks.length, plan.checks.length === 0 ? 0 : 1);
  return escalationOf(options, key, assessConfidence({ ...rest, checks }), then);
}

function allPassed({ before, after }: CheckResult): Pick<CheckResult, 'before' | 'after'> {
  return { before: { ...before, conclusion: 'success' }, after: { ...after, conclusion: 'success' } };
}

/** Freezes the proposal and ends the job, in one transaction. */
export async function propose(parts: JobParts, job: JobRow, repository: Repository, proved: Proved): Promise<void> {
  assert(job.plan !== null && job.patch !== null && job.baseSha !== null, 'a proved job has its plan, patch and base');
  const { plan, patch, baseSha } = job;
  const diff = await parts.artifacts.read(patch.diff.sha256);
  const touched = patch.files.flatMap((file) => (file.oldPath === null ? [file.path] : [file.path, file.oldPath]));
  const risk = assessRisk({
    files: patch.files,
    addedLines: diff === null ? [] : addedLines(diff),
    mended: patch.mends.length,
    secrets: patch.secrets,
    protectedPaths: matching(touched, plan.policy.protect),
    ownRepository: await isOwnRepository(parts.git, parts.mirrors.gitDir(repository.id), baseSha),
  });
  const history = parts.proposals.history(repository.id, risk.level);
  const mended = patch.mends.length;
  const escalation = await strongerThan(parts, job, repository, { plan, proved, risk, mended, history });
  parts.db.transaction(() => {
    const current = parts.jobs.get(job.id);
    if (current.state !== 'running') return;
    const id = ProposalId.parse(`prop_${parts.random.bytes(6).toString('hex')}`);
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
      confidence: assessConfidence({ checks: proved.checks, risk, mended, history }),
      cost: costOf(parts, job),
      escalation,
      ledgerHead: head === undefined ? '0' : `${head.seq}:${head.hash}`,
      publicUrl: parts.publicUrl ?? null,
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
