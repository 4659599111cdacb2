import { z } from 'zod';
import { Message, Thread, type MessageState, type NewThread } from '#contract/chat.ts';
import type { Sha256 } from '#contract/ids.ts';
import { JobId, RequestId, ThreadId } from '#contract/ids.ts';
import { JobState } from '#contract/job.ts';
import type { Problem } from '#contract/problem.ts';
import { ProposalState } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';

export interface NewMessageRow {
  readonly id: RequestId;
  readonly threadId: ThreadId;
  readonly author: 'owner' | 'patchgit';
  readonly text: string;
  readonly requestDigest: string;
  readonly jobId: JobId | null;
  readonly patchSha256: Sha256 | null;
  readonly patchBytes: number | null;
  readonly prompt: string | null;
  readonly problem: Problem | null;
  readonly inReplyTo: RequestId | null;
  readonly repository: string | null;
}

export interface Unanswered {
  readonly id: RequestId;
  readonly threadId: ThreadId;
  readonly text: string;
  readonly repository: string | null;
}

export interface Chat {
  readonly threads: () => Thread[];
  readonly findThread: (id: string) => Thread | null;
  readonly addThread: (thread: NewThread) => Thread;
  readonly messages: (threadId: string) => Message[];
  readonly findMessage: (id: string) => (Message & { readonly requestDigest: string }) | null;
  /** In the open transaction, so that a message and its job are accepted together. */
  readonly addMessage: (message: NewMessageRow) => void;
  /** The owner's messages that still wait for an answer in words, oldest first. */
  readonly unanswered: () => Unanswered[];
  /** Writes the answer and marks its message, in one transaction. */
  readonly answer: (message: NewMessageRow & { readonly inReplyTo: RequestId }) => void;
}

const Row = z.object({
  seq: z.int(),
  id: RequestId,
  thread_id: ThreadId,
  author: z.enum(['owner', 'patchgit']),
  text: z.string(),
  request_digest: z.string(),
  job_id: JobId.nullable(),
  answered: z.int(),
  patch_bytes: z.int().nullable(),
  prompt: z.string().nullable(),
  problem: z.string().nullable(),
  in_reply_to: RequestId.nullable(),
  repository: z.string().nullable(),
  created_at_ms: z.int(),
  job_state: JobState.nullable(),
  job_problem: z.string().nullable(),
  proposal_state: ProposalState.nullable(),
});

const select = `
  select message.*, job.state as job_state, job.problem as job_problem, proposal.state as proposal_state
  from message
  left join job on job.id = message.job_id
  left join proposal on proposal.id = job.proposal_id`;

/** The delivery state, derived from the job: what the owner sees is never written twice. */
function stateOf(row: z.infer<typeof Row>): MessageState {
  switch (row.job_state) {
    case null:
      return row.answered === 1 || row.author === 'patchgit' ? 'answered' : 'accepted';
    case 'queued':
      return 'queued';
    case 'running':
    case 'cancelling':
      return 'running';
    case 'stopped_at_cap':
      return 'needs_you';
    case 'proposed':
      return row.proposal_state === 'open' ? 'needs_you' : 'answered';
    case 'refused':
    case 'failed':
      return 'failed';
    case 'cancelled':
      return 'stopped';
  }
}

function toMessage(raw: unknown): Message & { requestDigest: string } {
  const row = Row.parse(raw);
  const problem = row.problem ?? row.job_problem;
  const message = Message.parse({
    id: row.id,
    threadId: row.thread_id,
    author: row.author,
    text: row.text,
    state: stateOf(row),
    jobId: row.job_id,
    patchBytes: row.patch_bytes,
    prompt: row.prompt,
    problem: problem === null ? null : JSON.parse(problem),
    inReplyTo: row.in_reply_to,
    repository: row.repository,
    seq: row.seq,
    createdAtMs: row.created_at_ms,
  });
  return { ...message, requestDigest: row.request_digest };
}

const threadColumns = `id, title, created_at_ms as createdAtMs,
  (select created_at_ms from message where thread_id = thread.id order by seq desc limit 1) as lastMessageAtMs`;

export function chatStore(db: Database, ledger: Ledger, clock: Clock): Chat {
  const { sqlite } = db;
  // These three stand between a message and its acknowledgement, so they are prepared once.
  const threadById = sqlite.prepare(`select ${threadColumns} from thread where id = ?`);
  const messageById = sqlite.prepare(`${select} where message.id = ?`);
  const insert = inserter(db, ledger, clock);
  const findThread = (id: string): Thread | null => {
    const row = threadById.get(id);
    return row === undefined ? null : Thread.parse(row);
  };
  return {
    threads: () =>
      sqlite
        .prepare(`select ${threadColumns} from thread order by coalesce(lastMessageAtMs, created_at_ms) desc limit 200`)
        .all()
        .map((row) => Thread.parse(row)),
    findThread,
    addThread: (thread) =>
      db.transaction(() => {
        sqlite
          .prepare('insert into thread (id, title, created_at_ms) values (?, ?, ?)')
          .run(thread.id, thread.title, clock.nowMs());
        ledger.append({ kind: 'thread.created', actor: 'owner', subject: thread.id, body: { title: thread.title } });
        const added = findThread(thread.id);
        assert(added !== null, 'a thread that was added has a row');
        return added;
      }),
    messages: (threadId) =>
      sqlite.prepare(`${select} where thread_id = ? order by message.seq`).all(threadId).map(toMessage),
    findMessage: (id) => {
      const row = messageById.get(id);
      return row === undefined ? null : toMessage(row);
    },
    addMessage: insert,
    unanswered: () =>
      sqlite
        .prepare(
          `select id, thread_id, text, repository from message where author = 'owner' and answered = 0 and job_id is null order by seq`,
        )
        .all()
        .map((raw) => {
          const row = Row.pick({ id: true, thread_id: true, text: true, repository: true }).parse(raw);
          return { id: row.id, threadId: row.thread_id, text: row.text, repository: row.repository };
        }),
    answer: (message) =>
      db.transaction(() => {
        const marked = sqlite
          .prepare(`update message set answered = 1 where id = ? and answered = 0`)
          .run(message.inReplyTo);
        // A second pass over the same message (after a crash in between) finds it answered.
        if (marked.changes === 1) insert(message);
      }),
  };
}

function inserter({ sqlite }: Database, ledger: Ledger, clock: Clock): (message: NewMessageRow) => void {
  const insert = sqlite.prepare(
    `insert into message (id, thread_id, author, text, request_digest, job_id, patch_sha256, patch_bytes, prompt, problem,
       in_reply_to, repository, created_at_ms)
     values (@id, @threadId, @author, @text, @requestDigest, @jobId, @patchSha256, @patchBytes, @prompt, @problem, @inReplyTo,
       @repository, @nowMs)`,
  );
  return (message) => {
    assert(sqlite.inTransaction, 'a message is accepted in one transaction with what it asks for');
    insert.run({
      ...message,
      problem: message.problem === null ? null : JSON.stringify(message.problem),
      nowMs: clock.nowMs(),
    });
    ledger.append({
      kind: message.author === 'owner' ? 'message.accepted' : 'message.answered',
      actor: message.author === 'owner' ? 'owner' : 'system',
      subject: message.id,
      ...(message.jobId === null ? {} : { jobId: message.jobId }),
      // The words stay in their own table; the ledger says that they came, and which they were.
      body: {
        threadId: message.threadId,
        characters: message.text.length,
        digest: message.requestDigest,
        inReplyTo: message.inReplyTo,
      },
    });
  };
}
