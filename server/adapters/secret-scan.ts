import { spawn } from 'node:child_process';
import { no, ok, type Result } from '../lib/result.ts';
import type { Secrets } from '../ports.ts';
import type { ScanRequest } from './secret-scan-request.ts';
import { ScanAnswer } from './secret-scan-wire.ts';

interface SecretScanOptions {
  /** The pinned Node. */
  readonly nodePath: string;
  /** `dist/secrets.cjs`, or its source. */
  readonly programPath: string;
  /** Where programs of the system are found (prlimit). */
  readonly path: string;
  readonly wallMs?: number;
  readonly heapMebibytes?: number;
}

const scanWallMs = 10_000;
/** Of V8's heap: an 8 MiB rendering with its lines and matches stays below half of it. */
const scanHeapMebibytes = 256;
/** What the process may hold beside its heap: Node itself and the text as it came in. */
const beyondHeapMebibytes = 512;
const answerBytesMax = 1024 * 1024;

/** A program that was started ahead of a patch which then did not come ends after this long. */
const standMsMax = 30_000;

/**
 * Looks for secrets in a program of its own, which ends with its answer: a text that keeps a regular expression busy, or that asks
 * for all memory, costs one gate and not the daemon. Values are in no argument, no answer and no log. `prepare` starts it ahead,
 * because starting it takes longer than a small patch does; each serves one request, whoever started it.
 */
export function secretScan(options: SecretScanOptions): Secrets {
  let standing: Program | null = null;
  const take = (): Program => {
    const program = standing;
    standing = null;
    return program !== null && program.isWaiting() ? program : startProgram(options);
  };
  return {
    prepare: () => {
      if (standing?.isWaiting() !== true) standing = startProgram(options);
    },
    standDown: async () => {
      const program = standing;
      standing = null;
      await program?.end();
    },
    find: async (files, signal) => {
      if (files.every(({ lines }) => lines.length === 0)) return ok({ found: [], more: false });
      const answered = await take().ask(
        JSON.stringify({ files } satisfies ScanRequest),
        options.wallMs ?? scanWallMs,
        signal,
      );
      if (!answered.ok) return answered;
      const answer = readAnswer(answered.value);
      return answer === null ? no('The program that looks for secrets gave an answer that is none.') : ok(answer);
    },
  };
}

interface Program {
  readonly isWaiting: () => boolean;
  /** Resolves when it has ended. */
  readonly end: () => Promise<void>;
  /** Hands the request over and waits for the end. The answer, or the sentence that says why there is none. */
  readonly ask: (request: string, wallMs: number, signal: AbortSignal | undefined) => Promise<Result<string, string>>;
}

function startProgram(options: SecretScanOptions): Program {
  const heap = options.heapMebibytes ?? scanHeapMebibytes;
  const limits = ['--core=0', `--data=${(heap + beyondHeapMebibytes) * 1024 * 1024}`];
  // The program reads its own file and what it imports; it can write nothing, start nothing and call nobody.
  const flags = ['--permission', '--allow-fs-read=*', `--max-old-space-size=${heap}`];
  const child = spawn('prlimit', [...limits, options.nodePath, ...flags, options.programPath], {
    cwd: '/',
    env: { PATH: options.path },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let why: string | null = null;
  const end = (sentence: string): void => {
    why ??= sentence;
    child.kill('SIGKILL');
  };
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > answerBytesMax) end('The program that looks for secrets answered more than it can have to say.');
    else chunks.push(chunk);
  });
  // A program that ended early closes its input; how it ended is what gets said.
  child.stdin.on('error', () => undefined);
  // Its one line is the answer; how it ends after that is nobody's business.
  const answered = new Promise<Result<string, string>>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (why === null && chunk.at(-1) === 0x0a) resolve(ok(Buffer.concat(chunks).toString('utf8')));
    });
    child.on('error', () => resolve(no('The program that looks for secrets could not be started.')));
    child.on('close', (code) => {
      if (why !== null) resolve(no(why));
      else if (code !== 0) resolve(no('The program that looks for secrets ended before it was done.'));
      else resolve(no('The program that looks for secrets ended without an answer.'));
    });
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  // Neither keeps the daemon from ending: the program ends with its input.
  const unused = setTimeout(() => end('It was not needed.'), standMsMax).unref();
  child.unref();
  return {
    end: async () => {
      clearTimeout(unused);
      end('It was not needed.');
      await ended;
    },
    isWaiting: () => why === null && child.exitCode === null && child.signalCode === null,
    ask: async (request, wallMs, signal) => {
      clearTimeout(unused);
      child.ref();
      const tooLong = `Looking for secrets took longer than ${wallMs / 1000} seconds, so it was ended.`;
      const wall = setTimeout(() => end(tooLong), wallMs);
      const onAbort = (): void => end('Looking for secrets was stopped.');
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      child.stdin.end(request);
      const answer = await answered;
      clearTimeout(wall);
      signal?.removeEventListener('abort', onAbort);
      end('It has answered.');
      return answer;
    },
  };
}

function readAnswer(answer: string): ScanAnswer | null {
  let value: unknown;
  try {
    value = JSON.parse(answer);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const parsed = ScanAnswer.safeParse(value);
  return parsed.success ? parsed.data : null;
}
