/** From a pasted diff to the exact hash of the tree, at three sizes of repository, against the same by hand. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hardenedGit } from '../../server/adapters/git.ts';
import { applyPatch } from '../../server/chain/patch/apply.ts';
import { gitBaseReader } from '../../server/chain/patch/base-reader.ts';
import { judgeTree } from '../../server/chain/patch/judge.ts';
import { withObjects } from '../../server/chain/patch/objects.ts';
import { readPatch } from '../../server/chain/patch/read.ts';
import { git, withRepositories, type Repositories, type Sized } from './repositories.ts';
import { paired, takeTurns, wallMs, type Paired } from './rounds.ts';
import { row, type Row } from './table.ts';

const rounds = 11;
const hardened = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });

export async function patchRows(): Promise<Row[]> {
  return await withRepositories(async (repositories) => {
    const took = new Map<string, { ours: number; baseline: number }[]>();
    // All sizes in every round, so that what the machine does meanwhile falls on all of them. The first does not count.
    for (let round = -1; round < rounds; round += 1) {
      for (const sized of repositories.sized) {
        const trees: string[] = [];
        const ours = await wallMs(async () => trees.push(await byPatchgit(repositories, sized)));
        const baseline = await wallMs(async () => trees.push(await byHand(repositories, sized)));
        if (trees[0] !== trees[1]) throw new Error(`the two ways give different trees: ${trees.join(' and ')}`);
        if (round >= 0) took.set(sized.name, [...(took.get(sized.name) ?? []), { ours, baseline }]);
      }
    }
    const small = took.get('small') ?? [];
    const growth = (took.get('large') ?? []).map(({ ours }, at) => ({ ours, baseline: small[at]?.ours ?? Number.NaN }));
    return [
      ...repositories.sized.map(({ name, files }) =>
        row(`paste to tree hash, ${files} files / by hand`, 'ms', paired(took.get(name) ?? []), 1.3),
      ),
      row('paste to tree hash, large / small', 'ms', paired(growth), 1.3),
      row('base moved by 20 commits: new tree / one git rev-parse', 'ms', await movedBase(repositories), 4),
    ];
  });
}

/** What freshness asks: the patch that was frozen, as git took it, on the base as it is now. */
async function movedBase(repositories: Repositories): Promise<Paired> {
  const large = repositories.sized.find(({ name }) => name === 'large');
  if (!large) throw new Error('there is no large repository');
  const { gitDir, moved } = large;
  return await takeTurns(
    rounds,
    () => wallMs(() => againOn(repositories, { ...large, base: moved })),
    () => wallMs(() => git([`--git-dir=${gitDir}`, 'rev-parse', 'refs/heads/main'])),
  );
}

async function againOn({ folder, patch, paths }: Repositories, { gitDir, base }: Sized): Promise<string> {
  const place = { gitDir, base, ...scratch(folder) };
  return await withObjects(hardened, place, async (objects) => {
    const applied = await applyPatch(hardened, { ...place, objects, patch, files: paths });
    if (!applied.ok) throw new Error(applied.why.message);
    const refused = await judgeTree(hardened, { ...place, objects, ...applied.value });
    if (refused) throw new Error(refused.message);
    return applied.value.tree;
  });
}

async function byPatchgit({ folder, patch }: Repositories, { gitDir, base }: Sized): Promise<string> {
  const place = { gitDir, base, ...scratch(folder) };
  return await withObjects(hardened, place, async (objects) => {
    const read = await readPatch(patch, gitBaseReader(hardened, gitDir, base, undefined, { objects }));
    if (!read.ok) throw new Error(read.why.message);
    const { bytes, files } = read.value;
    const applied = await applyPatch(hardened, { ...place, objects, patch: bytes, files });
    if (!applied.ok) throw new Error(applied.why.message);
    return applied.value.tree;
  });
}

/** An index of the touched paths, git's own apply, and fast-import for the trees: five processes (notes/perf.md 2e). */
async function byHand({ folder, patch, paths }: Repositories, { gitDir, base }: Sized): Promise<string> {
  const { objectsDir, indexFile } = scratch(folder);
  const environment = {
    GIT_INDEX_FILE: indexFile,
    GIT_OBJECT_DIRECTORY: objectsDir,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: join(gitDir, 'objects'),
  };
  const run = (args: readonly string[], input?: string | Buffer): Promise<string> =>
    git([`--git-dir=${gitDir}`, '-c', 'core.fsync=none', '-c', 'fastimport.unpackLimit=0', ...args], input, {
      environment,
    });
  const before = await run(['ls-tree', '-z', base, '--', ...paths]);
  await run(['update-index', '-z', '--index-info'], before);
  await run(['apply', '--cached', '-'], patch);
  const after = (await run(['ls-files', '--stage', '-z'])).split('\0').filter(Boolean);
  const changes = after.map((entry) => {
    const [head = '', path = ''] = entry.split('\t');
    const [mode = '', oid = ''] = head.split(' ');
    return `M ${mode} ${oid} ${path}\n`;
  });
  const commit = `commit refs/bench/hand\ncommitter bench <bench@localhost> 1767225600 +0000\ndata 0\nfrom ${base}\n`;
  const listed = await run(['fast-import', '--quiet', '--force'], `${commit}${changes.join('')}ls ""\n`);
  return listed.split(/[ \t]/)[2] ?? '';
}

let scratches = 0;

function scratch(folder: string): { objectsDir: string; indexFile: string } {
  scratches += 1;
  const home = join(folder, 'scratch');
  if (scratches % 50 === 0) rmSync(home, { recursive: true, force: true });
  const objectsDir = join(home, `objects-${scratches}`);
  mkdirSync(objectsDir, { recursive: true });
  return { objectsDir, indexFile: join(home, `index-${scratches}`) };
}
