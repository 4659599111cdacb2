import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectId } from '#contract/ids.ts';
import type { Git, GitRequest } from '../../ports.ts';
import { readIndex, type IndexSummary } from './checkout-index.ts';
import { foldersBelow } from './walk.ts';

interface Asked {
  readonly gitDir: string;
  /** Quarantine that holds the tree, where the mirror does not. */
  readonly objectsDir?: string;
  readonly tree: ObjectId;
  readonly folder: string;
  readonly indexFile: string;
}

const verifyMsMax = 300_000;

/**
 * Whether `folder` still is exactly `tree`, as it was written out. The index that was kept at its export is held to the
 * tree; every file to the index, by size, times, inode, owner and mode, and by content hash where one of these differs;
 * and the folder may hold nothing else. Nearly all of it happens in git and in the kernel, but it goes by the number of
 * files, so it is done once per folder and process and not per job: sandboxes see the folder read-only. git counts times
 * in whole seconds, and a disk that changes bytes without changing a time is not seen. `why` is for the log.
 */
export async function verifyCheckout(
  git: Git,
  asked: Asked,
): Promise<{ readonly index: IndexSummary } | { readonly why: string }> {
  const { gitDir, objectsDir, tree, folder, indexFile } = asked;
  const place = {
    gitDir,
    indexFile,
    wallMs: verifyMsMax,
    ...(objectsDir === undefined ? {} : { objectsDir }),
  };
  const bound = await git.run({ ...place, args: ['diff-index', '--cached', '--quiet', tree] });
  if (bound.code !== 0) return { why: 'its list of files is not the list of the tree' };
  const index = await readIndex(git, { ...place, workTree: folder });
  if (index === null) return { why: 'its list of files cannot be read' };
  const changed = await changedFiles(git, { ...place, workTree: folder });
  if (changed !== null) return { why: `${changed} is not as it was written` };
  const extra = await extraIn(folder, index);
  return extra === null ? { index } : { why: extra };
}

/** The path of a file that is not what the index says, or null. */
async function changedFiles(git: Git, place: Omit<GitRequest, 'args'>): Promise<string | null> {
  const args = ['diff-files', '--raw', '-z', '--ignore-submodules=all'];
  const doubted = pathsOf(await git.run({ ...place, args }));
  if (doubted.length === 0) return null;
  // Only what looks different is read and hashed; the kept index learns the new times of what is the same.
  await git.run({ ...place, args: ['update-index', '-q', '--really-refresh'] });
  const [changed] = pathsOf(await git.run({ ...place, args }));
  if (changed !== undefined) return changed;
  for (const path of doubted) {
    // git looks at one bit of the mode only.
    const { mode } = await lstat(Buffer.from(join(place.workTree ?? '', path), 'latin1'));
    if ((mode & 0o170000) === 0o100000 && ((mode & 0o7022) !== 0 || (mode & 0o600) !== 0o600)) return path;
  }
  return null;
}

function pathsOf(answer: { readonly code: number; readonly stdout: Buffer; readonly stderr: string }): string[] {
  if (answer.code !== 0) return [`(git ended with ${answer.code}: ${answer.stderr.trim()})`];
  return answer.stdout
    .toString('latin1')
    .split('\0')
    .filter((_, at) => at % 2 === 1);
}

/**
 * Every file of the index is there; so when as many files are there, there is no other. Folders without anything are those
 * of submodules. The names are not needed, and 57,000 of them would be memory.
 */
async function extraIn(root: string, index: IndexSummary): Promise<string | null> {
  let files = 0;
  // The root of a tree without files is empty and is no submodule.
  let emptyFolders = index.files + index.submodules === 0 ? -1 : 0;
  for await (const visited of foldersBelow(root)) {
    if (visited.length === 0) emptyFolders += 1;
    for (const { entry } of visited) if (!entry.isDirectory()) files += 1;
  }
  if (files !== index.files) return `it holds ${files} files instead of ${index.files}`;
  if (emptyFolders !== index.submodules) return `it holds ${emptyFolders} empty folders instead of ${index.submodules}`;
  return null;
}
