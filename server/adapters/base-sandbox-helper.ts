/** One process of the helper, and the conversation with it. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Socket } from 'node:net';
import { helperProtocol } from '#contract/helper-wire.ts';
import type { Limits, Preparation } from '#contract/helper-wire.ts';
import type { Log } from '../ports.ts';
import { frameReader } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
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
  readonly log: Log;
}

/** A helper that was asked to stop has this long to clean up before its process group is killed. */
const stopMsMax = 2_000;
const complaintBytesMax = 8 * 1024;

export class HelperProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<string>;
  #killTimer: NodeJS.Timeout | null = null;

  /** Nothing is sent to it yet. Never rejects for a program that cannot be started: the conversation will tell. */
  static async start(options: HelperOptions, flags: readonly string[]): Promise<HelperProcess> {
    const user = await findRunUser();
    return new HelperProcess(options, [
      ...flags,
      ...(user === null ? [] : ['--run-as', `${user.uid}:${user.gid}`]),
      ...(options.npmFolder === null ? [] : ['--npm', options.npmFolder]),
    ]);
  }

  private constructor({ nodePath, helperPath, compileCacheFolder, log }: HelperOptions, flags: readonly string[]) {
    // Nothing the daemon knows is in the environment. Its own group: so that it can be killed whole.
    const env = compileCacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: compileCacheFolder };
    this.#child = spawn(nodePath, [helperPath, ...flags], { cwd: '/', env, detached: true });
    const complaints: Buffer[] = [];
    // A helper that ended early closes its input; how it ended is what gets reported.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.on('data', (chunk: Buffer) => {
      if (complaints.reduce((sum, part) => sum + part.length, 0) < complaintBytesMax) complaints.push(chunk);
    });
    this.#closed = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
      this.#child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    });
    void this.#closed.then((exit) => {
      if (this.#killTimer !== null) clearTimeout(this.#killTimer);
      const stderr = Buffer.concat(complaints).subarray(0, complaintBytesMax).toString('utf8');
      if (stderr !== '') log.warn({ exit, stderr }, 'the sandbox helper complained');
    });
  }

  /** Has it get ready for an assignment with these limits, without keeping this process alive meanwhile. `onGone`: it ended. */
  stand(limits: Limits | null, onGone: () => void): void {
    const preparation: Preparation = { type: 'preparation', protocol: helperProtocol, limits };
    this.#child.stdin.write(`${JSON.stringify(preparation)}\n`);
    this.#hold(false);
    this.#child.once('exit', onGone);
    this.#child.once('error', onGone);
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
    this.#child.stdout.on('data', (chunk: Buffer) => {
      read(chunk);
      if (ended === null && talk.order.isComplete) complete.resolve(null);
    });
    if (talk.line.length > 0) this.#child.stdin.write(talk.line);
    const exit = await Promise.race([complete.promise, this.#closed]);
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
    this.#child.stdout.resume();
    this.#stop();
    await this.#closed;
  }

  /** The end of its input tells the helper to kill what it started; the group is killed if that takes too long. */
  #stop(): void {
    this.#child.stdin.destroy();
    this.#killTimer ??= setTimeout(() => this.#killGroup(), stopMsMax);
  }

  #killGroup(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    // Not yet reaped, so the number still belongs to it.
    process.kill(-pid, 'SIGKILL');
  }

  /** Whether this process stays alive for it. */
  #hold(held: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    const method = held ? 'ref' : 'unref';
    this.#child[method]();
    this.#killTimer?.[method]();
    // Pipes to a child are sockets, which the types do not say.
    for (const stream of [stdin, stdout, stderr]) if (stream instanceof Socket) stream[method]();
  }
}
