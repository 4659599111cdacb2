import { z } from 'zod';
import { Outcome, PullOutcome } from '#contract/forge.ts';
import { ObjectId, ProposalId, RepositoryId } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import type { Database } from '../../record/db/open.ts';

const Row = z.object({
  proposal_id: ProposalId,
  repository_id: RepositoryId,
  job_id: z.string(),
  number: z.int(),
  branch: z.string(),
  commit_id: ObjectId,
  answer: z.string().nullable(),
  seen: z.string().nullable(),
  opened_at_ms: z.int(),
  marked_at_ms: z.int().nullable(),
  trouble: z.string().nullable(),
});

/** A publication whose outcome is to be found out, with what is known of it. */
export interface OutcomeRow {
  readonly proposalId: ProposalId;
  readonly repositoryId: RepositoryId;
  readonly jobId: string;
  readonly number: number;
  readonly branch: string;
  readonly commit: ObjectId;
  readonly known: PullOutcome | null;
  readonly seen: string | null;
  readonly openedAtMs: number;
  readonly isMarked: boolean;
  readonly trouble: string | null;
}

/** All changes inside the caller's transaction, together with the ledger entry. */
export interface Outcomes {
  /** Makes a row for every published proposal that has none. */
  readonly begin: (nowMs: number) => void;
  /** Published and due, the longest due first. */
  readonly due: (nowMs: number, limit: number) => OutcomeRow[];
  /** Looks at these (a repository's, a pull request's) as soon as possible. */
  readonly hurry: (repositoryId: RepositoryId, number: number | null, nowMs: number) => void;
  readonly looked: (
    id: ProposalId,
    answer: PullOutcome,
    at: { readonly seen: string | null; readonly nowMs: number; readonly nextAtMs: number },
  ) => void;
  /** Nothing new, or nothing learned. */
  readonly later: (
    id: ProposalId,
    at: { readonly nowMs: number; readonly nextAtMs: number },
    trouble: string | null,
  ) => void;
  readonly marked: (id: ProposalId, nowMs: number, trouble: string | null) => void;
  readonly find: (id: ProposalId) => Outcome | null;
}

/** A row that nobody looks at again. Far enough for every clock, and a safe integer. */
export const neverMs = 8_640_000_000_000_000;

const select = `
  select outcome.proposal_id, proposal.repository_id, proposal.job_id, publication.pull_number as number, publication.branch,
    publication.commit_id, outcome.answer, outcome.seen, outcome.opened_at_ms, outcome.marked_at_ms, outcome.trouble
  from outcome
  join proposal on proposal.id = outcome.proposal_id and proposal.state = 'published'
  join publication on publication.proposal_id = proposal.id
  join repository on repository.id = proposal.repository_id and repository.removed_at_ms is null`;

function toRow(raw: unknown): OutcomeRow {
  const row = Row.parse(raw);
  return {
    proposalId: row.proposal_id,
    repositoryId: row.repository_id,
    jobId: row.job_id,
    number: row.number,
    branch: row.branch,
    commit: row.commit_id,
    known: row.answer === null ? null : PullOutcome.parse(JSON.parse(row.answer)),
    seen: row.seen,
    openedAtMs: row.opened_at_ms,
    isMarked: row.marked_at_ms !== null,
    trouble: row.trouble,
  };
}

export function outcomeStore({ sqlite }: Database): Outcomes {
  const changeOne = (sql: string, ...values: (string | number | null)[]): void =>
    assert(sqlite.prepare(sql).run(...values).changes === 1, 'exactly one outcome row changed');
  return {
    begin: (nowMs) => {
      sqlite
        .prepare(
          `insert or ignore into outcome (proposal_id, state, checks_state, opened_at_ms, next_at_ms)
           select id, 'open', 'none', ?, ? from proposal where state = 'published'`,
        )
        .run(nowMs, nowMs);
    },
    due: (nowMs, limit) =>
      sqlite
        .prepare(`${select} where outcome.next_at_ms <= ? order by outcome.next_at_ms limit ?`)
        .all(nowMs, limit)
        .map(toRow),
    hurry: (repositoryId, number, nowMs) => {
      sqlite
        .prepare(
          `update outcome set next_at_ms = ? where next_at_ms > ? and proposal_id in (
             select proposal.id from proposal join publication on publication.proposal_id = proposal.id
             where proposal.repository_id = ? and (? is null or publication.pull_number = ?))`,
        )
        .run(nowMs, nowMs, repositoryId, number, number);
    },
    looked: (id, answer, { seen, nowMs, nextAtMs }) =>
      changeOne(
        `update outcome set state = ?, checks_state = ?, answer = ?, seen = ?, checked_at_ms = ?, next_at_ms = ?, trouble = null
         where proposal_id = ?`,
        answer.state,
        answer.checks.state,
        JSON.stringify(answer),
        seen,
        nowMs,
        nextAtMs,
        id,
      ),
    later: (id, { nowMs, nextAtMs }, trouble) =>
      trouble === null
        ? changeOne(
            'update outcome set checked_at_ms = ?, next_at_ms = ?, trouble = null where proposal_id = ?',
            nowMs,
            nextAtMs,
            id,
          )
        : changeOne('update outcome set next_at_ms = ?, trouble = ? where proposal_id = ?', nextAtMs, trouble, id),
    marked: (id, nowMs, trouble) =>
      changeOne('update outcome set marked_at_ms = ?, trouble = ? where proposal_id = ?', nowMs, trouble, id),
    find: (id) => {
      const row = sqlite
        .prepare<[string], { answer: string | null; checkedAtMs: number | null; trouble: string | null }>(
          'select answer, checked_at_ms as checkedAtMs, trouble from outcome where proposal_id = ?',
        )
        .get(id);
      if (row === undefined || row.answer === null) return null;
      return Outcome.parse({ ...JSON.parse(row.answer), checkedAtMs: row.checkedAtMs, trouble: row.trouble });
    },
  };
}
