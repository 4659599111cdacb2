import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Random } from '../../ports.ts';

/** git that outlives its daemon (or its abort) for a moment may still write into a folder that is being removed: try again. */
export const removal = { recursive: true, force: true, maxRetries: 5 } as const;

const removing = new Set<Promise<void>>();
/** What could not be removed: tried again with the next one, and at the next start. */
const stuck = new Set<string>();

/** Where things of `parent` wait to be removed: beside it, so that putting them there is a rename. */
export function trashOf(parent: string): string {
  return `${parent}.trash`;
}

/**
 * Takes a file or folder of `parent` away at once (a rename) and removes it in the background, because removing a tree of
 * 57,000 files takes more than a second. What a crash leaves there is removed at the next start by `emptyTrash`.
 */
export async function discard(path: string, parent: string, random: Random): Promise<void> {
  const target = join(trashOf(parent), `${basename(path)}.${random.bytes(6).toString('hex')}`);
  try {
    await rename(path, target);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // Either the trash does not exist yet, or what is to be removed is gone already.
    await mkdir(trashOf(parent), { recursive: true, mode: 0o700 });
    await rename(path, target).catch((again: unknown) => {
      if (!isMissing(again)) throw again;
    });
  }
  for (const each of [target, ...stuck]) remove(each);
}

/** Resolves when nothing is being removed any more: a daemon that stops waits for it. */
export async function trashIsEmpty(): Promise<void> {
  while (removing.size > 0) await Promise.all(removing);
}

/** After a crash, and before anything is put there again. Rejects when something cannot be removed. */
export async function emptyTrash(parent: string): Promise<void> {
  const trash = trashOf(parent);
  await mkdir(trash, { recursive: true, mode: 0o700 });
  for (const name of await readdir(trash)) await rm(join(trash, name), { ...removal });
}

function remove(path: string): void {
  stuck.delete(path);
  const done = rm(path, { ...removal })
    .catch(() => {
      // Nobody waits for this removal, and nothing depends on it but disk space.
      stuck.add(path);
    })
    .finally(() => removing.delete(done));
  removing.add(done);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
