/** What a base that has moved costs a job, and what is left to do when a job is over. */
import { mkdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { baseSandbox } from '../../server/adapters/base-sandbox.ts';
import { findRunUser } from '../../server/adapters/base-sandbox-user.ts';
import { hardenedGit } from '../../server/adapters/git.ts';
import { secretScan } from '../../server/adapters/secret-scan.ts';
import { systemClock } from '../../server/adapters/system-clock.ts';
import { systemRandom } from '../../server/adapters/system-random.ts';
import { performPatch } from '../../server/chain/patch/perform.ts';
import { buildWorkspaces } from '../../server/chain/prove/workspaces.ts';
import { readBudget, sandboxLimits } from '../../server/config.ts';
import { ObjectId } from '../../server/contract/ids.ts';
import { artifactStore } from '../../server/record/artifact/store.ts';
import { openDatabase } from '../../server/record/db/open.ts';
import { checkouts } from '../../server/resources/repo/checkout.ts';
import { openQuarantine } from '../../server/resources/repo/quarantine.ts';
import { trashIsEmpty } from '../../server/resources/repo/trash.ts';
import { root } from '../daemon.ts';
import { git, withRepositories, type Repositories, type Sized } from './repositories.ts';
import { median, paired, wallMs } from './rounds.ts';
import { row, type Row } from './table.ts';

const rounds = 9;
const commitsMoved = 20;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function checkoutRows(): Promise<Row[]> {
  return await withRepositories(async (repositories) => {
    const prove = await openDesk(repositories);
    const rows: Row[] = [];
    const cleanUpMs: number[] = [];
    for (const sized of repositories.sized) {
      const figures: { ours: number; baseline: number }[] = [];
      // The first makes the cached checkout, and does not count.
      for (let round = -1; round < rounds; round += 1) {
        const still = await prove(sized, sized.base);
        const moved = await prove(sized, await moveBase(sized, round));
        if (round < 0) continue;
        figures.push({ ours: moved.doneMs, baseline: still.doneMs });
        cleanUpMs.push(still.cleanUpMs, moved.cleanUpMs);
      }
      const metric = `paste to command done, ${sized.files} files, base moved by ${commitsMoved} commits / not moved`;
      rows.push(row(metric, 'ms', paired(figures), 1.3));
    }
    await trashIsEmpty();
    const ours = median(cleanUpMs);
    return [...rows, { metric: 'clean-up of a job', unit: 'ms', ours, baseline: null, ratio: null, goal: 5 }];
  });
}

/** Another 20 commits on the base, which change two files each; another way in every round. */
async function moveBase({ gitDir, base, files }: Sized, round: number): Promise<ObjectId> {
  const branch = `refs/heads/moved-${round + 1}`;
  const parts: string[] = [];
  for (let commit = 0; commit < commitsMoved; commit += 1) {
    parts.push(`commit ${branch}\ncommitter bench <bench@localhost> 1767225600 +0000\ndata 0\n`);
    if (commit === 0) parts.push(`from ${base}\n`);
    for (const file of [commit * 2, commit * 2 + 1]) {
      const content = `moved ${round} ${files}\n`;
      parts.push(`M 100644 inline area-${file}/moved/file-${file}.ts\ndata ${content.length}\n${content}\n`);
    }
  }
  await git([`--git-dir=${gitDir}`, 'fast-import', '--quiet', '--force'], parts.join(''));
  return ObjectId.parse((await git([`--git-dir=${gitDir}`, 'rev-parse', branch])).trim());
}

type Prove = (sized: Sized, base: ObjectId) => Promise<{ readonly doneMs: number; readonly cleanUpMs: number }>;

/** The parts of the daemon between a paste and a command that has ended on the patched tree. */
async function openDesk({ folder, patch }: Repositories): Promise<Prove> {
  const budget = readBudget(join(root, 'budget.json'));
  if (!budget.ok) throw new Error(budget.why.join('\n'));
  const limits = sandboxLimits(budget.value, { memoryBytes: totalmem(), cpus: availableParallelism() });
  const clock = systemClock();
  const random = systemRandom();
  for (const name of ['checkouts', 'artifacts', 'quarantine']) mkdirSync(join(folder, name), { mode: 0o755 });
  const db = openDatabase(join(folder, 'bench.db'), join(root, 'server/record/db/migrations'));
  const artifacts = artifactStore(db, join(folder, 'artifacts'), clock, random);
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  const hardened = hardenedGit({ path });
  const secrets = secretScan({ nodePath: process.execPath, programPath: join(root, 'dist/secrets.cjs'), path });
  const runUser = await findRunUser();
  const cached = checkouts({ git: hardened, folder: join(folder, 'checkouts'), clock, random, runUser, log: silent });
  const helperPath = join(root, 'dist/helper.cjs');
  const sandbox = baseSandbox({ nodePath: process.execPath, helperPath, npmFolder: null, log: silent });
  const { signal } = new AbortController();
  const common = { git: hardened, secrets, artifacts, checkouts: cached, limits, signal };
  return async ({ gitDir }, base) => {
    const quarantine = await openQuarantine(join(folder, 'quarantine'), random);
    const doneMs = await wallMs(async () => {
      secrets.prepare();
      const patched = await performPatch({ ...common, gitDir, base, quarantine }, patch);
      if (!patched.ok) throw new Error(patched.why.message);
      const built = await buildWorkspaces({ ...common, gitDir, base, tree: patched.value.treeAfter, quarantine });
      const steps = [{ name: 'look', command: 'test -f area-3/new-file.ts' }];
      const ran = await sandbox.run({ workspace: built.after, steps, limits }, () => undefined, signal);
      if (!ran.ok || ran.value[0]?.exitCode !== 0) throw new Error(`no patched tree: ${JSON.stringify(ran)}`);
    });
    return { doneMs, cleanUpMs: await wallMs(quarantine.close) };
  };
}
