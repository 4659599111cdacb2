/**
 * What a paste was understood to make of its files, held against what git made of them. git leaves parts out that it does
 * not understand, often without a word, and a section that we write could say something else than was meant.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { showPath } from './bytes.ts';
import type { Desk, Sheet } from './desk.ts';
import type { Target } from './target.ts';
import { hashObject, type RawRow } from './tree.ts';

interface Wanted {
  /** null where nothing may be left; `oid` is null where only git knows it (binary data). */
  readonly file: { readonly oid: string | null; readonly isExecutable: boolean } | null;
  /** The base has something else there. */
  readonly isChanged: boolean;
}

export type Results = ReadonlyMap<string, Wanted>;

/** The results of all settled parts. Without names that are moved to and fro, which only git puts in their order. */
export function resultsOf(targets: readonly Target[], desk: Desk): Results {
  const times = new Map<string, number>();
  for (const { oldPath, newPath } of targets)
    for (const path of new Set([oldPath, newPath])) times.set(path, (times.get(path) ?? 0) + 1);
  const moved = new Set(targets.flatMap(({ kind, oldPath }) => (kind === 'rename' ? [oldPath] : [])));
  const results = new Map<string, Wanted>();
  for (const [path, sheet] of desk.results()) {
    const isOnce = times.get(path) === 1;
    if (!isOnce && (moved.has(path) || (sheet !== null && sheet.content === null))) continue;
    const before = desk.sheet(path, true);
    const file = sheet && { oid: blobOf(sheet, desk), isExecutable: isExecutable(sheet.mode) };
    results.set(path, { file, isChanged: isOther(file, before) });
  }
  return results;
}

function isOther(file: Wanted['file'], before: Sheet | null): boolean {
  if (file === null || before === null) return file !== null || before !== null;
  return file.oid === null || file.oid !== before.oid || file.isExecutable !== isExecutable(before.mode);
}

/** The name of a file's content; null where only git knows it. */
export function blobOf(sheet: Sheet, desk: Desk): string | null {
  if (sheet.oid !== null) return sheet.oid;
  return sheet.content === null ? null : hashObject('blob', Buffer.from(sheet.content, 'latin1'), desk.oidBytes);
}

function isExecutable(mode: string): boolean {
  return (Number.parseInt(mode, 8) & 0o100) !== 0;
}

/**
 * The refusal for the first path that git made something else of, or null. `rows`: the base against the new tree;
 * `files`: every path that the paste names.
 */
export function judgeResults(results: Results, files: readonly string[], rows: readonly RawRow[]): Problem | null {
  const changed = new Map(rows.map((row) => [row.path, row]));
  const named = new Set(files);
  const unnamed = rows.find((row) => !named.has(row.path));
  if (unnamed) return refuseOther(unnamed.path);
  for (const [path, wanted] of results) {
    const row = changed.get(path);
    if (row === undefined ? !wanted.isChanged : isAsWanted(row, wanted)) continue;
    return refuseOther(path);
  }
  return null;
}

function refuseOther(path: string): Problem {
  const message = `git makes something else of "${showPath(path)}" than the diff says. Make it again with "git diff --binary --full-index".`;
  return problem('patch_corrupt', message, { file: showPath(path) });
}

function isAsWanted(row: RawRow, { file }: Wanted): boolean {
  if (file === null || row.newMode === '000000') return file === null && row.newMode === '000000';
  return (file.oid ?? row.newOid) === row.newOid && file.isExecutable === isExecutable(row.newMode);
}
