import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git } from '../../ports.ts';
import { changesBetween, type TreeChanges } from './tree-changes.ts';

/**
 * How far a tree may be from a cached one to be laid over it. Laying down 2,000 files takes about as long as a sandbox may
 * take to start on a busy machine; the bytes are held in memory by an overlay, and count as written by the check.
 */
export const nearPathsMax = 2_000;
export const nearBytesMax = 8 * 1024 * 1024;
/** So near that no other needs to be looked at. */
const veryNearPathsMax = 50;
const answerBytesMax = 1024 * 1024;

/** How the asked tree is made out of a cached one. */
export interface Distance {
  readonly from: ObjectId;
  readonly changes: TreeChanges;
  /** Bytes of the files that have to be laid down. */
  readonly bytes: number;
}

/** The nearest of `candidates` that is near enough, or null. Candidates come with the most promising first. */
export async function nearestOf(
  git: Git,
  gitDir: string,
  candidates: readonly ObjectId[],
  tree: ObjectId,
): Promise<Distance | null> {
  let best: Omit<Distance, 'bytes'> | null = null;
  for (const from of candidates) {
    const compared = await changesBetween(git, { gitDir, from, to: tree, outputBytesMax: answerBytesMax });
    // Whatever the reason: it cannot be made out of this one, and the next may do.
    if (!compared.ok || sizeOf(compared.value) > nearPathsMax) continue;
    if (best === null || sizeOf(compared.value) < sizeOf(best.changes)) best = { from, changes: compared.value };
    if (sizeOf(best.changes) <= veryNearPathsMax) break;
  }
  if (best === null) return null;
  const bytes = await bytesOf(git, gitDir, best.changes);
  return bytes > nearBytesMax ? null : { ...best, bytes };
}

/** Number of paths that a difference touches. */
export function sizeOf({ present, remove }: TreeChanges): number {
  return Math.max(present.length, remove.length);
}

async function bytesOf(git: Git, gitDir: string, { present }: TreeChanges): Promise<number> {
  const files = present.filter(({ mode }) => mode !== '160000');
  if (files.length === 0) return 0;
  const stdin = files.map(({ oid }) => `${oid}\n`).join('');
  const answer = await git.run({ gitDir, args: ['cat-file', '--batch-check=%(objectsize)'], stdin });
  if (answer.code !== 0)
    throw new PortError('git', 'measure what differs between two trees', { cause: new Error(answer.stderr) });
  return answer.stdout
    .toString('latin1')
    .split('\n')
    .filter(Boolean)
    .reduce((sum, size) => sum + Number(size), 0);
}
