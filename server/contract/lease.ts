import { z } from 'zod';
import { JobId, Sha256 } from './ids.ts';
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

/** What a helper is for: a job's checks, an image for later ones, or the trial of such an image. */
export const LeaseKind = z.enum(['work', 'bake', 'probe']);
export type LeaseKind = z.infer<typeof LeaseKind>;

/** What cloud-init printed on a helper, with credentials masked; the end of it, when it was longer than is kept. */
export const BootLog = z.object({
  sha256: Sha256,
  /** As it is kept. */
  bytes: z.int(),
  /** Where patchgit itself answers with it, as plain text. */
  path: z.string(),
});
export type BootLog = z.infer<typeof BootLog>;

/** One helper from its row to its confirmed end, as the doors show it. */
export const Lease = z.object({
  id: LeaseId,
  kind: LeaseKind.default('work'),
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
  /** When the cloud answered that it is made; null when it never answered. */
  createdAtMs: z.int().nullable().default(null),
  readyAtMs: z.int().nullable(),
  destroyAskedAtMs: z.int().nullable(),
  goneAtMs: z.int().nullable(),
  deadlineAtMs: z.int(),
  /** When the cloud last said that it is (not) there. */
  checkedAtMs: z.int().nullable(),
  /** What went wrong, in a sentence for the owner. */
  trouble: z.string().nullable(),
  /** null: not fetched, or not yet. */
  bootLog: BootLog.nullable().default(null),
  /** Why it was not fetched from a machine that had answered, in a sentence; null also when nobody has come so far. */
  bootLogTrouble: z.string().nullable().default(null),
});
export type Lease = z.infer<typeof Lease>;

export const BakeId = z
  .string()
  .regex(/^bake_[0-9a-f]{12}$/, 'is not an id of the form bake_…')
  .brand<'bake'>();
export type BakeId = z.infer<typeof BakeId>;

/**
 * building: a helper installs what images hold. snapshotting: it is off, and the cloud was asked for a snapshot of it. probing: it is
 * gone, and a helper is booted from the snapshot. good: that one was ready, so the image is used. failed: its snapshot is deleted.
 */
export const BakeState = z.enum(['building', 'snapshotting', 'probing', 'good', 'failed']);
export type BakeState = z.infer<typeof BakeState>;

/** One `patchgit helper bake`, as the doors show it. */
export const Bake = z.object({
  id: BakeId,
  state: BakeState,
  /** What its snapshot is called at the cloud. */
  name: z.string(),
  region: z.string().nullable(),
  startedAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  trouble: z.string().nullable(),
});
export type Bake = z.infer<typeof Bake>;

/** A baked image that was tried. It is billed by the month as long as the cloud keeps it. */
export const HelperImage = z.object({
  /** Of the snapshot. */
  id: z.int(),
  name: z.string(),
  region: z.string(),
  sizeGiB: z.number().nullable(),
  usdPerMonth: z.number().nullable(),
  bakedAtMs: z.int(),
  /** The one that the next helper in its region is made of. */
  isCurrent: z.boolean(),
});
export type HelperImage = z.infer<typeof HelperImage>;

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
  /** The newest, under way or over; null: there was none. */
  bake: Bake.nullable().default(null),
  /** The newest first. */
  images: z.array(HelperImage).default([]),
  asOfMs: z.int(),
});
export type HelperView = z.infer<typeof HelperView>;
