import { z } from 'zod';
import type { ProposalRow } from '#contract/api.ts';
import { JobId, ObjectId, ProposalId, Sha256, type RepositoryId } from '#contract/ids.ts';
import type { LedgerKind } from '#contract/ledger.ts';
import type { Freshness, ProposalDocument } from '#contract/proposal.ts';
import type { Problem } from '#contract/problem.ts';
import { DecisionKind, Proposal, ProposalState } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { History } from './confidence.ts';
import { next, type ProposalEvent } from './states.ts';

export interface NewDecision {
  readonly kind: z.infer<typeof DecisionKind>;
  readonly digest: Sha256;
  readonly by: string;
  readonly note: string | null;
}

export interface Proposals {
  /** In the open transaction: a proposal is frozen together with its job's move. */
  readonly add: (document: ProposalDocument) => void;
  readonly get: (id: string) => Proposal | null;
  readonly list: (limit: number) => ProposalRow[];
  /** Proposals with something of ours under way: what a restart has to go on with. */
  readonly underWay: () => Proposal[];
  readonly openFor: (repositoryId: RepositoryId) => Proposal[];
  /** Moves a proposal and writes the ledger entry, in one transaction (or in the one that is open). */
  readonly take: (
    id: ProposalId,
    event: ProposalEvent,
    entry: { kind: LedgerKind; actor?: 'owner' | 'system'; body?: Record<string, unknown> },
  ) => void;
  /** A ledger entry about a proposal that stays in its state; in the open transaction. */
  readonly note: (id: ProposalId, kind: LedgerKind, body: Record<string, unknown>) => void;
  readonly decide: (id: ProposalId, decision: NewDecision) => void;
  /** A GO that was refused before anything was outward is no decision any more: the owner may decide again. */
  readonly forgetDecision: (id: ProposalId, why: Problem) => void;
  readonly setFreshness: (id: ProposalId, freshness: Freshness) => void;
  readonly setSupersededBy: (id: ProposalId, jobId: JobId) => void;
  readonly history: (repositoryId: RepositoryId, riskLevel: string) => History;
  /** The newest first: what earlier proofs of this repository can teach. */
  readonly recent: (repositoryId: RepositoryId, limit: number) => ProposalDocument[];
}

const Row = z.object({
  id: ProposalId,
  document: z.string(),
  state: ProposalState,
  freshness: z.string().nullable(),
  refusal: z.string().nullable(),
  superseded_by: JobId.nullable(),
  decision_kind: DecisionKind.nullable(),
  decision_digest: Sha256.nullable(),
  decision_by: z.string().nullable(),
  decision_note: z.string().nullable(),
  decision_at_ms: z.int().nullable(),
  branch: z.string().nullable(),
  commit_id: ObjectId.nullable(),
  tree: ObjectId.nullable(),
  step: z.string().nullable(),
  publication_trouble: z.string().nullable(),
  pull_number: z.int().nullable(),
  pull_state: z.string().nullable(),
  pull_url: z.string().nullable(),
  outcome_state: z.string().nullable(),
  outcome: z.string().nullable(),
  outcome_checked_at_ms: z.int().nullable(),
  outcome_trouble: z.string().nullable(),
  repository: z.string(),
});

const select = `
  select proposal.id, proposal.document, proposal.state, proposal.freshness, proposal.refusal, proposal.superseded_by,
    decision.kind as decision_kind, decision.digest as decision_digest, decision.by as decision_by,
    decision.note as decision_note, decision.at_ms as decision_at_ms,
    publication.branch, publication.commit_id, publication.tree, publication.step, publication.trouble as publication_trouble,
    publication.pull_number, publication.pull_url, pull.state as pull_state, repository.name as repository,
    outcome.state as outcome_state, outcome.answer as outcome, outcome.checked_at_ms as outcome_checked_at_ms,
    outcome.trouble as outcome_trouble
  from proposal
  join repository on repository.id = proposal.repository_id
  left join decision on decision.proposal_id = proposal.id
  left join publication on publication.proposal_id = proposal.id
  left join outcome on outcome.proposal_id = proposal.id
  left join pull on pull.repository_id = proposal.repository_id and pull.number = publication.pull_number`;

/** Where the page of a pull request on the local forge is. */
export function pullPath(repository: string, number: number): string {
  return `/pulls/${encodeURIComponent(repository)}/${number}`;
}

function toProposal(raw: unknown): Proposal {
  const row = Row.parse(raw);
  const published =
    row.commit_id === null
      ? null
      : {
          branch: row.branch,
          commit: row.commit_id,
          tree: row.tree,
          step: row.step,
          trouble: row.publication_trouble,
          pr: row.pull_number === null ? null : toPull(row, row.pull_number),
        };
  return Proposal.parse({
    document: JSON.parse(row.document),
    state: row.state,
    freshness: row.freshness === null ? null : JSON.parse(row.freshness),
    decision:
      row.decision_kind === null
        ? null
        : {
            kind: row.decision_kind,
            digest: row.decision_digest,
            by: row.decision_by,
            note: row.decision_note,
            atMs: row.decision_at_ms,
          },
    publication: published,
    refusal: row.refusal === null ? null : JSON.parse(row.refusal),
    supersededBy: row.superseded_by,
    ...(row.outcome === null
      ? {}
      : {
          outcome: {
            ...JSON.parse(row.outcome),
            checkedAtMs: row.outcome_checked_at_ms,
            trouble: row.outcome_trouble,
          },
        }),
  });
}

/** An undo of ours is known before the forge is asked again. */
function toPull(row: z.infer<typeof Row>, number: number): { number: number; url: string; state: string } {
  const isClosed = row.pull_state === 'closed' || row.step === 'closed' || row.step === 'undone';
  return {
    number,
    url: row.pull_url ?? pullPath(row.repository, number),
    state: isClosed ? 'closed' : (row.outcome_state ?? row.pull_state ?? 'open'),
  };
}

function toListRow({ document, state, publication, outcome }: Proposal): ProposalRow {
  return {
    id: document.id,
    jobId: document.jobId,
    title: document.title,
    repository: document.repo.name,
    state,
    files: document.patch.files.length,
    additions: document.patch.additions,
    deletions: document.patch.deletions,
    newFailures: document.proof.newFailures,
    risk: document.risk.level,
    confidence: document.confidence.percent,
    createdAtMs: document.createdAtMs,
    publication,
    ...(outcome === undefined ? {} : { ciState: outcome.checks.state }),
  };
}

export function proposalStore(db: Database, ledger: Ledger, clock: Clock): Proposals {
  const { sqlite } = db;
  const rows = (where: string, ...values: (string | number)[]): Proposal[] =>
    sqlite
      .prepare(`${select} ${where}`)
      .all(...values)
      .map(toProposal);
  const changeOne = (sql: string, ...values: (string | number | null)[]): void =>
    assert(sqlite.prepare(sql).run(...values).changes === 1, 'exactly one proposal row changed');
  const get = (id: string): Proposal | null => rows('where proposal.id = ?', id)[0] ?? null;
  return {
    add: (document) => insert(db, ledger, document),
    get,
    list: (limit) => rows('order by proposal.created_at_ms desc limit ?', limit).map(toListRow),
    underWay: () =>
      rows(`where proposal.state in ('publishing', 'unknown', 'undoing') order by proposal.created_at_ms`),
    openFor: (repositoryId) => rows(`where proposal.state = 'open' and proposal.repository_id = ?`, repositoryId),
    take: (id, event, entry) =>
      db.transaction(() => {
        const proposal = get(id);
        assert(proposal !== null, `proposal ${id} has a row`);
        const to = next(proposal.state, event);
        assert(to !== null, `a proposal that is ${proposal.state} can ${event}`);
        changeOne('update proposal set state = ? where id = ? and state = ?', to, id, proposal.state);
        const { kind, actor = 'system', body = {} } = entry;
        ledger.append({ kind, actor, subject: id, jobId: proposal.document.jobId, body });
      }),
    note: (id, kind, body) => {
      const jobId = get(id)?.document.jobId;
      assert(jobId !== undefined, `proposal ${id} has a row`);
      ledger.append({ kind, actor: 'system', subject: id, jobId, body });
    },
    decide: (id, { kind, digest, by, note }) => {
      changeOne('update proposal set refusal = null where id = ?', id);
      changeOne(
        'insert into decision (proposal_id, kind, digest, by, note, at_ms) values (?, ?, ?, ?, ?, ?)',
        id,
        kind,
        digest,
        by,
        note,
        clock.nowMs(),
      );
    },
    forgetDecision: (id, why) => {
      changeOne('delete from decision where proposal_id = ?', id);
      changeOne('update proposal set refusal = ? where id = ?', JSON.stringify(why), id);
    },
    setFreshness: (id, freshness) =>
      changeOne('update proposal set freshness = ? where id = ?', JSON.stringify(freshness), id),
    setSupersededBy: (id, jobId) => changeOne('update proposal set superseded_by = ? where id = ?', jobId, id),
    history: (repositoryId, riskLevel) => history(db, repositoryId, riskLevel),
    recent: (repositoryId, limit) =>
      rows('where proposal.repository_id = ? order by proposal.created_at_ms desc limit ?', repositoryId, limit).map(
        ({ document }) => document,
      ),
  };
}

function insert({ sqlite }: Database, ledger: Ledger, document: ProposalDocument): void {
  assert(sqlite.inTransaction, 'a proposal is frozen in the transaction of its job');
  sqlite
    .prepare(
      `insert into proposal (id, job_id, repository_id, digest, document, state, created_at_ms)
       values (?, ?, ?, ?, ?, 'open', ?)`,
    )
    .run(
      document.id,
      document.jobId,
      document.repo.id,
      document.digest,
      JSON.stringify(document),
      document.createdAtMs,
    );
  const { failingBefore, failingAfter, newFailures } = document.proof;
  const body = {
    proposalId: document.id,
    digest: document.digest,
    base: document.base.sha,
    tree: document.patch.treeAfter,
    failingBefore,
    failingAfter,
    newFailures,
    risk: document.risk.level,
    confidence: document.confidence.percent,
  };
  ledger.append({ kind: 'proposal.frozen', actor: 'system', subject: document.id, jobId: document.jobId, body });
}

/** Kept is what was merged. What is still open says nothing yet, unless the repository's own CI said no to it. */
function history({ sqlite }: Database, repositoryId: RepositoryId, riskLevel: string): History {
  return z.object({ kept: z.int(), undoneOrRejected: z.int() }).parse(
    sqlite
      .prepare(
        `select count(*) filter (where outcome.state = 'merged') as kept,
           count(*) filter (where proposal.state in ('undone', 'rejected')
             or outcome.state = 'closed' or outcome.state = 'open' and outcome.checks_state = 'failure') as undoneOrRejected
         from proposal left join outcome on outcome.proposal_id = proposal.id and proposal.state = 'published'
         where repository_id = ? and json_extract(document, '$.risk.level') = ?`,
      )
      .get(repositoryId, riskLevel),
  );
}
