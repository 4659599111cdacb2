/** Carries out one assignment: finds a way to have the tree, then runs each step in a sandbox of its own. */
import type { Assignment, StepOutcome } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { makeGroup, sweepGroups } from './cgroup.ts';
import { findParents } from './cgroup-parents.ts';
import type { Controller, Parent } from './cgroup-parents.ts';
import { keptLogBytesMax } from './frames.ts';
import type { FrameWriter } from './frames.ts';
import type { Host } from './host.ts';
import { planLaunch } from './isolation.ts';
import { liveOutput } from './live-output.ts';
import { makeLogPipes } from './log-pipe.ts';
import type { LogPipe } from './log-pipe.ts';
import { report } from './report.ts';
import { StandingStep } from './run-step.ts';
import { isKnownArchitecture, seccompProgram } from './seccomp.ts';
import { setUpFailure } from './verdict.ts';
import { checkWorkspace, ownership, prologueInput } from './workspace.ts';
import type { Strategy } from './workspace.ts';

/** Beyond the memory limit, for one process: programs such as Node reserve far more writable memory than they use. */
const reservedBytes = 1024 * 1024 * 1024;

/**
 * Sends `ready` once the first sandbox stands, then `started` and `outcome` per step, then `done`; or `trouble` at any
 * point, after which nothing more is said. `missing` goes into `ready` as it is, in front of what is found here.
 */
export async function carryOut(
  assignment: Assignment,
  host: Host,
  missing: readonly string[],
  frames: FrameWriter,
  signal: AbortSignal,
): Promise<Answer<StepOutcome[]>> {
  const checked = checkWorkspace(assignment.workspace);
  if (!checked.ok) return checked;
  if (!isKnownArchitecture(process.arch)) return { ok: false, why: `There is no call filter for ${process.arch}.` };
  const ways = waysToHave(assignment, host);
  const pipes = makeLogPipes(
    host.tools.mkfifo,
    assignment.steps.length + ways.length - 1,
    host.asRoot ? host.runUser : null,
  );
  if (!pipes.ok) return pipes;
  const parents = findParents();
  sweepGroups(parents);
  const run = new Run(assignment, host, seccompProgram(process.arch), parents, pipes.value, ways);
  const outcomes: StepOutcome[] = [];
  for (const index of assignment.steps.keys()) {
    const standing = await run.stand(index, signal);
    if (!standing.ok) return standing;
    try {
      if (index === 0) frames.send({ type: 'ready', protocol: 1, ...run.describe(missing) });
      const outcome = await runOne(standing.value, assignment, index, frames, signal);
      if (!outcome.ok) return outcome;
      frames.send({ type: 'outcome', outcome: outcome.value });
      outcomes.push(outcome.value);
    } finally {
      await standing.value.end();
    }
  }
  return { ok: true, value: outcomes };
}

async function runOne(
  standing: StandingStep,
  assignment: Assignment,
  index: number,
  frames: FrameWriter,
  signal: AbortSignal,
): Promise<Answer<StepOutcome>> {
  const name = assignment.steps[index]?.name ?? '';
  frames.send({ type: 'started', step: name });
  const live = liveOutput((bytes) => frames.sendLive(name, bytes));
  try {
    return await standing.run(prologueInput(assignment.workspace.remove), live.push, signal);
  } finally {
    live.end();
  }
}

/** A way that the host may refuse is tried before the one that always works. */
function waysToHave({ workspace }: Assignment, host: Host): Way[] {
  const owner = ownership(workspace.lower, host.runUser.uid, host.asRoot);
  const copy: Way = { strategy: 'copy', adopt: false };
  const kernelAllows = host.asRoot || host.userOverlay;
  if (host.tools.unshare === null || !kernelAllows || owner === 'foreign') return [copy];
  return [{ strategy: 'overlay', adopt: owner === 'adopt' }, copy];
}

interface Way {
  readonly strategy: Strategy;
  readonly adopt: boolean;
}

/** What stays the same from step to step, and the way that proved to work for the first one. */
class Run {
  readonly #assignment: Assignment;
  readonly #host: Host;
  readonly #filter: Buffer;
  readonly #parents: readonly Parent[];
  readonly #pipes: LogPipe[];
  readonly #held: readonly Controller[];
  #ways: Way[];
  #refused: string | null = null;
  #groups = 0;

  constructor(
    assignment: Assignment,
    host: Host,
    filter: Buffer,
    parents: readonly Parent[],
    pipes: LogPipe[],
    ways: Way[],
  ) {
    this.#assignment = assignment;
    this.#host = host;
    this.#filter = filter;
    this.#parents = parents;
    this.#pipes = pipes;
    this.#ways = ways;
    this.#held = parents.flatMap((parent) => parent.controllers);
  }

  async stand(index: number, signal: AbortSignal): Promise<Answer<StandingStep>> {
    for (;;) {
      const [way, ...others] = this.#ways;
      const pipe = this.#pipes.pop();
      if (way === undefined || pipe === undefined) return { ok: false, why: 'There is no way left to have the tree.' };
      const standing = this.#start(index, way, pipe);
      const stood = await standing.stands(signal);
      if (stood.ok) return { ok: true, value: standing };
      await standing.end();
      if (signal.aborted) return { ok: false, why: 'The run was cancelled.' };
      if (index > 0 || others.length === 0) {
        return { ok: false, why: setUpFailure(stood.why) };
      }
      this.#refused = stood.why;
      this.#ways = others;
    }
  }

  describe(missing: readonly string[]): { isolation: string[]; missing: string[] } {
    const [way] = this.#ways;
    if (way === undefined) throw new Error('A sandbox stands, so there is a way to have its tree.');
    return report(this.#host, { ...way, held: this.#held, overlayRefused: this.#refused }, missing);
  }

  #start(index: number, way: Way, pipe: LogPipe): StandingStep {
    const { limits, steps, workspace } = this.#assignment;
    const group = makeGroup(this.#parents, this.#groups, limits);
    this.#groups += 1;
    // The sandbox's init counts as one of the user's processes.
    const processes = limits.processes + 1;
    const addressable = limits.memoryBytes + reservedBytes;
    const launch = planLaunch(this.#host, {
      ...way,
      lower: workspace.lower,
      delta: workspace.delta,
      limits,
      command: steps[index]?.command ?? 'false',
      groupFiles: group.entrances,
      resourceLimits: [
        ...(group.holds.includes('pids') ? [] : [`--nproc=${processes}:${processes}`]),
        ...(group.holds.includes('memory') ? [] : [`--data=${addressable}:${addressable}`]),
      ],
    });
    const keptLogBytes = Math.min(limits.logBytes, keptLogBytesMax);
    const name = steps[index]?.name ?? '';
    return new StandingStep({ name, launch, filter: this.#filter, pipe, group, limits, keptLogBytes });
  }
}
