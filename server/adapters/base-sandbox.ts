import { readFile } from 'node:fs/promises';
import type { Limits, StepOutcome } from '#contract/helper-wire.ts';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import { PortError } from '../ports.ts';
import type { Sandbox, SandboxReport, SandboxRequest } from '../ports.ts';
import { assignmentLine, conversationLimits, inspectMsMax, stepBytesMax } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { HelperProcess } from './base-sandbox-helper.ts';
import type { HelperOptions } from './base-sandbox-helper.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { StandingHelper } from './base-sandbox-standing.ts';

interface BaseSandboxOptions extends HelperOptions {
  /** What runs will ask for, as far as it is known before the first one: a sandbox with these limits can stand ahead. */
  readonly expectedLimits?: Limits;
}

export interface BaseSandbox extends Sandbox {
  /** Ends a helper that stands ready. Resolves when none is left; nothing stands ready from then on. */
  readonly close: () => Promise<void>;
}

/** From the start of a job, which reads and patches first. */
const preparedMsMax = 30_000;
/** From run to run of one job lies next to nothing. */
const betweenRunsMsMax = 2_000;

/**
 * The sandbox on the control plane: starts `helper/` as a child, hands it one assignment, and believes nothing that it
 * says before the contract has parsed it and its order has been checked. Never rejects for a world that fails: `why` is
 * the sentence. When the daemon runs as root, what is exported for a run should belong to `findRunUser()`.
 *
 * A helper can stand ready before its assignment is known (`prepare`; during a run, for the next one). It is used once.
 */
export function baseSandbox(options: BaseSandboxOptions): BaseSandbox {
  const standing = new StandingHelper(options);
  let expected = options.expectedLimits ?? null;
  return {
    placement: 'base',
    inspect: () => inspect(options),
    prepare: () => standing.prepare(expected, preparedMsMax),
    standDown: () => standing.end(),
    run: async (request, onEvent, signal) => {
      if (request.steps.length === 0) return ok([]);
      const line = assignmentLine(request);
      if (!line.ok) return line;
      expected = request.limits;
      let isFirst = true;
      const answer = await runOnce(options, standing, request, {
        line: line.value,
        onEvent: (event) => {
          // The machine has nothing better to do than the command itself before that has begun.
          if (isFirst) standing.prepare(request.limits, null);
          isFirst = false;
          onEvent(event);
        },
        signal,
      });
      if (answer.ok) standing.expire(betweenRunsMsMax);
      else await standing.end();
      return answer;
    },
    hasLayer: async () => false,
    setUp: async () => no('This sandbox has no set-up phase yet.'),
    close: () => standing.close(),
  };
}

/**
 * With the helper that stands ready, if there is one. One that fails before it has a sandbox has run nothing, so another one
 * is started in its place: it may have died, or lost its limits, while it stood.
 */
async function runOnce(
  options: HelperOptions,
  standing: StandingHelper,
  { steps, limits }: SandboxRequest,
  talk: Pick<Conversation, 'line' | 'onEvent' | 'signal'>,
): Promise<Result<StepOutcome[], string>> {
  const bounds = conversationLimits(steps.length, limits);
  for (let helper = await standing.take(); ; helper = null) {
    if (talk.signal.aborted) {
      await helper?.end();
      return no('The run was cancelled.');
    }
    const order = new FrameOrder(steps.map((step) => step.name));
    const used = helper ?? (await HelperProcess.start(options, []));
    const ended = await used.converse({ ...talk, ...bounds, order });
    if (ended === null) return order.outcomes();
    if (helper === null || order.hasBegun || talk.signal.aborted) return no(ended);
  }
}

async function inspect(options: HelperOptions): Promise<SandboxReport> {
  const order = new FrameOrder(['self-test']);
  const helper = await HelperProcess.start(options, ['--inspect']);
  const ended = await helper.converse({
    line: Buffer.alloc(0),
    order,
    onEvent: () => undefined,
    signal: new AbortController().signal,
    deadlineMs: inspectMsMax,
    bytesMax: stepBytesMax,
  });
  const outcomes = ended === null ? order.outcomes() : no(ended);
  const helperSha256 = await digestOf(options.helperPath);
  const { isolation, missing } = order.ready;
  return { usable: outcomes.ok, isolation, missing: outcomes.ok ? missing : [...missing, outcomes.why], helperSha256 };
}

async function digestOf(path: string): Promise<string> {
  try {
    return sha256(await readFile(path));
  } catch (error) {
    throw new PortError('sandbox', 'read the helper', { cause: error });
  }
}
