import { z } from 'zod';

const usd = z.number().min(0).max(1_000_000);

/** Longest a check may be allowed to take; a job holds the lock meanwhile. */
const checkSecondsLimit = 6 * 60 * 60;

/** budget.json, the owner's file at the top level. Unknown keys are refused (DESIGN section 7). */
export const BudgetFile = z.strictObject({
  caps: z.strictObject({ hourUsd: usd, dayUsd: usd }),
  /** IANA name, for example "Europe/Berlin": the day of the day cap is the owner's calendar day. */
  timeZone: z
    .string()
    .refine((zone) => isTimeZone(zone), 'is not a time zone known here; use a name like "Europe/Berlin"'),
  proof: z.strictObject({
    /** Wall time of one check on one tree. */
    checkSecondsMax: z.int().min(1).max(checkSecondsLimit),
  }),
});
export type BudgetFile = z.infer<typeof BudgetFile>;

function isTimeZone(zone: string): boolean {
  // The first use of Intl reads 8 MiB of tables into the daemon; whoever keeps UTC need not pay for them.
  if (zone === 'UTC') return true;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const BudgetWindow = z.object({
  capUsd: z.number(),
  spentUsd: z.number(),
  pendingUsd: z.number(),
  leftUsd: z.number(),
});
export const Budget = z.object({
  hour: BudgetWindow,
  day: BudgetWindow,
  timeZone: z.string(),
  reservations: z.array(z.never()),
  asOfMs: z.int(),
});
export type Budget = z.infer<typeof Budget>;
