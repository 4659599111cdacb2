/** Runs the checks of one side, or its set-up, in the sandbox, shows it live, and keeps what came out. */
import type { CheckDefinition } from '#contract/check.ts';
import type { Limits, Workspace } from '#contract/helper-wire.ts';
import type { CheckProgress } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { assert } from '../../lib/assert.ts';
import { type KnownSecret, redactor, type Redactor } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Sandbox, SandboxEvent } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import { isReport } from './committed-reports.ts';
import { toRan, type Ran } from './sides.ts';

export type Side = 'before' | 'after';

export interface RunWork {
  readonly sandbox: Sandbox;
  readonly artifacts: Artifacts;
  readonly limits: Limits;
  /** What no log may show. */
  readonly known: readonly KnownSecret[];
  /** Files of a side's tree that stand where a step's reports are looked for; left out: there are none. */
  readonly committed?: Readonly<Record<Side, readonly string[]>>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CheckProgress) => void;
  readonly onOutput: (check: string, side: Side, text: string) => void;
}

/** Every step on its own fresh copy of the workspace, over the layer of the set-up if there is one. By the step's name. */
export async function runSide(
  work: RunWork,
  side: Side,
  { workspace, layer }: { readonly workspace: Workspace; readonly layer: string | null },
  steps: readonly CheckDefinition[],
): Promise<Result<Map<string, Ran>, Problem>> {
  if (steps.length === 0) return ok(new Map());
  const live = liveOutput(work, side);
  const ran = await work.sandbox.run(
    {
      workspace,
      steps: steps.map(({ name, command, reports }) => ({ name, command, ...(reports ? { reports } : {}) })),
      limits: work.limits,
      ...(layer === null ? {} : { layer }),
    },
    live.onEvent,
    work.signal,
  );
  const outcomes = settled(work, ran, 'so nothing was proved');
  if (!outcomes.ok) return outcomes;
  live.end();
  const sides = new Map<string, Ran>();
  for (const outcome of outcomes.value) {
    const step = steps.find(({ name }) => name === outcome.name);
    assert(step !== undefined, 'an outcome is of a step that was asked for');
    const committed = (work.committed?.[side] ?? []).filter((path) => isReport(path, step.reports ?? []));
    const shown = await toRan(work.artifacts, work.limits, step, outcome, work.known, committed);
    sides.set(outcome.name, shown);
    work.onProgress({ name: outcome.name, side, status: 'completed', conclusion: shown.facts.conclusion });
  }
  return ok(sides);
}

/** What the sandbox answered, or why the job ends here. */
export function settled<T>({ signal }: RunWork, answer: Result<T, string>, so: string): Result<T, Problem> {
  if (signal.aborted) return no(problem('job_cancelled', 'You stopped this job. Nothing was published.'));
  if (answer.ok) return answer;
  return no(problem('sandbox_unavailable', `The sandbox could not be used, ${so}: ${answer.why}`));
}

/** Shows what runs as it runs. `end`: what a masked value might still have been part of is shown too. */
export function liveOutput(
  work: RunWork,
  side: Side,
): { readonly onEvent: (event: SandboxEvent) => void; readonly end: () => void } {
  const streams = new Map<string, Redactor>();
  const streamOf = (step: string): Redactor => {
    const stream = streams.get(step) ?? redactor(work.known);
    streams.set(step, stream);
    return stream;
  };
  const show = (step: string, text: string): void => {
    if (text !== '') work.onOutput(step, side, text);
  };
  return {
    onEvent: (event) => {
      if (event.type === 'started') work.onProgress({ name: event.step, side, status: 'running', conclusion: null });
      else show(event.step, streamOf(event.step).push(Buffer.from(event.base64, 'base64').toString('utf8')));
    },
    end: () => {
      for (const [step, stream] of streams) show(step, stream.end());
    },
  };
}
