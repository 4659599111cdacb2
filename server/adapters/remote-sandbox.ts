import { randomBytes } from 'node:crypto';
import type { Layer, SetUp, StepOutcome, Workspace } from '#contract/helper-wire.ts';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { Log, Sandbox, SandboxReport, SandboxRequest, SetUpRequest } from '../ports.ts';
import type { HelperConnection } from '../ports-cloud.ts';
import { assignmentLine, conversationLimits, inspectMsMax, stepBytesMax } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { setUpStep } from './base-sandbox-set-up.ts';
import { FarLayers } from './remote-sandbox-layers.ts';
import { farProgram, upload } from './remote-sandbox-program.ts';
import type { FarProgram } from './remote-sandbox-program.ts';
import { FarStore } from './remote-sandbox-store.ts';
import { converse } from './remote-sandbox-talk.ts';
import { FarTrees } from './remote-sandbox-trees.ts';

export interface RemoteSandboxOptions {
  /** Open, and to nobody else's use for trees. It stays the caller's to close; it is closed here when the machine does not obey. */
  readonly connection: HelperConnection;
  /** The bytes of dist/helper.cjs, the same program as in the base sandbox. */
  readonly helperBundle: Buffer;
  /** A folder of the machine for trees and layers: what the store works on (remote-sandbox-store.ts). */
  readonly folder: string;
  readonly helper: FarHelper;
  /** The way out of a set-up over there. Absent: there is none, and no set-up. */
  readonly door?: FarDoor;
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
      /**
       * By a command that leads to a run of the program as another user (resources/lease/cloud-init-places.ts: `helperCommand`). With
       * "set-up" after it, to one that sees the door; with "store" after it, to a run of the store's script on `folder`.
       */
      readonly kind: 'service';
      readonly command: readonly string[];
      /** Where that command expects the program; and the script beside it, as store.sh. */
      readonly program: string;
    };

export interface FarDoor {
  readonly socket: string;
  /** The hosts that it lets anybody reach: they were named when the machine was ordered. */
  readonly hosts: readonly string[];
}

const treeBytesMax = 4 * 1024 * 1024 * 1024;
const shipMsMax = 15 * 60_000;

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
    hasLayer: (key) => inTurn(() => far.hasLayer(key)),
    setUp: (request, onEvent, signal) => inTurn(() => far.setUp(request, onEvent, signal)),
  };
}

class FarSide {
  readonly #options: RemoteSandboxOptions;
  readonly #session = randomBytes(8).toString('hex');
  readonly #program: FarProgram;
  readonly #store: FarStore;
  readonly #trees: FarTrees;
  readonly #layers: FarLayers;
  #isOpen = false;

  constructor(options: RemoteSandboxOptions) {
    const { connection, folder, log } = options;
    this.#options = options;
    this.#program = farProgram(options, this.#session);
    this.#store = new FarStore({ connection, command: this.#program.store, log });
    this.#trees = new FarTrees({
      store: this.#store,
      folder: `${folder}/trees`,
      session: this.#session,
      bytesMax: options.treeBytesMax ?? treeBytesMax,
      wallMs: options.shipMsMax ?? shipMsMax,
    });
    this.#layers = new FarLayers(this.#store, folder);
  }

  async run(
    request: SandboxRequest,
    onEvent: Conversation['onEvent'],
    signal: AbortSignal,
  ): Promise<Result<StepOutcome[], string>> {
    const { workspace, steps, limits } = request;
    const layer = request.layer === undefined ? null : this.#layers.at(request.layer);
    if (layer?.ok === false) return layer;
    const more = layer === null ? {} : { layer: layer.value };
    return await this.#carryOut({ workspace, steps, limits, more, command: this.#program.check }, onEvent, signal);
  }

  async hasLayer(key: string): Promise<boolean> {
    const { signal } = new AbortController();
    const there = await this.#open(signal);
    const has = there.ok ? await this.#layers.has(key, signal) : there;
    // One that cannot be seen would be made anew, and whoever makes it hears why it cannot be.
    if (!has.ok) this.#options.log.warn({ why: has.why }, 'it is not known whether the helper machine has the layer');
    return has.ok && has.value;
  }

  async setUp(
    request: SetUpRequest,
    onEvent: Conversation['onEvent'],
    signal: AbortSignal,
  ): Promise<Result<StepOutcome, string>> {
    const { door } = this.#options;
    if (door === undefined) return no('This helper machine has no door to package registries.');
    const unknown = request.hosts.find((host) => !door.hosts.includes(host));
    if (unknown !== undefined) return no(`${unknown} came on the list of hosts after this helper machine was ordered.`);
    const there = await this.#open(signal);
    if (!there.ok) return there;
    const told = await this.#tellHosts(request.hosts, signal);
    if (!told.ok) return told;
    const { key, workspace, command, limits } = request;
    const made = await this.#layers.make(
      key,
      async (keep) => {
        const steps = [{ name: setUpStep, command }];
        const more = { setUp: { keep, door: request.hosts.length === 0 ? null : door.socket } };
        const work = { workspace, steps, limits, more, command: this.#program.setUp };
        const outcomes = await this.#carryOut(work, onEvent, signal);
        if (!outcomes.ok) return outcomes;
        const [outcome] = outcomes.value;
        if (outcome === undefined) return no('The sandbox helper did not finish.');
        return ok({ isKept: outcome.exitCode === 0 && outcome.limit === null, outcome });
      },
      signal,
    );
    return made.ok ? ok(made.value.outcome) : made;
  }

  async #carryOut(
    { command, more, workspace: near, ...request }: FarWork,
    onEvent: Conversation['onEvent'],
    signal: AbortSignal,
  ): Promise<Result<StepOutcome[], string>> {
    const sendable = assignmentLine({ ...request, workspace: near });
    if (!sendable.ok) return sendable;
    if (signal.aborted) return no('The run was cancelled.');
    const there = await this.#open(signal);
    if (!there.ok) return there;
    const shipped = await this.#ship(near, signal);
    if (!shipped.ok) return shipped;
    const workspace = shipped.value;
    const line = assignmentLine({ ...request, workspace }, more);
    if (!line.ok) return line;
    const order = new FrameOrder(request.steps.map((step) => step.name));
    const bounds = conversationLimits(request.steps.length, request.limits);
    const why = await this.#converse(command([]), { ...bounds, line: line.value, order, onEvent, signal });
    if (workspace.delta !== null) this.#trees.discard(workspace.delta);
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
    const there = await this.#open(signal);
    if (!there.ok) return there;
    const talk = { order, onEvent: () => undefined, signal, deadlineMs: inspectMsMax, bytesMax: stepBytesMax };
    // A service takes no flags; but any assignment is a self-test.
    const isService = this.#options.helper.kind === 'service';
    const line = isService ? assignmentLine(selfTestOf(this.#emptyTree())) : ok(Buffer.alloc(0));
    if (!line.ok) return line;
    const command = this.#program.check(isService ? [] : ['--inspect']);
    const why = await this.#converse(command, { ...talk, line: line.value });
    return why === null ? order.outcomes() : no(why);
  }

  async #tellHosts(hosts: readonly string[], signal: AbortSignal): Promise<Result<null, string>> {
    const { hostsFile } = this.#program;
    if (hostsFile === null) return ok(null);
    return await upload(this.#options.connection, hostsFile, Buffer.from(`${hosts.join('\n')}\n`), signal);
  }

  #converse(command: readonly string[], talk: Conversation): Promise<string | null> {
    return converse(this.#options.connection, command, talk, this.#options.log);
  }

  /** Once: the programs, which are taken into use only if they arrived as they were sent, and the folders. */
  async #open(signal: AbortSignal): Promise<Result<null, string>> {
    if (this.#isOpen) return ok(null);
    for (const { path, bytes } of this.#program.files) {
      const sent = await upload(this.#options.connection, path, bytes, signal);
      if (!sent.ok) return sent;
    }
    const opened = await this.#store.ask({ verb: 'open', name: `${this.#session}-empty` }, { signal });
    if (!opened.ok) return opened;
    this.#isOpen = true;
    return ok(null);
  }

  #emptyTree(): string {
    return `${this.#options.folder}/trees/${this.#session}-empty`;
  }

  /** The same workspace, as it stands over there. */
  async #ship({ lower, delta, remove }: Workspace, signal: AbortSignal): Promise<Result<Workspace, string>> {
    const base = await this.#trees.kept(lower, signal);
    if (!base.ok) return base;
    const change = delta === null ? ok(null) : await this.#trees.once(delta, signal);
    return change.ok ? ok({ lower: base.value, delta: change.value, remove: [...remove] }) : change;
  }
}

/** An assignment whose workspace is still here; what else it names is over there. */
interface FarWork extends Pick<SandboxRequest, 'workspace' | 'steps' | 'limits'> {
  readonly more: { readonly layer?: Layer; readonly setUp?: SetUp };
  readonly command: (flags: readonly string[]) => readonly string[];
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
