/** The patchgit command: a thin client of the daemon's own API over the unix socket in the data folder. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cancel, fix, go, propose, reject, revise, show, undo } from './cli/chain-commands.ts';
import { socketClient } from './cli/client.ts';
import { helperBake } from './cli/helper-bake.ts';
import * as money from './cli/money-commands.ts';
import * as other from './cli/other-commands.ts';
import { plain } from './cli/print.ts';
import * as repositories from './cli/repository-commands.ts';
import type { Command, Outcome } from './cli/run.ts';
import { usage } from './cli/usage.ts';
import { homeOf } from './config.ts';

const root = dirname(import.meta.dirname);

/** One word or two; two words win. */
const commands: Readonly<Record<string, Command>> = {
  serve: other.serve,
  status: other.status,
  doctor: other.doctor,
  budget: money.budget,
  'budget export': money.budgetExport,
  'budget prices': money.budgetPrices,
  'budget price': money.budgetPrice,
  'approval withdraw': money.withdraw,
  continue: money.continueJob,
  propose,
  show,
  go,
  reject,
  revise,
  undo,
  fix,
  cancel,
  apply: other.apply,
  backup: other.backup,
  restore: other.restore,
  update: other.update,
  'repo add': repositories.repoAdd,
  'repo list': repositories.repoList,
  'repo check': repositories.repoCheck,
  'repo fetch': repositories.repoFetch,
  'repo set': repositories.repoSet,
  'repo remove': repositories.repoRemove,
  'audit list': other.auditList,
  'audit verify': other.auditVerify,
  'audit export': other.auditExport,
  'helper status': other.helperStatus,
  'helper destroy': other.helperDestroy,
  'helper bake': helperBake,
  'device add': other.deviceAdd,
  'device list': other.deviceList,
  'device revoke': other.deviceRevoke,
  'pin reset': other.pinReset,
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  json: flag,
  help: flag,
  name: text,
  check: { type: 'string', multiple: true },
  formatter: text,
  setup: text,
  author: text,
  draft: flag,
  ready: flag,
  label: { type: 'string', multiple: true },
  remote: flag,
  repo: text,
  base: text,
  diff: text,
  title: text,
  wait: flag,
  digest: text,
  note: text,
  limit: text,
  kind: text,
  subject: text,
  plan: text,
  'approve-extra-spend': text,
} as const;

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);

async function main(args: string[]): Promise<number> {
  const home = homeOf(process.env, root);
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(args);
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help === true || positionals[0] === 'help' || positionals.length === 0) {
    process.stdout.write(usage.replace('HOME_FOLDER', home));
    return positionals.length === 0 && values.help !== true ? 2 : 0;
  }
  const pair = positionals.slice(0, 2).join(' ');
  const name = commands[pair] ? pair : (positionals[0] ?? '');
  const command = commands[name];
  if (!command) return misused(`There is no command "${plain(pair)}".`);
  const outcome = await command({
    client: socketClient(join(home, 'patchgit.sock')),
    root,
    home,
    positionals: positionals.slice(name.split(' ').length),
    options: values,
    pause,
    readInput: (file) => (file === '-' ? readAll(process.stdin) : readFile(file)),
    newId: randomUUID,
  });
  return tell(outcome, values.json === true);
}

function read(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true });
}

function misused(sentence: string): number {
  process.stderr.write(`patchgit: ${sentence}\nSee "patchgit --help".\n`);
  return 2;
}

/** Exit code 0 done, 1 refused or failed, 2 usage. With --json a refusal is JSON on standard output too. */
function tell(outcome: Outcome, json: boolean): number {
  switch (outcome.kind) {
    case 'usage':
      return misused(outcome.sentence);
    case 'silent':
      return outcome.failed === true ? 1 : 0;
    case 'refused':
      if (json) process.stdout.write(`${JSON.stringify({ problem: outcome.problem }, null, 2)}\n`);
      else process.stderr.write(`patchgit: ${plain(outcome.problem.message)} (${outcome.problem.code})\n`);
      return 1;
    case 'done':
      process.stdout.write(json ? `${JSON.stringify(outcome.json, null, 2)}\n` : `${outcome.text}\n`);
      return outcome.failed === true ? 1 : 0;
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
