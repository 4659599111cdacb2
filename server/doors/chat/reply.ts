import { RequestId } from '#contract/ids.ts';
import { writePrompt } from '../../chain/plan/prompt.ts';
import { sha256, uuidOf } from '../../lib/digest.ts';
import type { Clock, Git, Log } from '../../ports.ts';
import type { Mirrors } from '../../resources/repo/mirror.ts';
import type { Repositories } from '../../resources/repo/store.ts';
import type { Chat, Unanswered } from './store.ts';

/** An answer waits this long, so that what the owner sends in one go is on disk before the first answer takes the disk. */
const replyDelayMs = 20;

interface Parts {
  readonly clock: Clock;
  readonly chat: Chat;
  readonly git: Git;
  readonly mirrors: Mirrors;
  readonly repositories: Repositories;
  readonly log: Log;
}

/**
 * Answers every unanswered message, one after the other. Takes no hint about which: it runs after each message and at start,
 * so a crash between a message and its answer heals itself.
 */
export function replier(parts: Parts): { readonly nudge: () => void; readonly idle: () => Promise<void> } {
  let again = false;
  let running: Promise<void> | null = null;
  const pass = async (): Promise<void> => {
    do {
      again = false;
      for (const message of parts.chat.unanswered()) await reply(parts, message);
    } while (again);
  };
  let cancelTimer: (() => void) | null = null;
  const start = (): void => {
    cancelTimer = null;
    again = true;
    running ??= pass()
      .catch((error: unknown) => parts.log.error({ err: error }, 'message could not be answered'))
      .finally(() => {
        running = null;
      });
  };
  return {
    nudge: () => {
      cancelTimer ??= parts.clock.after(replyDelayMs, start);
    },
    // What still waits stays unanswered in its row, and is answered after the next start.
    idle: async () => {
      cancelTimer?.();
      await running;
    },
  };
}

/** No model is connected: an honest, useful answer, and a prompt that works in any assistant. */
async function reply(parts: Parts, message: Unanswered): Promise<void> {
  const repository = message.repository === null ? onlyOne(parts) : parts.repositories.find(message.repository);
  const answer = { ...emptyAnswer(message), repository: repository?.name ?? null };
  if (!repository || repository.head === null) {
    const text =
      'I have no model connected, so I cannot write this change myself. Choose the repository it is about and send it again: then I can make a prompt for any assistant. Or **paste a diff**: that needs no model, no key and no money.';
    return parts.chat.answer({ ...answer, text, requestDigest: sha256(text) });
  }
  const prompt = await writePrompt(
    parts.git,
    parts.mirrors.gitDir(repository.id),
    repository,
    repository.head,
    message.text,
  );
  const files =
    prompt.files.length === 0 ? 'the list of its paths' : prompt.files.map((path) => `\`${path}\``).join(', ');
  const text = [
    'I have no model connected, so I cannot write this change myself. Two ways on, and neither costs anything:',
    '',
    `1. **Copy the prompt below** into any assistant. It holds your request, ${files} as of \`${repository.head.slice(0, 7)}\`, and the answer format. Paste the answer back here.`,
    '2. **Paste a diff** you already have.',
    '',
    'Either way I apply it exactly, prove it in the sandbox, and show you one screen. Nothing is published before GO.',
  ].join('\n');
  parts.chat.answer({ ...answer, text, prompt: prompt.text, requestDigest: sha256(text) });
}

function onlyOne({ repositories }: Parts) {
  const all = repositories.list();
  return all.length === 1 ? (all[0] ?? null) : null;
}

function emptyAnswer(message: Unanswered) {
  // Derived from the message, so that the answer of a repeated pass is the same entry.
  const id = RequestId.parse(uuidOf(`answer ${message.id}`));
  return {
    id,
    threadId: message.threadId,
    author: 'patchgit' as const,
    jobId: null,
    patchSha256: null,
    patchBytes: null,
    prompt: null,
    problem: null,
    inReplyTo: message.id,
  };
}
