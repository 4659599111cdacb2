import type { Workspace } from '#contract/helper-wire.ts';
import { ObjectId } from '#contract/ids.ts';
import { PortError, type Git } from '../../ports.ts';
import type { Checkout, Checkouts } from '../../resources/repo/checkout.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { changesBetween, type TreeChanges } from '../../resources/repo/tree-changes.ts';

export interface WorkspaceWork {
  readonly git: Git;
  readonly checkouts: Checkouts;
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly tree: ObjectId;
  readonly quarantine: Quarantine;
}

export interface Workspaces {
  readonly before: Workspace;
  readonly after: Workspace;
}

/**
 * The base's tree and the patched tree, both laid over one cached read-only folder: that of the base, or of a tree near it,
 * so that a base that moved a little costs no new checkout. What cannot be laid over it exactly is taken whole.
 */
export async function buildWorkspaces(work: WorkspaceWork): Promise<Workspaces> {
  const { git, checkouts, gitDir, base, tree, quarantine } = work;
  const near = await checkouts.nearest(gitDir, await treeOfCommit(git, gitDir, base));
  const { objectsDir } = quarantine;
  const [before, after] = await Promise.all([
    layOver(work, near.checkout, near.changes),
    changesBetween(git, { gitDir, objectsDir, from: near.checkout.tree, to: tree }).then(async (changes) =>
      changes.ok
        ? await layOver(work, near.checkout, changes.value)
        : { lower: (await checkouts.whole(gitDir, tree, objectsDir)).folder, delta: null, remove: [] },
    ),
  ]);
  return { before, after };
}

async function layOver(
  { checkouts, gitDir, quarantine }: WorkspaceWork,
  { folder, attributes }: Checkout,
  { present, remove }: TreeChanges,
): Promise<Workspace> {
  const workspace = { lower: folder, delta: null, remove: [...remove] };
  if (present.length === 0) return workspace;
  const delta = quarantine.folder('delta');
  await checkouts.partial(gitDir, { entries: present, attributes, target: delta }, quarantine.objectsDir);
  return { ...workspace, delta };
}

/** Many jobs stand on the same base, and a commit never has another tree: asked once. */
const treesKnown = new WeakMap<Git, Map<ObjectId, ObjectId>>();
const treesKnownMax = 64;

export async function treeOfCommit(git: Git, gitDir: string, commit: ObjectId): Promise<ObjectId> {
  const known = treesKnown.get(git) ?? new Map<ObjectId, ObjectId>();
  treesKnown.set(git, known);
  const there = known.get(commit);
  if (there !== undefined) return there;
  const answer = await git.run({ gitDir, args: ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`] });
  if (answer.code !== 0) throw new PortError('git', 'find the tree of the base', { cause: new Error(answer.stderr) });
  const tree = ObjectId.parse(answer.stdout.toString('utf8').trim());
  const [oldest] = known.keys();
  if (known.size >= treesKnownMax && oldest !== undefined) known.delete(oldest);
  known.set(commit, tree);
  return tree;
}
