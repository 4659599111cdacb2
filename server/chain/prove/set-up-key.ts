/**
 * The name under which what a set-up leaves is kept. Many jobs share a layer, so it is only ever made from a tree of the base, and
 * its name says everything that it depends on; a patch that changes any of that gets a layer of its own, for its own tree alone,
 * or a patch could leave in the shared layer what later proofs of other patches would run.
 */
import type { SetUpDefinition } from '#contract/check.ts';
import type { SetUpRules } from '#contract/budget.ts';
import type { ObjectId, RepositoryId } from '#contract/ids.ts';
import { canonicalJson, sha256 } from '../../lib/digest.ts';
import type { Git, SandboxReport } from '../../ports.ts';
import type { SetUpInputs } from '../../resources/repo/setup-inputs.ts';
import type { TreeEntry } from '../../resources/repo/tree-changes.ts';
import { treeOfCommit } from './workspaces.ts';

export interface SetUpTerms {
  readonly repositoryId: RepositoryId;
  readonly defaultBranch: string;
  /** The base as the job names it. */
  readonly baseRef: string;
  readonly rules: SetUpRules;
  readonly inputs: SetUpInputs;
}

/** Which trees may share a layer. */
export type Origin =
  /** Commits of the default branch. */
  | { readonly kind: 'default' }
  /** Commits of another branch or tag, under its name: it may hold what nobody has taken over yet. */
  | { readonly kind: 'ref'; readonly ref: string }
  /** This one tree of a base, because what it reads does not show in the names of its inputs. */
  | { readonly kind: 'tree'; readonly tree: ObjectId }
  /** This one patched tree. */
  | { readonly kind: 'patch'; readonly tree: ObjectId };

export interface KeyFacts {
  readonly repositoryId: RepositoryId;
  readonly setUp: Pick<SetUpDefinition, 'command' | 'hosts'>;
  /** What runs it: programs of another version install something else. */
  readonly runtime: string;
  readonly inputs: readonly TreeEntry[];
  readonly origin: Origin;
}

/** sha256, as 64 hex digits. Pure. */
export function layerKey({ repositoryId, setUp, runtime, inputs, origin }: KeyFacts): string {
  return sha256(
    canonicalJson({
      version: 1,
      repositoryId,
      command: setUp.command,
      hosts: setUp.hosts.toSorted(),
      runtime,
      inputs: inputs.map(({ path, mode, oid }) => [path, mode, oid]),
      origin: { ...origin },
    }),
  );
}

export interface LayerKeys {
  readonly before: string;
  /** The same as `before` when the patch changes nothing that the set-up depends on. */
  readonly after: string;
  /** What of it the patch changes. */
  readonly changed: readonly string[];
}

interface KeyWork {
  readonly git: Git;
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly tree: ObjectId;
  readonly quarantine: { readonly objectsDir: string };
}

const link = '120000';

export async function layerKeys(
  work: KeyWork,
  terms: SetUpTerms,
  setUp: SetUpDefinition,
  report: SandboxReport,
): Promise<LayerKeys> {
  const { git, gitDir, base, tree } = work;
  const baseTree = await treeOfCommit(git, gitDir, base);
  const { objectsDir } = work.quarantine;
  const [inputs, changed, origin] = await Promise.all([
    terms.inputs.of({ gitDir }, baseTree, setUp.inputs),
    terms.inputs.changed({ gitDir, objectsDir }, baseTree, tree, setUp.inputs),
    originOf(work, terms),
  ]);
  const { repositoryId } = terms;
  // Here the sandbox has this process's own Node; a helper's layers end with the machine that they were made on.
  const { platform, arch, version } = process;
  const runtime = `${report.helperSha256} ${platform} ${arch} ${version} ${report.runtime ?? ''}`;
  const facts = { repositoryId, setUp, runtime, inputs };
  // What a link leads to is read by the set-up and is not among its inputs: then a tree shares with no other.
  const hasLinks = inputs.some(({ mode }) => mode === link);
  const before = layerKey({ ...facts, origin: hasLinks ? { kind: 'tree', tree: baseTree } : origin });
  if (tree === baseTree || (changed.length === 0 && !hasLinks)) return { before, after: before, changed };
  // The tree names every input that it has.
  return { before, after: layerKey({ ...facts, origin: { kind: 'patch', tree } }), changed };
}

async function originOf({ git, gitDir, base }: KeyWork, { defaultBranch, baseRef }: SetUpTerms): Promise<Origin> {
  const args = ['merge-base', '--is-ancestor', base, `refs/heads/${defaultBranch}`];
  const { code } = await git.run({ gitDir, args });
  // Whatever git does not say yes to is not taken for the default branch.
  return code === 0 ? { kind: 'default' } : { kind: 'ref', ref: baseRef };
}
