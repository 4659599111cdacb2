import { z } from 'zod';
import { JobId, RequestId, ThreadId } from './ids.ts';
import { patchBytesMax } from './patch.ts';
import { Problem } from './problem.ts';
import { RefName } from './repository.ts';

export const messageTextMax = 100_000;
export const threadTitleMax = 120;

export const NewThread = z.strictObject({ id: ThreadId, title: z.string().trim().min(1).max(threadTitleMax) });
export type NewThread = z.infer<typeof NewThread>;

export const Thread = z.object({
  id: ThreadId,
  title: z.string(),
  createdAtMs: z.int(),
  lastMessageAtMs: z.int().nullable(),
});
export type Thread = z.infer<typeof Thread>;

export const NewMessage = z.strictObject({
  id: RequestId,
  text: z.string().max(messageTextMax),
  /** Which repository the owner had chosen, by name; needed when the message carries a patch. */
  repository: z.string().max(100).nullable().optional(),
  base: RefName.nullable().optional(),
  /** Bytes of a pasted or attached diff, base64, so that CR and invalid UTF-8 survive. */
  patchBase64: z
    .base64()
    .max(Math.ceil((patchBytesMax * 4) / 3) + 4)
    .optional(),
  /** The failed message this one tries again, if it does. */
  retryOf: RequestId.optional(),
});
export type NewMessage = z.infer<typeof NewMessage>;

/** Server side of the delivery states; `sending` and `not sent` exist only in the browser. */
export const MessageState = z.enum(['accepted', 'queued', 'running', 'needs_you', 'answered', 'failed', 'stopped']);
export type MessageState = z.infer<typeof MessageState>;

export const Message = z.object({
  id: RequestId,
  threadId: ThreadId,
  author: z.enum(['owner', 'patchgit']),
  text: z.string(),
  state: MessageState,
  jobId: JobId.nullable(),
  /** Size of the attached patch, if any. */
  patchBytes: z.int().nullable(),
  /** For an answer in words: a prompt to copy into any assistant. */
  prompt: z.string().nullable(),
  problem: Problem.nullable(),
  inReplyTo: RequestId.nullable(),
  repository: z.string().nullable(),
  seq: z.int(),
  createdAtMs: z.int(),
});
export type Message = z.infer<typeof Message>;
