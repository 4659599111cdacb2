/** One step: a fresh sandbox, its tree, one command, a verdict. Everything here runs outside the sandbox. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportBytesMax } from '#contract/helper-wire.ts';
import type { Limits, Step, StepOutcome, Workspace } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { killProcess } from './cgroup.ts';
import type { Group, GroupEvents } from './cgroup.ts';
import type { DiskWatch } from './disk-watch.ts';
import { systemPath } from './host.ts';
import { descriptors, treeInput } from './isolation.ts';
import type { Launch } from './isolation.ts';
import { LogCapture } from './log-capture.ts';
import type { LogPipe } from './log-pipe.ts';
import { openPlaces } from './places.ts';
import type { Places } from './places.ts';
import { reportSecondsMax } from './prologue.ts';
import { LetterReader, StatusReport } from './sandbox-status.ts';
import { judge, setUpFailure } from './verdict.ts';
import type { Limit } from './verdict.ts';
import { memoryOfTree, watchEveryMs } from './watch.ts';
import { filesMax } from './workspace.ts';

/** Mounting takes milliseconds; copying or handing over a large tree can take long. */
const setUpMsMax = 180_000;
/** From the end of the command to the end of its last process and of its pipe. */
const drainMsMax = 2_000;

/** Reading reports ends by itself before this; what is still there then is no program of ours. */
const reportMsMax = (reportSecondsMax + 5) * 1000;

export interface StepPlan {
  readonly launch: Launch;
  readonly filter: Buffer;
  readonly pipe: LogPipe;
  readonly group: Group;
  readonly limits: Limits;
  readonly keptLogBytes: number;
  /** For a set-up, which writes on a real disk. */
  readonly disk: DiskWatch | null;
}

export interface StepWork {
  readonly step: Step;
  /** What the prologue reads (`prologueInput`). */
  readonly input: Buffer;
  /** The one limit that may still differ from the plan's. */
  readonly wallMs: number;
}

/** What was seen the moment the command had ended, before its reports were looked for. */
interface Ending {
  readonly atMs: number;
  readonly events: GroupEvents;
  readonly diskIsFull: boolean;
}

/** A sandbox that stands and waits for its tree and its command; nothing untrusted runs in it yet. */
export class StandingStep {
  readonly #plan: StepPlan;
  readonly #child: ChildProcess;
  readonly #capture: LogCapture;
  readonly #reports: Buffer[] = [];
  #reportBytes = 0;
  readonly #log: Readable;
  readonly #exited: Promise<{ code: number | null; signal: string | null }>;
  readonly #status = new LetterReader();
  readonly #tree = new LetterReader();
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
    this.#listen(descriptors.status, this.#status);
    this.#listen(descriptors.tree, this.#tree);
    this.#readable(descriptors.json).on('data', (chunk: Buffer) => this.#report.push(chunk));
    this.#readable(descriptors.reports).on('data', (chunk: Buffer) => this.#takeReport(chunk));
    this.#feed(descriptors.seccomp, plan.filter);
    this.#feed(descriptors.args, Buffer.from(plan.launch.bwrapArgs.map((argument) => `${argument}\0`).join('')));
    plan.launch.madeFiles.forEach(({ text }, index) => this.#feed(descriptors.firstFile + index, Buffer.from(text)));
  }

  /** Resolves when the sandbox stands, or with what it printed instead. */
  async stands(signal: AbortSignal): Promise<Answer<null>> {
    return (await this.#letter(this.#status, 'h', signal)) ? { ok: true, value: null } : this.#refusal();
  }

  /** Gives the sandbox that stands its tree. Resolves when it is there, or with what was printed instead. */
  async takeTree({ lower, delta }: Workspace, signal: AbortSignal): Promise<Answer<null>> {
    if (!this.#plan.launch.awaitsTree) return { ok: true, value: null };
    this.#feed(descriptors.tree, treeInput(lower, delta));
    return (await this.#letter(this.#tree, 'm', signal)) ? { ok: true, value: null } : this.#refusal();
  }

  /**
   * Changes the tree, runs the command to its end or to a limit, and judges. Not ok when nothing is known about the tree.
   */
  async run(
    { step, input, wallMs }: StepWork,
    onOutput: (chunk: Buffer) => void,
    signal: AbortSignal,
  ): Promise<Answer<StepOutcome>> {
    const places = openPlaces(this.#report.initPid ?? -1, this.#plan.launch.places);
    if (places === null) return { ok: false, why: setUpFailure('it ended before the command began.') };
    this.#onOutput = onOutput;
    this.#feed(descriptors.input, input);
    const began = await this.#letter(this.#status, 'r', signal);
    const startedMs = performance.now();
    const ending = began ? await this.#superviseUntilEnd(step, places, wallMs, signal) : null;
    const durationMs = Math.round((ending?.atMs ?? performance.now()) - startedMs);
    const exit = await this.#finish();
    const facts = {
      events: ending?.events ?? this.#plan.group.events(),
      diskIsFull: ending?.diskIsFull ?? this.#isFull(places),
    };
    places.close();
    if (signal.aborted) return { ok: false, why: 'The run was cancelled.' };
    const { bytes, omittedBytes } = this.#capture.take();
    const verdict = judge({
      killedFor: this.#killedFor,
      began,
      exitCode: exit.code,
      signal: exit.signal,
      reportedExitCode: this.#report.exitCode,
      ...facts,
      printed: began ? '' : bytes.subarray(0, 2000).toString('utf8'),
    });
    if (!verdict.ok) return verdict;
    const log = { logBase64: bytes.toString('base64'), omittedBytes };
    const reports = this.#takeReports(step, verdict.value.limit);
    return { ok: true, value: { name: step.name, ...verdict.value, durationMs, ...log, ...reports } };
  }

  /** Whether something of the sandbox could not be ended yet, and may still write. */
  get stirs(): boolean {
    return !this.#hasExited || this.#report.initIsThere();
  }

  /** Ends whatever still runs and gives everything back. Safe to call twice. */
  async end(): Promise<void> {
    await this.#finish();
    this.#log.destroy();
    await this.#plan.group.remove();
  }

  /** Null when the whole sandbox ended with the command, or was ended. */
  async #superviseUntilEnd(step: Step, places: Places, wallMs: number, signal: AbortSignal): Promise<Ending | null> {
    const cancel = (): void => this.#kill();
    const wall = setTimeout(() => this.#killFor('wall'), wallMs);
    const watch = setInterval(() => this.#watch(places), watchEveryMs);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    let ending: Ending | null = null;
    if (step.reports.length > 0 && (await Promise.race([this.#status.waitFor('e'), this.#exited.then(() => false)]))) {
      ending = { atMs: performance.now(), events: this.#plan.group.events(), diskIsFull: this.#isFull(places) };
    }
    if (ending === null) await this.#exited;
    clearInterval(watch);
    clearTimeout(wall);
    if (ending !== null) await this.#exitWithin(reportMsMax);
    signal.removeEventListener('abort', cancel);
    return ending;
  }

  async #exitWithin(timeMsMax: number): Promise<void> {
    const late = setTimeout(() => this.#kill(), timeMsMax);
    await this.#exited;
    clearTimeout(late);
  }

  #takeReports(step: Step, limit: Limit | null): Pick<StepOutcome, 'reportsBase64' | 'reportsCut'> {
    if (step.reports.length === 0) return { reportsBase64: '', reportsCut: false };
    // A command that a limit has ended left what it was just writing.
    if (limit !== null) return { reportsBase64: '', reportsCut: true };
    const bytes = Buffer.concat(this.#reports);
    const whole = this.#status.has('c') && !this.#status.has('u') && bytes.length <= reportBytesMax;
    return { reportsBase64: bytes.subarray(0, reportBytesMax).toString('base64'), reportsCut: !whole };
  }

  /**
   * What the kernel does not end by itself. Where it counts memory, it kills one process when that is used up; the rest
   * would go on and fail, or hang, in a way that explains nothing (version 2 ends the whole group, version 1 does not).
   * And bubblewrap's own tmpfs takes a size but no number of files.
   */
  #watch(places: Places): void {
    const { limits, group } = this.#plan;
    if (places.mostFiles() > filesMax(limits.diskBytes) || this.#plan.disk?.isOver()) this.#killFor('disk');
    if (group.holds.includes('memory')) {
      if (group.events().outOfMemoryKills > 0) this.#killFor('memory');
      return;
    }
    if (memoryOfTree(this.#child.pid ?? -1) + places.usedBytes() > limits.memoryBytes) this.#killFor('memory');
  }

  #isFull(places: Places): boolean {
    return places.areFull() || this.#plan.disk?.isOver() === true;
  }

  #take(chunk: Buffer): void {
    this.#capture.push(chunk);
    this.#onOutput(chunk);
    if (this.#capture.totalBytes > this.#plan.limits.outputBytes) this.#killFor('output');
  }

  /** One byte more than is handed over tells that something was left out; whoever sends more is not heard. */
  #takeReport(chunk: Buffer): void {
    if (this.#reportBytes <= reportBytesMax) this.#reports.push(chunk);
    this.#reportBytes += chunk.length;
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
    this.#writable(descriptors.tree).destroy();
    this.#plan.group.kill();
    if (!this.#hasExited && this.#child.pid !== undefined) killProcess(-this.#child.pid);
    if (this.#report.initPid !== null && this.#report.initIsThere()) killProcess(this.#report.initPid);
  }

  /** Waits for one letter of the launcher or the prologue; false when it will not come, comes too late, or is not wanted any more. */
  async #letter(reader: LetterReader, letter: string, signal: AbortSignal): Promise<boolean> {
    let stopWaiting = (): void => undefined;
    const notWanted = new Promise<false>((resolve) => {
      stopWaiting = () => resolve(false);
    });
    const late = setTimeout(stopWaiting, setUpMsMax);
    signal.addEventListener('abort', stopWaiting, { once: true });
    if (signal.aborted) stopWaiting();
    const came = await Promise.race([reader.waitFor(letter), notWanted]);
    clearTimeout(late);
    signal.removeEventListener('abort', stopWaiting);
    return came;
  }

  /** It did not come up: ends it, and says what it printed. */
  async #refusal(): Promise<{ ok: false; why: string }> {
    await this.#finish();
    return { ok: false, why: this.#capture.take().bytes.toString('utf8').trim() || 'it ended without a word' };
  }

  /** Brings everything to its end: the launcher, the sandbox's init, the pipe. */
  async #finish(): Promise<{ code: number | null; signal: string | null }> {
    if (!this.#hasExited && !this.#status.has('h')) {
      // Killing bubblewrap while it starts could leave its half-made init waiting for ever. Without its input the
      // prologue ends by itself, so that is tried first.
      this.#writable(descriptors.input).destroy();
      this.#writable(descriptors.tree).destroy();
      await Promise.race([this.#exited, sleep(drainMsMax / 2)]);
    }
    this.#kill();
    const exit = await this.#exited;
    for (let waitedMs = 0; waitedMs < drainMsMax && this.#report.initIsThere(); waitedMs += 5) {
      this.#kill();
      await sleep(5);
    }
    const { status, json, reports } = descriptors;
    const streams = [this.#log, ...[status, json, reports].map((descriptor) => this.#readable(descriptor))];
    await Promise.race([Promise.all(streams.map(whenClosed)), sleep(drainMsMax)]);
    return exit;
  }

  #listen(descriptor: number, reader: LetterReader): void {
    this.#readable(descriptor).on('data', (chunk: Buffer) => reader.push(chunk));
    this.#readable(descriptor).once('close', () => reader.end());
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

function whenClosed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    stream.once('close', () => resolve());
  });
}
