/**
 * npm run bench: what patchgit costs, each figure beside what the same would cost by hand, in turns in the same run.
 * `npm run bench -- memory patch` runs only these groups. A missed goal is said and is no failure: machines differ.
 */
import { acknowledgementRows } from './bench/acknowledgement.ts';
import { checkoutRows } from './bench/checkout.ts';
import { commandLineRows } from './bench/command-line.ts';
import { jobMemoryRows } from './bench/job-memory.ts';
import { memoryRows } from './bench/memory.ts';
import { parseRows } from './bench/parse.ts';
import { patchRows } from './bench/patch.ts';
import { pinRows } from './bench/pin.ts';
import { sandboxRows } from './bench/sandbox.ts';
import { isMet, tableText, type Row } from './bench/table.ts';

const groups: Readonly<Record<string, () => Promise<Row[]>>> = {
  memory: memoryRows,
  message: acknowledgementRows,
  pin: pinRows,
  cli: commandLineRows,
  parse: parseRows,
  patch: patchRows,
  sandbox: sandboxRows,
  checkout: checkoutRows,
  'job-memory': jobMemoryRows,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in groups));
if (unknown.length > 0) {
  console.error(`There is no group "${unknown.join('", "')}". Known: ${Object.keys(groups).join(', ')}.`);
  process.exit(2);
}
// An end by signal still stops what was started and removes what was made.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
const rows: Row[] = [];
for (const [name, measure] of Object.entries(groups)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  rows.push(...(await measure()));
}
console.log(`\n${tableText(rows)}\n`);
const missed = rows.filter((row) => isMet(row) === false);
console.log(
  missed.length === 0
    ? 'Every goal is met.'
    : `${missed.length} of ${rows.filter((row) => row.goal !== null).length} goals are missed in this run. Ratios move with whatever else the machine does; run it again on a quiet one before believing either way.`,
);
