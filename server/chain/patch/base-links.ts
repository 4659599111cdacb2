/**
 * Links that a patch does not touch and that lead out of the tree because of it: `b -> a/../x` stays inside while `a` is a
 * folder, and may not once `a` is itself a link. Asked only of patches that add, change or remove a symlink, because it reads the
 * names of the whole tree.
 */
import type { ObjectId } from '#contract/ids.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { type Git, PortError } from '../../ports.ts';
import type { BaseReader } from './base-reader.ts';
import { linkHopsMax } from './limits.ts';
import { parentOf } from './names.ts';
import type { RawRow } from './tree.ts';

const link = '120000';

interface Place {
  readonly gitDir: string;
  readonly objectsDir: string;
  readonly tree: ObjectId;
  readonly signal?: AbortSignal;
}

/** Untouched symlinks that stayed inside the base and leave the tree. `before` and `after` read the base and the tree. */
export async function linksLedOut(
  git: Git,
  place: Place,
  rows: readonly RawRow[],
  before: BaseReader,
  after: BaseReader,
): Promise<{ path: string; target: string }[]> {
  if (!rows.some((row) => row.newMode === link || row.oldMode === link)) return [];
  const touched = new Set(rows.map((row) => row.path));
  const paths = await linksOf(git, place);
  const untouched = paths.filter((path) => !touched.has(path));
  if (untouched.length === 0) return [];
  const now = await targetsOf(after, paths);
  const old = await targetsOf(
    before,
    rows.filter((row) => row.oldMode === link).map((row) => row.path),
  );
  const then = new Map([...now].filter(([path]) => !touched.has(path)).concat([...old]));
  return untouched
    .filter((path) => staysInside(then, path) && !staysInside(now, path))
    .map((path) => ({ path, target: now.get(path) ?? '' }));
}

async function linksOf(git: Git, { gitDir, objectsDir, tree, signal }: Place): Promise<string[]> {
  const answer = await git.run({
    gitDir,
    objectsDir,
    args: ['ls-tree', '-r', '-z', '--full-tree', tree],
    ...(signal ? { signal } : {}),
  });
  if (answer.code !== 0) throw new PortError('git', 'list the symlinks of a tree', { cause: answer.stderr });
  const rows = answer.stdout.toString('latin1').split('\0');
  return rows.filter((row) => row.startsWith(link)).map((row) => pathFromBytes(row.slice(row.indexOf('\t') + 1)));
}

async function targetsOf(reader: BaseReader, paths: readonly string[]): Promise<Map<string, string>> {
  return new Map([...(await reader.blobs(paths))].map(([path, target]) => [path, target.toString('utf8')]));
}

/** Walks a link as the kernel would, part by part, through other links. A loop leads nowhere, so it stays inside. */
function staysInside(targets: ReadonlyMap<string, string>, path: string): boolean {
  const at: string[] = parentOf(path) === '' ? [] : parentOf(path).split('/');
  const todo = (targets.get(path) ?? '').split('/');
  if (todo[0] === '') return false;
  for (let hops = 0; todo.length > 0;) {
    const part = todo.shift();
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) return false;
      at.pop();
      continue;
    }
    at.push(part);
    const next = targets.get(at.join('/'));
    if (next === undefined) continue;
    hops += 1;
    if (hops > linkHopsMax) return true;
    if (next === '' || next.startsWith('/')) return false;
    at.pop();
    todo.unshift(...next.split('/'));
  }
  return true;
}
