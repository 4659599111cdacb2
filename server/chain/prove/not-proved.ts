import type { CheckResult, CheckSide, NamedTests } from '#contract/check.ts';
import { isMissing } from './sides.ts';

const namesSaidMax = 3;

/** What this proof does not show, in plain words (notes/web.md 3.3, point 9). Pure. */
export function notProved(checks: readonly CheckResult[], format: Pick<CheckSide, 'exitCode'> | null): string[] {
  const said: string[] = ['The checks ran without network and without credentials; what needs either was not tested.'];
  if (checks.every((check) => check.source === 'built_in'))
    said.push('No check is configured for this repository, so nothing was tested.');
  for (const check of checks) said.push(...notProvedBy(check));
  if (format !== null && isMissing(format))
    said.push('The formatter is not in the sandbox, so the format was not checked.');
  return said;
}

function notProvedBy({ name, command, before, after, vanished, leftOut }: CheckResult): string[] {
  const said: string[] = [];
  if (isMissing(after) && isMissing(before))
    said.push(`"${command}" could not be started in the sandbox: the program is not there.`);
  // Deleting or skipping a test is the oldest way to make it pass.
  if (vanished) said.push(`${name}: ${passedBefore(vanished)} not run after: ${list(vanished)}.`);
  if (leftOut) said.push(`${name}: ${passedBefore(leftOut)} left out (skipped) after: ${list(leftOut)}.`);
  const fewer = (before.passed ?? 0) - (after.passed ?? 0);
  const isExplained = (vanished?.count ?? 0) + (leftOut?.count ?? 0) >= fewer;
  if (after.passed !== null && fewer > 0 && !isExplained)
    said.push(`${name}: ${fewer} fewer ${fewer === 1 ? 'test' : 'tests'} passed than before the patch.`);
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
