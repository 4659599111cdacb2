import { z } from 'zod';
import { reportPatternsMax } from './helper-wire.ts';
import { Sha256 } from './ids.ts';

export const checkNameMax = 60;
export const checkCommandMax = 2000;
export const checksMax = 20;

/** Names kept of a list that can be as long as a test suite; its `count` is the whole of it. */
export const namedMax = 20;

/** Where a command leaves its test reports: a path with `*` and `**` below the top of the tree, and nowhere else. */
export const ReportPattern = z
  .string()
  .min(1)
  .max(300)
  .refine((path) => !/^[/~]|[\\\p{Cc}]/u.test(path) && !path.split('/').includes('..'), {
    message: 'must be a path below the top of the repository, without ".." and "\\"',
  });

/** One deterministic command on a tree, as the owner set it or as it was detected in the base commit. */
export const CheckDefinition = z.strictObject({
  name: z.string().trim().min(1).max(checkNameMax),
  command: z.string().trim().min(1).max(checkCommandMax),
  source: z.enum(['owner', 'detected', 'policy', 'built_in']),
  /** Files with test results (JUnit XML) that the command writes; they name tests better than its output does. */
  reports: z.array(ReportPattern).max(reportPatternsMax).optional(),
});
export type CheckDefinition = z.infer<typeof CheckDefinition>;

/** What shows the set-up among the checks; no check of a plan has this name. */
export const setUpName = 'set-up';
/** In place of a command: the owner wants no set-up. */
export const noSetUp = 'none';
export const inputPatternsMax = 50;

/** A public host as it stands in a list of hosts: exact, lower-case, no address, no port, nothing that matches more than itself. */
export const HostName = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'is not a host name; write it like "registry.npmjs.org": exact, lower-case, without "https://", port or "*"',
  );

/** The command that fetches what the checks need, and what it may reach: run once on each tree, before its checks. */
export const SetUpDefinition = z.strictObject({
  command: z.string().trim().min(1).max(checkCommandMax),
  source: z.enum(['owner', 'policy', 'detected']),
  /** The only hosts that it reaches. */
  hosts: z.array(HostName),
  /** What it usually needs as well, and budget.json does not allow. */
  lacks: z.array(HostName),
  /** Paths beside manifests and lock files that it reads: a change of one of them is a set-up of its own. */
  inputs: z.array(z.string()),
});
export type SetUpDefinition = z.infer<typeof SetUpDefinition>;

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
  // What follows came later: documents frozen before have none of it, and must stay as they were digested.
  /** How many tests were left out (skipped, pending, to be written); null where nothing says it. */
  skipped: z.int().nullable().optional(),
  /** What is not known about the results and why, in sentences for the owner. */
  notes: z.array(z.string()).optional(),
});
export type CheckSide = z.infer<typeof CheckSide>;

/** Some names of tests, at most `namedMax`, and how many there are. */
export const NamedTests = z.object({ count: z.int(), names: z.array(z.string()) });
export type NamedTests = z.infer<typeof NamedTests>;

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
  /** Passed before, and after neither passing nor failing nor left out: deleted, renamed, or not reached. */
  vanished: NamedTests.optional(),
  /** Passed before, and left out after. */
  leftOut: NamedTests.optional(),
  /** It is no check: it fetched what the checks need, and shows nothing about the change. */
  phase: z.literal('set_up').optional(),
});
export type CheckResult = z.infer<typeof CheckResult>;

/** The check tests something of the project's: it is neither the set-up nor the one that is there when nothing is known. */
export function isTest({ source, phase }: Pick<CheckResult, 'source' | 'phase'>): boolean {
  return source !== 'built_in' && phase === undefined;
}

/** What came of the set-up on the base's tree, when it failed there: then no check ran, and nothing was proved. */
export function failedSetUp(checks: readonly CheckResult[]): CheckSide | null {
  const before = checks.find(({ phase }) => phase === 'set_up')?.before;
  return before === undefined || before.conclusion === 'success' ? null : before;
}

/**
 * How many tests passed before the patch and are not accounted for after it: deleted, left out, or not shown by a run that
 * succeeded. Failing ones are counted elsewhere.
 */
export function testsLost({ before, after, vanished, leftOut }: CheckResult): number {
  const named = (vanished?.count ?? 0) + (leftOut?.count ?? 0);
  const fewer = after.conclusion === 'success' ? (before.passed ?? 0) - (after.passed ?? 0) : 0;
  return Math.max(named, fewer, 0);
}
