/**
 * What we can do to the world, as types only. `main.ts` hands the real ones in, tests hand in faithful ones.
 * Ports are function-typed properties, so they can be taken apart and wrapped. `signal` is always the last parameter.
 */
import type { HelperFrame, Limits, StepOutcome, Workspace } from '#contract/helper-wire.ts';
import type { ObjectId } from '#contract/ids.ts';
import type { Problem } from '#contract/problem.ts';
import type { Pull } from '#contract/repository.ts';
import type { Result } from './lib/result.ts';

export interface Clock {
  readonly nowMs: () => number;
  /** Calls `run` every `everyMs`; the returned function ends it. The timer never keeps the process alive. */
  readonly every: (everyMs: number, run: () => void) => () => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
}

export interface Random {
  readonly bytes: (count: number) => Buffer;
}

/** The world failed: says what we tried, once, and keeps the cause (STYLE rule 10). */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly port: string;
  constructor(port: string, doing: string, options: { cause?: unknown } = {}) {
    super(`${port}: could not ${doing}`, options);
    this.port = port;
  }
}

export interface GitRequest {
  /** The bare repository it acts on (`--git-dir`). Never a folder a sandbox wrote to. */
  readonly gitDir: string;
  readonly args: readonly string[];
  readonly stdin?: Uint8Array | string;
  /** Index file for this one command, so that nothing shares the repository's own index. */
  readonly indexFile?: string;
  /** New objects go here and are read from the repository's own store as an alternate: refused work leaves nothing behind. */
  readonly objectsDir?: string;
  /** For `commit-tree`: who and when, so that a repeated commit has the same id. */
  readonly identity?: { readonly name: string; readonly email: string; readonly atMs: number };
  /** Folder for `checkout-index`; trusted side only. */
  readonly workTree?: string;
  readonly wallMs?: number;
  readonly outputBytesMax?: number;
  /** Address space of the process: a patch of 239 bytes can ask for 1 GB (DESIGN section 9). */
  readonly memoryBytesMax?: number;
  readonly signal?: AbortSignal;
}

export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Set when a limit of ours ended it. */
  readonly ended: 'wall' | 'output' | 'aborted' | null;
}

export type TransferTrouble = 'unreachable' | 'not_git' | 'needs_password' | 'refused' | 'moved' | 'timed_out';
export type Transferred = Result<string, { readonly trouble: TransferTrouble; readonly detail: string }>;

/** git with a hardened environment and configuration. `run` is local plumbing, the others talk to a remote. */
export interface Git {
  /** Local plumbing. Resolves also when git exits non-zero; rejects with PortError when git cannot be started. */
  readonly run: (request: GitRequest) => Promise<GitAnswer>;
  /** Makes `gitDir` a bare mirror of `url` (branches and tags), or brings it up to date. Safe to repeat. */
  readonly fetch: (gitDir: string, url: string, signal?: AbortSignal) => Promise<Transferred>;
  /**
   * Pushes one commit to a new branch. `refused` when the remote said no, `moved` when the branch exists with something
   * else; pushing what is already there succeeds. `objectsDir` as in GitRequest.
   */
  readonly push: (
    request: { gitDir: string; url: string; commit: ObjectId; branch: string; objectsDir?: string },
    signal?: AbortSignal,
  ) => Promise<Transferred>;
  /** Deletes `branch` on the remote only while it still points at `commit`; an absent branch succeeds. */
  readonly deleteBranch: (
    request: { gitDir: string; url: string; commit: ObjectId; branch: string },
    signal?: AbortSignal,
  ) => Promise<Transferred>;
  /** Whether the remote would take a new branch; a dry run that changes nothing there. */
  readonly canPush: (gitDir: string, url: string, signal?: AbortSignal) => Promise<Transferred>;
  /** The remote's commit at `branch`, or null when it has no such branch. */
  readonly remoteBranch: (
    gitDir: string,
    url: string,
    branch: string,
    signal?: AbortSignal,
  ) => Promise<Result<ObjectId | null, { readonly trouble: TransferTrouble; readonly detail: string }>>;
}

export interface SandboxRequest {
  readonly workspace: Workspace;
  readonly steps: readonly { readonly name: string; readonly command: string }[];
  readonly limits: Limits;
}

export type SandboxEvent = Extract<HelperFrame, { type: 'started' | 'output' }>;

export interface SandboxReport {
  readonly usable: boolean;
  /** Sentences for `doctor`: what isolates here, what is missing and how to add it. */
  readonly isolation: readonly string[];
  readonly missing: readonly string[];
  readonly helperSha256: string;
}

/** The isolated place where untrusted bytes run. Nothing comes back but exit codes and capped log bytes. */
export interface Sandbox {
  readonly placement: 'base' | 'helper';
  readonly inspect: () => Promise<SandboxReport>;
  /**
   * Runs every step, each in a fresh sandbox on a fresh copy of the workspace. Aborting really ends what runs.
   * `why` is a sentence: the sandbox could not be had, so nothing is known about the tree.
   */
  readonly run: (
    request: SandboxRequest,
    onEvent: (event: SandboxEvent) => void,
    signal: AbortSignal,
  ) => Promise<Result<StepOutcome[], string>>;
}

export interface NewPull {
  readonly title: string;
  readonly body: string;
  readonly branch: string;
  readonly base: string;
  readonly commit: ObjectId;
  readonly proposalId: string;
}

export interface ForgeRepository {
  readonly id: string;
  readonly name: string;
  readonly url: string;
}

/** Where pull requests live. Every call can be repeated: it finds what an earlier, unanswered one has done. */
export interface Forge {
  readonly kind: 'local' | 'github';
  readonly findPull: (repository: ForgeRepository, branch: string) => Promise<Result<Pull | null, Problem>>;
  readonly openPull: (repository: ForgeRepository, pull: NewPull) => Promise<Result<Pull, Problem>>;
  readonly getPull: (repository: ForgeRepository, number: number) => Promise<Result<Pull | null, Problem>>;
  /** Newest first. */
  readonly listPulls: (repository: ForgeRepository) => Promise<Result<Pull[], Problem>>;
  readonly closePull: (repository: ForgeRepository, number: number) => Promise<Result<Pull, Problem>>;
}

export interface Log {
  readonly debug: (fields: object, sentence: string) => void;
  readonly info: (fields: object, sentence: string) => void;
  readonly warn: (fields: object, sentence: string) => void;
  readonly error: (fields: object, sentence: string) => void;
}
