/** One process of the helper, and the conversation with it. */
import { helperProtocol } from '#contract/helper-wire.ts';
import type { Limits, Preparation } from '#contract/helper-wire.ts';
import type { Log } from '../ports.ts';
import { childBody } from './base-sandbox-body.ts';
import type { HelperBody } from './base-sandbox-body.ts';
import { frameReader } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { findRunSocket, inspection, socketBody } from './base-sandbox-socket.ts';
import { findRunUser } from './base-sandbox-user.ts';

export interface HelperOptions {
  /** The pinned Node: runs the helper, and is the `node` that checks get. */
  readonly nodePath: string;
  /** The helper as one file. */
  readonly helperPath: string;
  /** Folder of the npm package, for machines without an npm under /usr. */
  readonly npmFolder: string | null;
  /** Where Node keeps the helper compiled, which saves a third of its start. Nobody else may be able to write there. */
  readonly compileCacheFolder?: string;
  /** Helpers stand behind this socket instead, as another user; absent: `findRunSocket()`. The fields above do not reach them. */
  readonly socketPath?: string | null;
  readonly log: Log;
}

/** A helper that was asked to stop has this long to clean up before its process group is killed. */
const stopMsMax = 2_000;

export class HelperProcess {
  readonly #body: HelperBody;
  #killTimer: NodeJS.Timeout | null = null;

  /** Nothing is sent to it yet, or the wish to inspect. Never rejects for one that cannot be started: the conversation will tell. */
  static async start(options: HelperOptions, { inspect }: { readonly inspect: boolean }): Promise<HelperProcess> {
    const { nodePath, helperPath, npmFolder, compileCacheFolder, socketPath = findRunSocket() } = options;
    if (socketPath !== null) {
      const body = socketBody(socketPath);
      if (inspect) body.input.write(inspection());
      return new HelperProcess(body, options.log);
    }
    const user = await findRunUser();
    const flags = [
      ...(inspect ? ['--inspect'] : []),
      ...(user === null ? [] : ['--run-as', `${user.uid}:${user.gid}`]),
      ...(npmFolder === null ? [] : ['--npm', npmFolder]),
    ];
    // Nothing the daemon knows is in the environment.
    const environment = compileCacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: compileCacheFolder };
    return new HelperProcess(childBody(nodePath, [helperPath, ...flags], environment), options.log);
  }

  private constructor(body: HelperBody, log: Log) {
    this.#body = body;
    void body.closed.then((exit) => {
      if (this.#killTimer !== null) clearTimeout(this.#killTimer);
      const stderr = body.complaints();
      if (stderr !== '') log.warn({ exit, stderr }, 'the sandbox helper complained');
    });
  }

  /** Has it get ready for an assignment with these limits, without keeping this process alive meanwhile. `onGone`: it ended. */
  stand(limits: Limits | null, onGone: () => void): void {
    const preparation: Preparation = { type: 'preparation', protocol: helperProtocol, limits, inspect: false };
    this.#body.input.write(`${JSON.stringify(preparation)}\n`);
    this.#hold(false);
    this.#body.onGone(onGone);
  }

  /**
   * Hands over the assignment and listens to the end. Null once everything was said, when nothing runs any more and the
   * process is about to end; or the sentence that says what went wrong, once the process has really ended.
   */
  async converse(talk: Conversation): Promise<string | null> {
    this.#hold(true);
    let ended: string | null = null;
    const stop = (why: string): void => {
      ended ??= why;
      this.#stop();
    };
    const cancel = (): void => stop('The run was cancelled.');
    talk.signal.addEventListener('abort', cancel, { once: true });
    if (talk.signal.aborted) cancel();
    const deadline = setTimeout(() => stop('The sandbox helper did not finish in time.'), talk.deadlineMs);
    const complete = Promise.withResolvers<null>();
    const read = frameReader(talk, stop);
    this.#body.output.on('data', (chunk: Buffer) => {
      read(chunk);
      if (ended === null && talk.order.isComplete) complete.resolve(null);
    });
    if (talk.line.length > 0) this.#body.input.write(talk.line);
    const exit = await Promise.race([complete.promise, this.#body.closed]);
    clearTimeout(deadline);
    talk.signal.removeEventListener('abort', cancel);
    if (exit === null) {
      this.#stop();
      this.#hold(false);
      return null;
    }
    return ended ?? (talk.order.isComplete ? null : `The sandbox helper ended before it was done (${exit}).`);
  }

  /** Ends it, whatever it does. Resolves when it has ended. */
  async end(): Promise<void> {
    this.#hold(true);
    this.#body.output.resume();
    this.#stop();
    await this.#body.closed;
  }

  /** Asks it to end; it is killed if that takes too long. */
  #stop(): void {
    this.#body.endInput();
    this.#killTimer ??= setTimeout(() => this.#body.kill(), stopMsMax);
  }

  /** Whether this process stays alive for it. */
  #hold(held: boolean): void {
    this.#body.hold(held);
    this.#killTimer?.[held ? 'ref' : 'unref']();
  }
}
