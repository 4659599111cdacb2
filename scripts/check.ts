/** npm run check: types, lint, format, tidy, unused. Every one runs, so that one look shows all there is to mend. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

const steps: readonly (readonly [string, string, readonly string[]])[] = [
  ['types', bin('tsc'), []],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings']],
  ['format', bin('oxfmt'), ['--check', '.']],
  ['tidy', process.execPath, [join(root, 'scripts/tidy.ts')]],
  ['unused', bin('knip'), ['--config', join(root, 'scripts/knip.json')]],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  if (status !== 0) {
    failed += 1;
    console.log(`${stdout}${stderr}`.trim());
  }
}
process.exitCode = failed === 0 ? 0 : 1;
