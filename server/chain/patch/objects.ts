/** The objects of a repository, read through one git process; every one is held to its own name (git's hash of it). */
import type { ObjectId } from '#contract/ids.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { type Git, type GitObject, type GitObjects, PortError } from '../../ports.ts';
import type { BaseEntry } from './base-reader.ts';
import { baseBytesMax, gitMemoryBytesMax, gitWallMs } from './limits.ts';
import { parentOf, parentsOf } from './names.ts';
import { depth, hashObject } from './tree.ts';

export type Tree = ReadonlyMap<string, BaseEntry>;

export interface Objects {
  /** The tree of a commit; a tree is its own. */
  readonly rootOf: (base: ObjectId) => Promise<string>;
  /** The trees of these folders ('' is the root) in a commit or tree; a folder that is not there is empty. */
  readonly trees: (base: ObjectId, folders: readonly string[]) => Promise<Map<string, Tree>>;
  /** What git reads under these names are the trees of these names. */
  readonly confirmTrees: (oids: readonly string[]) => Promise<void>;
  /** The bytes of these blobs. When all together are larger than `bytesMax` (`baseBytesMax`), the large ones are left out. */
  readonly blobs: (oids: readonly string[], bytesMax?: number) => Promise<Map<string, Buffer>>;
}

export interface ObjectsPlace {
  readonly gitDir: string;
  /** A quarantine above it. */
  readonly objectsDir?: string;
  readonly signal?: AbortSignal;
}

/**
 * Starts the process, and ends it when `work` is done. Each tree is read once, whoever asks. All of it rejects with
 * PortError when git fails, or answers with anything but the object of that name.
 */
export async function withObjects<T>(
  git: Git,
  place: ObjectsPlace,
  work: (objects: Objects) => Promise<T>,
): Promise<T> {
  const { gitDir, objectsDir, signal } = place;
  const process = git.openObjects({
    gitDir,
    wallMs: gitWallMs,
    memoryBytesMax: gitMemoryBytesMax,
    ...(objectsDir === undefined ? {} : { objectsDir }),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    return await work(objectsOf(process));
  } finally {
    await process.close();
  }
}

function objectsOf(process: GitObjects): Objects {
  const known = new Map<string, Tree>();
  const roots = new Map<string, string>();

  async function rootOf(base: ObjectId): Promise<string> {
    const there = roots.get(base);
    if (there !== undefined) return there;
    const [object] = await readNamed(process, [base]);
    const root = object?.type === 'commit' ? /^tree ([0-9a-f]+)\n/.exec(object.content.toString('latin1'))?.[1] : base;
    if (!object || root === undefined || (object.type !== 'commit' && object.type !== 'tree')) {
      throw new PortError('git', `read ${base}`, { cause: `it is a ${object?.type}` });
    }
    if (object.type === 'tree') known.set(base, parseTree(object.content, base.length / 2));
    roots.set(base, root);
    return root;
  }

  async function readTrees(oids: Iterable<string>): Promise<void> {
    const fresh = [...new Set(oids)].filter((oid) => !known.has(oid));
    if (fresh.length === 0) return;
    const objects = await readNamed(process, fresh);
    fresh.forEach((oid, at) => {
      const object = objects[at];
      if (object?.type !== 'tree') throw new PortError('git', `read the tree ${oid}`, { cause: object?.type });
      known.set(oid, parseTree(object.content, oid.length / 2));
    });
  }

  return {
    rootOf,
    trees: async (base, folders) => {
      const oids = new Map([['', await rootOf(base)]]);
      const trees = new Map<string, Tree>();
      const all = [...new Set(folders.flatMap((folder) => ['', ...parentsOf(folder), folder]))];
      // Level by level: where a folder's tree is says only the tree above it.
      for (const level of Map.groupBy(all, depth).values()) {
        for (const folder of level) {
          const entry = trees.get(parentOf(folder))?.get(folder.slice(folder.lastIndexOf('/') + 1));
          if (folder !== '' && entry?.type === 'tree') oids.set(folder, entry.oid);
        }
        await readTrees(level.flatMap((folder) => oids.get(folder) ?? []));
        for (const folder of level) trees.set(folder, known.get(oids.get(folder) ?? '') ?? new Map());
      }
      return trees;
    },
    confirmTrees: readTrees,
    blobs: async (oids, bytesMax = baseBytesMax) => {
      const unique = [...new Set(oids)];
      const heads = await process.heads(unique);
      const sizes = unique.map((oid, at) => {
        const head = heads[at];
        if (head?.type !== 'blob') throw new PortError('git', `read the file ${oid}`, { cause: head?.type });
        return { oid, bytes: head.bytes };
      });
      const wanted = small(sizes, bytesMax);
      const objects = await readNamed(process, wanted);
      return new Map(
        wanted.map((oid, at) => {
          const object = objects[at];
          if (object?.type !== 'blob') throw new PortError('git', `read the file ${oid}`, { cause: object?.type });
          return [oid, object.content];
        }),
      );
    },
  };
}

/** Which blobs to read: as long as they fit, the small ones first. */
function small(sizes: readonly { readonly oid: string; readonly bytes: number }[], bytesMax: number): string[] {
  let left = bytesMax;
  return sizes
    .toSorted((one, other) => one.bytes - other.bytes)
    .filter(({ bytes }) => (left -= bytes) >= 0)
    .map(({ oid }) => oid);
}

/** The name is the hash of type and content: an answer that is short, out of order or of another type does not have it. */
async function readNamed(process: GitObjects, oids: readonly string[]): Promise<GitObject[]> {
  const objects = await process.contents(oids, baseBytesMax);
  return oids.map((oid, at) => {
    const object = objects[at];
    if (!object) throw new PortError('git', `read the object ${oid}`, { cause: 'it is missing' });
    const { type, content } = object;
    if (hashObject(type, content, oid.length / 2) !== oid) {
      throw new PortError('git', `read the object ${oid}`, { cause: `it came as a ${type} of another name` });
    }
    return object;
  });
}

/** The entries of a tree object: `mode name NUL oid`, one after the other. */
export function parseTree(tree: Buffer, oidBytes: number): Map<string, BaseEntry> {
  const entries = new Map<string, BaseEntry>();
  for (let at = 0; at < tree.length;) {
    const blank = tree.indexOf(32, at);
    const zero = tree.indexOf(0, blank);
    const end = zero + 1 + oidBytes;
    if (blank < 0 || zero < 0 || end > tree.length) throw new PortError('git', 'read a damaged tree');
    const mode = tree.toString('latin1', at, blank).padStart(6, '0');
    const name = pathFromBytes(tree.toString('latin1', blank + 1, zero));
    const oid = tree.toString('hex', zero + 1, end);
    entries.set(name, { mode, oid, type: mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob' });
    at = end;
  }
  return entries;
}
