/** The tree that follows from a base tree and some changed files, in as many objects as folders were touched. */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { ObjectId } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import { pathFromBytes, pathToBytes } from '../../lib/path-bytes.ts';
import { type Git, type ObjectType, PortError } from '../../ports.ts';
import type { IndexEntry } from '../../resources/repo/index-file.ts';
import type { BaseEntry } from './base-reader.ts';
import { parentOf, parentsOf } from './names.ts';
import type { Tree } from './objects.ts';

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

interface WrittenTree {
  readonly oid: string;
  readonly body: Buffer;
}

const deflated = promisify(deflate);
const writesAtOnce = 32;

/**
 * Writes the trees of `base` with `changes` (null removes) into the quarantine. `known` holds the base's trees of all folders
 * above the changes. `names`: all trees that were written; nobody but us has looked at them yet (Objects.confirmTrees).
 */
export async function writeTree(
  place: Place,
  known: ReadonlyMap<string, Tree>,
  changes: ReadonlyMap<string, IndexEntry | null>,
): Promise<{ readonly root: ObjectId; readonly names: readonly string[] }> {
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
  const written: WrittenTree[] = [];
  // Deepest first, so that a folder's name is known before the folder above it is written.
  for (const path of folders.toSorted((one, other) => depth(other) - depth(one))) {
    const entries = trees.get(path) ?? new Map<string, BaseEntry>();
    const body = treeBody(entries);
    const oid = hashObject('tree', body, oidBytes);
    if (entries.size > 0 || path === '') written.push({ oid, body });
    if (path === '') continue;
    const parent = trees.get(parentOf(path));
    const name = path.slice(path.lastIndexOf('/') + 1);
    const there = parent?.get(name);
    if (entries.size > 0) parent?.set(name, { mode: '040000', oid, type: 'tree' });
    else if (there?.type === 'tree') parent?.delete(name);
  }
  for (let at = 0; at < written.length; at += writesAtOnce) {
    await Promise.all(written.slice(at, at + writesAtOnce).map((tree) => storeTree(place.objectsDir, tree)));
  }
  return { root: ObjectId.parse(written.at(-1)?.oid), names: written.map(({ oid }) => oid) };
}

/** 0 for the root. */
export function depth(path: string): number {
  return path === '' ? 0 : path.split('/').length;
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

function treeBody(entries: ReadonlyMap<string, BaseEntry>): Buffer {
  return Buffer.concat(
    sortedEntries(entries).flatMap(({ name, entry }) => [
      Buffer.from(`${entry.mode.replace(/^0+/, '')} `),
      name,
      Buffer.of(0),
      Buffer.from(entry.oid, 'hex'),
    ]),
  );
}

/** A loose object, as git keeps it (its "gitformat-loose"): never seen half written, and nothing lost when it is there already. */
async function storeTree(objectsDir: string, { oid, body }: WrittenTree): Promise<void> {
  const folder = join(objectsDir, oid.slice(0, 2));
  const file = join(folder, oid.slice(2));
  const packed = await deflated(Buffer.concat([Buffer.from(`tree ${body.length}\0`), body]), { level: 1 });
  await mkdir(folder, { recursive: true });
  await writeFile(`${file}.part`, packed, { mode: 0o444 });
  await rename(`${file}.part`, file);
}

/** git's name for an object with this content. */
export function hashObject(type: ObjectType, body: Uint8Array, oidBytes: number): string {
  const hash = createHash(oidBytes === 20 ? 'sha1' : 'sha256');
  return hash.update(`${type} ${body.length}\0`).update(body).digest('hex');
}

/** A comparison that is being started while the tree is still in the making. */
export interface Comparison {
  readonly with: (tree: ObjectId) => Promise<RawRow[]>;
  /** Ends it when there will be no tree; nothing to do after an answer. */
  readonly end: () => Promise<void>;
}

/** diffRows in two halves: git starts at once, and compares when the tree is known. `root`: the tree of the base. */
export function startComparison(git: Git, place: Place, root: string): Comparison {
  const input = Promise.withResolvers<string>();
  const running = settled(
    git.run({
      gitDir: place.gitDir,
      args: ['diff-tree', '--stdin', '-r', '-z', '--raw', '--no-renames', '--full-index'],
      stdin: input.promise,
      objectsDir: place.objectsDir,
      ...(place.signal ? { signal: place.signal } : {}),
    }),
  );
  return {
    with: async (tree) => {
      input.resolve(`${root} ${tree}\n`);
      const answer = (await running)();
      const head = `${root} ${tree}\n`;
      if (answer.code !== 0 || answer.stdout.toString('latin1', 0, head.length) !== head) {
        throw new PortError('git', 'compare the new tree with the base', { cause: answer.stderr });
      }
      return parseRawRows(answer.stdout.subarray(head.length));
    },
    end: async () => {
      input.resolve('');
      await running;
    },
  };
}

/** Never rejects, so that nobody has to wait for it; calling what it gives throws what went wrong. */
export async function settled<T>(work: Promise<T>): Promise<() => T> {
  try {
    const value = await work;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
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
