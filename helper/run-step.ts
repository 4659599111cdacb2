/** One step: a fresh sandbox, one command, a verdict. Everything here runs outside the sandbox. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits, StepOutcome } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { killProcess } from './cgroup.ts';
import type { Group } from './cgroup.ts';
import { isSystemError, systemPath } from './host.ts';
import { descriptors } from './isolation.ts';
import type { Launch } from './isolation.ts';
import { LogCapture } from './log-capture.ts';
import type { LogPipe } from './log-pipe.ts';
import { openPlaces } from './places.ts';
import type { Places } from './places.ts';
import { LetterReader, StatusReport } from './sandbox-status.ts';
import { judge, setUpFailure } from './verdict.ts';
import type { Limit } from './verdict.ts';
import { memoryOfTree, watchEveryMs } from './watch.ts';
import { filesMax } from './workspace.ts';

/** Mounting takes milliseconds; copying or handing over a large tree can take long. */
const setUpMsMax = 180_000;
/** From the end of the command to the end of its last process and of its pipe. */
const drainMsMax = 2_000;

export interface StepPlan {
  readonly name: string;
  readonly launch: Launch;
  readonly filter: Buffer;
  readonly pipe: LogPipe;
  readonly group: Group;
  readonly limits: Limits;
  readonly keptLogBytes: number;
}

/** A sandbox that stands with its tree mounted and waits; nothing untrusted runs in it yet. */
export class StandingStep {
  readonly #plan: StepPlan;
  readonly #child: ChildProcess;
  readonly #capture: LogCapture;
  readonly #log: Readable;
  readonly #exited: Promise<{ code: number | null; signal: string | null }>;
  readonly #status = new LetterReader();
  readonly #report = new StatusReport();
  #hasExited = false;
  #killedFor: Limit | null = null;
  #onOutput: (chunk: Buffer) => void = () => undefined;

  /** Starts the launcher. `stands` tells whether the sandbox came up; `end` must be called in every case. */
  constructor(plan: StepPlan) {
    this.#plan = plan;
    this.#capture = new LogCapture(plan.keptLogBytes);
    const others = descriptors.firstFile - descriptors.status + plan.launch.madeFiles.length;
    const otherPipes = Array.from({ length: others }, () => 'pipe' as const);
    this.#child = spawn(plan.launch.file, plan.launch.args, {
      cwd: '/',
      env: { PATH: systemPath },
      // Its own process group, so that a kill also takes a `mount` that the launcher has just started.
      detached: true,
      stdio: ['pipe', plan.pipe.writeEnd, plan.pipe.writeEnd, ...otherPipes],
    });
    plan.pipe.closeWriteEnd();
    this.#log = plan.pipe.read((chunk) => this.#take(chunk));
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ code: null, signal: error.message }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    void this.#exited.then(() => (this.#hasExited = true));
    this.#readable(descriptors.status).on('data', (chunk: Buffer) => this.#status.push(chunk));
    this.#readable(descriptors.status).once('close', () => this.#status.end());
    this.#readable(descriptors.json).on('data', (chunk: Buffer) => this.#report.push(chunk));
    this.#feed(descriptors.seccomp, plan.filter);
    this.#feed(descriptors.args, Buffer.from(plan.launch.bwrapArgs.map((argument) => `${argument}\0`).join('')));
    plan.launch.madeFiles.forEach(({ text }, index) => this.#feed(descriptors.firstFile + index, Buffer.from(text)));
    if (this.#child.pid !== undefined) lowerPriority(this.#child.pid);
  }

  /** Resolves when the sandbox stands, or with what it printed instead. */
  async stands(signal: AbortSignal): Promise<Answer<null>> {
    if (await this.#letter('h', signal)) return { ok: true, value: null };
    await this.#finish();
    return { ok: false, why: this.#capture.take().bytes.toString('utf8').trim() || 'it ended without a word' };
  }

  /**
   * Changes the tree, runs the command to its end or to a limit, and judges.
   * `input`: what the prologue reads. Not ok when nothing is known about the tree.
   */
  async run(input: Buffer, onOutput: (chunk: Buffer) => void, signal: AbortSignal): Promise<Answer<StepOutcome>> {
    const places = openPlaces(this.#report.initPid ?? -1);
    if (places === null) return { ok: false, why: setUpFailure('it ended before the command began.') };
    this.#onOutput = onOutput;
    this.#feed(descriptors.input, input);
    const began = await this.#letter('r', signal);
    const startedMs = performance.now();
    if (began) await this.#superviseUntilExit(places, signal);
    const durationMs = Math.round(performance.now() - startedMs);
    const exit = await this.#finish();
    const diskIsFull = places.areFull();
    places.close();
    if (signal.aborted) return { ok: false, why: 'The run was cancelled.' };
    const { bytes, omittedBytes } = this.#capture.take();
    const verdict = judge({
      killedFor: this.#killedFor,
      began,
      exitCode: exit.code,
      signal: exit.signal,
      reportedExitCode: this.#report.exitCode,
      events: this.#plan.group.events(),
      diskIsFull,
      printed: began ? '' : bytes.subarray(0, 2000).toString('utf8'),
    });
    if (!verdict.ok) return verdict;
    const log = { logBase64: bytes.toString('base64'), omittedBytes };
    return { ok: true, value: { name: this.#plan.name, ...verdict.value, durationMs, ...log } };
  }

  /** Ends whatever still runs and gives everything back. Safe to call twice. */
  async end(): Promise<void> {
    await this.#finish();
    this.#log.destroy();
    await this.#plan.group.remove();
  }

  async #superviseUntilExit(places: Places, signal: AbortSignal): Promise<void> {
    const cancel = (): void => this.#kill();
    const wall = setTimeout(() => this.#killFor('wall'), this.#plan.limits.wallMs);
    const watch = setInterval(() => this.#watch(places), watchEveryMs);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    await this.#exited;
    signal.removeEventListener('abort', cancel);
    clearInterval(watch);
    clearTimeout(wall);
  }

  /**
   * What the kernel does not end by itself. Where it counts memory, it kills one process when that is used up; the rest
   * would go on and fail, or hang, in a way that explains nothing (version 2 ends the whole group, version 1 does not).
   * And bubblewrap's own tmpfs takes a size but no number of files.
   */
  #watch(places: Places): void {
    const { limits, group } = this.#plan;
    if (places.mostFiles() > filesMax(limits.diskBytes)) this.#killFor('disk');
    if (group.holds.includes('memory')) {
      if (group.events().outOfMemoryKills > 0) this.#killFor('memory');
      return;
    }
    if (memoryOfTree(this.#child.pid ?? -1) + places.usedBytes() > limits.memoryBytes) this.#killFor('memory');
  }

  #take(chunk: Buffer): void {
    this.#capture.push(chunk);
    this.#onOutput(chunk);
    if (this.#capture.totalBytes > this.#plan.limits.outputBytes) this.#killFor('output');
  }

  #killFor(limit: Limit): void {
    // The end may already be on its way: then the command ended by itself.
    if (this.#hasExited) return;
    this.#killedFor ??= limit;
    this.#kill();
  }

  /**
   * Three ropes, because each can be missed for a moment: the group, the launcher's process group (bubblewrap's monitor,
   * with which the sandbox's init dies), and that init itself, which is the kernel's name for everything in the sandbox.
   */
  #kill(): void {
    this.#writable(descriptors.input).destroy();
    this.#plan.group.kill();
    if (!this.#hasExited && this.#child.pid !== undefined) killProcess(-this.#child.pid);
    if (this.#report.initPid !== null && this.#report.initIsThere()) killProcess(this.#report.initPid);
  }

  /** Waits for one letter of the prologue; false when it will not come, comes too late, or is not wanted any more. */
  async #letter(letter: string, signal: AbortSignal): Promise<boolean> {
    let stopWaiting = (): void => undefined;
    const notWanted = new Promise<false>((resolve) => {
      stopWaiting = () => resolve(false);
    });
    const late = setTimeout(stopWaiting, setUpMsMax);
    signal.addEventListener('abort', stopWaiting, { once: true });
    if (signal.aborted) stopWaiting();
    const came = await Promise.race([this.#status.waitFor(letter), notWanted]);
    clearTimeout(late);
    signal.removeEventListener('abort', stopWaiting);
    return came;
  }

  /** Brings everything to its end: the launcher, the sandbox's init, the pipe. */
  async #finish(): Promise<{ code: number | null; signal: string | null }> {
    if (!this.#hasExited && !this.#status.has('h')) {
      // Killing bubblewrap while it starts could leave its half-made init waiting for ever. Without its input the
      // prologue ends by itself, so that is tried first.
      this.#writable(descriptors.input).destroy();
      await Promise.race([this.#exited, sleep(drainMsMax / 2)]);
    }
    this.#kill();
    const exit = await this.#exited;
    for (let waitedMs = 0; waitedMs < drainMsMax && this.#report.initIsThere(); waitedMs += 5) {
      this.#kill();
      await sleep(5);
    }
    const streams = [this.#log, this.#readable(descriptors.status), this.#readable(descriptors.json)];
    await Promise.race([Promise.all(streams.map(whenClosed)), sleep(drainMsMax)]);
    return exit;
  }

  #feed(descriptor: number, bytes: Buffer): void {
    // A reader that is gone (EPIPE) has ended, and how it ended is what gets reported.
    this.#writable(descriptor)
      .on('error', () => undefined)
      .end(bytes);
  }

  // Node types every extra descriptor as either; ours were all asked for as "pipe", which is both.
  #readable(descriptor: number): Readable {
    return this.#child.stdio[descriptor] as Readable;
  }
  #writable(descriptor: number): Writable {
    return this.#child.stdio[descriptor] as Writable;
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    // It ended before it could be asked; how it ended is reported elsewhere.
    if (!isSystemError(error, 'ESRCH', 'ERR_SYSTEM_ERROR')) throw error;
  }
}

function whenClosed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    stream.once('close', () => resolve());
  });
}
