import { z } from 'zod';
import { CheckDefinition, checksMax, inputPatternsMax, SetUpDefinition } from './check.ts';

export const policyFile = '.patchgit.yml';
export const policyBytesMax = 64 * 1024;
const patternsMax = 100;

const Pattern = z.string().min(1).max(300);

/**
 * `.patchgit.yml` at the top of a repository. The one in the BASE commit is what counts, so that a patch cannot weaken what
 * it is judged by; and it can only add: checks, paths that need a second look, paths that are not to be changed, a shorter clock.
 */
export const PolicyFile = z.strictObject({
  checks: z
    .array(CheckDefinition.pick({ name: true, command: true, reports: true }))
    .max(checksMax)
    .default([]),
  /** Changing one of these is high risk and is said at the button. Globs as in Node's path.matchesGlob. */
  protect: z.array(Pattern).max(patternsMax).default([]),
  /** Changing one of these keeps GO shut. */
  forbid: z.array(Pattern).max(patternsMax).default([]),
  /** Wall time of one check; only a shorter one than budget.json allows has an effect. */
  checkSecondsMax: z.int().min(1).optional(),
  /** Where the owner has set none. It adds no host: budget.json says what may be reached. */
  setup: z
    .strictObject({
      command: SetUpDefinition.shape.command,
      /** Globs of what the command reads beside manifests and lock files. */
      inputs: z.array(Pattern).max(inputPatternsMax).default([]),
    })
    .optional(),
  /** What a check needs; where the sandbox here has less, a helper is the way, as far as the caps allow. */
  memoryMiB: z.int().min(64).max(1_048_576).optional(),
});
export type PolicyFile = z.infer<typeof PolicyFile>;

/** What the base says, as the plan shows it. */
export const Policy = z.object({
  found: z.boolean(),
  protect: z.array(z.string()),
  forbid: z.array(z.string()),
  checkSecondsMax: z.int().nullable(),
  memoryMiB: z.int().optional(),
  /** Why the file could not be used: every mistake in it. GO stays shut until the base is mended. */
  mistakes: z.array(z.string()),
});
export type Policy = z.infer<typeof Policy>;

export const noPolicy: Policy = { found: false, protect: [], forbid: [], checkSecondsMax: null, mistakes: [] };
