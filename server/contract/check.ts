import { z } from 'zod';
import { Sha256 } from './ids.ts';

export const checkNameMax = 60;
export const checkCommandMax = 2000;
export const checksMax = 20;

/** One deterministic command on a tree, as the owner set it or as it was detected in the base commit. */
export const CheckDefinition = z.strictObject({
  name: z.string().trim().min(1).max(checkNameMax),
  command: z.string().trim().min(1).max(checkCommandMax),
  source: z.enum(['owner', 'detected', 'policy', 'built_in']),
});
export type CheckDefinition = z.infer<typeof CheckDefinition>;

/** GitHub's words: a status, then a conclusion once it is completed. */
export const CheckConclusion = z.enum(['success', 'failure', 'timed_out', 'cancelled', 'skipped']);
export type CheckConclusion = z.infer<typeof CheckConclusion>;

/** What one run of a check on one tree showed. */
export const CheckSide = z.object({
  conclusion: CheckConclusion,
  exitCode: z.int().nullable(),
  /** Names of failing tests where the output names them; else the check's own name, once, when it failed. */
  failing: z.array(z.string()),
  /** How many tests the output says passed; null where it does not say. */
  passed: z.int().nullable(),
  durationMs: z.int(),
  log: z.object({ sha256: Sha256, bytes: z.int(), omittedBytes: z.int() }),
  /** The limit that ended the run, if one did, in words for the owner ("memory: 512 MiB"). */
  limit: z.string().nullable(),
});
export type CheckSide = z.infer<typeof CheckSide>;

/** A check on the base's tree and on the patched tree. */
export const CheckResult = z.object({
  name: z.string(),
  command: z.string(),
  source: CheckDefinition.shape.source,
  before: CheckSide,
  after: CheckSide,
  /** Failing after and not before, twice in a row. */
  newFailures: z.array(z.string()),
  /** Failed once after and passed when the check was run again: the test is not reliable, and the patch is not to blame. */
  flaky: z.array(z.string()),
});
export type CheckResult = z.infer<typeof CheckResult>;
