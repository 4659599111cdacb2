import { z } from 'zod';
import { JobId } from './ids.ts';
import { ReservationId } from './spend.ts';

export const LeaseId = z
  .string()
  .regex(/^lease_[0-9a-f]{12}$/, 'is not an id of the form lease_…')
  .brand<'lease'>();
export type LeaseId = z.infer<typeof LeaseId>;

/**
 * planned: a row, nothing was asked of the cloud. creating: the one POST is on its way or was answered. unknown: it was sent and
 * never answered. booting, ready: the machine is there. destroying: until the cloud has confirmed, twice, that it is gone. gone.
 */
export const LeaseState = z.enum(['planned', 'creating', 'unknown', 'booting', 'ready', 'destroying', 'gone']);
export type LeaseState = z.infer<typeof LeaseState>;

/** One helper from its row to its confirmed end, as the doors show it. */
export const Lease = z.object({
  id: LeaseId,
  name: z.string(),
  state: LeaseState,
  region: z.string(),
  size: z.string(),
  image: z.string(),
  jobId: JobId.nullable(),
  reservationId: ReservationId.nullable(),
  machineId: z.int().nullable(),
  address: z.string().nullable(),
  usdPerHour: z.number(),
  /** Booked so far, by time; the final amount once it is gone. */
  costUsd: z.number(),
  askedAtMs: z.int().nullable(),
  readyAtMs: z.int().nullable(),
  destroyAskedAtMs: z.int().nullable(),
  goneAtMs: z.int().nullable(),
  deadlineAtMs: z.int(),
  /** When the cloud last said that it is (not) there. */
  checkedAtMs: z.int().nullable(),
  /** What went wrong, in a sentence for the owner. */
  trouble: z.string().nullable(),
});
export type Lease = z.infer<typeof Lease>;

/** What the helper page and `patchgit helper status` show. */
export const HelperView = z.object({
  /** A sentence when no helper can be had, with what to add. */
  unavailable: z.string().nullable(),
  /** The one that exists or may exist; null: none, confirmed. */
  current: Lease.nullable(),
  /** The newest first. */
  past: z.array(Lease),
  /** Machines of this installation that no lease owns, being destroyed. */
  strays: z.array(z.object({ id: z.int(), name: z.string() })),
  asOfMs: z.int(),
});
export type HelperView = z.infer<typeof HelperView>;
