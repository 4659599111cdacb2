/**
 * What the base has, seen through the parts of the patch that were settled already. Follows git's apply: later parts see
 * what earlier ones wrote, renames and copies always start from the base, and a name that any part removes is free.
 */
import { type Problem, problem } from '#contract/problem.ts';
import type { BaseEntry, BaseReader } from './base-reader.ts';
import { showPath } from './bytes.ts';
import { foldName, parentsOf } from './names.ts';

export interface Sheet {
  readonly mode: string;
  readonly oid: string | null;
  /** Byte string; null when only git can know it (binary) or it is too large to search. */
  readonly content: string | null;
}

export interface Desk {
  /** A file as the next part of the patch finds it; null when there is none. */
  readonly sheet: (path: string, fromBase: boolean) => Sheet | null;
  readonly entry: (path: string) => BaseEntry | null;
  readonly has: (path: string) => boolean;
  /** Bytes of an object id here: 20, or 32 in SHA-256 repositories. */
  readonly oidBytes: number;
  /** A part wrote (or with null removed) this path. */
  readonly put: (path: string, sheet: Sheet | null) => void;
  /** What all parts so far made of every path they wrote; null for removed ones. */
  readonly results: () => ReadonlyMap<string, Sheet | null>;
  /** A part that was settled already wrote or removed this path. */
  readonly isWritten: (path: string) => boolean;
  /** Some part of the patch removes this path. */
  readonly frees: (path: string) => boolean;
  readonly markFreed: (path: string) => void;
  /** Why a file cannot be created at this path, or null. */
  readonly blocker: (path: string, at: number) => Problem | null;
  readonly missing: (path: string, at: number) => Promise<Problem>;
}

/** Loads everything about these paths in one go. */
export async function openDesk(base: BaseReader, paths: readonly string[]): Promise<Desk> {
  const asked = [...new Set(paths.flatMap((path) => [path, ...parentsOf(path)]))];
  const entries = await base.entries(asked);
  const blobs = await base.blobs(asked.filter((path) => entries.get(path)?.type === 'blob'));
  const written = new Map<string, Sheet | null>();
  const freed = new Set<string>();
  const fromBase = (path: string): Sheet | null => {
    const entry = entries.get(path);
    if (!entry || entry.type === 'tree') return null;
    return { mode: entry.mode, oid: entry.oid, content: blobs.get(path)?.toString('latin1') ?? null };
  };
  const sheet = (path: string, baseOnly: boolean): Sheet | null => {
    const known = baseOnly ? undefined : written.get(path);
    return known === undefined ? fromBase(path) : known;
  };
  return {
    sheet,
    entry: (path) => entries.get(path) ?? null,
    has: (path) => sheet(path, false) !== null,
    oidBytes: ([...entries.values()][0]?.oid.length ?? 40) / 2,
    put: (path, content) => {
      written.set(path, content);
    },
    results: () => written,
    isWritten: (path) => written.has(path),
    frees: (path) => freed.has(path),
    markFreed: (path) => {
      freed.add(path);
    },
    blocker: (path, at) => findBlocker(path, at, (one) => entries.get(one) ?? null, written, freed),
    missing: (path, at) => explainMissing(base, path, at),
  };
}

function findBlocker(
  path: string,
  at: number,
  entry: (path: string) => BaseEntry | null,
  written: ReadonlyMap<string, Sheet | null>,
  freed: ReadonlySet<string>,
): Problem | null {
  const where = { file: showPath(path), line: at };
  for (const parent of parentsOf(path)) {
    const now = written.get(parent);
    const there = entry(parent);
    const mode = now ? now.mode : freed.has(parent) || there?.type === 'tree' ? null : (there?.mode ?? null);
    if (mode === '120000') {
      const message = `"${showPath(path)}" lies behind the symlink "${showPath(parent)}". A patch may only touch real files.`;
      return problem('patch_path_symlink', message, where);
    }
    if (mode !== null) {
      const message = `"${showPath(path)}" needs a folder where "${showPath(parent)}" is a file.`;
      return problem('patch_file_exists', message, where);
    }
  }
  const isFolder = entry(path)?.type === 'tree';
  if (isFolder && ![...freed].some((one) => one.startsWith(`${path}/`))) {
    return problem('patch_file_exists', `"${showPath(path)}" is a folder in the base.`, where);
  }
  return null;
}

const suggestionsMax = 3;

async function explainMissing(base: BaseReader, path: string, at: number): Promise<Problem> {
  const all = await base.paths();
  const folded = foldName(path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const sameLetters = all.filter((other) => foldName(other) === folded);
  const sameEnd = all.filter((other) => other.endsWith(`/${path}`) || path.endsWith(`/${other}`));
  const sameName = all.filter((other) => other === name || other.endsWith(`/${name}`));
  const close = [...new Set([...sameLetters, ...sameEnd, ...sameName])].slice(0, suggestionsMax);
  const hint =
    close.length === 0
      ? 'Check the path and the base.'
      : `Did you mean ${close.map((one) => `"${showPath(one)}"`).join(' or ')}?`;
  return problem('patch_file_missing', `"${showPath(path)}" is not in the base. ${hint}`, {
    file: showPath(path),
    line: at,
  });
}
