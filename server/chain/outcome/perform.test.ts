import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullOutcome } from '#contract/forge.ts';
import { ProposalId, ObjectId, type RepositoryId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { localForge } from '../../adapters/local-forge.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Forge, PullMarks } from '../../ports.ts';
import { repositoryStore } from '../../resources/repo/store.ts';
import { documentOf, testRepository } from '../../testing/documents.ts';
import { addTestJob } from '../../testing/money-record.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { proposalStore } from '../proposal/store.ts';
import { findOutcomes, type OutcomeParts } from './perform.ts';
import { outcomeStore } from './store.ts';

const commit = ObjectId.parse('d'.repeat(40));
const repositoryId = testRepository.id;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const minute = 60_000;

let record: TestRecord;
let parts: OutcomeParts;
/** What the forge says next, and what it was asked. */
let says: Result<{ outcome: PullOutcome; seen: string | null } | null, Problem>;
let marking: Result<null, Problem>;
let asked: { seen: (string | null)[]; marks: PullMarks[] };

const outcome = (changed: Partial<PullOutcome> = {}): PullOutcome => ({
  state: 'open',
  isDraft: false,
  head: commit,
  mergedAtMs: null,
  mergeCommit: null,
  closedAtMs: null,
  comments: 0,
  checks: { state: 'none', total: 0, failed: [] },
  ...changed,
});
const failing = { state: 'failure', total: 2, failed: [{ name: 'ci', conclusion: 'failure', url: null, text: 'no' }] };

beforeEach(() => {
  record = testRecord();
  const { db, clock, ledger } = record;
  asked = { seen: [], marks: [] };
  says = ok({ outcome: outcome(), seen: 'etag-1' });
  marking = ok(null);
  const forge: Forge = {
    ...localForge(db, clock),
    kind: 'github',
    outcome: (_, __, seen) => {
      asked.seen.push(seen);
      return Promise.resolve(says);
    },
    mark: (_, marks) => {
      asked.marks.push(marks);
      return Promise.resolve(marking);
    },
  };
  parts = {
    db,
    clock,
    log: quiet,
    git: hardenedGit({ path: process.env['PATH'] ?? '' }),
    forge,
    mirrors: { gitDir: () => record.folder },
    repositories: repositoryStore(db, ledger, clock, systemRandom()),
    proposals: proposalStore(db, ledger, clock),
    outcomes: outcomeStore(db),
  };
});
afterEach(() => record.close());

/** A published proposal, as GO leaves it. */
function publish(number: number): ProposalId {
  const { sqlite } = record.db;
  const digits = number.toString(16).padStart(12, '0');
  const id = ProposalId.parse(`prop_${digits}`);
  addTestJob(record.db, `job_${digits}`, 'proposed');
  sqlite.prepare(`update repository set forge = 'github'`).run();
  const document = { ...documentOf(), id, jobId: `job_${digits}` };
  sqlite
    .prepare(
      `insert into proposal (id, job_id, repository_id, digest, document, state, created_at_ms) values (?, ?, ?, 'd', ?, 'published', 1)`,
    )
    .run(id, `job_${digits}`, repositoryId, JSON.stringify(document));
  sqlite
    .prepare(
      `insert into publication (proposal_id, branch, commit_id, tree, step, pull_number, decided_at_ms) values (?, ?, ?, ?, 'opened', ?, 1)`,
    )
    .run(id, `patchgit/${number}`, number === 1 ? commit : digits.padEnd(40, 'e'), commit, number);
  return id;
}

const look = (): Promise<boolean> => findOutcomes(parts, new AbortController().signal);
const kinds = (): string[] =>
  record.ledger
    .list({ limit: 100 })
    .entries.map(({ kind }) => kind)
    .filter((kind) => kind.startsWith('outcome.'))
    .toReversed();
const history = (repository: RepositoryId = repositoryId) => parts.proposals.history(repository, 'low');
const shown = (id: ProposalId) => parts.proposals.get(id)?.outcome;

describe('what became of a pull request', () => {
  it('is asked at once, marked once, and shown with the proposal', async () => {
    const id = publish(1);
    expect(await look()).toBe(true);
    expect(asked.marks).toEqual([
      {
        number: 1,
        commit,
        labels: [],
        status: { state: 'success', description: '0 failing before, 0 after, 0 new (base sandbox)' },
      },
    ]);
    expect(shown(id)).toMatchObject({ state: 'open', checkedAtMs: record.clock.nowMs(), trouble: null });
    // Nothing is due yet.
    expect(await look()).toBe(false);
    record.clock.advance(minute / 2);
    says = ok(null);
    await look();
    expect(asked.seen).toEqual([null, 'etag-1']);
    expect(asked.marks).toHaveLength(1);
    expect(kinds()).toEqual([]);
  });

  it('raises the confidence when it was merged, once, and is then left alone', async () => {
    const id = publish(1);
    await look();
    expect(history()).toEqual({ kept: 0, undoneOrRejected: 0 });
    record.clock.advance(minute);
    says = ok({ outcome: outcome({ state: 'merged', mergedAtMs: 5 }), seen: 'etag-2' });
    await look();
    expect(history()).toEqual({ kept: 1, undoneOrRejected: 0 });
    expect(parts.proposals.get(id)).toMatchObject({
      publication: { pr: { state: 'merged' } },
      outcome: { mergedAtMs: 5 },
    });
    expect(kinds()).toEqual(['outcome.merged']);
    record.clock.advance(400 * 24 * 60 * minute);
    expect(await look()).toBe(false);
  });

  it('lowers the confidence when it was closed, or when its CI fails, and no more once that is mended', async () => {
    publish(1);
    await look();
    record.clock.advance(minute);
    says = ok({ outcome: outcome({ checks: failing as PullOutcome['checks'] }), seen: null });
    await look();
    expect(history()).toEqual({ kept: 0, undoneOrRejected: 1 });
    record.clock.advance(minute);
    says = ok({ outcome: outcome({ checks: { state: 'success', total: 2, failed: [] } }), seen: null });
    await look();
    expect(history()).toEqual({ kept: 0, undoneOrRejected: 0 });
    record.clock.advance(minute);
    says = ok({ outcome: outcome({ state: 'closed' }), seen: null });
    await look();
    expect(history()).toEqual({ kept: 0, undoneOrRejected: 1 });
    expect(kinds()).toEqual(['outcome.checks_failed', 'outcome.checks_passed', 'outcome.closed']);
    const [entry] = record.ledger.list({ limit: 1, kind: 'outcome.checks_failed' }).entries;
    expect(entry?.body).toEqual({ number: 1, failed: [{ name: 'ci', conclusion: 'failure' }] });
  });

  it('is not known while the forge does not answer, and says since when', async () => {
    const id = publish(1);
    await look();
    const lookedAtMs = record.clock.nowMs();
    record.clock.advance(minute);
    says = no(problem('forge_rate_limited', 'GitHub asks to wait.', { retryAfterMs: 60 * minute }));
    await look();
    expect(shown(id)).toMatchObject({ state: 'open', checkedAtMs: lookedAtMs, trouble: 'GitHub asks to wait.' });
    record.clock.advance(59 * minute);
    expect(await look()).toBe(false);
    record.clock.advance(minute);
    says = ok(null);
    expect(await look()).toBe(true);
    expect(shown(id)).toMatchObject({ checkedAtMs: record.clock.nowMs(), trouble: null });
  });

  it('is marked again when it is not known whether it was, and not when the forge refused', async () => {
    publish(1);
    marking = no(problem('forge_unreachable', 'No answer.'));
    await look();
    record.clock.advance(minute);
    marking = no(problem('forge_forbidden', 'The token may not set a status.'));
    await look();
    record.clock.advance(minute);
    await look();
    expect(asked.marks).toHaveLength(2);
    expect(kinds()).toEqual(['outcome.not_marked']);
  });

  it('is looked at soon when somebody says that something happened, and only where', async () => {
    const [first, second] = [publish(1), publish(2)];
    await look();
    const before = asked.seen.length;
    record.db.transaction(() => parts.outcomes.hurry(repositoryId, 2, record.clock.nowMs()));
    await look();
    expect(asked.seen).toHaveLength(before + 1);
    expect(shown(first)).toBeDefined();
    expect(shown(second)).toBeDefined();
    record.db.transaction(() => parts.outcomes.hurry(repositoryId, null, record.clock.nowMs()));
    await look();
    expect(asked.seen).toHaveLength(before + 3);
  });

  it('is not asked for what was undone', async () => {
    const id = publish(1);
    record.db.sqlite.prepare(`update proposal set state = 'undone' where id = ?`).run(id);
    expect(await look()).toBe(false);
    expect(asked).toEqual({ seen: [], marks: [] });
    expect(history()).toEqual({ kept: 0, undoneOrRejected: 1 });
  });

  it('ends between two looks when it is stopped', async () => {
    publish(1);
    publish(2);
    const abort = new AbortController();
    abort.abort();
    await findOutcomes(parts, abort.signal);
    expect(asked.seen).toEqual([]);
  });
});
