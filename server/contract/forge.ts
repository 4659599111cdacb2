import { z } from 'zod';
import { ObjectId } from './ids.ts';

/** What a connection may do at one repository, found out without doing any of it; null: that could not be found out. */
export const ForgeAccess = z.object({
  /** "token" is a person's, fine-grained or classic; an app acts in its own name. */
  credential: z.enum(['none', 'token', 'app']),
  /** Login, or the app's own name. */
  actsAs: z.string().nullable(),
  expiresAtMs: z.int().nullable(),
  canRead: z.boolean().nullable(),
  canPush: z.boolean().nullable(),
  canOpenPulls: z.boolean().nullable(),
  /** Whether a push may change `.github/workflows`. */
  canChangeWorkflows: z.boolean().nullable(),
  /** Whether a push with this credential starts the repository's own CI. */
  startsChecks: z.boolean().nullable(),
  /** The base's branch lets nobody push to it directly; a pull request is the only way in. */
  isBaseProtected: z.boolean().nullable(),
  isArchived: z.boolean().nullable(),
  /** Whole sentences: what is missing, and where it is given. */
  missing: z.array(z.string()),
});
export type ForgeAccess = z.infer<typeof ForgeAccess>;

/** A repository that the connection can see, to pick from. */
export const ForgeCandidate = z.object({
  /** "owner/name". */
  name: z.string(),
  url: z.string(),
  defaultBranch: z.string(),
  isPrivate: z.boolean(),
  canPush: z.boolean().nullable(),
  /** Under this name it is here already. */
  addedAs: z.string().nullable(),
});
export type ForgeCandidate = z.infer<typeof ForgeCandidate>;

/** The recently pushed ones first; not `isWhole`: there are more than are listed. Archived ones are left out. */
export const ForgeCandidates = z.object({ candidates: z.array(ForgeCandidate), isWhole: z.boolean() });
export type ForgeCandidates = z.infer<typeof ForgeCandidates>;

/** A check of the repository's own CI that did not succeed. */
export const FailedCheck = z.object({
  name: z.string(),
  conclusion: z.string(),
  url: z.string().nullable(),
  /** What the check said about it (its output, bounded): untrusted text. */
  text: z.string(),
});
export type FailedCheck = z.infer<typeof FailedCheck>;

/** What the repository's own CI says about a commit. `none`: it has said nothing yet. */
export const ForgeChecks = z.object({
  state: z.enum(['none', 'pending', 'success', 'failure']),
  total: z.int(),
  failed: z.array(FailedCheck),
});
export type ForgeChecks = z.infer<typeof ForgeChecks>;

/** What has become of a pull request, as the forge says it. */
export const PullOutcome = z.object({
  state: z.enum(['open', 'closed', 'merged']),
  isDraft: z.boolean(),
  /** What its branch points at now; another one than ours means that somebody else pushed. */
  head: ObjectId.nullable(),
  mergedAtMs: z.int().nullable(),
  mergeCommit: ObjectId.nullable(),
  closedAtMs: z.int().nullable(),
  comments: z.int(),
  checks: ForgeChecks,
});
export type PullOutcome = z.infer<typeof PullOutcome>;

/** What somebody asked for on the forge: an issue with our label, or a comment that begins with our word. Untrusted text. */
export const ForgeRequest = z.object({
  /** "issue:17", "comment:123456": the same request always has the same key. */
  key: z.string().max(100),
  author: z.string(),
  title: z.string(),
  text: z.string(),
  url: z.string(),
  /** The issue or pull request it belongs to. */
  number: z.int(),
  createdAtMs: z.int(),
});
export type ForgeRequest = z.infer<typeof ForgeRequest>;

/** How the outcome of a publication stands, as the doors show it. */
export const Outcome = PullOutcome.extend({
  checkedAtMs: z.int().nullable(),
  /** Why the last look came to nothing, or null. */
  trouble: z.string().nullable(),
});
export type Outcome = z.infer<typeof Outcome>;
