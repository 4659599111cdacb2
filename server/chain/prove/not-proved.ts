import { failedSetUp, isTest, setUpName, type CheckResult, type CheckSide, type NamedTests } from '#contract/check.ts';
import { isMissing } from './sides.ts';

const namesSaidMax = 3;

/** What this proof does not show, in plain words (notes/web.md 3.3, point 9). `leftOut`: what the plan did without. Pure. */
export function notProved(
  checks: readonly CheckResult[],
  format: Pick<CheckSide, 'exitCode'> | null,
  leftOut: readonly string[] = [],
): string[] {
  const said: string[] = [];
  if (format !== null || checks.some(hasRun))
    said.push('The checks ran without network and without credentials; what needs either was not tested.');
  if (!checks.some(isTest)) said.push('No check is configured for this repository, so nothing was tested.');
  if (leftOut.includes(setUpName))
    said.push('The dependencies were not installed, so a check that needs them shows nothing.');
  said.push(...withoutSetUp(checks));
  for (const check of checks) if (hasRun(check)) said.push(...notProvedBy(check));
  if (format !== null && isMissing(format))
    said.push('The formatter is not in the sandbox, so the format was not checked.');
  return said;
}

/** What a set-up that failed means for everything behind it. */
function withoutSetUp(checks: readonly CheckResult[]): string[] {
  const failed = failedSetUp(checks);
  if (failed !== null)
    return [reasoned("The set-up failed on the base's tree, so no check ran and nothing was proved", failed)];
  const setUp = checks.find(({ phase }) => phase === 'set_up');
  if (setUp === undefined || setUp.after.conclusion === 'success') return [];
  return [reasoned('The set-up failed on the patched tree, so no check ran there', setUp.after)];
}

function reasoned(what: string, { notes, limit }: CheckSide): string {
  const why = [...(limit === null ? [] : [`It was ended by a limit (${limit}).`]), ...(notes ?? [])];
  return why.length === 0 ? `${what}. Its log says why.` : `${what}. ${why.join(' ')}`;
}

/** What is behind a set-up that failed is said once for all, and what a set-up says of itself stands beside it. */
function hasRun({ phase, after }: CheckResult): boolean {
  return phase === undefined && after.conclusion !== 'skipped';
}

function notProvedBy({ name, command, before, after, vanished, leftOut }: CheckResult): string[] {
  const said: string[] = [];
  if (isMissing(after) && isMissing(before))
    said.push(
      `${name}: "${command}" could not be started in the sandbox, neither before nor after, so it shows nothing.`,
    );
  // Deleting or skipping a test is the oldest way to make it pass.
  if (vanished) said.push(`${name}: ${passedBefore(vanished)} not run after: ${list(vanished)}.`);
  if (leftOut) said.push(`${name}: ${passedBefore(leftOut)} left out (skipped) after: ${list(leftOut)}.`);
  const fewer = (before.passed ?? 0) - (after.passed ?? 0);
  const isExplained = (vanished?.count ?? 0) + (leftOut?.count ?? 0) >= fewer;
  if (after.passed !== null && fewer > 0 && !isExplained)
    said.push(`${name}: ${fewer} fewer ${fewer === 1 ? 'test' : 'tests'} passed than before the patch.`);
  // Also where the check fails and can only name itself: a runner that finds no tests may call that an error.
  const namesNone = after.failing.every((failing) => failing === name);
  if (after.passed === null && (before.passed ?? 0) > 0 && namesNone)
    said.push(
      `${name}: before the patch ${before.passed} ${before.passed === 1 ? 'test' : 'tests'} passed, and now nothing shows that any test was run.`,
    );
  if (after.passed === 0 && after.conclusion === 'success')
    said.push(`${name}: it succeeded, and no test passed in it.`);
  for (const note of after.notes ?? []) said.push(`${name}: ${note}`);
  return said;
}

function passedBefore({ count }: NamedTests): string {
  return count === 1 ? '1 test that passed before was' : `${count} tests that passed before were`;
}

function list({ count, names }: NamedTests): string {
  const shown = names.slice(0, namesSaidMax);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}
