/** One program on the other side, from its start to its end. */
import type { ClientChannel } from 'ssh2';
import type { HelperConnection } from '../ports-cloud.ts';
import type { SshTimes } from './ssh-link-times.ts';

type Streams = Parameters<HelperConnection['start']>[1];

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
}

const pidDigitsMax = 10;

/**
 * A line for the shell that sshd hands every command to: it says its process number, then becomes the command. Null when there
 * is nothing to run, or a NUL, which no argument can hold.
 */
export function shellCommand(words: readonly string[]): string | null {
  if (words.length === 0 || words.some((word) => word.includes('\0'))) return null;
  return `echo $$; exec ${words.map(quote).join(' ')}`;
}

/** Nothing is special between single quotes (POSIX shell, 2.2.2), so only they have to be taken out. */
function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export class SshProgram {
  readonly ended: Promise<Ended>;
  readonly #channel: ClientChannel;
  readonly #times: SshTimes;
  readonly #kill: (words: readonly string[]) => void;
  readonly #end: (ended: Ended) => void;
  #pid: number | null = null;
  #start = '';
  #isStopped = false;
  #hasEnded = false;
  #timer: NodeJS.Timeout | null = null;

  /** `kill`: runs a command over there; nobody waits for it. */
  constructor(
    channel: ClientChannel,
    { onOutput, onErrors = () => undefined }: Streams,
    times: SshTimes,
    kill: (words: readonly string[]) => void,
  ) {
    this.#channel = channel;
    this.#times = times;
    this.#kill = kill;
    const { promise, resolve } = Promise.withResolvers<Ended>();
    this.ended = promise;
    this.#end = (ended) => {
      this.#hasEnded = true;
      if (this.#timer !== null) clearTimeout(this.#timer);
      resolve(ended);
    };
    let exit: Ended = { code: null, signal: null };
    // Each chunk is used up before the next is taken, and the window is widened only then: what waits here is 2 MiB at most.
    channel.on('data', (chunk: Buffer) => {
      const output = this.#pid === null ? this.#takePid(chunk) : chunk;
      if (!this.#hasEnded && output.length > 0) onOutput(output);
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      if (!this.#hasEnded) onErrors(chunk);
    });
    channel.on('exit', (code: number | null, signal?: string) => {
      exit = { code: typeof code === 'number' ? code : null, signal: signal ?? null };
    });
    // A program that closed its input before it was all written is one that ended early: `ended` tells.
    channel.on('error', () => undefined);
    channel.stderr.on('error', () => undefined);
    channel.once('close', () => this.#end(exit));
  }

  get input(): NodeJS.WritableStream {
    return this.#channel;
  }

  /** The end of its input, then SIGTERM and SIGKILL to its process group, then the end of the channel: `ended` comes in any case. */
  stop(): void {
    if (this.#isStopped || this.#hasEnded) return;
    this.#isStopped = true;
    const steps = [
      () => this.#channel.end(),
      () => this.#signal('TERM'),
      () => this.#signal('KILL'),
      () => this.#channel.close(),
      () => this.lose(),
    ];
    const next = (): void => {
      if (this.#hasEnded) return;
      steps.shift()?.();
      if (steps.length > 0) this.#timer = setTimeout(next, this.#times.stopMsMax);
    };
    next();
  }

  /** Nothing more will be heard of it: how it ended is not known. */
  lose(): void {
    if (!this.#hasEnded) this.#end({ code: null, signal: null });
  }

  /** sshd starts every command as the leader of a group of its own, whose number is not given away while the channel is open. */
  #signal(name: 'TERM' | 'KILL'): void {
    // The shell's own kill: a small machine may have no other.
    if (this.#pid !== null) this.#kill(['sh', '-c', 'kill -s "$1" -- "-$2"', 'kill', name, `${this.#pid}`]);
  }

  /** The first line is the process number; gives back what follows it. */
  #takePid(chunk: Buffer): Buffer {
    const end = chunk.indexOf(0x0a);
    this.#start += chunk
      .subarray(0, end === -1 ? pidDigitsMax + 1 : Math.min(end, pidDigitsMax + 1))
      .toString('latin1');
    if (end === -1 && this.#start.length <= pidDigitsMax) return chunk.subarray(chunk.length);
    // A shell that says something else first is not the one of a helper machine; its output is then nobody's.
    this.#pid = /^\d{1,10}$/.test(this.#start) ? Number(this.#start) : 0;
    if (this.#pid > 1) return chunk.subarray(end + 1);
    this.#channel.close();
    return chunk.subarray(chunk.length);
  }
}
