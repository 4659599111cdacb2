import { z } from 'zod';
import type { ForgeRequest } from '#contract/forge.ts';
import { RepositoryId, RequestId } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Verdict } from './decide.ts';

const Unanswered = z.object({
  repositoryId: RepositoryId,
  key: z.string(),
  number: z.int(),
  messageId: RequestId,
});
export type Unanswered = z.infer<typeof Unanswered>;

/** What came from forges: every request once, every delivery once. */
export interface Intakes {
  readonly has: (repositoryId: RepositoryId, key: string) => boolean;
  readonly add: (
    repositoryId: RepositoryId,
    request: ForgeRequest,
    verdict: Verdict,
    messageId: RequestId | null,
  ) => void;
  /** When the newest request that was seen here was made; null: none was. */
  readonly newestAtMs: (repositoryId: RepositoryId) => number | null;
  /** Taken, and the forge was not told yet. */
  readonly unanswered: (repositoryId: RepositoryId) => Unanswered[];
  readonly answered: (repositoryId: RepositoryId, key: string) => void;
  /** False: a delivery with this id was taken before. Forgets what is too old to be repeated by the forge. */
  readonly takeDelivery: (id: string, event: string) => boolean;
}

/** GitHub lets a delivery be repeated for three days. */
const deliveryKeptMs = 7 * 24 * 60 * 60_000;
const answersMax = 20;

export function intakeStore({ sqlite }: Database, clock: Clock): Intakes {
  return {
    has: (repositoryId, key) =>
      sqlite.prepare('select 1 from intake where repository_id = ? and key = ?').get(repositoryId, key) !== undefined,
    add: (repositoryId, { key, author, number, url, createdAtMs }, verdict, messageId) => {
      assert(sqlite.inTransaction, 'a request is recorded together with what it became');
      sqlite
        .prepare(
          `insert into intake (repository_id, key, author, number, url, verdict, message_id, made_at_ms, seen_at_ms)
           values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(repositoryId, key, author, number, url, verdict, messageId, createdAtMs, clock.nowMs());
    },
    newestAtMs: (repositoryId) =>
      sqlite
        .prepare<[string], { newest: number | null }>(
          'select max(made_at_ms) as newest from intake where repository_id = ?',
        )
        .get(repositoryId)?.newest ?? null,
    unanswered: (repositoryId) =>
      sqlite
        .prepare(
          `select repository_id as repositoryId, key, number, message_id as messageId from intake
           where repository_id = ? and verdict = 'accepted' and message_id is not null and answered_at_ms is null
           order by seen_at_ms limit ${answersMax}`,
        )
        .all(repositoryId)
        .map((row) => Unanswered.parse(row)),
    answered: (repositoryId, key) => {
      const sql = 'update intake set answered_at_ms = ? where repository_id = ? and key = ?';
      assert(sqlite.prepare(sql).run(clock.nowMs(), repositoryId, key).changes === 1, 'exactly one intake row changed');
    },
    takeDelivery: (id, event) => {
      sqlite.prepare('delete from delivery where received_at_ms < ?').run(clock.nowMs() - deliveryKeptMs);
      const sql = 'insert or ignore into delivery (id, event, received_at_ms) values (?, ?, ?)';
      return sqlite.prepare(sql).run(id, event, clock.nowMs()).changes === 1;
    },
  };
}
