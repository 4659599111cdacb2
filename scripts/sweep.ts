/**
 * Destroys every machine of ours that is past the deadline in its name, and what is left of others: old snapshots, keys. It needs no
 * daemon and no database, only the id of the installation and a token of its own; systemd/patchgit-sweep.timer starts it.
 * Safe beside the daemon and beside itself: a thing can be destroyed twice, and nothing is touched that is not ours by name.
 *
 *   node scripts/sweep.ts --install ID [--install ID …] [--dry-run] [--machines-only] [--keep-snapshots 2] [--margin-minutes 10]
 *
 * The token is PATCHGIT_SWEEP_TOKEN, DIGITALOCEAN_TOKEN, or the credential `token` of its unit. Prints one line of JSON for each
 * action. Ends with 0, with 1 when something could not be seen or destroyed (a sentence on standard error says what), or with 2
 * when it was called wrongly.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AssertionError } from '../server/lib/assert.ts';
import { decideSweep, type Seen, type SweepRule } from './sweep/decide.ts';
import { sweepCloud, type SweepCloud } from './sweep/cloud.ts';

/** For all requests together, and for each. */
const wallMs = 120_000;
const requestWallMs = 20_000;

interface Order {
  readonly rule: SweepRule;
  readonly isDry: boolean;
  /** Leaves snapshots and keys alone, for a token that may not see them. */
  readonly machinesOnly: boolean;
  readonly print: (line: Readonly<Record<string, unknown>>) => void;
}

/** One sweep. Resolves with the sentences of what could not be seen or destroyed; none means that all is as it should be. */
export async function sweep(cloud: SweepCloud, { rule, isDry, machinesOnly, print }: Order): Promise<string[]> {
  const troubles: string[] = [];
  // One kind after the other: whatever is wrong with the next, the machines have been dealt with.
  const kinds: readonly (keyof Seen)[] = machinesOnly ? ['machines'] : ['machines', 'snapshots', 'keys'];
  for (const kind of kinds) {
    const { rows, trouble } = await cloud.list(kind);
    if (trouble !== null) troubles.push(trouble);
    const seen: Seen = { machines: [], snapshots: [], keys: [], [kind]: rows };
    const steps = decideSweep(rule, seen);
    for (const step of steps) {
      const done = isDry ? { result: 'would destroy' } : await cloud.remove(step);
      print({ action: 'destroy', ...step, ...done });
      if ('trouble' in done)
        troubles.push(`${step.name} (${step.kind} ${step.id}) was not destroyed: ${done.trouble}.`);
    }
    print({ action: 'look', kind, seen: rows.length, complete: trouble === null, overdue: steps.length });
  }
  return troubles;
}

async function main(): Promise<number> {
  const order = readOrder(process.argv.slice(2), process.env);
  if (typeof order === 'string') return said([order], 2);
  const token = readToken(process.env);
  if (token === null) {
    return said(['There is no token: set PATCHGIT_SWEEP_TOKEN, or give the unit its credential "token".'], 2);
  }
  const cloud = openCloud(token, process.env['DIGITALOCEAN_API_URL'] ?? 'https://api.digitalocean.com');
  if (typeof cloud === 'string') return said([cloud], 2);
  const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const troubles = await sweep(cloud, { ...order, print });
  return said(troubles, troubles.length === 0 ? 0 : 1);
}

/** A sentence when the token would travel to where it must not. */
function openCloud(token: string, apiUrl: string): SweepCloud | string {
  try {
    return sweepCloud({ token, apiUrl, wallMs: requestWallMs, signal: AbortSignal.timeout(wallMs) });
  } catch (error) {
    if (error instanceof AssertionError || !(error instanceof Error)) throw error;
    return error.message;
  }
}

function said(sentences: readonly string[], code: number): number {
  for (const sentence of sentences) process.stderr.write(`${sentence}\n`);
  return code;
}

type Environment = Readonly<Record<string, string | undefined>>;

function readToken(environment: Environment): string | null {
  const given = environment['PATCHGIT_SWEEP_TOKEN'] ?? environment['DIGITALOCEAN_TOKEN'];
  const folder = environment['CREDENTIALS_DIRECTORY'];
  const token = (given ?? (folder === undefined ? '' : readFileSync(join(folder, 'token'), 'utf8'))).trim();
  return /^[\x21-\x7e]{8,512}$/.test(token) ? token : null;
}

/** A sentence when the words make no order. Of installations PATCHGIT_INSTALL may name some too, with spaces between them. */
function readOrder(words: string[], environment: Environment): Omit<Order, 'print'> | string {
  const read = readWords(words);
  if (typeof read === 'string') return read;
  const installs = [...(read.install ?? []), ...(environment['PATCHGIT_INSTALL'] ?? '').split(/\s+/).filter(Boolean)];
  if (installs.length === 0) return 'Whose machines? Give --install with the id of the installation, 12 hex digits.';
  const wrong = installs.find((install) => !/^[0-9a-f]{12}$/.test(install));
  if (wrong !== undefined) return `${JSON.stringify(wrong)} is not the id of an installation, which is 12 hex digits.`;
  const keepSnapshots = Number(read['keep-snapshots'] ?? '2');
  const marginMinutes = Number(read['margin-minutes'] ?? '10');
  if (!Number.isInteger(keepSnapshots) || keepSnapshots < 1) return '--keep-snapshots is a whole number from 1.';
  if (!Number.isInteger(marginMinutes) || marginMinutes < 0 || marginMinutes > 1440) {
    return '--margin-minutes is a whole number from 0 to 1440.';
  }
  return {
    rule: { installs: new Set(installs), nowMs: Date.now(), marginMs: marginMinutes * 60_000, keepSnapshots },
    isDry: read['dry-run'] ?? false,
    machinesOnly: read['machines-only'] ?? false,
  };
}

function readWords(words: string[]) {
  try {
    return parseArgs({
      args: words,
      options: {
        install: { type: 'string', multiple: true },
        'dry-run': { type: 'boolean' },
        'machines-only': { type: 'boolean' },
        'keep-snapshots': { type: 'string' },
        'margin-minutes': { type: 'string' },
      },
    }).values;
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

if (import.meta.main) process.exitCode = await main();
