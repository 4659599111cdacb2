/** What the engine asks of the base: always about named paths, so that its cost does not grow with the repository. */
import type { ObjectId } from '#contract/ids.ts';
import { type Git, PortError } from '../../ports.ts';
import { pathFromBytes, pathToBytes } from './bytes.ts';
import { baseBytesMax } from './limits.ts';

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
 * `contents: false` when only entries will be asked for.
 * Rejects with PortError when git fails.
 */
export function gitBaseReader(
  git: Git,
  gitDir: string,
  base: ObjectId,
  signal?: AbortSignal,
  options: { readonly contents?: boolean; readonly objectsDir?: string } = {},
): BaseReader {
  const stop: Stop = {
    ...(signal ? { signal } : {}),
    ...(options.objectsDir ? { objectsDir: options.objectsDir } : {}),
  };
  const known = new Map<string, BaseEntry>();
  const asked = new Set<string>();
  const trees = new Map<string, ReadonlyMap<string, BaseEntry> | null>();
  const contents = new Map<string, Buffer>();

  /** One process for everything that is missing: the folders' trees (for the modes) and the files' bytes. */
  async function load(paths: readonly string[]): Promise<void> {
    const fresh = paths.filter((path) => !asked.has(path) && isAskable(path));
    if (fresh.length === 0) return;
    for (const path of fresh) asked.add(path);
    const folders = [...new Set(fresh.flatMap((path) => ['', ...foldersOf(path)]))].filter((name) => !trees.has(name));
    const wanted = options.contents === false ? folders : [...folders, ...fresh];
    const objects = wanted.length === 0 ? [] : await readObjects(git, gitDir, base, wanted, stop);
    folders.forEach((folder, at) => {
      const object = objects[at];
      trees.set(folder, object?.type === 'tree' ? parseTree(object.content, object.oid.length / 2) : null);
    });
    fresh.forEach((path, at) => {
      const entry = trees
        .get(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
        ?.get(path.slice(path.lastIndexOf('/') + 1));
      if (!entry) return;
      known.set(path, entry);
      const object = objects[folders.length + at];
      if (object?.type === 'blob' && object.whole) contents.set(path, object.content);
    });
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

/** `REV:PATH` cannot name these; no tree has them either. */
function isAskable(path: string): boolean {
  return (
    path !== '' && !/[\0\n]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at));
  return folders;
}

interface Stop {
  readonly signal?: AbortSignal;
  readonly objectsDir?: string;
}

interface ReadObject {
  readonly oid: string;
  readonly type: string;
  readonly content: Buffer;
  /** False when only its size was asked for. */
  readonly whole: boolean;
}

/**
 * The objects at these paths of `base`, in order; null where there is none. Contents come within `baseBytesMax`: when all
 * together are larger, the large ones come without content.
 */
async function readObjects(
  git: Git,
  gitDir: string,
  base: ObjectId,
  paths: readonly string[],
  stop: Stop,
): Promise<(ReadObject | null)[]> {
  const names = paths.map((path) => Buffer.concat([Buffer.from(`${base}:`), pathToBytes(path)]));
  const whole = await git.run({
    gitDir,
    args: ['cat-file', '--batch', '-z'],
    stdin: zeroEnded(names),
    outputBytesMax: baseBytesMax,
    ...stop,
  });
  if (whole.code === 0 && whole.ended === null)
    return parseBatch(
      whole.stdout,
      names.map(() => true),
    );
  if (whole.ended !== 'output') throw new PortError('git', `read files of ${base}`, { cause: whole.stderr });
  const sizes = await git.run({ gitDir, args: ['cat-file', '--batch-check', '-z'], stdin: zeroEnded(names), ...stop });
  if (sizes.code !== 0) throw new PortError('git', `read sizes in ${base}`, { cause: sizes.stderr });
  const heads = parseBatch(
    sizes.stdout,
    names.map(() => false),
    true,
  );
  const wanted = small(heads);
  const contents = await git.run({
    gitDir,
    args: ['cat-file', '--batch', '-z'],
    stdin: zeroEnded(names.filter((_, at) => wanted[at])),
    outputBytesMax: baseBytesMax * 2,
    ...stop,
  });
  if (contents.code !== 0) throw new PortError('git', `read files of ${base}`, { cause: contents.stderr });
  const read = parseBatch(
    contents.stdout,
    names.map(() => true),
  ).values();
  return heads.map((head, at) => (wanted[at] ? (read.next().value ?? null) : head && { ...head, whole: false }));
}

/** Which objects to read: trees always, then files as long as they fit, the small ones first. */
function small(heads: readonly ((ReadObject & { size?: number }) | null)[]): boolean[] {
  const wanted = heads.map((head) => head?.type === 'tree');
  let left = baseBytesMax;
  const bySize = heads
    .flatMap((head, at) => (head?.type === 'blob' ? [{ at, size: Number(head.content.toString()) }] : []))
    .toSorted((one, other) => one.size - other.size);
  for (const { at, size } of bySize) {
    left -= size;
    if (left >= 0) wanted[at] = true;
  }
  return wanted;
}

function zeroEnded(names: readonly Buffer[]): Buffer {
  return Buffer.concat(names.flatMap((name) => [name, Buffer.of(0)]));
}

/** Output of `cat-file --batch`; with `headsOnly` (of `--batch-check`) `content` is the size in digits. */
function parseBatch(output: Buffer, whole: readonly boolean[], headsOnly = false): (ReadObject | null)[] {
  const objects: (ReadObject | null)[] = [];
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(10, at);
    const head = output.toString('latin1', at, end);
    at = end + 1;
    const found = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(head);
    if (!found) {
      objects.push(null);
      continue;
    }
    const size = headsOnly ? 0 : Number(found[3]);
    const content = headsOnly ? Buffer.from(found[3] ?? '') : output.subarray(at, at + size);
    objects.push({ oid: found[1] ?? '', type: found[2] ?? '', content, whole: whole[objects.length] ?? true });
    if (!headsOnly) at += size + 1;
  }
  return objects;
}

/** The entries of a tree object: `mode name NUL oid`, one after the other. */
export function parseTree(tree: Buffer, oidBytes: number): Map<string, BaseEntry> {
  const entries = new Map<string, BaseEntry>();
  for (let at = 0; at < tree.length;) {
    const blank = tree.indexOf(32, at);
    const zero = tree.indexOf(0, blank);
    const mode = tree.toString('latin1', at, blank).padStart(6, '0');
    const name = pathFromBytes(tree.toString('latin1', blank + 1, zero));
    const oid = tree.toString('hex', zero + 1, zero + 1 + oidBytes);
    entries.set(name, { mode, oid, type: mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob' });
    at = zero + 1 + oidBytes;
  }
  return entries;
}
