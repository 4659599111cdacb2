/** The set-up phase near: a draft of a layer, a door, one run of the command; and the layer is kept when that ended with 0. */
import type { SetUp, StepOutcome } from '#contract/helper-wire.ts';
import { no } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';
import type { SandboxRequest, SetUpRequest } from '../ports.ts';
import { openDoor } from './base-sandbox-door.ts';
import type { DoorOptions } from './base-sandbox-door.ts';
import type { LayerStore } from './base-sandbox-layers.ts';

export const setUpStep = 'set-up';

/** Runs one assignment; never rejects for a world that fails. */
export type RunSetUp = (request: SandboxRequest, setUp: SetUp) => Promise<Result<StepOutcome[], string>>;

/**
 * Whatever happens, the door is closed and the draft is gone when this resolves. A process that dies in the middle leaves a
 * draft, which the next start removes, and never a layer.
 */
export async function performSetUp(
  layers: LayerStore,
  door: DoorOptions,
  { key, workspace, command, hosts, limits }: SetUpRequest,
  run: RunSetUp,
  signal: AbortSignal,
): Promise<Result<StepOutcome, string>> {
  const draft = await layers.begin();
  try {
    const opened = hosts.length === 0 ? null : await openDoor(door, hosts, limits, layers.isShared ? draft.path : null);
    if (opened?.ok === false) return opened;
    const setUp: SetUp = { keep: draft.layer, door: opened?.value.socketPath ?? null };
    let ran: Result<StepOutcome[], string>;
    try {
      ran = await run({ workspace, steps: [{ name: setUpStep, command }], limits }, setUp);
    } finally {
      await opened?.value.close();
    }
    if (!ran.ok) return ran;
    const [outcome] = ran.value;
    if (outcome === undefined) return no('The set-up has no outcome.');
    if (signal.aborted) return no('The run was cancelled.');
    if (outcome.exitCode === 0) await layers.keep(draft, key);
    return { ok: true, value: outcome };
  } finally {
    await layers.discard(draft);
  }
}
