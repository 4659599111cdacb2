import type { JobId, Sha256 } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { freshEnough, type DecisionKind, type Freshness, type Proposal } from '#contract/proposal.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, Git, Random } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import { openQuarantine } from '../../resources/repo/quarantine.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Accepting } from '../job/accept.ts';
import type { Runner } from '../job/runner.ts';
import type { Jobs } from '../job/store.ts';
import { treeAgain } from '../patch/perform.ts';
import type { Publications } from '../publish/store.ts';
import { gatherFreshness, judgeFreshness } from './freshness.ts';
import { decidedAlready, proveAnew } from './prove-anew.ts';
import type { Proposals } from './store.ts';

export interface Decision {
  readonly kind: (typeof DecisionKind)['_output'];
  readonly digest: Sha256;
  readonly by: string;
  readonly note?: string | undefined;
  /** The PIN was typed for this very decision, or it came over the unix socket, where there is none. */
  readonly isPinChecked: boolean;
}

interface RefreshParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly git: Git;
  readonly artifacts: Artifacts;
  readonly ledger: Ledger;
  readonly mirrors: Mirrors;
  readonly repositories: Repositories;
  readonly proposals: Proposals;
  readonly quarantineFolder: string;
}

/** Fetches the base and says how it stands; the answer is stored, and a move is a ledger entry once. */
export async function refresh(parts: RefreshParts, proposal: Proposal): Promise<Freshness> {
  const { document } = proposal;
  const repository = parts.repositories.get(document.repo.id);
  const fetched = await parts.mirrors.fetch(repository);
  const baseNow = fetched.ok ? await parts.mirrors.resolve(repository.id, document.base.ref) : null;
  const trouble = fetched.ok ? `${document.base.ref} is gone from ${repository.name}.` : fetched.why.message;
  const gitDir = parts.mirrors.gitDir(repository.id);
  const facts = await gatherFreshness(
    parts.git,
    gitDir,
    document,
    baseNow,
    baseNow === null ? trouble : null,
    async (base) => {
      const quarantine = await openQuarantine(parts.quarantineFolder, parts.random);
      try {
        return (
          await treeAgain({ git: parts.git, artifacts: parts.artifacts, gitDir, base, quarantine }, document.patch)
        ).ok;
      } finally {
        await quarantine.close();
      }
    },
  );
  const freshness = judgeFreshness(facts, parts.clock.nowMs());
  parts.db.transaction(() => {
    parts.proposals.setFreshness(document.id, freshness);
    const before = proposal.freshness;
    const news = before
      ? before.verdict !== freshness.verdict || before.baseNow !== freshness.baseNow
      : freshness.verdict !== 'current';
    if (news) {
      const { verdict, overlapping } = freshness;
      parts.proposals.note(document.id, 'proposal.base_moved', {
        verdict,
        baseNow: freshness.baseNow,
        overlapping: overlapping.slice(0, 20),
      });
    }
  });
  return freshness;
}

interface ActionParts extends RefreshParts {
  readonly jobs: Jobs;
  readonly publications: Publications;
  readonly runner: Pick<Runner, 'publish' | 'cancel'>;
  readonly accepting: Accepting;
}

/** Records the owner's decision on exactly the digest that was shown. GO is only recorded here; publishing runs under the lock. */
export function decideProposal(parts: ActionParts, proposal: Proposal, decision: Decision): Result<null, Problem> {
  const { document } = proposal;
  const refuse = (why: Problem): Result<null, Problem> => {
    parts.db.transaction(() =>
      parts.ledger.append({
        kind: 'decision.refused',
        actor: 'owner',
        subject: document.id,
        jobId: document.jobId,
        body: {
          decision: decision.kind,
          digest: decision.digest,
          by: decision.by,
          problem: { code: why.code, message: why.message },
        },
      }),
    );
    return no(why);
  };
  if (decision.digest !== document.digest) {
    return refuse(
      problem(
        'stale_digest',
        'This is not the digest of the proposal as it stands. Nothing was published. Look at it again and decide on what is shown.',
        { current: document.digest },
      ),
    );
  }
  // The same decision again (a double tap, a second tab, a retry) is the decision that was taken, until it was undone.
  const isUndone = proposal.state === 'undoing' || proposal.state === 'undone';
  if (proposal.decision?.kind === decision.kind && !isUndone) return ok(null);
  if (proposal.state !== 'open') {
    return refuse(decidedAlready(proposal));
  }
  if (decision.kind === 'go') {
    const closed = document.gates.find((gate) => gate.verdict === 'closed');
    if (closed)
      return refuse(
        problem('gate_closed', `GO is not possible: ${closed.reason}. Nothing was published.`, { current: closed }),
      );
    const asking = document.gates.filter((gate) => gate.asksPin === true);
    if (asking.length > 0 && !decision.isPinChecked) {
      const what = asking.map((gate) => gate.reason).join('; ');
      return refuse(problem('pin_needed', `Type your PIN for this GO: ${what}. Nothing was published.`));
    }
    const known = proposal.freshness;
    if (known && known.verdict !== 'unknown' && !freshEnough.includes(known.verdict)) {
      return refuse(
        problem('stale_base', `${known.message} Nothing was published. Prove it again.`, { current: known }),
      );
    }
  }
  record(parts, proposal, decision);
  if (decision.kind === 'go') parts.runner.publish(document.id, document.title);
  return ok(null);
}

function record(parts: ActionParts, { document }: Proposal, decision: Decision): void {
  parts.db.transaction(() => {
    const note = decision.note ?? null;
    const body = { decision: decision.kind, digest: decision.digest, by: decision.by, note };
    parts.proposals.decide(document.id, { kind: decision.kind, digest: decision.digest, by: decision.by, note });
    parts.proposals.take(document.id, decision.kind, { kind: 'decision.recorded', actor: 'owner', body });
    if (decision.kind === 'go')
      parts.publications.begin(document.id, document.publishing.branch, document.patch.treeAfter);
  });
}

/** A new job with the same received bytes on today's base; the old proposal closes. */
export function proveAgain(parts: ActionParts, proposal: Proposal): Promise<Result<JobId, Problem>> {
  return proveAnew(parts, proposal, { reason: 'prove again' });
}

/** One-tap undo: close the pull request, delete the branch. */
export function undo(parts: ActionParts, { document, state }: Proposal): Result<null, Problem> {
  if (state === 'undoing' || state === 'undone') return ok(null);
  if (state !== 'published')
    return no(problem('not_published', `This proposal is ${state}, so there is nothing to undo.`, { current: state }));
  parts.proposals.take(document.id, 'undo', { kind: 'publication.undo_asked', actor: 'owner' });
  parts.runner.publish(document.id, document.title);
  return ok(null);
}
