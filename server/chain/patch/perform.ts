import type { ObjectId } from '#contract/ids.ts';
import type { PatchSummary } from '#contract/patch.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git } from '../../ports.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Quarantine } from '../../resources/repo/quarantine.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { changesBetween, renderDiff } from './diff-view.ts';
import { judgeTree } from './judge.ts';
import { readPatch } from './read.ts';

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
export async function performPatch(work: PatchWork, received: Buffer): Promise<Result<PatchSummary, Problem>> {
  const { git, artifacts, gitDir, base, quarantine, signal } = work;
  const stop = signal === undefined ? {} : { signal };
  const read = await readPatch(received, gitBaseReader(git, gitDir, base, signal));
  if (!read.ok) return read;
  const tree = await treeOf(work, read.value);
  if (!tree.ok) return tree;
  const place = { git, gitDir, objectsDir: quarantine.objectsDir, ...stop };
  const files = await changesBetween(place, base, tree.value);
  if (files.length === 0)
    return no(
      problem(
        'patch_changes_nothing',
        'The patch applies, but the result is what the base already has. Nothing would change.',
      ),
    );
  const diff = await renderDiff(place, base, tree.value);
  const [sent, handed, shown] = await Promise.all([
    artifacts.keep(received, 'text/x-patch'),
    artifacts.keep(read.value.bytes, 'text/x-patch'),
    artifacts.keep(diff.text, 'text/x-diff'),
  ]);
  return ok({
    sha256: handed.sha256,
    receivedSha256: sent.sha256,
    files,
    additions: files.reduce((sum, file) => sum + (file.additions ?? 0), 0),
    deletions: files.reduce((sum, file) => sum + (file.deletions ?? 0), 0),
    treeAfter: tree.value,
    mends: [...read.value.mends],
    diff: { sha256: shown.sha256, bytes: shown.bytes, truncated: diff.truncated },
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
  return await treeOf(work, { bytes, files });
}

async function treeOf(
  work: PatchWork,
  patch: { readonly bytes: Buffer; readonly files: readonly string[] },
): Promise<Result<ObjectId, Problem>> {
  const { git, gitDir, base, quarantine, signal } = work;
  const applied = await applyPatch(git, {
    gitDir,
    base,
    objectsDir: quarantine.objectsDir,
    indexFile: quarantine.indexFile(),
    patch: patch.bytes,
    files: [...patch.files],
    ...(signal === undefined ? {} : { signal }),
  });
  if (!applied.ok) return applied;
  const { tree, rows } = applied.value;
  const stop = signal === undefined ? {} : { signal };
  const refused = await judgeTree(git, { gitDir, objectsDir: quarantine.objectsDir, base, tree, rows, ...stop });
  return refused === null ? ok(tree) : no(refused);
}
