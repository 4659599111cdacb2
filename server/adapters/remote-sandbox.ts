import { randomBytes } from 'node:crypto';
import type { StepOutcome, Workspace } from '#contract/helper-wire.ts';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { HelperConnection, Log, Sandbox, SandboxReport, SandboxRequest } from '../ports.ts';
import { assignmentLine, conversationLimits, inspectMsMax, stepBytesMax } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { ask } from './remote-sandbox-ask.ts';
import { converse } from './remote-sandbox-talk.ts';
import { FarTrees } from './remote-sandbox-trees.ts';

export interface RemoteSandboxOptions {
  /** Open, and to nobody else's use for trees. It stays the caller's to close; it is closed here when the machine does not obey. */
  readonly connection: HelperConnection;
  /** The bytes of dist/helper.cjs, the same program as in the base sandbox. */
  readonly helperBundle: Buffer;
  /** A folder of the machine for trees, made when it is missing: of the connection's user, and open to the run user. */
  readonly folder: string;
  readonly helper: FarHelper;
  readonly log: Log;
  /** Of one folder of a workspace, as a tar archive. */
  readonly treeBytesMax?: number;
  /** To carry one folder over. */
  readonly shipMsMax?: number;
}

/** How the helper program is started over there. */
export type FarHelper =
  | {
      /** By the connection's user itself. */
      readonly kind: 'direct';
      readonly nodePath: string;
      readonly npmFolder: string | null;
      /** Whom the helper has checks run as, when the connection is root's; trees are extracted as this one. Null: as whoever connects. */
      readonly runUser: { readonly uid: number; readonly gid: number } | null;
    }
  | {
      /** By a command that leads to a run of the program as another user (resources/lease/cloud-init.ts: `helperCommand`). */
      readonly kind: 'service';
      readonly command: readonly string[];
      /** Where that command expects the program. */
      readonly program: string;
    };

const treeBytesMax = 4 * 1024 * 1024 * 1024;
const shipMsMax = 15 * 60_000;
const setUpMsMax = 60_000;

/**
 * The sandbox on a helper machine: ships the workspace there, has the same program carry the assignment out, and believes
 * nothing that comes back before the contract has parsed it and its order has been checked. One run at a time; the others wait.
 * Never rejects for a world that fails: `why` is the sentence, and then nothing is known about the tree.
 */
export function remoteSandbox(options: RemoteSandboxOptions): Sandbox {
  const far = new FarSide(options);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    placement: 'helper',
    inspect: () => inTurn(() => far.inspect()),
    // Nothing can stand ready over there before the tree is there, and that is what takes the time.
    prepare: () => undefined,
    standDown: () => Promise.resolve(),
    run: (request, onEvent, signal) =>
      request.steps.length === 0 ? Promise.resolve(ok([])) : inTurn(() => far.run(request, onEvent, signal)),
    hasLayer: async () => false,
    setUp: async () => no('This sandbox has no set-up phase yet.'),
  };
}

class FarSide {
  readonly #options: RemoteSandboxOptions;
  /** A folder of this sandbox alone: nothing that was there before counts. */
  readonly #folder: string;
  readonly #program: string;
  readonly #trees: FarTrees;
  #isSetUp = false;

  constructor(options: RemoteSandboxOptions) {
    this.#options = options;
    const { helper } = options;
    this.#folder = `${options.folder}/${randomBytes(8).toString('hex')}`;
    this.#program = helper.kind === 'service' ? helper.program : `${this.#folder}/helper.cjs`;
    this.#trees = new FarTrees({
      connection: options.connection,
      folder: `${this.#folder}/trees`,
      owner: helper.kind === 'direct' ? helper.runUser : null,
      isForeign: helper.kind === 'service',
      bytesMax: options.treeBytesMax ?? treeBytesMax,
      wallMs: options.shipMsMax ?? shipMsMax,
      log: options.log,
    });
  }

  async run(
    request: SandboxRequest,
    onEvent: Conversation['onEvent'],
    signal: AbortSignal,
  ): Promise<Result<StepOutcome[], string>> {
    const sendable = assignmentLine(request);
    if (!sendable.ok) return sendable;
    if (signal.aborted) return no('The run was cancelled.');
    const there = await this.#setUp(signal);
    if (!there.ok) return there;
    const workspace = await this.#ship(request.workspace, signal);
    if (!workspace.ok) return workspace;
    const line = assignmentLine({ ...request, workspace: workspace.value });
    if (!line.ok) return line;
    const order = new FrameOrder(request.steps.map((step) => step.name));
    const bounds = conversationLimits(request.steps.length, request.limits);
    const why = await this.#converse([], { ...bounds, line: line.value, order, onEvent, signal });
    if (workspace.value.delta !== null) this.#trees.discard(workspace.value.delta);
    return why === null ? order.outcomes() : no(why);
  }

  async inspect(): Promise<SandboxReport> {
    const order = new FrameOrder(['self-test']);
    const tested = await this.#selfTest(order);
    const { isolation, missing } = order.ready;
    return {
      usable: tested.ok,
      isolation,
      missing: tested.ok ? missing : [...missing, tested.why],
      helperSha256: sha256(this.#options.helperBundle),
    };
  }

  async #selfTest(order: FrameOrder): Promise<Result<StepOutcome[], string>> {
    const { signal } = new AbortController();
    const there = await this.#setUp(signal);
    if (!there.ok) return there;
    const talk = { order, onEvent: () => undefined, signal, deadlineMs: inspectMsMax, bytesMax: stepBytesMax };
    // A service takes no flags; but any assignment is a self-test.
    const isService = this.#options.helper.kind === 'service';
    const line = isService ? assignmentLine(selfTestOf(`${this.#folder}/empty`)) : ok(Buffer.alloc(0));
    if (!line.ok) return line;
    const why = await this.#converse(isService ? [] : ['--inspect'], { ...talk, line: line.value });
    return why === null ? order.outcomes() : no(why);
  }

  #converse(flags: readonly string[], talk: Conversation): Promise<string | null> {
    const { connection, log } = this.#options;
    return converse(connection, this.#command(flags), talk, log);
  }

  #command(flags: readonly string[]): readonly string[] {
    const { helper } = this.#options;
    if (helper.kind === 'service') return helper.command;
    const { nodePath, npmFolder, runUser } = helper;
    return [
      // Nothing of the session is in the environment, as on the base.
      'env',
      '-i',
      nodePath,
      this.#program,
      ...flags,
      ...(runUser === null ? [] : ['--run-as', `${runUser.uid}:${runUser.gid}`]),
      ...(npmFolder === null ? [] : ['--npm', npmFolder]),
    ];
  }

  /** Once: the folders, and the program, which is taken into use only if it arrived as it was sent. */
  async #setUp(signal: AbortSignal): Promise<Result<null, string>> {
    if (this.#isSetUp) return ok(null);
    const { connection, helperBundle } = this.#options;
    const script = `set -eu
      umask 022
      mkdir -p "$1"
      [ -d "$2" ] || mkdir "$2" "$2/trees" "$2/empty"
      trap 'rm -f "$3.new"' EXIT
      cat > "$3.new"
      printf '%s  %s\\n' "$4" "$3.new" | sha256sum --check --status || exit 9
      mv "$3.new" "$3"`;
    const words = [this.#options.folder, this.#folder, this.#program, sha256(helperBundle)];
    const asked = await ask(connection, ['sh', '-c', script, 'set-up', ...words], {
      input: helperBundle,
      wallMs: setUpMsMax,
      signal,
    });
    if (!asked.ok) return asked;
    if (asked.value.code === 9) return no('The sandbox helper did not arrive on the helper machine as it was sent.');
    if (asked.value.code !== 0) return no(`The helper machine could not be set up: ${asked.value.errors}`);
    this.#isSetUp = true;
    return ok(null);
  }

  /** The same workspace, as it stands over there. */
  async #ship({ lower, delta, remove }: Workspace, signal: AbortSignal): Promise<Result<Workspace, string>> {
    const base = await this.#trees.kept(lower, signal);
    if (!base.ok) return base;
    const change = delta === null ? ok(null) : await this.#trees.once(delta, signal);
    return change.ok ? ok({ lower: base.value, delta: change.value, remove: [...remove] }) : change;
  }
}

function selfTestOf(lower: string): SandboxRequest {
  const mebibyte = 1024 * 1024;
  return {
    workspace: { lower, delta: null, remove: [] },
    steps: [{ name: 'self-test', command: 'true' }],
    limits: {
      wallMs: 30_000,
      cpuPercent: 100,
      memoryBytes: 128 * mebibyte,
      processes: 16,
      diskBytes: 8 * mebibyte,
      tmpBytes: mebibyte,
      logBytes: 64 * 1024,
      outputBytes: mebibyte,
    },
  };
}
