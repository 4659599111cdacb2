/** The order of a proof: set-up and checks on the base's tree, then on the patched tree, and once more what is new there. */
import { setUpName, type CheckDefinition, type CheckResult, type SetUpDefinition } from '#contract/check.ts';
import type { Workspace } from '#contract/helper-wire.ts';
import type { Problem } from '#contract/problem.ts';
import type { Plan } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { ok, type Result } from '../../lib/result.ts';
import { runSide, type RunWork, type Side } from './run-side.ts';
import { notRun, performSetUp, setUpResult, takenFromBase, takenSetUp } from './set-up.ts';
import type { LayerKeys, SetUpTerms } from './set-up-key.ts';
import { compare, settleFlaky, type Ran } from './sides.ts';
import type { Workspaces } from './workspaces.ts';

/** No check of the owner's can have this name: names are trimmed. */
const formatStep = ' format';

/** A set-up with the names of what it leaves on each side. */
export interface Prepared {
  readonly setUp: SetUpDefinition;
  readonly terms: SetUpTerms;
  readonly keys: LayerKeys;
}

export interface Shown {
  /** The set-up comes first, if there is one. */
  readonly checks: CheckResult[];
  /** null: no formatter ran. */
  readonly format: Ran['facts'] | null;
}

type SidesWork = RunWork & { readonly plan: Pick<Plan, 'checks' | 'formatter'> };

/**
 * The base's layer is made (or taken) before anything of the patch runs. Without it no check runs at all; without that of the
 * patched tree none runs there.
 */
export async function proveSides(
  work: SidesWork,
  workspaces: Workspaces,
  prepared: Prepared | null,
): Promise<Result<Shown, Problem>> {
  if (prepared === null) {
    const before = await runSide(work, 'before', { workspace: workspaces.before, layer: null }, work.plan.checks);
    return before.ok ? await proveAfter(work, { workspace: workspaces.after, layer: null }, before.value) : before;
  }
  const { setUp, keys } = prepared;
  const place = { workspace: workspaces.before, key: keys.before };
  const first = await performSetUp({ ...work, ...prepared }, 'before', place);
  if (!first.ok) return first;
  if (!succeeded(first.value)) return ok(await nothingRan(work, setUp, first.value));
  const layered = { workspace: workspaces.before, layer: keys.before };
  const before = await runSide(work, 'before', layered, work.plan.checks);
  if (!before.ok) return before;
  const second = await setUpAfter(work, prepared, workspaces.after, first.value);
  if (!second.ok) return second;
  const { layer, result } = second.value;
  const shown =
    layer === null
      ? ok(await skippedAfter(work, before.value))
      : await proveAfter(work, { workspace: workspaces.after, layer }, before.value);
  return shown.ok ? ok({ ...shown.value, checks: [result, ...shown.value.checks] }) : shown;
}

function succeeded({ facts }: Ran): boolean {
  return facts.conclusion === 'success';
}

/** The set-up of the patched tree; a failure must show twice, because registries have bad minutes. `layer` null: there is none. */
async function setUpAfter(
  work: SidesWork,
  prepared: Prepared,
  workspace: Workspace,
  before: Ran,
): Promise<Result<{ readonly layer: string | null; readonly result: CheckResult }, Problem>> {
  const { setUp, keys } = prepared;
  if (keys.after === keys.before) {
    const taken = await takenSetUp(work, 'after', takenFromBase);
    return ok({ layer: keys.before, result: setUpResult(setUp, before, taken) });
  }
  const perform = (): Promise<Result<Ran, Problem>> =>
    performSetUp({ ...work, ...prepared }, 'after', { workspace, key: keys.after });
  const once = await perform();
  if (!once.ok) return once;
  const first = setUpResult(setUp, before, once.value);
  if (once.value.facts.conclusion !== 'failure')
    return ok({ layer: succeeded(once.value) ? keys.after : null, result: first });
  const twice = await perform();
  if (!twice.ok) return twice;
  const result = settleFlaky(first, setUpResult(setUp, before, twice.value));
  return ok({ layer: succeeded(twice.value) ? keys.after : null, result });
}

/** The checks on the patched tree, and those with a new failure a second time. */
async function proveAfter(
  work: SidesWork,
  place: { readonly workspace: Workspace; readonly layer: string | null },
  before: ReadonlyMap<string, Ran>,
): Promise<Result<Shown, Problem>> {
  const { checks, formatter } = work.plan;
  const format: CheckDefinition[] =
    formatter === null ? [] : [{ name: formatStep, command: formatter, source: 'detected' }];
  const after = await runSide(work, 'after', place, [...checks, ...format]);
  if (!after.ok) return after;
  const doubted = checks.filter((check) => {
    const { after: shown, newFailures } = compareRuns(check, before, after.value);
    return newFailures.length > 0 && shown.conclusion === 'failure';
  });
  const again = await runSide(work, 'after', place, doubted);
  if (!again.ok) return again;
  const results = checks.map((check) => {
    const first = compareRuns(check, before, after.value);
    return again.value.has(check.name) ? settleFlaky(first, compareRuns(check, before, again.value)) : first;
  });
  return ok({ checks: results, format: after.value.get(formatStep)?.facts ?? null });
}

function compareRuns(
  check: CheckDefinition,
  before: ReadonlyMap<string, Ran>,
  after: ReadonlyMap<string, Ran>,
): CheckResult {
  const sides = { before: before.get(check.name), after: after.get(check.name) };
  assert(sides.before && sides.after, 'every planned check ran on both sides');
  return compare(check, sides.before, sides.after);
}

/** The base itself could not be set up: the checks would show nothing about the patch. */
async function nothingRan(work: SidesWork, setUp: SetUpDefinition, before: Ran): Promise<Shown> {
  const why = "Not run: the set-up failed on the base's tree.";
  const skipped = await notRun(work.artifacts, 'skipped', why);
  const { checks } = work.plan;
  saySkipped(work, 'after', [{ name: setUpName }]);
  for (const side of ['before', 'after'] as const) saySkipped(work, side, checks);
  const results = checks.map((check) => compare(check, skipped, skipped));
  return { checks: [setUpResult(setUp, before, skipped), ...results], format: null };
}

async function skippedAfter(work: SidesWork, before: ReadonlyMap<string, Ran>): Promise<Shown> {
  const skipped = await notRun(work.artifacts, 'skipped', 'Not run: the set-up failed on the patched tree.');
  const { checks } = work.plan;
  saySkipped(work, 'after', checks);
  const after = new Map(checks.map(({ name }) => [name, skipped]));
  return { checks: checks.map((check) => compareRuns(check, before, after)), format: null };
}

function saySkipped(work: SidesWork, side: Side, checks: readonly { readonly name: string }[]): void {
  for (const { name } of checks) work.onProgress({ name, side, status: 'completed', conclusion: 'skipped' });
}
