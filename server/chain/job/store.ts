import { z } from 'zod';
import type { CheckProgress } from '#contract/job.ts';
import { Job, JobState, Stage } from '#contract/job.ts';
import { JobId, ObjectId, ProposalId, RepositoryId, RequestId, Sha256 } from '#contract/ids.ts';
import type { LedgerKind } from '#contract/ledger.ts';
import { PatchSummary } from '#contract/patch.ts';
import { Problem } from '#contract/problem.ts';
import { OptionKey } from '#contract/option.ts';
import { Plan } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { jobStates, next, type JobEvent } from './states.ts';

/** What the chain itself needs of a job; `Job` of the contract is what the doors show. */
export interface JobRow {
  readonly id: JobId;
  readonly requestId: RequestId;
  readonly requestDigest: string;
  readonly repositoryId: RepositoryId;
  readonly title: string;
  readonly state: JobState;
  readonly stage: Stage;
  readonly baseRef: string;
  readonly baseSha: ObjectId | null;
  readonly receivedSha256: Sha256;
  readonly plan: Plan | null;
  readonly patch: PatchSummary | null;
  readonly proposalId: ProposalId | null;
  readonly problem: Problem | null;
  readonly messageId: RequestId | null;
  /** The way the owner chose instead of the plan's own choice. */
  readonly wantedOption: OptionKey | null;
  readonly attempts: number;
}

export interface NewJobRow {
  readonly requestId: RequestId;
  readonly requestDigest: string;
  readonly repositoryId: RepositoryId;
  readonly title: string;
  readonly baseRef: string;
  readonly receivedSha256: Sha256;
  readonly messageId: RequestId | null;
  readonly wantedOption?: OptionKey;
}

export interface Jobs {
  /** In the open transaction, so that a message and its job are accepted together. */
  readonly add: (job: NewJobRow) => JobId;
  readonly get: (id: JobId) => JobRow;
  readonly find: (id: string) => JobRow | null;
  readonly findByRequest: (requestId: string) => JobRow | null;
  /** Queued or under way, in the order of the queue. */
  readonly open: () => JobRow[];
  /** Moves a job and writes the ledger entry, in one transaction. Asserts that the move is in the table of states. */
  readonly take: (
    id: JobId,
    event: JobEvent,
    entry: { kind: LedgerKind; actor?: 'owner' | 'system'; body?: Record<string, unknown> },
    fields?: { problem?: Problem; proposalId?: ProposalId },
  ) => void;
  readonly planned: (id: JobId, plan: Plan, baseSha: ObjectId) => void;
  readonly patched: (id: JobId, patch: PatchSummary) => void;
  /** In the open transaction: how a job that rests at the cap goes on. */
  readonly want: (id: JobId, option: OptionKey | null) => void;
  readonly enterStage: (id: JobId, stage: Stage) => void;
  readonly show: (id: string, progress: readonly CheckProgress[]) => Job | null;
  readonly list: (limit: number, progressOf: (id: string) => readonly CheckProgress[]) => Job[];
}

const Row = z.object({
  id: JobId,
  request_id: RequestId,
  request_digest: z.string(),
  repository_id: RepositoryId,
  title: z.string(),
  state: JobState,
  stage: Stage,
  stage_started_at_ms: z.int().nullable(),
  base_ref: z.string(),
  base_sha: ObjectId.nullable(),
  received_sha256: Sha256,
  plan: z.string().nullable(),
  patch: z.string().nullable(),
  proposal_id: ProposalId.nullable(),
  problem: z.string().nullable(),
  message_id: RequestId.nullable(),
  wanted_option: OptionKey.nullable(),
  attempts: z.int(),
  queue_order: z.int(),
  created_at_ms: z.int(),
  started_at_ms: z.int().nullable(),
  ended_at_ms: z.int().nullable(),
});

function toRow(row: unknown): JobRow {
  const read = Row.parse(row);
  return {
    id: read.id,
    requestId: read.request_id,
    requestDigest: read.request_digest,
    repositoryId: read.repository_id,
    title: read.title,
    state: read.state,
    stage: read.stage,
    baseRef: read.base_ref,
    baseSha: read.base_sha,
    receivedSha256: read.received_sha256,
    plan: read.plan === null ? null : Plan.parse(JSON.parse(read.plan)),
    patch: read.patch === null ? null : PatchSummary.parse(JSON.parse(read.patch)),
    proposalId: read.proposal_id,
    problem: read.problem === null ? null : Problem.parse(JSON.parse(read.problem)),
    messageId: read.message_id,
    wantedOption: read.wanted_option,
    attempts: read.attempts,
  };
}

interface Parts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
}

export function jobStore(parts: Parts): Jobs {
  const { sqlite } = parts.db;
  const byId = sqlite.prepare('select * from job where id = ?');
  const byRequest = sqlite.prepare('select * from job where request_id = ?');
  const open = sqlite.prepare(
    `select * from job where state in ('queued', 'running', 'cancelling') order by queue_order`,
  );
  const find = (id: string): JobRow | null => {
    const row = byId.get(id);
    return row === undefined ? null : toRow(row);
  };
  const get = (id: JobId): JobRow => {
    const job = find(id);
    assert(job !== null, `job ${id} has a row`);
    return job;
  };
  return {
    add: (job) => add(parts, job),
    get,
    find,
    findByRequest: (requestId) => {
      const row = byRequest.get(requestId);
      return row === undefined ? null : toRow(row);
    },
    open: () => open.all().map(toRow),
    take: (id, event, entry, fields = {}) => parts.db.transaction(() => take(parts, get(id), event, entry, fields)),
    planned: (id, plan, baseSha) =>
      parts.db.transaction(() => {
        update(parts, `plan = ?, base_sha = ? where id = ? and state = 'running'`, JSON.stringify(plan), baseSha, id);
        const { key, size, estimateUsd, worstUsd } = plan.option;
        const body = {
          base: baseSha,
          checks: plan.checks.map((check) => check.name),
          targets: plan.targets.length,
          option: { key, size, estimateUsd, worstUsd },
        };
        parts.ledger.append({ kind: 'job.planned', actor: 'system', subject: id, jobId: id, body });
      }),
    patched: (id, patch) =>
      parts.db.transaction(() => {
        update(parts, `patch = ? where id = ? and state = 'running'`, JSON.stringify(patch), id);
        const { sha256, treeAfter, additions, deletions, mends } = patch;
        const body = { sha256, treeAfter, files: patch.files.length, additions, deletions, mends };
        parts.ledger.append({ kind: 'job.patched', actor: 'system', subject: id, jobId: id, body });
      }),
    want: (id, option) => update(parts, `wanted_option = ? where id = ? and state = 'stopped_at_cap'`, option, id),
    enterStage: (id, stage) =>
      parts.db.transaction(() =>
        update(parts, `stage = ?, stage_started_at_ms = ? where id = ?`, stage, parts.clock.nowMs(), id),
      ),
    show: (id, progress) => {
      const row = byId.get(id);
      return row === undefined ? null : toJob(parts.db, row, progress);
    },
    list: (limit, progressOf) =>
      sqlite
        .prepare<[number], { id: string }>('select * from job order by created_at_ms desc, queue_order desc limit ?')
        .all(limit)
        .map((row) => toJob(parts.db, row, progressOf(row.id))),
  };
}

/** Runs one update and holds it to one row. */
function update({ db }: Parts, assignments: string, ...values: (string | number | null)[]): void {
  assert(
    db.sqlite.prepare(`update job set ${assignments}`).run(...values).changes === 1,
    'exactly one job row changed',
  );
}

function add({ db, ledger, clock, random }: Parts, job: NewJobRow): JobId {
  assert(db.sqlite.inTransaction, 'a job is accepted in the transaction of its request');
  const id = JobId.parse(`job_${random.bytes(6).toString('hex')}`);
  db.sqlite
    .prepare(
      `insert into job (id, request_id, request_digest, repository_id, title, state, stage, base_ref, received_sha256, message_id,
         wanted_option, queue_order, created_at_ms)
       values (@id, @requestId, @requestDigest, @repositoryId, @title, 'queued', 'plan', @baseRef, @receivedSha256, @messageId,
         @wantedOption, (select coalesce(max(queue_order), 0) + 1 from job), @nowMs)`,
    )
    .run({ ...job, wantedOption: job.wantedOption ?? null, id, nowMs: clock.nowMs() });
  const body = { repositoryId: job.repositoryId, title: job.title, base: job.baseRef, received: job.receivedSha256 };
  ledger.append({ kind: 'job.queued', actor: 'owner', subject: id, jobId: id, body });
  return id;
}

function take(
  parts: Parts,
  job: JobRow,
  event: JobEvent,
  entry: { kind: LedgerKind; actor?: 'owner' | 'system'; body?: Record<string, unknown> },
  fields: { problem?: Problem; proposalId?: ProposalId },
): void {
  const to = next(job.state, event);
  assert(to !== null, `a job that is ${job.state} can ${event}`);
  const now = parts.clock.nowMs();
  const ended = jobStates[to].resting && to !== 'stopped_at_cap';
  update(
    parts,
    `state = ?, problem = coalesce(?, problem), proposal_id = coalesce(?, proposal_id), attempts = case ? when 'continue' then 0 else attempts + ? end,
       started_at_ms = coalesce(started_at_ms, ?), ended_at_ms = ? where id = ? and state = ?`,
    to,
    fields.problem === undefined ? null : JSON.stringify(fields.problem),
    fields.proposalId ?? null,
    // What the owner goes on with has its tries again.
    event,
    to === 'running' ? 1 : 0,
    to === 'running' ? now : null,
    ended ? now : null,
    job.id,
    job.state,
  );
  parts.ledger.append({
    kind: entry.kind,
    actor: entry.actor ?? 'system',
    subject: job.id,
    jobId: job.id,
    body: { ...entry.body, ...(fields.problem === undefined ? {} : { problem: fields.problem }) },
  });
}

function toJob(db: Database, raw: unknown, progress: readonly CheckProgress[]): Job {
  const row = toRow(raw);
  const read = Row.parse(raw);
  const more = z.object({ repository: z.string(), bytes: z.int(), ahead: z.int() }).parse(
    db.sqlite
      .prepare(
        `select (select name from repository where id = @repositoryId) as repository,
             (select bytes from artifact where sha256 = @received) as bytes,
             (select count(*) from job where state in ('queued', 'running', 'cancelling') and queue_order < @order) as ahead`,
      )
      .get({ repositoryId: row.repositoryId, received: row.receivedSha256, order: read.queue_order }),
  );
  return Job.parse({
    id: row.id,
    requestId: row.requestId,
    repositoryId: row.repositoryId,
    repository: more.repository,
    title: row.title,
    state: row.state,
    stage: row.stage,
    stageStartedAtMs: read.stage_started_at_ms,
    base: { ref: row.baseRef, sha: row.baseSha },
    received: { sha256: row.receivedSha256, bytes: more.bytes },
    plan: row.plan,
    progress,
    proposalId: row.proposalId,
    problem: row.problem,
    messageId: row.messageId,
    ahead: row.state === 'queued' ? more.ahead : 0,
    attempts: row.attempts,
    createdAtMs: read.created_at_ms,
    startedAtMs: read.started_at_ms,
    endedAtMs: read.ended_at_ms,
  });
}
