/** The tree that follows from a base tree and some changed files, in as many objects as folders were touched. */
import { createHash } from 'node:crypto';
import { ObjectId } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import { type Git, PortError } from '../../ports.ts';
import { type BaseEntry, parseTree } from './base-reader.ts';
import { pathFromBytes, pathToBytes } from './bytes.ts';
import type { IndexEntry } from './index-file.ts';
import { parentOf, parentsOf } from './names.ts';

export interface Place {
  readonly gitDir: string;
  readonly base: ObjectId;
  readonly objectsDir: string;
  readonly signal?: AbortSignal;
}

/** A row of `git diff-tree -r --raw`: what one path was and is. Mode 000000 means that it is not there. */
export interface RawRow {
  readonly path: string;
  readonly oldMode: string;
  readonly newMode: string;
  readonly oldOid: string;
  readonly newOid: string;
}

/**
 * Writes the trees of `base` with `changes` (null removes) into the quarantine, and returns the new root. `known` holds the
 * base's trees of all folders above the changes (readTrees).
 * The names of all trees are computed here and confirmed by git, which writes them in one process.
 */
export async function writeTree(
  git: Git,
  place: Place,
  known: ReadonlyMap<string, ReadonlyMap<string, BaseEntry>>,
  changes: ReadonlyMap<string, IndexEntry | null>,
): Promise<ObjectId> {
  const folders = [...new Set([...changes.keys()].flatMap((path) => ['', ...parentsOf(path)]))];
  const trees = new Map(
    folders.map((path) => {
      const there = known.get(path);
      assert(there, 'every folder above a change was read');
      return [path, new Map(there)];
    }),
  );
  const oidBytes = place.base.length / 2;
  // Removals first: a file that makes room for a folder of the same name must not take the folder with it.
  for (const [path, entry] of [...changes].toSorted(
    ([, one], [, other]) => Number(one !== null) - Number(other !== null),
  )) {
    const folder = trees.get(parentOf(path));
    assert(folder, 'every folder above a change was read');
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (entry === null) folder.delete(name);
    else folder.set(name, { mode: entry.mode, oid: entry.oid, type: entry.mode === '160000' ? 'commit' : 'blob' });
  }
  const written: { readonly oid: string; readonly entries: ReadonlyMap<string, BaseEntry> }[] = [];
  // Deepest first, so that a folder's name is known before the folder above it is written.
  for (const path of folders.toSorted((one, other) => depth(other) - depth(one))) {
    const entries = trees.get(path) ?? new Map<string, BaseEntry>();
    const oid = hashTree(entries, oidBytes);
    if (entries.size > 0 || path === '') written.push({ oid, entries });
    if (path === '') continue;
    const parent = trees.get(parentOf(path));
    const name = path.slice(path.lastIndexOf('/') + 1);
    const there = parent?.get(name);
    if (entries.size > 0) parent?.set(name, { mode: '040000', oid, type: 'tree' });
    else if (there?.type === 'tree') parent?.delete(name);
  }
  const answer = await git.run({
    gitDir: place.gitDir,
    args: ['mktree', '--batch', '--missing', '-z'],
    stdin: Buffer.concat(written.map(({ entries }) => treeListing(entries))),
    objectsDir: place.objectsDir,
    ...(place.signal ? { signal: place.signal } : {}),
  });
  const said = answer.stdout.toString('latin1').trim().split('\n');
  if (answer.code !== 0 || said.join() !== written.map(({ oid }) => oid).join()) {
    throw new PortError('git', 'write the new trees', { cause: answer.stderr });
  }
  return ObjectId.parse(said.at(-1));
}

function depth(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}

/** The trees of these folders in `place.base`, which may be a tree in the quarantine; missing folders are empty. */
export async function readTrees(
  git: Git,
  place: Place,
  folders: readonly string[],
): Promise<Map<string, Map<string, BaseEntry>>> {
  const names = folders.map((folder) =>
    Buffer.concat([Buffer.from(`${place.base}:`), pathToBytes(folder), Buffer.of(0)]),
  );
  const answer = await git.run({
    gitDir: place.gitDir,
    args: ['cat-file', '--batch', '-z'],
    stdin: Buffer.concat(names),
    objectsDir: place.objectsDir,
    ...(place.signal ? { signal: place.signal } : {}),
  });
  if (answer.code !== 0) throw new PortError('git', 'read the trees of the base', { cause: answer.stderr });
  const trees = new Map<string, Map<string, BaseEntry>>();
  let at = 0;
  for (const folder of folders) {
    const end = answer.stdout.indexOf(10, at);
    const head = /^[0-9a-f]+ (\w+) (\d+)$/.exec(answer.stdout.toString('latin1', at, end));
    at = end + 1;
    const size = head ? Number(head[2]) : 0;
    const isTree = head?.[1] === 'tree';
    trees.set(folder, isTree ? parseTree(answer.stdout.subarray(at, at + size), place.base.length / 2) : new Map());
    if (head) at += size + 1;
  }
  return trees;
}

/** Order of a tree's entries: by bytes, folders as if their name ended with a slash. */
function sortedEntries(entries: ReadonlyMap<string, BaseEntry>): { name: Buffer; entry: BaseEntry }[] {
  return [...entries]
    .map(([name, entry]) => {
      const bytes = pathToBytes(name);
      return { name: bytes, entry, key: entry.type === 'tree' ? Buffer.concat([bytes, Buffer.of(47)]) : bytes };
    })
    .toSorted((one, other) => Buffer.compare(one.key, other.key));
}

function hashTree(entries: ReadonlyMap<string, BaseEntry>, oidBytes: number): string {
  const body = Buffer.concat(
    sortedEntries(entries).flatMap(({ name, entry }) => [
      Buffer.from(`${entry.mode.replace(/^0+/, '')} `),
      name,
      Buffer.of(0),
      Buffer.from(entry.oid, 'hex'),
    ]),
  );
  return hashObject('tree', body, oidBytes);
}

/** git's name for an object with this content. */
export function hashObject(type: 'blob' | 'tree', body: Uint8Array, oidBytes: number): string {
  const hash = createHash(oidBytes === 20 ? 'sha1' : 'sha256');
  return hash.update(`${type} ${body.length}\0`).update(body).digest('hex');
}

/** Input of `mktree --batch -z` for one tree: its entries, then an empty record. */
function treeListing(entries: ReadonlyMap<string, BaseEntry>): Buffer {
  const rows = sortedEntries(entries).flatMap(({ name, entry }) => [
    Buffer.from(`${entry.mode} ${entry.type} ${entry.oid}\t`),
    name,
    Buffer.of(0),
  ]);
  return Buffer.concat([...rows, Buffer.of(0)]);
}

/** What differs between the base and a tree, path by path, as git sees it. */
export async function diffRows(git: Git, place: Place, tree: ObjectId): Promise<RawRow[]> {
  const answer = await git.run({
    gitDir: place.gitDir,
    args: ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', place.base, tree],
    objectsDir: place.objectsDir,
    ...(place.signal ? { signal: place.signal } : {}),
  });
  if (answer.code !== 0) throw new PortError('git', 'compare the new tree with the base', { cause: answer.stderr });
  return parseRawRows(answer.stdout);
}

/** Rows of `diff-tree -r -z --raw --no-renames`. */
export function parseRawRows(output: Buffer): RawRow[] {
  const fields = output.toString('latin1').split('\0');
  const rows: RawRow[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [oldMode = '', newMode = '', oldOid = '', newOid = ''] = (fields[at] ?? '').replace(/^:/, '').split(' ');
    rows.push({ path: pathFromBytes(fields[at + 1] ?? ''), oldMode, newMode, oldOid, newOid });
  }
  return rows;
}
