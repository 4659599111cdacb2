/** What every sandbox needs and no assignment changes: made once, and before the assignment comes when there is time. */
import type { Layer, Limits, SetUp } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { makeGroup, sweepGroups } from './cgroup.ts';
import { findParents } from './cgroup-parents.ts';
import type { Controller, Parent } from './cgroup-parents.ts';
import type { DiskWatch } from './disk-watch.ts';
import { forwarderTasksMax } from './forwarder.ts';
import { keptLogBytesMax } from './frames.ts';
import type { Host } from './host.ts';
import { planLaunch } from './isolation.ts';
import { makeLogPipes } from './log-pipe.ts';
import type { LogPipe } from './log-pipe.ts';
import { StandingStep } from './run-step.ts';
import { isKnownArchitecture, seccompProgram } from './seccomp.ts';
import type { Strategy } from './workspace.ts';

/** Beyond the memory limit, for one process: programs such as Node reserve far more writable memory than they use. */
const reservedBytes = 1024 * 1024 * 1024;
/** Made ahead, when the number of steps is not known yet; few assignments need more. */
const pipesAhead = 8;

export interface Way {
  readonly strategy: Strategy;
  /** The tree belongs to another user, and root hands it over first. */
  readonly adopt: boolean;
}

/** A sandbox that was started before its assignment was known. */
export interface Ahead {
  readonly step: StandingStep;
  readonly limits: Limits;
}

/** What the sandbox of one assignment is made on. */
export interface TreeOf extends Readonly<Record<'lower' | 'delta', string | null>> {
  readonly layer: Layer | null;
  readonly setUp: SetUp | null;
  /** Holds a set-up to its limit. */
  readonly disk: DiskWatch | null;
}

const noTree: TreeOf = { lower: null, delta: null, layer: null, setUp: null, disk: null };

/** The way to have a tree of the run user's by an overlay, or null where the host cannot. */
export function overlay(host: Host): Way | null {
  const kernelAllows = host.asRoot || host.userOverlay;
  return host.tools.unshare !== null && kernelAllows ? { strategy: 'overlay', adopt: false } : null;
}

export class Readiness {
  readonly host: Host;
  readonly #filter: Buffer;
  readonly #parents: readonly Parent[];
  #pipes: LogPipe[] = [];
  #groups = 0;
  #ahead: Ahead | null = null;

  private constructor(host: Host, filter: Buffer) {
    this.host = host;
    this.#filter = filter;
    this.#parents = findParents();
    sweepGroups(this.#parents);
  }

  static make(host: Host): Answer<Readiness> {
    if (!isKnownArchitecture(process.arch)) return { ok: false, why: `There is no call filter for ${process.arch}.` };
    return { ok: true, value: new Readiness(host, seccompProgram(process.arch)) };
  }

  /** Which limits the kernel counts here. */
  get held(): Controller[] {
    return this.#parents.flatMap((parent) => parent.controllers);
  }

  /** Makes sure that `count` sandboxes can be started from here on. Pipes are made before anything untrusted runs. */
  makePipes(count: number): Answer<null> {
    const lacking = count - this.#pipes.length;
    if (lacking <= 0) return { ok: true, value: null };
    const { tools, asRoot, runUser } = this.host;
    const made = makeLogPipes(tools.mkfifo, lacking, asRoot ? runUser : null);
    if (!made.ok) return made;
    this.#pipes.push(...made.value);
    return { ok: true, value: null };
  }

  /** Starts the sandbox of an assignment that is expected, on a tree that is not known yet. */
  standAhead(limits: Limits | null): Answer<null> {
    const pipes = this.makePipes(pipesAhead);
    const way = overlay(this.host);
    if (!pipes.ok || limits === null || way === null) return pipes;
    this.#ahead = { limits, step: this.start(way, limits, noTree) };
    return pipes;
  }

  /** Gives away what `standAhead` started, to somebody who ends it. */
  takeAhead(): Ahead | null {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead;
  }

  /** Starts a sandbox. A `copy` must know its tree now, an overlay gets it when it stands. */
  start(way: Way, limits: Limits, { lower, delta, layer, setUp, disk }: TreeOf): StandingStep {
    const pipe = this.#pipes.pop();
    if (pipe === undefined) throw new Error('Every sandbox that may be started has its pipe.');
    const forwarder = (setUp?.door ?? null) === null ? 0 : forwarderTasksMax;
    const group = makeGroup(this.#parents, this.#groups, { ...limits, processes: limits.processes + forwarder });
    this.#groups += 1;
    // The sandbox's init counts as one of the user's processes.
    const processes = limits.processes + 1 + forwarder;
    const addressable = limits.memoryBytes + reservedBytes;
    const launch = planLaunch(this.host, {
      ...way,
      lower,
      delta,
      layer,
      setUp,
      limits,
      groupFiles: group.entrances,
      resourceLimits: [
        ...(group.holds.includes('pids') ? [] : [`--nproc=${processes}:${processes}`]),
        ...(group.holds.includes('memory') ? [] : [`--data=${addressable}:${addressable}`]),
      ],
    });
    const keptLogBytes = Math.min(limits.logBytes, keptLogBytesMax);
    return new StandingStep({ launch, filter: this.#filter, pipe, group, limits, keptLogBytes, disk });
  }
}
