import { isUtf8 } from 'node:buffer';
import type { ObjectId } from '#contract/ids.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Git } from '../../ports.ts';

/** One file, link or submodule of a tree; `path` is text, `mode` is git's six digits. */
export interface TreeEntry {
  readonly mode: string;
  readonly oid: string;
  readonly path: string;
}

/** How one tree becomes another: take `remove` away, then lay `present` down. */
export interface TreeChanges {
  /** What the second tree has anew or otherwise. */
  readonly present: readonly TreeEntry[];
  /**
   * Paths of the first tree, and only of it, so that taking them away in any order never goes through a link. A folder that
   * is empty without its files is named itself: git knows no empty folders, and a program that lists folders would see it.
   */
  readonly remove: readonly string[];
}

export const noChanges: TreeChanges = { present: [], remove: [] };

/**
 * Why one tree cannot be made out of the other piece by piece. `names`: a changed path is not UTF-8, so it cannot travel as
 * text. `attributes`: a changed `.gitattributes` may change how files are written that did not change themselves.
 * `size`: more differs than was allowed. `unknown`: this repository does not have both trees.
 */
export type WholeBecause = 'names' | 'attributes' | 'size' | 'unknown';

interface Asked {
  readonly gitDir: string;
  readonly objectsDir?: string;
  readonly from: ObjectId;
  readonly to: ObjectId;
  readonly outputBytesMax?: number;
}

/** Compares two trees; time and memory go by what differs, not by the size of the trees. */
export async function changesBetween(git: Git, asked: Asked): Promise<Result<TreeChanges, WholeBecause>> {
  if (asked.from === asked.to) return ok(noChanges);
  const { from, to, ...place } = asked;
  const args = ['diff-tree', '-r', '-t', '-z', '--raw', '--no-renames', '--no-abbrev', from, to];
  const answer = await git.run({ ...place, args });
  if (answer.ended !== null) return no('size');
  if (answer.code !== 0) return no('unknown');
  return readChanges(answer.stdout.toString('latin1'));
}

const [nothing, folder] = ['000000', '040000'];

/** Reads `diff-tree -r -t -z --raw`: `:oldmode newmode oldid newid status`, NUL, path, NUL. */
function readChanges(text: string): Result<TreeChanges, WholeBecause> {
  const fields = text.split('\0');
  const present: TreeEntry[] = [];
  const remove: string[] = [];
  let gone = '\0';
  for (let at = 0; fields[at]?.startsWith(':'); at += 2) {
    const [oldMode = '', mode = '', , oid = ''] = (fields[at] ?? '').slice(1).split(' ');
    const path = textOf(fields[at + 1] ?? '');
    if (path === null) return no('names');
    if (/(?:^|\/)\.gitattributes$/.test(path)) return no('attributes');
    if (mode !== nothing && mode !== folder) present.push({ mode, oid, path });
    const isGone = oldMode !== nothing && (oldMode !== folder || mode !== folder);
    if (!isGone || path.startsWith(gone)) continue;
    remove.push(path);
    // Its files follow in the list, and are gone with it.
    if (oldMode === folder) gone = `${path}/`;
  }
  return ok({ present, remove });
}

function textOf(bytes: string): string | null {
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : null;
}
