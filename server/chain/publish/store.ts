import { z } from 'zod';
import { ObjectId, type ProposalId } from '#contract/ids.ts';
import { Publication } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import { publicationSteps, type PublicationStep } from './states.ts';

const Row = z.object({
  branch: z.string(),
  commitId: ObjectId.nullable(),
  tree: ObjectId,
  step: Publication.shape.step,
  pullNumber: z.int().nullable(),
  trouble: z.string().nullable(),
  decidedAtMs: z.int(),
});
export type PublicationRow = z.infer<typeof Row>;

/** All of it inside the transaction of the proposal's move. */
export interface Publications {
  readonly begin: (id: ProposalId, branch: string, tree: ObjectId) => void;
  readonly get: (id: ProposalId) => PublicationRow;
  readonly advance: (
    id: ProposalId,
    from: PublicationStep,
    to: PublicationStep,
    fields?: { commitId?: ObjectId; pullNumber?: number },
  ) => void;
  readonly trouble: (id: ProposalId, trouble: string | null) => void;
  /** A GO that reached nothing outside: the row goes, the ledger keeps what happened. */
  readonly forget: (id: ProposalId) => void;
}

export function publicationStore(db: Database, clock: Clock): Publications {
  const { sqlite } = db;
  const changeOne = (sql: string, ...values: (string | number | null)[]): void =>
    assert(sqlite.prepare(sql).run(...values).changes === 1, 'exactly one publication row changed');
  return {
    begin: (id, branch, tree) =>
      changeOne(
        `insert into publication (proposal_id, branch, tree, step, decided_at_ms) values (?, ?, ?, 'decided', ?)`,
        id,
        branch,
        tree,
        clock.nowMs(),
      ),
    get: (id) =>
      Row.parse(
        sqlite
          .prepare(
            `select branch, commit_id as commitId, tree, step, pull_number as pullNumber, trouble, decided_at_ms as decidedAtMs
             from publication where proposal_id = ?`,
          )
          .get(id),
      ),
    advance: (id, from, to, fields = {}) => {
      assert(
        publicationSteps[from].next === to,
        `a publication that is ${from} goes on to ${publicationSteps[from].next}, not to ${to}`,
      );
      changeOne(
        `update publication set step = ?, commit_id = coalesce(?, commit_id), pull_number = coalesce(?, pull_number), trouble = null
         where proposal_id = ? and step = ?`,
        to,
        fields.commitId ?? null,
        fields.pullNumber ?? null,
        id,
        from,
      );
    },
    trouble: (id, trouble) => changeOne('update publication set trouble = ? where proposal_id = ?', trouble, id),
    forget: (id) => changeOne('delete from publication where proposal_id = ?', id),
  };
}
