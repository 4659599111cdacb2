import type { ForgeRequest } from '#contract/forge.ts';
import type { RepositoryId } from '#contract/ids.ts';
import type { Repository } from '#contract/repository.ts';
import type { Accepting } from '../../chain/job/accept.ts';
import { never } from '../../lib/assert.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Problem } from '#contract/problem.ts';
import type { Clock, Forge, Log } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import { acceptMessage } from '../chat/accept.ts';
import type { Chat } from '../chat/store.ts';
import { intakeLabel, intakeWord, isOfIssue, judge, messageOf } from './decide.ts';
import type { Intakes } from './store.ts';

export interface IntakeParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly forge: Forge;
  readonly repositories: Repositories;
  readonly chat: Chat;
  readonly accepting: Accepting;
  readonly replyLater: () => void;
  readonly intakes: Intakes;
  /** Whose requests count; asked of the forge, so it may fail. */
  readonly ownerLogin: () => Promise<Result<string | null, Problem>>;
  /** Where a browser finds this patchgit, or null. */
  readonly publicUrl: string | null;
  /** When each repository was last looked at in full, since this process began. */
  readonly lookedAtMs: Map<RepositoryId, number>;
}

/** A forge lists what changed since a moment by its own clock, and not always at once. */
const overlapMs = 60 * 60_000;

/**
 * Takes what the owner asked for on the forge, and records what somebody else did. A reconciler: it looks at the forge's own list,
 * whoever said that there is something new, and every request is one row, so nothing is taken twice. Text from there is data.
 */
export async function takeRequests(parts: IntakeParts, repository: Repository, signal: AbortSignal): Promise<void> {
  if (repository.forge === 'local') return;
  const { intakes, forge, log, clock, lookedAtMs } = parts;
  const nowMs = clock.nowMs();
  // A forge tells times in whole seconds, so what was asked right after the repository was added seems to be older.
  const addedAtMs = Math.floor(repository.addedAtMs / 1000) * 1000;
  const seenMs = Math.max(intakes.newestAtMs(repository.id) ?? 0, lookedAtMs.get(repository.id) ?? 0);
  const sinceMs = Math.max(addedAtMs, seenMs - overlapMs);
  const listed = await forge.requests(repository, { label: intakeLabel, word: intakeWord, sinceMs });
  if (!listed.ok) {
    log.warn({ repository: repository.name, code: listed.why.code }, 'the requests on the forge could not be listed');
    return;
  }
  // What was said before the repository was added was not said to patchgit; but an older issue may get the label at any time.
  const fresh = listed.value.filter(
    ({ key, createdAtMs }) => (isOfIssue(key) || createdAtMs >= addedAtMs) && !intakes.has(repository.id, key),
  );
  if (fresh.length > 0) {
    const owner = await parts.ownerLogin();
    // Without knowing who the owner is nothing is taken, and nothing ignored for good.
    if (!owner.ok) return;
    for (const request of fresh) {
      if (signal.aborted) return;
      await takeOne(parts, repository, request, judge(request, owner.value));
    }
  }
  lookedAtMs.set(repository.id, nowMs);
  await answer(parts, repository, signal);
}

async function takeOne(
  parts: IntakeParts,
  repository: Repository,
  request: ForgeRequest,
  verdict: ReturnType<typeof judge>,
): Promise<void> {
  const { db, ledger, intakes, chat } = parts;
  const { key, author, number, url } = request;
  const body = { repository: repository.name, key, author, number, url };
  switch (verdict) {
    case 'ignored':
      db.transaction(() => {
        intakes.add(repository.id, request, 'ignored', null);
        ledger.append({ kind: 'intake.ignored', actor: 'stranger', subject: repository.id, body });
      });
      return;
    case 'accepted': {
      const { threadId, threadTitle, messageId, text } = messageOf(repository, request);
      const thread = chat.findThread(threadId) ?? chat.addThread({ id: threadId, title: threadTitle });
      // Taken and recorded are two steps: the ids come from the request, so what a crash left between them is found again, also when
      // the text was changed on the forge meanwhile, or the repository's name here.
      const there = chat.findMessage(messageId);
      const asked = { id: messageId, text, repository: repository.name };
      const message = there === null ? await acceptMessage(parts, thread.id, asked) : ok(there);
      db.transaction(() => {
        intakes.add(repository.id, request, 'accepted', message.ok ? messageId : null);
        ledger.append(
          message.ok
            ? { kind: 'intake.accepted', actor: 'owner', subject: repository.id, body: { ...body, messageId } }
            : {
                kind: 'intake.refused',
                actor: 'owner',
                subject: repository.id,
                body: { ...body, problem: message.why },
              },
        );
      });
      return;
    }
    default:
      never(verdict);
  }
}

/** Tells the forge where to look, once. */
async function answer(parts: IntakeParts, repository: Repository, signal: AbortSignal): Promise<void> {
  const { db, forge, intakes, log, publicUrl } = parts;
  for (const { key, number, messageId } of intakes.unanswered(repository.id)) {
    if (signal.aborted) return;
    const where = publicUrl === null ? 'in the chat' : `at ${publicUrl}/`;
    const text = `Taken by patchgit: the answer stands ${where}. Nothing is published before GO.`;
    const told = await forge.comment(repository, { number, key: `intake:${messageId}`, text });
    // Not known, or not now: the next pass asks, and a comment with this key is never made twice.
    if (!told.ok && ['forge_unreachable', 'forge_rate_limited'].includes(told.why.code)) return;
    if (!told.ok) log.warn({ repository: repository.name, key, code: told.why.code }, 'a request was not answered');
    db.transaction(() => intakes.answered(repository.id, key));
  }
}
