import { ObjectId } from '#contract/ids.ts';
import type { Problem } from '#contract/problem.ts';
import type { ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { ok, type Result } from '../../lib/result.ts';
import { PortError } from '../../ports.ts';
import { openQuarantine, type Quarantine } from '../../resources/repo/quarantine.ts';
import { treeAgain } from '../patch/perform.ts';
import type { PublishParts } from './rest.ts';

/**
 * Hands `use` the commit of what was decided and the quarantine that its objects are in, which is gone afterwards. Not ok: the tree that
 * was shown cannot be made again.
 */
export async function withCommit<T>(
  parts: PublishParts,
  document: ProposalDocument,
  use: (commit: ObjectId, quarantine: Quarantine) => Promise<T>,
): Promise<Result<T, Problem>> {
  const quarantine = await openQuarantine(parts.quarantineFolder, parts.random);
  try {
    const commit = await makeCommit(parts, document, quarantine);
    return commit.ok ? ok(await use(commit.value, quarantine)) : commit;
  } finally {
    await quarantine.close();
  }
}

/** The commit is a function of what was decided (tree, base, message, author, time of decision): made again, it has the same id. */
async function makeCommit(
  parts: PublishParts,
  document: ProposalDocument,
  quarantine: Quarantine,
): Promise<Result<ObjectId, Problem>> {
  const { git, artifacts, mirrors } = parts;
  const gitDir = mirrors.gitDir(document.repo.id);
  const tree = await treeAgain({ git, artifacts, gitDir, base: document.base.sha, quarantine }, document.patch);
  if (!tree.ok) return tree;
  assert(tree.value === document.patch.treeAfter, 'the tree that is committed is the tree that was shown and proved');
  const { author, commitMessage } = document.publishing;
  const made = await git.run({
    gitDir,
    objectsDir: quarantine.objectsDir,
    args: ['commit-tree', '-p', document.base.sha, '-F', '-', tree.value],
    stdin: commitMessage,
    identity: { ...author, atMs: parts.publications.get(document.id).decidedAtMs },
  });
  if (made.code !== 0) throw new PortError('git', 'make the commit', { cause: new Error(made.stderr) });
  return ok(ObjectId.parse(made.stdout.toString('utf8').trim()));
}
