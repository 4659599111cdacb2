import { z } from 'zod';
import { CheckDefinition, checksMax, SetUpDefinition } from './check.ts';
import { ObjectId, RepositoryId } from './ids.ts';

/** A name the owner can type on a command line and see in a URL. */
export const RepositoryName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/i,
    'use 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
  );
export const RepositoryUrl = z.string().trim().min(1).max(2048);
/** A branch (or tag, or commit) as the owner names it; git has the last word on it. */
export const RefName = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .regex(/^[^\s~^:?*[\\\p{Cc}-][^\s~^:?*[\\\p{Cc}]*$/u, 'is not a name git accepts for a branch');

/** A command, or "none"; null goes back to what is detected in the base commit. */
const OwnerSetUp = SetUpDefinition.shape.command;

export const labelsMax = 10;
/** GitHub's limit for the name of a label, in characters. */
export const labelCharactersMax = 50;
const Label = z
  .string()
  .trim()
  .min(1)
  .max(labelCharactersMax)
  .regex(/^[^\p{Cc}\p{Cf}\u2028\u2029]*$/u, 'has characters that cannot be seen');

/** How pull requests are opened there, set by the owner. */
export const PullSettings = z.strictObject({
  isDraft: z.boolean(),
  /** GitHub tells them apart without letter case. */
  labels: z
    .array(Label)
    .max(labelsMax)
    .refine((labels) => new Set(labels.map((label) => label.toLowerCase())).size === labels.length, {
      message: 'names a label twice',
    }),
});
export type PullSettings = z.infer<typeof PullSettings>;

export const NewRepository = z.strictObject({
  name: RepositoryName,
  url: RepositoryUrl,
  checks: z
    .array(CheckDefinition.pick({ name: true, command: true }))
    .max(checksMax)
    .optional(),
  formatter: z.string().trim().max(2000).nullable().optional(),
  setUp: OwnerSetUp.nullable().optional(),
});
export type NewRepository = z.infer<typeof NewRepository>;

export const RepositoryChange = z.strictObject({
  /** null goes back to what is detected in the base commit. */
  checks: z
    .array(CheckDefinition.pick({ name: true, command: true }))
    .max(checksMax)
    .nullable()
    .optional(),
  formatter: z.string().trim().max(2000).nullable().optional(),
  setUp: OwnerSetUp.nullable().optional(),
  author: z
    .strictObject({ name: z.string().trim().min(1).max(100), email: z.string().trim().min(3).max(200) })
    .nullable()
    .optional(),
  /** What is left out stays as it is; null goes back to a pull request that is ready, without labels. */
  pulls: PullSettings.partial().nullable().optional(),
});
export type RepositoryChange = z.infer<typeof RepositoryChange>;

export const Repository = z.object({
  id: RepositoryId,
  name: z.string(),
  url: z.string(),
  forge: z.enum(['local', 'github']),
  defaultBranch: z.string(),
  /** Tip of the default branch when the mirror was last fetched. */
  head: ObjectId.nullable(),
  fetchedAtMs: z.int().nullable(),
  /** Set by the owner; null means: detect in the base commit. */
  checks: z.array(CheckDefinition).nullable(),
  /** What was found in the tip of the default branch; used while `checks` is null. */
  detectedChecks: z.array(CheckDefinition),
  formatter: z.string().nullable(),
  detectedFormatter: z.string().nullable(),
  /** A command, or "none"; null: the base commit says, by its policy or by its files. */
  setUp: z.string().nullable().optional(),
  /** null: nothing is to be installed, as far as the files say. Absent: not looked yet. */
  detectedSetUp: z.string().nullable().optional(),
  author: z.object({ name: z.string(), email: z.string() }).nullable(),
  /** Absent: as patchgit does it by itself, ready and without labels. */
  pulls: PullSettings.optional(),
  /** Why the last fetch failed, or null. */
  trouble: z.string().nullable(),
  addedAtMs: z.int(),
});
export type Repository = z.infer<typeof Repository>;

/** A pull request on the local forge. */
export const Pull = z.object({
  repositoryId: RepositoryId,
  repository: z.string(),
  number: z.int(),
  title: z.string(),
  body: z.string(),
  branch: z.string(),
  base: z.string(),
  commit: ObjectId,
  state: z.enum(['open', 'closed', 'merged']),
  url: z.string(),
  openedAtMs: z.int(),
  closedAtMs: z.int().nullable(),
  proposalId: z.string().nullable(),
});
export type Pull = z.infer<typeof Pull>;
