import { z } from 'zod';
import { ObjectId, Sha256 } from './ids.ts';

/** Longest patch we read. Everything larger is refused before it is parsed. */
export const patchBytesMax = 10 * 1024 * 1024;

/** One file as git's own `diff-tree BASE TREE` reports it: never as the patch's text claims. */
export const FileChange = z.object({
  path: z.string(),
  /** Set when git sees a rename or copy (display only; the tree is what counts). */
  oldPath: z.string().nullable(),
  status: z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed']),
  oldMode: z.string(),
  newMode: z.string(),
  /** null for binary files. */
  additions: z.int().nullable(),
  deletions: z.int().nullable(),
  binary: z.boolean(),
});
export type FileChange = z.infer<typeof FileChange>;

/** A repair made to the pasted text before git saw it; always shown (DESIGN section 5, PATCH). */
export const Mend = z.object({ code: z.string(), message: z.string() });
export type Mend = z.infer<typeof Mend>;

/** What is known about secrets in the added lines. It is part of what GO quotes; values are nowhere in it. */
export const SecretReport = z.object({
  /** False: nobody looked, or looking failed. Then the list says nothing. */
  known: z.boolean(),
  /** Why it is not (all) known, in a sentence. */
  why: z.string().nullable(),
  found: z.array(
    z.object({
      path: z.string(),
      kind: z.string(),
      /** In the new file, from 1. */
      line: z.int(),
      lastLine: z.int(),
      /** Of the line's bytes, from 0; the end is past the last one, on `lastLine`. */
      column: z.int(),
      columnEnd: z.int(),
    }),
  ),
});
export type SecretReport = z.infer<typeof SecretReport>;

export const PatchSummary = z.object({
  /** Of the bytes that were handed to git, after mending; also the artifact's name. */
  sha256: Sha256,
  /** Of the bytes as they arrived. */
  receivedSha256: Sha256,
  files: z.array(FileChange),
  additions: z.int(),
  deletions: z.int(),
  treeAfter: ObjectId,
  mends: z.array(Mend),
  /** The view of the change as git itself renders BASE..TREE, kept as an artifact. */
  diff: z.object({ sha256: Sha256, bytes: z.int(), truncated: z.boolean() }),
  /** Proposals from before this was looked for say that it is not known. */
  secrets: SecretReport.default({
    known: false,
    why: 'This patch was read before secrets were looked for.',
    found: [],
  }),
});
export type PatchSummary = z.infer<typeof PatchSummary>;
