/**
 * What we can do to the world, as types only. `main.ts` hands the real ones in, tests hand in faithful ones.
 * Ports are function-typed properties, so they can be taken apart and wrapped. `signal` is always the last parameter.
 */
import type { ForgeAccess, ForgeRequest, PullOutcome } from '#contract/forge.ts';
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
  /** A promise: git is started now and reads when the input is there, so that its start costs no waiting. */
  readonly stdin?: Uint8Array | string | Promise<Uint8Array | string>;
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

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export interface ObjectHead {
  readonly type: ObjectType;
  readonly bytes: number;
}

export interface GitObject {
  readonly type: ObjectType;
  readonly content: Buffer;
}

/** One git process that answers for objects until it is closed. It holds no lock, and sees what is written meanwhile. */
export interface GitObjects {
  /** In the order asked; null where there is no such object. */
  readonly heads: (oids: readonly string[]) => Promise<(ObjectHead | null)[]>;
  /** Rejects with PortError when all together hold more than `bytesMax`: ask for the heads first. */
  readonly contents: (oids: readonly string[], bytesMax: number) => Promise<(GitObject | null)[]>;
  /** Resolves when the process is gone. Safe to repeat; what is still asked is rejected. */
  readonly close: () => Promise<void>;
}

export interface ObjectsRequest extends Pick<GitRequest, 'gitDir' | 'objectsDir' | 'memoryBytesMax' | 'signal'> {
  /** For each question. */
  readonly wallMs?: number;
}

export type TransferTrouble = 'unreachable' | 'not_git' | 'needs_password' | 'refused' | 'moved' | 'timed_out';
export type Transferred = Result<string, { readonly trouble: TransferTrouble; readonly detail: string }>;

/** git with a hardened environment and configuration. `run` is local plumbing, the others talk to a remote. */
export interface Git {
  /** Local plumbing. Resolves also when git exits non-zero; rejects with PortError when git cannot be started. */
  readonly run: (request: GitRequest) => Promise<GitAnswer>;
  /**
   * Starts the process. It is asked by full object names only, so no name of a file can confuse it. A question rejects with
   * PortError when git does not answer in order and in full; that also ends the process. Close it, always.
   */
  readonly openObjects: (request: ObjectsRequest) => GitObjects;
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
  readonly steps: readonly { readonly name: string; readonly command: string; readonly reports?: readonly string[] }[];
  readonly limits: Limits;
  /** Key of a layer that `hasLayer` or `setUp` said is there: what a set-up left, laid under what differs. Absent: none. */
  readonly layer?: string;
}

/** The set-up phase: one command that may reach package registries, and nothing else, through a door. */
export interface SetUpRequest {
  /** sha256 over everything that what it leaves may depend on: the layer is kept under this name, and never written again. */
  readonly key: string;
  readonly workspace: Workspace;
  readonly command: string;
  /** Host names of registries, exact, port 443. */
  readonly hosts: readonly string[];
  /** `diskBytes` is how large the layer may become. */
  readonly limits: Limits;
}

export type SandboxEvent = Extract<HelperFrame, { type: 'started' | 'output' }>;

export interface SandboxReport {
  readonly usable: boolean;
  /** Sentences for `doctor`: what isolates here, what is missing and how to add it. */
  readonly isolation: readonly string[];
  readonly missing: readonly string[];
  readonly helperSha256: string;
  /** What programs in it find besides their tree, as far as a layer may depend on it: "debian 13". Absent: not known. */
  readonly runtime?: string;
}

/** The isolated place where untrusted bytes run. Nothing comes back but exit codes and capped log bytes. */
export interface Sandbox {
  readonly placement: 'base' | 'helper';
  readonly inspect: () => Promise<SandboxReport>;
  /** A run will be wanted within seconds: what does not depend on it may be started now. Costs nothing when none comes. */
  readonly prepare: () => void;
  /** No run will be wanted after all: what was started ahead is ended when this resolves. */
  readonly standDown: () => Promise<void>;
  /**
   * Runs every step, each in a fresh sandbox on a fresh copy of the workspace. Aborting really ends what runs.
   * `why` is a sentence: the sandbox could not be had, so nothing is known about the tree.
   */
  readonly run: (
    request: SandboxRequest,
    onEvent: (event: SandboxEvent) => void,
    signal: AbortSignal,
  ) => Promise<Result<StepOutcome[], string>>;
  /** Whether the layer of this key is kept where this sandbox is. One that is there stays until the job's end. */
  readonly hasLayer: (key: string) => Promise<boolean>;
  /**
   * Runs the command on a copy of the workspace with a door to the registries, and keeps what it left in the tree and in its home
   * as the layer of this key when it exited with 0; otherwise nothing is kept. The step is named `set-up`. No untrusted run can
   * write a kept layer. `why` as in `run`.
   */
  readonly setUp: (
    request: SetUpRequest,
    onEvent: (event: SandboxEvent) => void,
    signal: AbortSignal,
  ) => Promise<Result<StepOutcome, string>>;
}

export interface NewPull {
  readonly title: string;
  readonly body: string;
  readonly branch: string;
  readonly base: string;
  readonly commit: ObjectId;
  readonly proposalId: string;
  readonly isDraft?: boolean;
}

/** What a forge shows beside a pull request. */
export interface PullMarks {
  readonly number: number;
  readonly commit: ObjectId;
  readonly labels: readonly string[];
  /** The proof in one line, on the commit. */
  readonly status: { readonly state: 'success' | 'failure' | 'error'; readonly description: string };
}

export interface ForgeRepository {
  readonly id: string;
  readonly name: string;
  readonly url: string;
}

/**
 * Where pull requests live. Every call can be repeated: it finds what an earlier, unanswered one has done. No call that has an
 * effect is sent twice by itself. Failures: `forge_unreachable` means that it may have been done, `forge_rate_limited` that it was
 * not and when to ask again (`retryAfterMs`), every other code that the forge said no.
 */
export interface Forge {
  readonly kind: 'local' | 'github';
  /** For so long after it was sent, a call whose answer was lost may still have its effect. */
  readonly landsWithinMs: (repository: ForgeRepository) => number;
  /** Open or closed, the newest, with this head branch in the repository itself. */
  readonly findPull: (repository: ForgeRepository, branch: string) => Promise<Result<Pull | null, Problem>>;
  readonly openPull: (repository: ForgeRepository, pull: NewPull) => Promise<Result<Pull, Problem>>;
  readonly getPull: (repository: ForgeRepository, number: number) => Promise<Result<Pull | null, Problem>>;
  /** Newest first. */
  readonly listPulls: (repository: ForgeRepository) => Promise<Result<Pull[], Problem>>;
  readonly closePull: (repository: ForgeRepository, number: number) => Promise<Result<Pull, Problem>>;
  /** What may be done there, asked without doing any of it. `base`: the branch that pull requests are for. */
  readonly inspect: (repository: ForgeRepository, base: string) => Promise<Result<ForgeAccess, Problem>>;
  /** Labels and a status on the commit. */
  readonly mark: (repository: ForgeRepository, marks: PullMarks) => Promise<Result<null, Problem>>;
  /** One comment; `key` stands in it invisibly, and a comment with it is never made twice. */
  readonly comment: (
    repository: ForgeRepository,
    comment: { readonly number: number; readonly key: string; readonly text: string },
  ) => Promise<Result<null, Problem>>;
  /** `seen` is what an earlier answer gave as `seen`: null comes back when nothing has changed since. */
  readonly outcome: (
    repository: ForgeRepository,
    pull: { readonly number: number; readonly branch: string; readonly commit: ObjectId },
    seen: string | null,
  ) => Promise<Result<{ readonly outcome: PullOutcome; readonly seen: string | null } | null, Problem>>;
  /** Issues with this label and comments that begin with this word, since then, oldest first. */
  readonly requests: (
    repository: ForgeRepository,
    wanted: { readonly label: string; readonly word: string; readonly sinceMs: number },
  ) => Promise<Result<ForgeRequest[], Problem>>;
}

export interface Log {
  readonly debug: (fields: object, sentence: string) => void;
  readonly info: (fields: object, sentence: string) => void;
  readonly warn: (fields: object, sentence: string) => void;
  readonly error: (fields: object, sentence: string) => void;
}

/** Lines that a patch adds to one file, in their order. */
export interface AddedLines {
  readonly path: string;
  readonly lines: readonly string[];
}

/** Where a secret stands in `AddedLines`: indexes from 0, columns in UTF-16 units, `to` is past its end. Never its value. */
export interface SecretPlace {
  readonly file: number;
  /** "GitHub token": words for the owner. */
  readonly kind: string;
  readonly from: { readonly line: number; readonly column: number };
  readonly to: { readonly line: number; readonly column: number };
}

/** Looks for credentials in text, in a process of its own. */
export interface Secrets {
  /** A patch will be looked at within seconds: what does not depend on it may be started now. */
  readonly prepare: () => void;
  readonly standDown: () => Promise<void>;
  /** `why` is a sentence: it could not be found out, so nothing is known. Never rejects for text that is hostile. */
  readonly find: (
    files: readonly AddedLines[],
    signal?: AbortSignal,
  ) => Promise<Result<{ readonly found: readonly SecretPlace[]; readonly more: boolean }, string>>;
}

/** A sandbox that costs money by the time it is there: the lease of a helper. */
export interface PaidSandbox {
  /** Not ok: the sentence that says what is missing and how to add it. */
  readonly available: () => Result<null, string>;
  /** From asking for it to the first check, in minutes, as seen so far. */
  readonly bootMinutes: () => number;
  /**
   * Has one of this size for as long as `use` runs, gives it back in every case, and resolves when that is confirmed. Aborting
   * ends `use` and gives it back. `costMicros` is what was billed; null when that cannot be known yet: then the reservation
   * stays pending, and whoever reconciles the machine settles it.
   */
  readonly rent: <T>(
    order: { readonly size: string; readonly reservationId: string; readonly deadlineAtMs: number },
    use: (sandbox: Sandbox, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<{ readonly outcome: Result<T, string>; readonly costMicros: number | null }>;
  /** Whether it will still say what became of this reservation. */
  readonly holds: (reservationId: string) => boolean;
}
