/**
 * How the tree gets into the sandbox. Two ways:
 * - `overlay`: a layer on a size-limited tmpfs over the read-only `lower`; there in milliseconds whatever the tree's size.
 * - `copy`: a size-limited tmpfs and a copy; works wherever bubblewrap works, and takes time and memory by the tree's size.
 * In both, `remove` and `delta` are applied INSIDE the sandbox: a symlink of the tree can then lead a write only to where
 * the untrusted command could write anyway, and never to a file of the host.
 */
import { lstatSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Workspace } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';

export type Strategy = 'overlay' | 'copy';

/** Where things stand inside the sandbox. */
export const inside = {
  work: '/ws',
  base: '/base',
  delta: '/delta',
  home: '/tmp/home',
  /** What an earlier set-up left, where it must be copied. */
  layerTree: '/layer/tree',
  layerHome: '/layer/home',
  /** The socket of the door, in a set-up only. */
  door: '/run/door',
} as const;

/**
 * How many files one writable place may hold. A file that holds nothing costs no page, but about a kilobyte of the
 * kernel's memory, so names are limited as well as bytes.
 */
export function filesMax(bytes: number): number {
  return Math.min(Math.max(Math.ceil(bytes / 4096), 65_536), 1_048_576);
}

/**
 * Checks a workspace before anything is mounted. A wrong path could do harm only inside the sandbox, but would silently
 * make another tree than the one that is judged. Paths are UTF-8, because JSON strings are; whoever must remove a path
 * that is not (git allows any byte) removes its nearest UTF-8 folder and brings the rest of that folder in `delta`.
 */
export function checkWorkspace(workspace: Workspace): Answer<null> {
  const { lower, delta, layer } = workspace;
  for (const folder of [lower, delta, layer?.tree, layer?.home]) {
    const checked = folder === null || folder === undefined ? null : checkFolder(folder);
    if (checked?.ok === false) return checked;
  }
  const wrong = workspace.remove.find((path) => !isPathOfTree(path));
  if (wrong === undefined) return { ok: true, value: null };
  return { ok: false, why: `${JSON.stringify(wrong).slice(0, 300)} is not a path below the tree's root.` };
}

/** A folder of this machine, by a path that the launcher can read from a line. */
export function checkFolder(folder: string): Answer<null> {
  if (!isAbsolute(folder)) return { ok: false, why: `The folder ${JSON.stringify(folder)} is not an absolute path.` };
  if (/[\n\0]/.test(folder)) {
    return { ok: false, why: `The folder ${JSON.stringify(folder)} has a line break in its name.` };
  }
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return { ok: false, why: `The folder ${JSON.stringify(folder)} does not exist.` };
  return { ok: true, value: null };
}

export function isPathOfTree(path: string): boolean {
  return (
    path.isWellFormed() &&
    !path.includes('\0') &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/**
 * Whether an overlay gives `uid` a tree it can change. Overlay shows the owners of `lower`, so a tree of somebody else
 * would be read-only in part, and checks would fail for a reason that is not theirs. Root can hand it over ("adopt").
 */
export function ownership(lower: string, uid: number, asRoot: boolean): 'own' | 'adopt' | 'foreign' {
  if (lstatSync(lower).uid === uid) return 'own';
  return asRoot ? 'adopt' : 'foreign';
}
