import { add, collector, type Reading, type Runner } from './named.ts';

/** The build tools of Java, by what they print. */
export const jvmRunners: readonly Runner[] = [
  {
    sign: /^\[\w+\] (?: *)Tests run: \d+, |<<< (?:FAILURE|ERROR)!|^\[ERROR\] (?:COMPILATION ERROR|Crashed tests:)/,
    read: maven,
  },
  {
    sign: /^\d+ tests? completed\b|^[\w.$]+ > .+ (?:FAILED|PASSED|SKIPPED)$|^Execution failed for task '.*:compile\w+'/,
    read: gradle,
  },
];

/** What a module that does not compile, or whose machine ended, leaves unsaid in its reports: its tests were not run. */
const mavenBroken: readonly (readonly [RegExp, string])[] = [
  [/^\[ERROR\] COMPILATION ERROR/, 'something did not compile'],
  [/^\[ERROR\] Crashed tests:/, 'the virtual machine of the tests ended before they did'],
];

function maven(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let broken: string | null = null;
  for (const line of lines) {
    broken ??= mavenBroken.find(([sign]) => sign.test(line))?.[1] ?? null;
    const failed = /^\[ERROR\] +(?!Tests run:)(\S.*?)(?: --)? +Time elapsed: .*<<< (?:FAILURE|ERROR)!/.exec(line)?.[1];
    // Surefire 2 writes "rounds(shop.TillTest)", and 3 "shop.TillTest.rounds".
    if (failed !== undefined) found.noteOnce('failed', failed.replace(/^(\w+)\(([\w.$]+)\)$/, '$2.$1'));
    const [, run, failures, errors, left = 0] =
      /^\[\w+\] *Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)(?:, Flakes: \d+)?$/.exec(line) ?? [];
    if (run === undefined) continue;
    passed = add(passed, Math.max(0, Number(run) - Number(failures) - Number(errors) - Number(left)));
    skipped = add(skipped, left);
  }
  return found.reading({ passed, skipped, broken });
}

function gradle(lines: readonly string[]): Reading {
  const found = collector();
  let passed: number | null = null;
  let skipped: number | null = null;
  let broken: string | null = null;
  for (const line of lines) {
    if (/^Execution failed for task '.*:compile\w+'/.test(line)) broken = 'something did not compile';
    const [, test, word] = /^(\S+ > .+) (FAILED|PASSED|SKIPPED)$/.exec(line) ?? [];
    if (test !== undefined) found.note(word === 'FAILED' ? 'failed' : word === 'PASSED' ? 'passed' : 'skipped', test);
    const [, completed, failed = 0, left = 0] =
      /^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?$/.exec(line) ?? [];
    if (completed === undefined) continue;
    passed = add(passed, Math.max(0, Number(completed) - Number(failed) - Number(left)));
    skipped = add(skipped, left);
  }
  return found.reading({ passed, skipped, broken });
}
