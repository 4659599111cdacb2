import { Buffer } from 'node:buffer';
import type { Message, NewMessage, NewThread, Thread } from '#contract/chat.ts';
import { Sha256, type ThreadId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { assert } from '../../lib/assert.ts';
import { sha256 } from '../../lib/digest.ts';
import { redactText } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Accepting } from '../../chain/job/accept.ts';
import type { Database } from '../../record/db/open.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Chat, NewMessageRow } from './store.ts';

interface Parts {
  readonly db: Database;
  readonly chat: Chat;
  readonly accepting: Accepting;
  readonly repositories: Repositories;
  /** Answers messages in words; runs by itself after the message is on disk. */
  readonly replyLater: () => void;
}

/** The same id again is the first result; with another title it is a conflict. */
export function acceptThread({ chat }: Pick<Parts, 'chat'>, thread: NewThread): Result<Thread, Problem> {
  const already = chat.findThread(thread.id);
  if (!already) return ok(chat.addThread(thread));
  return already.title === thread.title
    ? ok(already)
    : no(problem('id_conflict', 'This thread id was used with another title.'));
}

/**
 * Accepts a message: on disk before it is answered. A diff in it (attached, or as the text itself) becomes a job in the same
 * transaction.
 */
export async function acceptMessage(
  parts: Parts,
  threadId: ThreadId,
  message: NewMessage,
): Promise<Result<Message, Problem>> {
  const { chat, db } = parts;
  if (!chat.findThread(threadId)) return no(problem('not_found', 'There is no such thread. Reload the page.'));
  const requestDigest = sha256(
    JSON.stringify([threadId, message.text, message.repository, message.base, message.patchBase64]),
  );
  const already = chat.findMessage(message.id);
  if (already) {
    return already.requestDigest === requestDigest
      ? ok(already)
      : no(problem('id_conflict', 'This message id was used for something else.'));
  }
  const patch = patchIn(message);
  if (patch === null && message.text.trim() === '')
    return no(problem('invalid_body', 'The message is empty. Write what to change, or attach a diff.'));
  const row: NewMessageRow = {
    id: message.id,
    threadId,
    author: 'owner',
    text: redactText(message.text),
    requestDigest,
    jobId: null,
    patchSha256: null,
    patchBytes: null,
    prompt: null,
    problem: null,
    inReplyTo: null,
    repository: message.repository ?? null,
  };
  const shown = (): Message => {
    const found = chat.findMessage(message.id);
    assert(found !== null, 'an accepted message has a row');
    return found;
  };
  if (patch === null) {
    db.transaction(() => chat.addMessage(row));
    // Answering starts git; that the message is kept is said first.
    parts.replyLater();
    return ok(shown());
  }
  const repository = chooseRepository(parts, message);
  if (!repository.ok) return repository;
  const job = await parts.accepting.accept(
    {
      id: message.id,
      repository: repository.value,
      base: message.base ?? undefined,
      title: titleIn(message, patch),
      patch,
      messageId: message.id,
    },
    (jobId) => {
      const patchSha256 = Sha256.parse(sha256(patch));
      chat.addMessage({ ...row, jobId, patchSha256, patchBytes: patch.length, repository: repository.value });
      return null;
    },
  );
  if (!job.ok) return job;
  // The id may belong to a job that came without a message.
  return chat.findMessage(message.id) === null
    ? no(problem('id_conflict', 'This message id was used for something else.'))
    : ok(shown());
}

function chooseRepository({ repositories }: Parts, message: NewMessage): Result<string, Problem> {
  if (message.repository) return ok(message.repository);
  const all = repositories.list();
  const [only] = all;
  if (all.length === 1 && only) return ok(only.name);
  return no(
    problem(
      'invalid_body',
      all.length === 0 ? 'There is no repository yet. Add one first.' : 'Choose the repository this patch is for.',
    ),
  );
}

const looksLikeDiff =
  /^(?:>? ?)(?:diff --git |--- [^\n]+\n>? ?\+\+\+ | {0,3}\*\*\* Begin Patch|\*{15}$|(?:<{5,9}|-{5,9}) ?(?:SEARCH|ORIGINAL)\b)/m;

/** The attached bytes, or the text itself when it is a diff. */
function patchIn(message: NewMessage): Buffer | null {
  if (message.patchBase64 !== undefined) return Buffer.from(message.patchBase64, 'base64');
  return looksLikeDiff.test(message.text) ? Buffer.from(message.text, 'utf8') : null;
}

/** With an attached patch the first line of the words is the title; a diff as text has no words of its own. */
function titleIn(message: NewMessage, patch: Buffer): string | undefined {
  if (message.patchBase64 === undefined || patch.equals(Buffer.from(message.text, 'utf8'))) return undefined;
  return message.text.trim().split('\n')[0]?.slice(0, 120) || undefined;
}
