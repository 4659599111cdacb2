/** Carries out one assignment: finds a way to have the tree, then runs each step in a sandbox of its own. */
import type { Assignment, Limits, StepOutcome } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import type { FrameWriter } from './frames.ts';
import type { Host } from './host.ts';
import { liveOutput } from './live-output.ts';
import { prologueInput } from './prologue.ts';
import { overlay } from './readiness.ts';
import type { Ahead, Readiness, TreeOf, Way } from './readiness.ts';
import { report } from './report.ts';
import type { StandingStep, StepWork } from './run-step.ts';
import { Keeping } from './set-up.ts';
import { setUpFailure } from './verdict.ts';
import { checkWorkspace, ownership } from './workspace.ts';

/**
 * Sends `ready` once the first sandbox stands, then `started` and `outcome` per step, then `done`; or `trouble` at any
 * point, after which nothing more is said. `missing` goes into `ready` as it is, in front of what is found here.
 */
export async function carryOut(
  assignment: Assignment,
  readiness: Readiness,
  missing: readonly string[],
  frames: FrameWriter,
  signal: AbortSignal,
): Promise<Answer<StepOutcome[]>> {
  const run = new Run(assignment, readiness);
  try {
    const work = planWork(assignment);
    if (!work.ok) return work;
    const opened = run.open();
    if (!opened.ok) return opened;
    const pipes = readiness.makePipes(assignment.steps.length + run.ways - 1);
    if (!pipes.ok) return pipes;
    const outcomes: StepOutcome[] = [];
    for (const [index, one] of work.value.entries()) {
      const standing = await run.stand(index, signal);
      if (!standing.ok) return standing;
      try {
        if (index === 0) frames.send({ type: 'ready', protocol: 1, ...run.describe(missing) });
        const ran = await runOne(standing.value, one, frames, signal);
        const outcome = ran.ok ? await run.conclude(standing.value, ran.value) : ran;
        if (!outcome.ok) return outcome;
        frames.send({ type: 'outcome', outcome: outcome.value });
        outcomes.push(outcome.value);
      } finally {
        await standing.value.end();
      }
    }
    return { ok: true, value: outcomes };
  } finally {
    await run.end();
  }
}

/** Everything that can be wrong with an assignment is found before anything runs. */
export function planWork({ workspace, steps, limits, setUp }: Assignment): Answer<StepWork[]> {
  const checked = checkWorkspace(workspace);
  if (!checked.ok) return checked;
  if (setUp !== undefined && (steps.length !== 1 || workspace.layer !== undefined)) {
    return { ok: false, why: 'A set-up is one step on a tree without a layer.' };
  }
  const work: StepWork[] = [];
  for (const step of steps) {
    const input = prologueInput(step, workspace, (setUp?.door ?? null) !== null);
    if (!input.ok) return input;
    work.push({ step, input: input.value, wallMs: limits.wallMs });
  }
  return { ok: true, value: work };
}

async function runOne(
  standing: StandingStep,
  work: StepWork,
  frames: FrameWriter,
  signal: AbortSignal,
): Promise<Answer<StepOutcome>> {
  const { name } = work.step;
  frames.send({ type: 'started', step: name });
  const live = liveOutput((bytes) => frames.sendLive(name, bytes));
  try {
    return await standing.run(work, live.push, signal);
  } finally {
    live.end();
  }
}

/** A way that the host may refuse is tried before the one that always works. */
function waysToHave({ workspace, setUp }: Assignment, host: Host): Way[] {
  const copy: Way = { strategy: 'copy', adopt: false };
  if (overlay(host) === null) return [copy];
  const owner = ownership(workspace.lower, host.runUser.uid, host.asRoot);
  // A tree that is handed over takes an entry for each of its files: those would all be in what a set-up leaves.
  const isCopied = owner === 'foreign' || (owner === 'adopt' && setUp !== undefined);
  return isCopied ? [copy] : [{ strategy: 'overlay', adopt: owner === 'adopt' }, copy];
}

/** What stays the same from step to step, and the way that proved to work for the first one. */
class Run {
  readonly #assignment: Assignment;
  readonly #readiness: Readiness;
  /** The sandbox that was made before the assignment came. */
  #ahead: Ahead | null;
  #ways: Way[] = [];
  #refused: string | null = null;
  #keeping: Keeping | null = null;

  constructor(assignment: Assignment, readiness: Readiness) {
    this.#assignment = assignment;
    this.#readiness = readiness;
    this.#ahead = readiness.takeAhead();
  }

  /** For a set-up: what it leaves goes to folders that are judged first. */
  open(): Answer<null> {
    const { setUp, limits } = this.#assignment;
    if (setUp === undefined) return { ok: true, value: null };
    const keeping = Keeping.open(setUp, limits, this.#readiness.host);
    if (keeping.ok) this.#keeping = keeping.value;
    return keeping.ok ? { ok: true, value: null } : keeping;
  }

  /** What a set-up left is made a layer before its outcome is told. */
  async conclude(standing: StandingStep, outcome: StepOutcome): Promise<Answer<StepOutcome>> {
    if (this.#keeping === null) return { ok: true, value: outcome };
    await standing.end();
    return this.#keeping.conclude(outcome, this.#assignment.workspace, standing.stirs);
  }

  /** How many sandboxes it may take to have one. */
  get ways(): number {
    if (this.#ways.length === 0) this.#ways = waysToHave(this.#assignment, this.#readiness.host);
    return this.#ways.length;
  }

  async stand(index: number, signal: AbortSignal): Promise<Answer<StandingStep>> {
    const ahead = await this.#standAhead(signal);
    if (ahead !== null) return { ok: true, value: ahead };
    const { limits, workspace } = this.#assignment;
    for (;;) {
      const [way, ...others] = this.#ways;
      if (way === undefined) return { ok: false, why: 'There is no way left to have the tree.' };
      const standing = this.#readiness.start(way, limits, this.#tree());
      let stood = await standing.stands(signal);
      if (stood.ok) stood = await standing.takeTree(workspace, signal);
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

  /** Null when there is none that fits; then the long way tells what is wrong, if anything is. */
  async #standAhead(signal: AbortSignal): Promise<StandingStep | null> {
    const [way] = this.#ways;
    const { limits, workspace } = this.#assignment;
    const ahead = this.#ahead;
    // One that was made ahead knows nothing of a layer or a door.
    if (workspace.layer !== undefined || this.#keeping !== null) return null;
    if (ahead === null || way?.strategy !== 'overlay' || way.adopt || !fits(ahead.limits, limits)) return null;
    this.#ahead = null;
    let stood = await ahead.step.stands(signal);
    if (stood.ok) stood = await ahead.step.takeTree(workspace, signal);
    if (stood.ok) return ahead.step;
    await ahead.step.end();
    return null;
  }

  describe(missing: readonly string[]): { isolation: string[]; missing: string[] } {
    const [way] = this.#ways;
    if (way === undefined) throw new Error('A sandbox stands, so there is a way to have its tree.');
    const { host, held } = this.#readiness;
    return report(host, { ...way, held, overlayRefused: this.#refused }, missing);
  }

  /** Gives back what was made ahead and not used. */
  async end(): Promise<void> {
    await this.#ahead?.step.end();
    await this.#keeping?.close();
  }

  #tree(): TreeOf {
    const { workspace, setUp = null } = this.#assignment;
    const { lower, delta, layer = null } = workspace;
    return { lower, delta, layer, setUp, disk: this.#keeping?.disk ?? null };
  }
}

/** The wall time is measured from outside, so it alone may differ. */
function fits(made: Limits, asked: Limits): boolean {
  const names = Object.keys(asked) as (keyof Limits)[];
  return names.every((name) => name === 'wallMs' || made[name] === asked[name]);
}
