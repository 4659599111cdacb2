import { z } from 'zod';
import { ObjectId } from '#contract/ids.ts';
import { problem } from '#contract/problem.ts';
import { Pull } from '#contract/repository.ts';
import { no, ok } from '../lib/result.ts';
import type { Clock, Forge, ForgeRepository } from '../ports.ts';
import type { Database } from '../record/db/open.ts';

const Row = z.object({
  repository_id: z.string(),
  repository: z.string(),
  number: z.int(),
  title: z.string(),
  body: z.string(),
  branch: z.string(),
  base: z.string(),
  commit_id: ObjectId,
  state: z.enum(['open', 'closed', 'merged']),
  opened_at_ms: z.int(),
  closed_at_ms: z.int().nullable(),
  proposal_id: z.string().nullable(),
});

function toPull(raw: unknown): Pull {
  const row = Row.parse(raw);
  return Pull.parse({
    repositoryId: row.repository_id,
    repository: row.repository,
    number: row.number,
    title: row.title,
    body: row.body,
    branch: row.branch,
    base: row.base,
    commit: row.commit_id,
    state: row.state,
    url: `/pulls/${encodeURIComponent(row.repository)}/${row.number}`,
    openedAtMs: row.opened_at_ms,
    closedAtMs: row.closed_at_ms,
    proposalId: row.proposal_id,
  });
}

/** The embedded forge: the added repository itself holds the branches, and this keeps the pull requests. */
export function localForge(db: Database, clock: Clock): Forge {
  const { sqlite } = db;
  const select =
    'select pull.*, repository.name as repository from pull join repository on repository.id = pull.repository_id';
  const one = (where: string, ...values: (string | number)[]): Pull | null => {
    const row = sqlite.prepare(`${select} ${where}`).get(...values);
    return row === undefined ? null : toPull(row);
  };
  const byBranch = (repository: ForgeRepository, branch: string): Pull | null =>
    one('where repository_id = ? and branch = ?', repository.id, branch);
  const byNumber = (repositoryId: string, number: number): Pull | null =>
    one('where repository_id = ? and number = ?', repositoryId, number);
  return {
    kind: 'local',
    // It is in the same database: what was not done before a crash will not be done after it.
    landsWithinMs: () => 0,
    listPulls: async (repository) =>
      ok(sqlite.prepare(`${select} where repository_id = ? order by number desc`).all(repository.id).map(toPull)),
    getPull: async (repository, number) => ok(byNumber(repository.id, number)),
    findPull: async (repository, branch) => ok(byBranch(repository, branch)),
    openPull: async (repository, pull) =>
      db.transaction(() => {
        const already = byBranch(repository, pull.branch);
        if (already) return ok(already);
        sqlite
          .prepare(
            `insert into pull (repository_id, number, title, body, branch, base, commit_id, state, opened_at_ms, proposal_id)
             values (@id, (select coalesce(max(number), 0) + 1 from pull where repository_id = @id), @title, @body, @branch, @base,
               @commit, 'open', @nowMs, @proposalId)`,
          )
          .run({ ...pull, id: repository.id, nowMs: clock.nowMs() });
        const opened = byBranch(repository, pull.branch);
        return opened ? ok(opened) : no(problem('internal', 'The pull request was recorded and cannot be read back.'));
      }),
    closePull: async (repository, number) => {
      sqlite
        .prepare(
          `update pull set state = 'closed', closed_at_ms = ? where repository_id = ? and number = ? and state = 'open'`,
        )
        .run(clock.nowMs(), repository.id, number);
      const closed = byNumber(repository.id, number);
      return closed
        ? ok(closed)
        : no(problem('not_found', `There is no pull request ${number} in ${repository.name}.`));
    },
    ...withoutForge,
    outcome: async (repository, { number }) => {
      const pull = byNumber(repository.id, number);
      if (!pull) return no(problem('not_found', `There is no pull request ${number} in ${repository.name}.`));
      const checks = { state: 'none' as const, total: 0, failed: [] };
      const { state, commit: head, closedAtMs } = pull;
      const nothing = { isDraft: false, mergedAtMs: null, mergeCommit: null, comments: 0, checks };
      return ok({ outcome: { ...nothing, state, head, closedAtMs }, seen: null });
    },
  };
}

/** What only a forge with people on it has. What would be shown there stands in the proposal already. */
const withoutForge: Pick<Forge, 'inspect' | 'mark' | 'comment' | 'requests'> = {
  inspect: async () =>
    ok({
      credential: 'none',
      actsAs: null,
      expiresAtMs: null,
      canRead: true,
      canPush: null,
      canOpenPulls: true,
      canChangeWorkflows: true,
      startsChecks: false,
      isBaseProtected: null,
      isArchived: false,
      missing: [],
    }),
  mark: async () => ok(null),
  comment: async () => ok(null),
  requests: async () => ok([]),
};
