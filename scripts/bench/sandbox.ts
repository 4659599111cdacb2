/** From a pasted diff to a command that has ended in the sandbox on the whole patched tree. */
import { chownSync, mkdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { baseSandbox, type BaseSandbox } from '../../server/adapters/base-sandbox.ts';
import { findRunUser } from '../../server/adapters/base-sandbox-user.ts';
import { hardenedGit } from '../../server/adapters/git.ts';
import { secretScan } from '../../server/adapters/secret-scan.ts';
import { systemClock } from '../../server/adapters/system-clock.ts';
import { systemRandom } from '../../server/adapters/system-random.ts';
import { performPatch } from '../../server/chain/patch/perform.ts';
import { performProof, type ProveWork } from '../../server/chain/prove/perform.ts';
import { readBudget, sandboxLimits } from '../../server/config.ts';
import { artifactStore } from '../../server/record/artifact/store.ts';
import { openDatabase } from '../../server/record/db/open.ts';
import { checkouts } from '../../server/resources/repo/checkout.ts';
import { openQuarantine } from '../../server/resources/repo/quarantine.ts';
import type { Sandbox } from '../../server/ports.ts';
import { root } from '../daemon.ts';
import { bareBwrap } from './bare-bwrap.ts';
import { git, withRepositories, type Repositories, type Sized } from './repositories.ts';
import { paired, takeTurns, wallMs, type Paired } from './rounds.ts';
import { row, type Row } from './table.ts';

const rounds = 9;
/** A checkout of the large one takes seconds, so it is not repeated as often. */
const checkoutRounds = { small: 9, medium: 3, large: 1 };
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A helper that was asked to stand ready does so well within this. */
const standsMs = 700;

export async function sandboxRows(): Promise<Row[]> {
  return await withRepositories(async (repositories) => {
    const desk = await openDesk(repositories);
    const standing = await takeTurns(rounds, desk.runStanding, desk.runBare);
    const fromNothing = await takeTurns(rounds, desk.runEmpty, desk.runBare);
    const rows = [
      row('sandbox with `true`, helper standing ready, started and gone / bare bwrap', 'ms', standing, 1.2),
      row('sandbox with `true`, from nothing, started and gone / bare bwrap', 'ms', fromNothing, null),
    ];
    const took = new Map<string, { ours: number; baseline: number }[]>();
    // All sizes in every round, as in patch.ts. The first makes the cached checkouts and does not count.
    for (let round = -1; round < rounds; round += 1) {
      for (const sized of repositories.sized) {
        const figures = { ours: await desk.prove(sized), baseline: await desk.runEmpty() };
        if (round >= 0) took.set(sized.name, [...(took.get(sized.name) ?? []), figures]);
      }
    }
    for (const sized of repositories.sized) {
      const proof = paired(took.get(sized.name) ?? []);
      const name = `paste to command done, helper made ready meanwhile, ${sized.files} files`;
      rows.push(row(`${name} / empty sandbox from nothing`, 'ms', proof, 1.6));
      const checkout = await againstCheckout(repositories, sized, desk);
      const goal = sized.name === 'large' ? 0.01 : null;
      rows.push(row(`${name} / worktree + apply + empty sandbox`, 'ms', checkout, goal));
    }
    const small = took.get('small') ?? [];
    const growth = (took.get('large') ?? []).map(({ ours }, at) => ({ ours, baseline: small[at]?.ours ?? Number.NaN }));
    rows.push(row('paste to command done, large / small', 'ms', paired(growth), 1.3));
    desk.close();
    return rows;
  });
}

/** Each resolves with the milliseconds it took; what is made ready before and cleaned up after does not count. */
interface Desk {
  readonly prove: (sized: Sized) => Promise<number>;
  /** The same sandbox, through the helper, on a tree of nothing; nothing was prepared. */
  readonly runEmpty: () => Promise<number>;
  /** The same with a helper that stands ready. */
  readonly runStanding: () => Promise<number>;
  readonly runBare: () => Promise<number>;
  readonly close: () => void;
}

/** The parts of the daemon that a job goes through between its paste and its evidence, without HTTP and the job's rows. */
async function openDesk({ folder, patch }: Repositories): Promise<Desk> {
  const budget = readBudget(join(root, 'budget.json'));
  if (!budget.ok) throw new Error(budget.why.join('\n'));
  const limits = sandboxLimits(budget.value, { memoryBytes: totalmem(), cpus: availableParallelism() });
  const clock = systemClock();
  const random = systemRandom();
  const [emptyTree, trees, kept, quarantines] = ['empty', 'checkouts', 'artifacts', 'quarantine'].map((name) => {
    mkdirSync(join(folder, name), { mode: 0o755 });
    return join(folder, name);
  }) as [string, string, string, string];
  const runUser = await findRunUser();
  // As the daemon's checkouts are: a tree of somebody else would be handed over first.
  if (runUser !== null) chownSync(emptyTree, runUser.uid, runUser.gid);
  const db = openDatabase(join(folder, 'bench.db'), join(root, 'server/record/db/migrations'));
  const artifacts = artifactStore(db, kept, clock, random);
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  const hardened = hardenedGit({ path });
  const cached = checkouts({ git: hardened, folder: trees, clock, random, runUser, log: silent });
  const secrets = secretScan({ nodePath: process.execPath, programPath: join(root, 'dist/secrets.cjs'), path });
  const { signal } = new AbortController();
  const newSandbox = (): BaseSandbox =>
    baseSandbox({
      nodePath: process.execPath,
      helperPath: join(root, 'dist/helper.cjs'),
      npmFolder: null,
      compileCacheFolder: join(folder, 'compile-cache'),
      expectedLimits: limits,
      log: silent,
    });
  const report = await newSandbox().inspect();
  if (!report.usable) throw new Error(`there is no sandbox here: ${report.missing.join(' ')}`);
  /** A sandbox of its own for each measurement, so that none finds what the one before it has made ready. */
  const measured = async (isReady: boolean, work: (sandbox: Sandbox) => Promise<void>): Promise<number> => {
    const base = newSandbox();
    if (isReady) {
      base.prepare();
      await sleep(standsMs);
    }
    // The daemon remembers its inspection too.
    const took = await wallMs(() => work({ ...base, inspect: () => Promise.resolve(report) }));
    await base.close();
    return took;
  };
  const runTrue = async (sandbox: Sandbox): Promise<void> => {
    const workspace = { lower: emptyTree, delta: null, remove: [] };
    const steps = [{ name: 'true', command: 'true' }];
    const ran = await sandbox.run({ workspace, steps, limits }, () => undefined, signal);
    if (!ran.ok || ran.value[0]?.exitCode !== 0) throw new Error(`the empty sandbox failed: ${JSON.stringify(ran)}`);
  };
  const prove = async ({ gitDir, base }: Sized, sandbox: Sandbox): Promise<void> => {
    const common = { git: hardened, secrets, known: [], sandbox, artifacts, checkouts: cached, limits, signal };
    // A job does both when it begins.
    sandbox.prepare();
    secrets.prepare();
    const quarantine = await openQuarantine(quarantines, random);
    const patched = await performPatch({ ...common, gitDir, base, quarantine }, patch);
    if (!patched.ok) throw new Error(patched.why.message);
    // A formatter and no check: one command, on the patched tree only.
    const plan = { checks: [], formatter: 'test -f area-3/new-file.ts' } as unknown as ProveWork['plan'];
    const quiet = { onProgress: () => undefined, onOutput: () => undefined };
    const tree = patched.value.treeAfter;
    const proved = await performProof({ ...common, ...quiet, gitDir, base, tree, plan, quarantine });
    if (!proved.ok) throw new Error(proved.why.message);
    if (proved.value.proof.formatter?.clean !== true) throw new Error('the sandbox did not show the patched tree');
    await quarantine.close();
  };
  const bare = bareBwrap(emptyTree, limits);
  return {
    prove: (sized) => measured(false, (sandbox) => prove(sized, sandbox)),
    runEmpty: () => measured(false, runTrue),
    runStanding: () => measured(true, runTrue),
    runBare: () => wallMs(bare),
    close: () => db.close(),
  };
}

/** What everybody else does: a checkout for the job, the patch on it, and then the same sandbox. */
async function againstCheckout({ folder, patch }: Repositories, sized: Sized, desk: Desk): Promise<Paired> {
  const { gitDir, base, name } = sized;
  const tree = join(folder, 'worktree');
  const figures: { ours: number; baseline: number }[] = [];
  for (let round = 0; round < checkoutRounds[name]; round += 1) {
    const ours = await desk.prove(sized);
    const checkout = await wallMs(async () => {
      await git([`--git-dir=${gitDir}`, 'worktree', 'add', '--quiet', '--detach', tree, base]);
      await git(['apply', '--index', '-'], patch, { cwd: tree });
    });
    const baseline = checkout + (await desk.runEmpty());
    await git([`--git-dir=${gitDir}`, 'worktree', 'remove', '--force', tree]);
    figures.push({ ours, baseline });
  }
  return paired(figures);
}
