/** The set-up of one side: taken from a layer that is kept, or run once to make it. */
import { setUpName, type CheckDefinition, type CheckResult, type SetUpDefinition } from '#contract/check.ts';
import type { Limits, Workspace } from '#contract/helper-wire.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import { toResults, type NamedResults } from './results.ts';
import { liveOutput, settled, type RunWork, type Side } from './run-side.ts';
import type { SetUpTerms } from './set-up-key.ts';
import { setUpTrouble } from './set-up-trouble.ts';
import { compare, toRan, type Ran } from './sides.ts';

export const takenFromEarlier = 'Taken from the layer of an earlier job, made from the same lock files.';
export const takenFromBase = "Taken from the base's layer: the patch changes nothing that it is made from.";

interface SetUpWork extends RunWork {
  readonly setUp: SetUpDefinition;
  readonly terms: Pick<SetUpTerms, 'rules'>;
}

const mebibyte = 1024 * 1024;

/** As a check of the plan, to be shown beside the others. */
export function setUpCheck({ command, source }: SetUpDefinition): CheckDefinition {
  return { name: setUpName, command, source };
}

/**
 * Makes sure that the layer of this key is there, or says how the command failed: then there is none. What it printed names no
 * tests, whatever it looks like.
 */
export async function performSetUp(
  work: SetUpWork,
  side: Side,
  { key, workspace }: { readonly key: string; readonly workspace: Workspace },
): Promise<Result<Ran, Problem>> {
  const { setUp, sandbox, artifacts, signal, known } = work;
  if (await sandbox.hasLayer(key)) return ok(await takenSetUp(work, side, takenFromEarlier));
  const limits = setUpLimits(work);
  const live = liveOutput(work, side);
  const { command, hosts } = setUp;
  const asked = { key, workspace, command, hosts, limits };
  const switchedOff = 'so nothing was installed and nothing proved ("--setup none" does without)';
  const outcome = settled(work, await sandbox.setUp(asked, live.onEvent, signal), switchedOff);
  if (!outcome.ok) return outcome;
  live.end();
  const ran = await toRan(artifacts, limits, setUpCheck(setUp), outcome.value, known);
  const log = Buffer.from(outcome.value.logBase64, 'base64').toString('utf8');
  work.onProgress({ name: setUpName, side, status: 'completed', conclusion: ran.facts.conclusion });
  return ok({ ...ran, log: nothing, report: null, notes: notesOf(setUpTrouble(command, outcome.value, log)) });
}

/** The layer is there already. `why` says where from, and is its log. */
export async function takenSetUp(work: RunWork, side: Side, why: string): Promise<Ran> {
  work.onProgress({ name: setUpName, side, status: 'completed', conclusion: 'success' });
  return await notRun(work.artifacts, 'success', why);
}

/** Nothing ran here. `why`, a sentence, stands in place of what it would have shown. */
export async function notRun(artifacts: Artifacts, conclusion: 'success' | 'skipped', why: string): Promise<Ran> {
  const { sha256, bytes } = await artifacts.keep(Buffer.from(`${why}\n`), 'text/plain');
  const log = { sha256, bytes, omittedBytes: 0 };
  const exitCode = conclusion === 'success' ? 0 : null;
  return {
    facts: { conclusion, exitCode, durationMs: 0, log, limit: null },
    log: nothing,
    report: null,
    notes: notesOf([why]),
  };
}

/** Both sides as one result, marked as what is no check. */
export function setUpResult(setUp: SetUpDefinition, before: Ran, after: Ran): CheckResult {
  return { ...compare(setUpCheck(setUp), before, after), phase: 'set_up' };
}

function setUpLimits({ limits, terms: { rules } }: SetUpWork): Limits {
  return { ...limits, wallMs: rules.secondsMax * 1000, diskBytes: rules.layerMiBMax * mebibyte };
}

const nothing: NamedResults = toResults([]);

function notesOf(sentences: string[]): Ran['notes'] {
  return { always: sentences, log: [], report: [] };
}
