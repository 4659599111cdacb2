/** Runs one small command on a helper machine to its end. */
import type { Readable } from 'node:stream';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { HelperConnection } from '../ports-cloud.ts';

interface Question {
  /** Goes to the command's standard input, which then ends. */
  readonly input?: Buffer | Readable;
  readonly wallMs: number;
  readonly signal: AbortSignal;
}

interface Answered {
  readonly code: number;
  readonly output: string;
  /** What it complained about: for the owner's eyes, bounded and on one line. */
  readonly errors: string;
}

const outputBytesMax = 64 * 1024;
const errorCharactersMax = 500;
export const lostLink = 'The connection to the helper machine was lost, so nothing is known about the tree.';
export const cancelled = 'The run was cancelled.';

/** Not ok: it was not started, not ended by itself, or not seen to end. Resolves when nothing of it runs, as far as can be known. */
export async function ask(
  connection: HelperConnection,
  command: readonly string[],
  { input = Buffer.alloc(0), wallMs, signal }: Question,
): Promise<Result<Answered, string>> {
  if (signal.aborted) return no(cancelled);
  const output = new Bounded();
  const errors = new Bounded();
  let why: string | null = null;
  const started = await connection.start(command, {
    onOutput: (chunk) => output.add(chunk),
    onErrors: (chunk) => errors.add(chunk),
  });
  if (!started.ok) return started;
  const program = started.value;
  const stop = (reason: string): void => {
    why ??= reason;
    program.stop();
  };
  output.onFull = () => stop('The helper machine said more than was asked.');
  const cancel = (): void => stop(cancelled);
  const timer = setTimeout(() => stop('The helper machine did not answer in time.'), wallMs);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  else if (Buffer.isBuffer(input)) program.input.end(input);
  else {
    // A source that breaks off has no end of its own; the other side must not wait for it.
    input.once('close', () => program.input.end());
    input.pipe(program.input);
  }
  const { code } = await program.ended;
  clearTimeout(timer);
  signal.removeEventListener('abort', cancel);
  if (!Buffer.isBuffer(input)) input.unpipe(program.input);
  if (why !== null) return no(why);
  if (code === null) return no(connection.isOpen() ? 'The helper machine broke off what it was asked.' : lostLink);
  return ok({ code, output: output.text(), errors: oneLine(errors.text()) });
}

/** What a machine says, up to a limit. */
class Bounded {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  onFull: () => void = () => undefined;

  add(chunk: Buffer): void {
    if (this.#bytes < outputBytesMax) this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > outputBytesMax) this.onFull();
  }

  text(): string {
    return Buffer.concat(this.#chunks).subarray(0, outputBytesMax).toString('utf8');
  }
}

/** It comes from another machine and goes into a sentence. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, errorCharactersMax);
}
