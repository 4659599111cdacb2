/** The two channels on which a sandbox says how it is: letters from the prologue, JSON lines from bubblewrap. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isSystemError } from './host.ts';

/** More than either channel ever carries; what comes beyond is not ours and is not kept. */
const charactersMax = 4096;

/** Letters that the prologue writes, in whatever pieces they come. */
export class LetterReader {
  #letters = '';
  #ended = false;
  readonly #waiting = new Set<() => void>();

  push(chunk: Buffer): void {
    this.#letters = (this.#letters + chunk.toString('latin1')).slice(0, charactersMax);
    this.#wake();
  }

  /** The channel is closed: what has not come will not come. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  has(letter: string): boolean {
    return this.#letters.includes(letter);
  }

  /** True once the letter is there, false once it cannot come any more. */
  waitFor(letter: string): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.has(letter) && !this.#ended) return;
        this.#waiting.delete(look);
        resolve(this.has(letter));
      };
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}

const StatusLine = z.object({ 'child-pid': z.int().positive().optional(), 'exit-code': z.int().optional() });

/** What `bwrap --json-status-fd` writes: the process id of the sandbox's init, and at the end the exit code. */
export class StatusReport {
  #rest = '';
  #initPid: number | null = null;
  #initStartedAt: string | null = null;
  #exitCode: number | null = null;

  push(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('utf8')).slice(0, charactersMax).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
  }

  /** Null before bubblewrap has made the sandbox's namespaces. */
  get initPid(): number | null {
    return this.#initPid;
  }

  /** Null unless the command ran and ended. */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Whether the init still runs. The start time makes sure that its number has not gone to another process. */
  initIsThere(): boolean {
    return this.#initPid !== null && this.#initStartedAt !== null && startOf(this.#initPid) === this.#initStartedAt;
  }

  #read(line: string): void {
    const parsed = StatusLine.parse(JSON.parse(line));
    if (parsed['child-pid'] !== undefined) {
      this.#initPid = parsed['child-pid'];
      this.#initStartedAt = startOf(parsed['child-pid']);
    }
    if (parsed['exit-code'] !== undefined) this.#exitCode = parsed['exit-code'];
  }
}

/** Fields 3 and 22 of proc_pid_stat(5), counted after the name, which may contain anything; null for the dead. */
function startOf(pid: number): string | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return null;
    throw error;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}
