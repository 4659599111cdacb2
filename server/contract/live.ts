import { z } from 'zod';
import { LedgerEntry } from './ledger.ts';

/** Protocol of the live stream. The client connects to /api/live?after=N and gets everything after N. */
export const heartbeatMs = 8_000;
/** A client that heard nothing for this long treats the link as dead (notes/web.md R6). */
export const linkDeadlineMs = 20_000;
export const replayBatchMax = 200;

export const LiveFrame = z.discriminatedUnion('type', [
  /** First frame. `installId` differs after a restore: then the client must reload its snapshot. */
  z.object({ type: z.literal('hello'), installId: z.string(), seq: z.int(), serverTimeMs: z.int(), build: z.string() }),
  z.object({ type: z.literal('entries'), entries: z.array(LedgerEntry) }),
  /** Not in the ledger and not replayed: the tail of a running check's output. */
  z.object({
    type: z.literal('output'),
    jobId: z.string(),
    check: z.string(),
    side: z.enum(['before', 'after']),
    text: z.string(),
  }),
  z.object({ type: z.literal('heartbeat'), seq: z.int(), serverTimeMs: z.int() }),
]);
export type LiveFrame = z.infer<typeof LiveFrame>;
