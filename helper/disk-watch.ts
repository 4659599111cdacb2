/** Holds what a set-up writes on a real disk to its limit. No quota can be had without root, so it is looked at and counted. */
import { spawn } from 'node:child_process';
import { statfsSync } from 'node:fs';
import type { Limits } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { systemPath } from './host.ts';
import { filesMax } from './workspace.ts';

/** Room that is always left to the machine: its database must be able to write. */
export const freeBytesMin = 256 * 1024 * 1024;
/** What others may write on the same disk meanwhile without being taken for the set-up. */
const othersBytes = 1024 * 1024 * 1024;
/** Counting is walking: between two walks lies at least this, and several times what the last one took. */
const pauseMsMin = 500;
const pausePerWalk = 4;
/** Growth that is worth another walk at once. */
const growthBytesMin = 16 * 1024 * 1024;
const walkMsMax = 120_000;

export interface Usage {
  /** Of blocks, so that a file of holes weighs what it takes, and a file with two names counts once. */
  readonly bytes: number;
  readonly files: number;
}

export class DiskWatch {
  readonly #folders: readonly string[];
  readonly #bytesMax: number;
  readonly #filesMax: number;
  readonly #freeAtStart: number;
  #counted = 0;
  #freeAtCount: number;
  #walking = false;
  #nextWalkAtMs = 0;
  #isOver = false;

  /** `folders` lie on one file system. */
  constructor(folders: readonly string[], limits: Limits) {
    this.#folders = folders;
    this.#bytesMax = limits.diskBytes;
    this.#filesMax = filesMax(limits.diskBytes);
    this.#freeAtStart = this.#free();
    this.#freeAtCount = this.#freeAtStart;
  }

  get hasRoom(): boolean {
    return this.#freeAtStart > freeBytesMin;
  }

  /**
   * Whether the limit is passed, as far as that is known. Called often: the room on the disk is asked each time, and says when
   * to count anew; it also sees a file that has lost its name and is still written to.
   */
  isOver(): boolean {
    const free = this.#free();
    if (free < freeBytesMin || this.#freeAtStart - free > this.#bytesMax + othersBytes) this.#isOver = true;
    const mayBeOver = this.#freeAtCount - free > Math.max(growthBytesMin, this.#bytesMax - this.#counted);
    const nowMs = performance.now();
    if (!this.#isOver && !this.#walking && (mayBeOver || nowMs >= this.#nextWalkAtMs)) void this.#walk(nowMs, free);
    return this.#isOver;
  }

  /** The final count, when nothing writes any more. */
  async judge(): Promise<Answer<{ readonly isOver: boolean }>> {
    const usage = await countUsage(this.#folders);
    return usage.ok ? { ok: true, value: { isOver: this.#isOver || this.#exceeds(usage.value) } } : usage;
  }

  async #walk(startedMs: number, free: number): Promise<void> {
    this.#walking = true;
    const usage = await countUsage(this.#folders);
    const tookMs = performance.now() - startedMs;
    // A folder that went away while it was walked makes the count fail; the next one, or the last one, will tell.
    if (usage.ok) {
      this.#counted = usage.value.bytes;
      this.#freeAtCount = free;
      if (this.#exceeds(usage.value)) this.#isOver = true;
    }
    this.#nextWalkAtMs = performance.now() + Math.max(pauseMsMin, tookMs * pausePerWalk);
    this.#walking = false;
  }

  #exceeds({ bytes, files }: Usage): boolean {
    return bytes > this.#bytesMax || files > this.#filesMax;
  }

  #free(): number {
    const { bavail, bsize } = statfsSync(this.#folders[0] ?? '/');
    return bavail * bsize;
  }
}

/** By du(1), which follows no link and gets to the bottom of any depth. */
async function countUsage(folders: readonly string[]): Promise<Answer<Usage>> {
  const counted = await runTool(countScript, folders, walkMsMax);
  if (!counted.ok) return counted;
  const [bytes = Number.NaN, files = Number.NaN] = counted.value.trim().split(/\s+/).map(Number);
  if (!Number.isFinite(bytes + files)) return { ok: false, why: 'du said no number.' };
  return { ok: true, value: { bytes, files } };
}

const countScript = `total() { tail -n 1 | cut -f 1; }
du -csxB1 -- "$@" | total
du -csx --inodes -- "$@" | total
`;

/** A shell script of ours with paths as its parameters; gives back what it printed, or what it complained about. */
export function runTool(script: string, folders: readonly string[], timeMsMax: number): Promise<Answer<string>> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-euc', script, 'sh', ...folders], {
      cwd: '/',
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeMsMax,
      killSignal: 'SIGKILL',
    });
    let printed = '';
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(0, textMax)));
    child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, textMax)));
    child.once('error', (error) => resolve({ ok: false, why: error.message }));
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ ok: true, value: printed });
      else resolve({ ok: false, why: complaint.trim() || `It ended with ${signal ?? `exit code ${code}`}.` });
    });
  });
}

const textMax = 4000;
