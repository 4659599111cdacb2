import { z } from 'zod';

/**
 * Frames between the control plane and `helper/`, the program that runs in front of every sandbox. Newline-delimited JSON
 * over stdio; binary as base64. The helper is never trusted: every frame from it is parsed here, and sizes are capped.
 */
export const helperProtocol = 1;
export const frameBytesMax = 4 * 1024 * 1024;
/** Kept of a step's test reports: with its log it must fit a frame, in base64. */
export const reportBytesMax = 2 * 1024 * 1024;

export const Limits = z.strictObject({
  /** Wall time of one step. */
  wallMs: z.int().positive(),
  cpuPercent: z.int().positive(),
  memoryBytes: z.int().positive(),
  processes: z.int().positive(),
  /** Writable bytes: the workspace's upper layer. */
  diskBytes: z.int().positive(),
  tmpBytes: z.int().positive(),
  /** Kept of a log: this much from its head and this much from its tail. */
  logBytes: z.int().positive(),
  /** Output after which the step is ended: a check that prints for ever proves nothing. */
  outputBytes: z.int().positive(),
});
export type Limits = z.infer<typeof Limits>;

/**
 * What a set-up leaves: read-only folders of the host. `tree` is laid UNDER `lower` and `delta`, so that it can add files and never
 * change one of the tree that is judged; `home` is laid under the home.
 */
export const Layer = z.strictObject({ tree: z.string(), home: z.string() });
export type Layer = z.infer<typeof Layer>;

/** Where the tree comes from: a read-only folder plus what differs from it. Paths are relative to the tree's root. */
export const Workspace = z.strictObject({
  /** Read-only folder that holds a whole tree. */
  lower: z.string(),
  /** Folder with the files that differ, laid over `lower`; null when nothing does. */
  delta: z.string().nullable(),
  /** Paths removed from `lower` first (deletions, and everything that `delta` brings anew). */
  remove: z.array(z.string()),
  layer: Layer.optional(),
});
export type Workspace = z.infer<typeof Workspace>;

export const reportPatternsMax = 20;

export const Step = z.strictObject({
  name: z.string(),
  command: z.string(),
  /**
   * Files with test results (JUnit XML) that the command leaves behind, as paths with `*` and `**` below the tree's root. What they
   * hold comes back as bytes; they are read inside the sandbox, so a link in their place leads nowhere else.
   */
  reports: z.array(z.string().min(1).max(300)).max(reportPatternsMax).default([]),
});

export type Step = z.infer<typeof Step>;

export const SetUp = z.strictObject({
  /**
   * Folders outside the sandbox that receive what the command leaves; `limits.diskBytes` holds for both together. They are empty and
   * the run user's, or are made by the helper. They have plain names (`[\w-]+`) and lie in one folder that the run user can write,
   * on one real file system: the helper makes a folder of its own beside them. What they hold is a layer only when the outcome's exit code is 0 and `done` was said.
   */
  keep: Layer,
  /** Unix socket of a proxy that is the only way out, or null: there is none. */
  door: z.string().nullable(),
});
export type SetUp = z.infer<typeof SetUp>;

export const Assignment = z.strictObject({
  type: z.literal('assignment'),
  protocol: z.literal(helperProtocol),
  workspace: Workspace,
  /** Each step gets its own fresh copy of the workspace and its own sandbox. */
  steps: z.array(Step).min(1).max(50),
  limits: Limits,
  /** The set-up phase; with exactly one step. */
  setUp: SetUp.optional(),
});
export type Assignment = z.infer<typeof Assignment>;

/**
 * Instead of an assignment: what a set-up has left is removed by the user to whom it belongs. Folders that are not there are
 * removed already. Answered by an empty `ready` and `done`.
 */
export const Removal = z.strictObject({
  type: z.literal('removal'),
  protocol: z.literal(helperProtocol),
  folders: z.array(z.string()).min(1).max(100),
});
export type Removal = z.infer<typeof Removal>;

/**
 * May come once before the assignment, to a helper that is started ahead of its work: whoever asks expects these limits, so a
 * sandbox with them can stand already. An assignment with others is carried out as well, only without that head start.
 */
export const Preparation = z.strictObject({
  type: z.literal('preparation'),
  protocol: z.literal(helperProtocol),
  limits: Limits.nullable(),
  /** Try a sandbox of its own and say how it stands; no assignment follows. For a helper that takes no command line. */
  inspect: z.boolean().default(false),
});
export type Preparation = z.infer<typeof Preparation>;

export const StepOutcome = z.object({
  name: z.string(),
  /** null when a signal or a limit ended it. */
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  /** The limit that ended it, or null. */
  limit: z.enum(['wall', 'memory', 'processes', 'disk', 'output']).nullable(),
  durationMs: z.int(),
  logBase64: z.string(),
  omittedBytes: z.int(),
  /** The files that `reports` named, one behind the other, up to `reportBytesMax`; empty when there was none. */
  reportsBase64: z.string().default(''),
  /** More was there than is handed over: what is missing is not known. */
  reportsCut: z.boolean().default(false),
});
export type StepOutcome = z.infer<typeof StepOutcome>;

export const HelperFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    protocol: z.int(),
    isolation: z.array(z.string()),
    missing: z.array(z.string()),
  }),
  z.object({ type: z.literal('started'), step: z.string() }),
  z.object({ type: z.literal('output'), step: z.string(), base64: z.string() }),
  z.object({ type: z.literal('outcome'), outcome: StepOutcome }),
  /** The sandbox itself could not be set up: nothing is said about the tree. */
  z.object({ type: z.literal('trouble'), message: z.string() }),
  z.object({ type: z.literal('done') }),
]);
export type HelperFrame = z.infer<typeof HelperFrame>;
