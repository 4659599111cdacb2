import { readdir, readFile } from 'node:fs/promises';
import type { Layer, Limits, SetUp, StepOutcome } from '#contract/helper-wire.ts';
import { sha256 } from '../lib/digest.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import { PortError } from '../ports.ts';
import type { Sandbox, SandboxReport, SandboxRequest } from '../ports.ts';
import { assignmentLine, conversationLimits, inspectMsMax, stepBytesMax } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { HelperProcess } from './base-sandbox-helper.ts';
import type { HelperOptions } from './base-sandbox-helper.ts';
import { LayerStore } from './base-sandbox-layers.ts';
import type { LayerOptions } from './base-sandbox-layers.ts';
import { FrameOrder } from './base-sandbox-order.ts';
import { otherSide } from './base-sandbox-other-side.ts';
import { performSetUp } from './base-sandbox-set-up.ts';
import { StandingHelper } from './base-sandbox-standing.ts';

export interface BaseSandboxOptions extends HelperOptions {
  /** What runs will ask for, as far as it is known before the first one: a sandbox with these limits can stand ahead. */
  readonly expectedLimits?: Limits;
  /** Where layers are kept; absent: there is no set-up phase. */
  readonly layers?: LayerOptions;
  /** The program of the door, where it is not the helper's own file. */
  readonly doorPath?: string;
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
  const kept = options.layers;
  const layers = kept === undefined ? null : new LayerStore(kept, otherSide(options), options.log);
  let expected = options.expectedLimits ?? null;
  return {
    placement: 'base',
    inspect: () => inspect(options),
    prepare: () => standing.prepare(expected, preparedMsMax),
    standDown: async () => {
      layers?.release();
      await standing.end();
    },
    run: async (request, onEvent, signal) => {
      if (request.steps.length === 0) return ok([]);
      const layer = request.layer === undefined ? null : await findLayer(layers, request.layer);
      if (layer?.ok === false) return layer;
      const line = assignmentLine(request, layer === null ? {} : { layer: layer.value });
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
    hasLayer: async (key) => ((await layers?.find(key)) ?? null) !== null,
    setUp: async (request, onEvent, signal) => {
      if (layers === null) return no('This sandbox keeps no layers, so it has no set-up phase.');
      const run = async (assigned: SandboxRequest, setUp: SetUp): Promise<Result<StepOutcome[], string>> => {
        const line = assignmentLine(assigned, { setUp });
        return line.ok ? runOnce(options, standing, assigned, { line: line.value, onEvent, signal }) : line;
      };
      const door = { ...options, doorPath: options.doorPath ?? options.helperPath };
      const answer = await performSetUp(layers, door, request, run, signal);
      // The checks come next.
      if (answer.ok && expected !== null) standing.prepare(expected, betweenRunsMsMax);
      return answer;
    },
    close: async () => {
      await Promise.all([standing.close(), layers?.settle()]);
    },
  };
}

async function findLayer(layers: LayerStore | null, key: string): Promise<Result<Layer, string>> {
  const layer = (await layers?.find(key)) ?? null;
  return layer === null ? no('What the set-up left is not there any more. Prove again.') : ok(layer);
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
    const used = helper ?? (await HelperProcess.start(options, { inspect: false }));
    const ended = await used.converse({ ...talk, ...bounds, order });
    if (ended === null) return order.outcomes();
    if (helper === null || order.hasBegun || talk.signal.aborted) return no(ended);
  }
}

async function inspect(options: HelperOptions): Promise<SandboxReport> {
  const order = new FrameOrder(['self-test']);
  const helper = await HelperProcess.start(options, { inspect: true });
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
  const runtime = await runtimeHere();
  const missingAll = outcomes.ok ? missing : [...missing, outcomes.why];
  return { usable: outcomes.ok, isolation, missing: missingAll, helperSha256, runtime };
}

/**
 * Installed packages are for one version of their language: what was kept before an upgrade of the machine is of no use after it.
 * What cannot be read says nothing; the rest still tells machines apart.
 */
async function runtimeHere(): Promise<string> {
  const [release, programs] = await Promise.all([
    readFile('/etc/os-release', 'utf8').catch(() => ''),
    readdir('/usr/bin').catch(() => []),
  ]);
  const named = /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? '';
  const versions = programs.filter((name) => /^(?:python|ruby|php|perl)\d[\d.]*$/.test(name)).toSorted();
  return [named, ...versions].join(' ');
}

async function digestOf(path: string): Promise<string> {
  try {
    return sha256(await readFile(path));
  } catch (error) {
    throw new PortError('sandbox', 'read the helper', { cause: error });
  }
}
