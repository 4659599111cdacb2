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
  /** When the forge was asked for what comes next (branch, pull request), while it is not known that this came to nothing. */
  askedAtMs: z.int().nullable(),
  /** Not before this; null: at any time. */
  againAtMs: z.int().nullable(),
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
    fields?: { commitId?: ObjectId; pullNumber?: number; pullUrl?: string | null },
  ) => void;
  readonly trouble: (id: ProposalId, trouble: string | null) => void;
  /** Before the forge is asked for the branch, or for the pull request. */
  readonly asked: (id: ProposalId, atMs?: number) => void;
  /** The forge said that it did not do it. */
  readonly notDone: (id: ProposalId, trouble: string, againAtMs: number | null) => void;
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
            `select branch, commit_id as commitId, tree, step, pull_number as pullNumber, trouble, decided_at_ms as decidedAtMs,
               asked_at_ms as askedAtMs, again_at_ms as againAtMs
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
        `update publication set step = ?, commit_id = coalesce(?, commit_id), pull_number = coalesce(?, pull_number),
           pull_url = coalesce(?, pull_url), trouble = null, again_at_ms = null,
           asked_at_ms = case when ? then null else asked_at_ms end
         where proposal_id = ? and step = ?`,
        to,
        fields.commitId ?? null,
        fields.pullNumber ?? null,
        fields.pullUrl ?? null,
        // The push is answered; the pull request was not asked for yet.
        to === 'pushed' ? 1 : 0,
        id,
        from,
      );
    },
    trouble: (id, trouble) => changeOne('update publication set trouble = ? where proposal_id = ?', trouble, id),
    asked: (id, atMs = clock.nowMs()) =>
      changeOne('update publication set asked_at_ms = ?, again_at_ms = null where proposal_id = ?', atMs, id),
    notDone: (id, trouble, againAtMs) =>
      changeOne(
        'update publication set asked_at_ms = null, trouble = ?, again_at_ms = ? where proposal_id = ?',
        trouble,
        againAtMs,
        id,
      ),
    forget: (id) => changeOne('delete from publication where proposal_id = ?', id),
  };
}
