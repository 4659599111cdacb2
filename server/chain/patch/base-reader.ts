/** What the engine asks of the base: always about named paths, so that its cost does not grow with the repository. */
import type { ObjectId } from '#contract/ids.ts';
import { pathFromBytes } from '../../lib/path-bytes.ts';
import { type Git, PortError } from '../../ports.ts';
import { parentOf } from './names.ts';
import { type Objects, withObjects } from './objects.ts';

export interface BaseEntry {
  /** As in a tree object with six digits: 100644, 100755, 120000, 160000, 040000. */
  readonly mode: string;
  readonly oid: string;
  readonly type: 'blob' | 'tree' | 'commit';
}

export interface BaseReader {
  /** What the base has at these paths; paths it does not have are left out. */
  readonly entries: (paths: readonly string[]) => Promise<ReadonlyMap<string, BaseEntry>>;
  /** The bytes of these files; what is no file there, or does not fit into the limit, is left out. */
  readonly blobs: (paths: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>;
  /** Every path of the base. Asked only to say "did you mean". */
  readonly paths: () => Promise<readonly string[]>;
}

/**
 * Reads the tree of `base` (a commit or a tree) in `gitDir`, or in the quarantine `objectsDir` above it.
 * `contents: false` when only entries will be asked for. `objects`: the process to ask; without it, each question that is
 * new starts one of its own.
 * Rejects with PortError when git fails.
 */
export function gitBaseReader(
  git: Git,
  gitDir: string,
  base: ObjectId,
  signal?: AbortSignal,
  options: { readonly contents?: boolean; readonly objectsDir?: string; readonly objects?: Objects } = {},
): BaseReader {
  const stop = {
    ...(signal ? { signal } : {}),
    ...(options.objectsDir ? { objectsDir: options.objectsDir } : {}),
  };
  const known = new Map<string, BaseEntry>();
  const asked = new Set<string>();
  const contents = new Map<string, Buffer>();

  async function load(paths: readonly string[]): Promise<void> {
    const fresh = paths.filter((path) => !asked.has(path) && isAskable(path));
    if (fresh.length === 0) return;
    if (options.objects) await loadFrom(options.objects, fresh);
    else await withObjects(git, { gitDir, ...stop }, (objects) => loadFrom(objects, fresh));
    for (const path of fresh) asked.add(path);
  }

  async function loadFrom(objects: Objects, paths: readonly string[]): Promise<void> {
    const trees = await objects.trees(base, [...new Set(paths.map(parentOf))]);
    const files: { readonly path: string; readonly oid: string }[] = [];
    for (const path of paths) {
      const entry = trees.get(parentOf(path))?.get(path.slice(path.lastIndexOf('/') + 1));
      if (!entry) continue;
      known.set(path, entry);
      if (entry.type === 'blob') files.push({ path, oid: entry.oid });
    }
    if (options.contents === false) return;
    const blobs = await objects.blobs(files.map(({ oid }) => oid));
    for (const { path, oid } of files) {
      const content = blobs.get(oid);
      if (content) contents.set(path, content);
    }
  }

  return {
    entries: async (paths) => {
      await load(paths);
      return pick(known, paths);
    },
    blobs: async (paths) => {
      await load(paths);
      return pick(contents, paths);
    },
    paths: async () => {
      const answer = await git.run({
        gitDir,
        args: ['ls-tree', '-r', '-z', '--name-only', '--full-tree', base],
        ...stop,
      });
      if (answer.code !== 0) throw new PortError('git', `list the paths of ${base}`, { cause: answer.stderr });
      return answer.stdout.toString('latin1').split('\0').filter(Boolean).map(pathFromBytes);
    },
  };
}

function pick<T>(from: ReadonlyMap<string, T>, paths: readonly string[]): Map<string, T> {
  const picked = new Map<string, T>();
  for (const path of paths) {
    const found = from.get(path);
    if (found !== undefined) picked.set(path, found);
  }
  return picked;
}

/** No tree has others. */
function isAskable(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
