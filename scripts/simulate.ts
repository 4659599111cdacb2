/**
 * The life of helpers, over and over, with a cloud that does wrong things and processes that end anywhere: `npm run simulate`.
 *
 *   [--leases 1000] [--seed 1] [--pairs all|few|none]
 *
 * First seeded histories until so many leases were lived, then every named fault with every other one over the cloud's API. Prints
 * what was seen. Ends with 1, and the seed or the pair of faults, when a promise was broken: with that seed it breaks again.
 */
import { parseArgs } from 'node:util';
import { AssertionError } from '../server/lib/assert.ts';
import { leaseDesk } from '../server/resources/lease/desk.ts';
import { allPairs, fewPairs, livePair, type Pair } from '../server/resources/lease/testing/fault-pairs.ts';
import { simulate, type Seen } from '../server/resources/lease/testing/simulate.ts';
import { moneyFolder } from '../server/testing/money-record.ts';

interface Order {
  readonly leases: number;
  readonly seed: number;
  readonly pairs: readonly Pair[];
}

/** Histories of one seed have about three leases, so this many without reaching the number is a mistake. */
const leasesMax = 1_000_000;

function readOrder(words: string[]): Order | string {
  const { values } = parseArgs({
    args: words,
    options: {
      leases: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      pairs: { type: 'string', default: 'all' },
    },
  });
  const [leases, seed] = [Number(values.leases), Number(values.seed)];
  if (!Number.isInteger(leases) || leases < 0 || leases > leasesMax) return '--leases is a whole number.';
  if (!Number.isInteger(seed) || seed < 0) return '--seed is a whole number.';
  switch (values.pairs) {
    case 'all':
      return { leases, seed, pairs: allPairs() };
    case 'few':
      return { leases, seed, pairs: fewPairs(seed) };
    case 'none':
      return { leases, seed, pairs: [] };
    default:
      return '--pairs is "all", "few" or "none".';
  }
}

const nothingSeen: Seen = {
  crashes: 0,
  leases: 0,
  machines: 0,
  faults: {},
  mostAtOnce: 0,
  left: 0,
  billedMicros: 0,
  postedMicros: 0,
};

function added(sum: Seen, one: Seen): Seen {
  const faults = { ...sum.faults };
  for (const [name, count] of Object.entries(one.faults)) faults[name] = (faults[name] ?? 0) + count;
  return {
    crashes: sum.crashes + one.crashes,
    leases: sum.leases + one.leases,
    machines: sum.machines + one.machines,
    faults,
    mostAtOnce: Math.max(sum.mostAtOnce, one.mostAtOnce),
    left: sum.left + one.left,
    billedMicros: sum.billedMicros + one.billedMicros,
    postedMicros: sum.postedMicros + one.postedMicros,
  };
}

const usd = (micros: number): string => `$${(micros / 1_000_000).toFixed(6)}`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function live({ leases, seed, pairs }: Order): Promise<void> {
  const folder = moneyFolder();
  try {
    let sum = nothingSeen;
    let histories = 0;
    while (sum.leases < leases) {
      sum = added(sum, await simulate({ seed: seed + histories, file: folder.newFile(), make: leaseDesk }));
      histories += 1;
    }
    print(`seeds                 ${seed} to ${seed + Math.max(histories, 1) - 1}`);
    print(`leases                ${sum.leases}, in ${histories} histories with ${sum.crashes} crashes`);
    print(`machines              ${sum.machines} made, ${sum.mostAtOnce} at once at most, ${sum.left} left`);
    print(`bill, posted          ${usd(sum.billedMicros)}, ${usd(sum.postedMicros)}`);
    const faults = Object.entries(sum.faults).toSorted(([one], [other]) => one.localeCompare(other));
    for (const [name, count] of faults) print(`  ${name.padEnd(28)}${count}`);
    let machines = 0;
    for (const pair of pairs) machines += (await livePair(pair, folder.newFile(), leaseDesk)).machines;
    if (pairs.length > 0) print(`pairs of named faults ${pairs.length} lived, ${machines} machines made, 0 left`);
  } finally {
    folder.remove();
  }
}

async function main(): Promise<number> {
  const order = readOrder(process.argv.slice(2));
  if (typeof order === 'string') {
    process.stderr.write(`${order}\n`);
    return 2;
  }
  try {
    await live(order);
    return 0;
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    process.stderr.write(`A promise was broken: ${error.message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
