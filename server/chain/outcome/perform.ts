import type { PullOutcome } from '#contract/forge.ts';
import type { LedgerKind } from '#contract/ledger.ts';
import type { ProposalDocument } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock, Forge, Git, Log, PullMarks } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Proposals } from '../proposal/store.ts';
import { newsOf, nextLookAtMs, type News } from './decide.ts';
import { neverMs, type OutcomeRow, type Outcomes } from './store.ts';

export interface OutcomeParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly git: Git;
  readonly forge: Forge;
  readonly mirrors: Pick<Mirrors, 'gitDir'>;
  readonly repositories: Pick<Repositories, 'get'>;
  readonly proposals: Proposals;
  readonly outcomes: Outcomes;
}

/** In one pass; what is left is due in the next one. */
const looksMax = 10;
/** After a look that came to nothing. */
const againMs = 5 * 60_000;

const kindOf: Record<News, LedgerKind> = {
  merged: 'outcome.merged',
  closed: 'outcome.closed',
  reopened: 'outcome.reopened',
  checks_failed: 'outcome.checks_failed',
  checks_passed: 'outcome.checks_passed',
  pushed_by_others: 'outcome.pushed_by_others',
  commented: 'outcome.commented',
};

/**
 * Finds out what became of what was published: a reconciler, so it looks at what is due in the rows and takes no hint. It only
 * asks, but for the labels and the status of a pull request that is ours; both can be set again. False: nothing was due.
 */
export async function findOutcomes(parts: OutcomeParts, signal: AbortSignal): Promise<boolean> {
  const { db, clock, outcomes } = parts;
  db.transaction(() => outcomes.begin(clock.nowMs()));
  const due = outcomes.due(clock.nowMs(), looksMax);
  for (const row of due) {
    if (signal.aborted) return true;
    await lookAt(parts, row);
  }
  return due.length > 0;
}

async function lookAt(parts: OutcomeParts, row: OutcomeRow): Promise<void> {
  const { db, clock, forge, outcomes, repositories, proposals } = parts;
  const repository = repositories.get(row.repositoryId);
  const proposal = proposals.get(row.proposalId);
  assert(proposal !== null, 'an outcome has its proposal');
  if (!row.isMarked) await mark(parts, row, repository, proposal.document);
  const said = await forge.outcome(repository, row, row.seen);
  const nowMs = clock.nowMs();
  if (!said.ok) {
    const nextAtMs = nowMs + Math.max(againMs, said.why.retryAfterMs ?? 0);
    db.transaction(() => outcomes.later(row.proposalId, { nowMs, nextAtMs }, said.why.message));
    return;
  }
  const seen = said.value === null ? row.seen : said.value.seen;
  const fromForge = said.value?.outcome ?? row.known;
  assert(fromForge !== null, 'a forge says "nothing new" only about what it has said before');
  const answer = await withLocalMerge(parts, repository, row, fromForge);
  const { state, checks } = answer;
  const next = nextLookAtMs({ state, checks: checks.state, openedAtMs: row.openedAtMs, nowMs });
  db.transaction(() => {
    outcomes.looked(row.proposalId, answer, { seen, nowMs, nextAtMs: next ?? neverMs });
    for (const news of newsOf(row.known, answer, row.commit)) {
      const failed = checks.failed.map(({ name, conclusion }) => ({ name, conclusion })).slice(0, 20);
      const body = { number: row.number, ...(news === 'checks_failed' ? { failed } : {}) };
      proposals.note(row.proposalId, kindOf[news], body);
    }
  });
}

/** Labels and the proof as a status. A forge that refuses them is not asked again; the pull request is there without. */
async function mark(
  { db, clock, forge, outcomes, proposals, log }: OutcomeParts,
  row: OutcomeRow,
  repository: Repository,
  document: ProposalDocument,
): Promise<void> {
  const marked = await forge.mark(repository, marksOf(row, document));
  if (!marked.ok && ['forge_unreachable', 'forge_rate_limited'].includes(marked.why.code)) return;
  if (!marked.ok) log.warn({ proposalId: row.proposalId, code: marked.why.code }, 'a pull request was not marked');
  db.transaction(() => {
    outcomes.marked(row.proposalId, clock.nowMs(), null);
    if (!marked.ok) proposals.note(row.proposalId, 'outcome.not_marked', { why: marked.why.message });
  });
}

/** The proof in one line. A draft of ours, with nothing proved, can never have been published. */
export function marksOf(
  { number, commit }: Pick<OutcomeRow, 'number' | 'commit'>,
  document: ProposalDocument,
): PullMarks {
  const { failingBefore, failingAfter, newFailures, placement } = document.proof;
  return {
    number,
    commit,
    labels: document.publishing.labels ?? [],
    status: {
      state: newFailures === 0 ? 'success' : 'failure',
      description: `${failingBefore} failing before, ${failingAfter} after, ${newFailures} new (${placement} sandbox)`,
    },
  };
}

/** Nobody presses "merge" on the embedded forge: there it is merged when the base has the commit. */
async function withLocalMerge(
  { git, mirrors, clock }: OutcomeParts,
  repository: Repository,
  { commit }: OutcomeRow,
  outcome: PullOutcome,
): Promise<PullOutcome> {
  if (repository.forge !== 'local' || outcome.state !== 'open') return outcome;
  const gitDir = mirrors.gitDir(repository.id);
  const base = `refs/heads/${repository.defaultBranch}`;
  const answer = await git.run({ gitDir, args: ['merge-base', '--is-ancestor', commit, base] });
  // 1 is "no", 128 that the mirror does not have the commit, which then is not in the base either.
  if (answer.code !== 0) return outcome;
  return { ...outcome, state: 'merged', mergedAtMs: clock.nowMs(), mergeCommit: repository.head };
}
