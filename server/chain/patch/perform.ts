import type { ObjectId } from '#contract/ids.ts';
import type { PatchSummary } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git, Secrets } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { changesBetween, renderDiff } from './diff-view.ts';
import { judgeTree } from './judge.ts';
import { type Objects, withObjects } from './objects.ts';
import { readPatch } from './read.ts';
import type { Results } from './results.ts';
import { hideSecrets } from './secrets.ts';
import { addUnseen } from './unseen-secrets.ts';

export interface PatchWork {
  readonly git: Git;
  readonly artifacts: Artifacts;
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly quarantine: Quarantine;
  readonly signal?: AbortSignal;
}

/**
 * The patch stage: the received bytes become the exact tree git's own apply gives on the base, or a refusal that says file,
 * hunk, line and reason. No working tree; new objects stay in the quarantine.
 */
export async function performPatch(
  work: PatchWork & { readonly secrets: Secrets },
  received: Buffer,
): Promise<Result<PatchSummary, Problem>> {
  const made = await withObjects(work.git, placeOf(work), async (objects) => {
    const read = await readPatch(received, gitBaseReader(work.git, work.gitDir, work.base, work.signal, { objects }));
    if (!read.ok) return read;
    const tree = await treeOf(work, read.value, objects);
    return tree.ok ? ok({ read: read.value, tree: tree.value }) : tree;
  });
  if (!made.ok) return made;
  const { read, tree } = made.value;
  const place = { git: work.git, ...placeOf(work) };
  const [files, diff] = await Promise.all([changesBetween(place, work.base, tree), renderDiff(place, work.base, tree)]);
  if (files.length === 0)
    return no(
      problem(
        'patch_changes_nothing',
        'The patch applies, but the result is what the base already has. Nothing would change.',
      ),
    );
  // Only the masked rendering is ever written down.
  const hidden = await hideSecrets(work.secrets, diff, work.signal);
  const report = await addUnseen({ ...place, base: work.base, tree }, files, hidden.report);
  const { artifacts } = work;
  const [sent, handed, shown] = await Promise.all([
    artifacts.keep(received, 'text/x-patch'),
    artifacts.keep(read.bytes, 'text/x-patch'),
    artifacts.keep(hidden.diff, 'text/x-diff'),
  ]);
  return ok({
    sha256: handed.sha256,
    receivedSha256: sent.sha256,
    files,
    additions: files.reduce((sum, file) => sum + (file.additions ?? 0), 0),
    deletions: files.reduce((sum, file) => sum + (file.deletions ?? 0), 0),
    treeAfter: tree,
    mends: [...read.mends],
    diff: { sha256: shown.sha256, bytes: shown.bytes, truncated: diff.truncated },
    secrets: report,
  });
}

/** Applies again what was frozen: bytes handed to git once give the same tree on the same base, or this is our bug. */
export async function treeAgain(work: PatchWork, patch: PatchSummary): Promise<Result<ObjectId, Problem>> {
  const bytes = await work.artifacts.read(patch.sha256);
  if (bytes === null)
    return no(
      problem('internal', 'The stored patch is gone from the data folder. Restore a backup, or paste the diff again.'),
    );
  const files = patch.files.flatMap((file) => (file.oldPath === null ? [file.path] : [file.path, file.oldPath]));
  return await withObjects(work.git, placeOf(work), (objects) => treeOf(work, { bytes, files }, objects));
}

async function treeOf(
  work: PatchWork,
  patch: { readonly bytes: Buffer; readonly files: readonly string[]; readonly results?: Results },
  objects: Objects,
): Promise<Result<ObjectId, Problem>> {
  const place = { ...placeOf(work), base: work.base, objects };
  const indexFile = work.quarantine.indexFile();
  const wanted = patch.results ? { results: patch.results } : {};
  const request = { ...place, indexFile, patch: patch.bytes, files: [...patch.files], ...wanted };
  const applied = await applyPatch(work.git, request);
  if (!applied.ok) return applied;
  const { tree, rows } = applied.value;
  const refused = await judgeTree(work.git, { ...place, tree, rows });
  return refused === null ? ok(tree) : no(refused);
}

function placeOf({ gitDir, quarantine, signal }: PatchWork) {
  return { gitDir, objectsDir: quarantine.objectsDir, ...(signal === undefined ? {} : { signal }) };
}
