import { z } from 'zod';
import { DeviceId } from './ids.ts';

export const pinLengthMin = 8;
export const pinLengthMax = 64;

export const Enrol = z.strictObject({
  token: z.string().min(20).max(100),
  deviceName: z.string().trim().min(1).max(60),
});
export const Pin = z.strictObject({ pin: z.string().max(1000) });
export const PinChange = z.strictObject({ current: z.string().max(1000), next: z.string().max(1000) });

/** What the page needs before anything else; answers to anybody, says nothing secret. */
export const Hello = z.object({
  build: z.string(),
  serverTimeMs: z.int(),
  /** unknown_device: only a one-time link helps · choose_pin: first run · locked: PIN asked · open: signed in */
  door: z.enum(['unknown_device', 'choose_pin', 'locked', 'open']),
  /** When throttled: how long this device must wait before the next try. */
  retryAfterMs: z.int(),
});
export type Hello = z.infer<typeof Hello>;

export const Device = z.object({
  id: DeviceId,
  name: z.string(),
  enrolledAtMs: z.int(),
  lastSeenAtMs: z.int().nullable(),
  revokedAtMs: z.int().nullable(),
  current: z.boolean(),
});
export type Device = z.infer<typeof Device>;

/** A fresh one-time link; the secret is in the fragment, so it reaches no log and no Referer. */
export const EnrolLink = z.object({ url: z.string(), expiresAtMs: z.int() });
export type EnrolLink = z.infer<typeof EnrolLink>;
