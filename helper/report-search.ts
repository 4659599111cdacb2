import type { Answer } from './answer.ts';
import { isPathOfTree } from './workspace.ts';

/** Where find(1) begins, below the tree's root, and the whole path that it must find, as a POSIX extended expression. */
export interface ReportSearch {
  /** Empty: the root. A folder, or the one file, that has no wildcard in its path, so that no more is searched than must be. */
  readonly start: string;
  readonly name: string;
  /** Folders below `start` that can hold one; the start itself is 0. */
  readonly depthMax: number;
}

/** Deeper than a path can be (PATH_MAX). */
const anyDepth = 4096;

/**
 * From a pattern with `*` (anything within a name) and `**` (any folders, also none) to a search. All other characters
 * stand for themselves. Not ok when the pattern could leave the tree.
 */
export function reportSearch(pattern: string): Answer<ReportSearch> {
  if (!isPathOfTree(pattern) || pattern.includes('\n')) {
    return {
      ok: false,
      why: `${JSON.stringify(pattern).slice(0, 300)} is not a pattern for files below the tree's root.`,
    };
  }
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => part.includes('*'));
  const start = (wild === -1 ? parts : parts.slice(0, wild)).join('/');
  const name = parts.map((part, index) => expression(part, index === parts.length - 1)).join('');
  // With nothing to begin at, find prints names below "./" as well.
  const depth = wild === -1 ? 0 : parts.length - wild;
  const depthMax = parts.includes('**') ? anyDepth : depth;
  return { ok: true, value: { start, name: `\\./${name}`, depthMax } };
}

function expression(part: string, isLast: boolean): string {
  if (part === '**') return isLast ? '.*' : '(.*/)?';
  const name = part.split(/\*+/).map(escaped).join('[^/]*');
  return isLast ? name : `${name}/`;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
