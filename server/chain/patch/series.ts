/**
 * Several parts of one paste for the same file, as a series of patches has them. git's apply takes most of them one after
 * the other, but removes before it writes, and starts renames and copies from the base: those are settled here.
 */
import { type Problem, problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { writeDeletion } from './binary.ts';
import { showPath, splitLines } from './bytes.ts';
import type { Desk, Sheet } from './desk.ts';
import type { FilePatch } from './shape.ts';
import type { Target } from './target.ts';
import { type Change, type Edit, writeHead, writeSection } from './write.ts';

/** One section for git, and the paths it touches. */
export interface Part {
  readonly text: string;
  readonly paths: readonly string[];
}

/**
 * A rename or copy whose source an earlier part changed. In one diff a copy means the base's file, and a rename only comes
 * with a rewritten source (`-B`); in a series both mean what the earlier patch made of it, which git would leave out.
 * `earlier`: the parts above this one.
 */
export function judgeMoved(
  target: Target,
  file: FilePatch,
  desk: Desk,
  text: string,
  earlier: () => readonly Target[],
): Problem | null {
  if (target.kind !== 'rename' && target.kind !== 'copy') return null;
  if (!desk.isWritten(target.oldPath) || desk.sheet(target.oldPath, false) === null) return null;
  const isOneDiff =
    target.kind === 'copy' || /^dissimilarity index /m.test(text) || isSwapped(target.oldPath, desk, earlier());
  if (isOneDiff && !isMailSeries(text)) return null;
  const path = showPath(target.oldPath);
  const message = `"${path}" is changed by one part and moved by a later one. Send the patches of a series one by one, or make one diff of them.`;
  return problem('patch_does_not_apply', message, { file: path, line: file.at });
}

/**
 * Files that take each other's names (`git diff -B`): another was moved onto this one before it was moved away itself. Only
 * one diff can say so, since after a patch of its own the name would not have been free.
 */
function isSwapped(path: string, desk: Desk, earlier: readonly Target[]): boolean {
  const onto = earlier.filter((one) => one.newPath === path);
  const isFreed = earlier.some((one) => one.oldPath === path && (one.kind === 'delete' || one.kind === 'rename'));
  const isMoved = onto[0]?.kind === 'rename' || onto[0]?.kind === 'copy';
  return desk.entry(path) !== null && !isFreed && onto.length === 1 && isMoved;
}

/** Two or more patches as `git format-patch --stdout` writes them. */
function isMailSeries(text: string): boolean {
  // Not with "^": to a pattern a carriage return ends a line too, and one may stand within a line of a file.
  return (text.match(/(?<![^\n])From [0-9a-f]{40,64} /g)?.length ?? 0) > 1;
}

/** Parts that share a path become one section for each path, from the base to what all of them together give. */
export function joinSeries(parts: readonly Part[], desk: Desk): Result<readonly string[], Problem> {
  const touches = new Map<string, number>();
  for (const part of parts) for (const path of new Set(part.paths)) touches.set(path, (touches.get(path) ?? 0) + 1);
  const joined = new Set([...touches].filter(([, times]) => times > 1).map(([path]) => path));
  const isJoined = (part: Part): boolean => part.paths.some((path) => joined.has(path));
  // A rename ties two paths together.
  for (let size = -1; size !== joined.size;) {
    size = joined.size;
    for (const part of parts) if (isJoined(part)) part.paths.forEach((path) => joined.add(path));
  }
  const texts = parts.filter((part) => !isJoined(part)).map((part) => part.text);
  for (const path of joined) {
    const [before, after] = [desk.sheet(path, true), desk.sheet(path, false)];
    if (before?.content === null || after?.content === null) {
      const message = `"${showPath(path)}" is not text, or too large, and the paste changes it more than once. Send the patches of a series one by one.`;
      return no(problem('patch_does_not_apply', message, { file: showPath(path) }));
    }
    texts.push(writeWhole(path, before, after));
  }
  return ok(texts);
}

function writeWhole(path: string, before: Sheet | null, after: Sheet | null): string {
  const isLink = (sheet: Sheet): boolean => sheet.mode === '120000';
  if (before && after && isLink(before) !== isLink(after))
    return writeWhole(path, before, null) + writeWhole(path, null, after);
  const kind = before === null ? 'add' : after === null ? 'delete' : 'modify';
  const change: Change = {
    kind,
    oldPath: path,
    newPath: path,
    oldMode: before?.mode ?? '000000',
    newMode: after?.mode ?? before?.mode ?? '100644',
  };
  if (before && !after) return writeDeletion(change, before);
  if (!after || (before?.content === after.content && before?.mode === after.mode)) return '';
  const [old, fresh] = [before?.content ?? '', after.content ?? ''];
  return old === fresh ? writeHead(change) : writeSection(change, old, fresh, wholeEdit(old, fresh));
}

/** What both contents begin and end with stays; between them everything is replaced. */
function wholeEdit(before: string, after: string): Edit[] {
  const [old, fresh] = [splitLines(before).lines, splitLines(after).lines];
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let tail = 0;
  while (tail < Math.min(old.length, fresh.length) - start && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  if (start === old.length && start === fresh.length) return [];
  return [{ from: start, to: old.length - tail, lines: fresh.slice(start, fresh.length - tail) }];
}
