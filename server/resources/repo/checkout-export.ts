import { chmod, chown, lchown, lstat, mkdir, rm, utimes } from 'node:fs/promises';
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git, type GitAnswer, type Random } from '../../ports.ts';
import { writeIndex } from './index-file.ts';
import type { TreeEntry } from './tree-changes.ts';
import { foldersBelow } from './walk.ts';

/** The user the sandbox runs as, when it is not the daemon's: it must own what it may change in its own layer. */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
  /** Where the daemon is not root and may not change owners itself. */
  readonly handOver?: (folder: string) => Promise<void>;
}

export interface Exporter {
  readonly git: Git;
  readonly random: Random;
  readonly runUser: RunUser | null;
}

interface Place {
  readonly gitDir: string;
  readonly objectsDir?: string;
  readonly signal?: AbortSignal;
}

const exportMsMax = 300_000;

/**
 * Writes every file of `tree` into the new folder `target`, and leaves the index at `indexFile`: git's own list of path,
 * mode, content hash, size, times and inode of each file, which `checkout-verify.ts` holds the folder to.
 */
export async function exportWhole(
  exporter: Exporter,
  place: Place,
  request: { readonly tree: ObjectId; readonly target: string; readonly indexFile: string },
): Promise<void> {
  const { git, runUser } = exporter;
  const { tree, target, indexFile } = request;
  const at = { ...place, indexFile };
  await makeFolder(target, runUser);
  must('index a tree for checkout', await git.run({ ...at, args: ['read-tree', tree] }));
  const args = ['checkout-index', '--all', '--force', '--quiet', '--index'];
  must('write a tree out', await git.run({ ...at, workTree: target, args, wallMs: exportMsMax }));
  if (runUser) {
    if (runUser.handOver === undefined) {
      await giveTo(target, runUser);
    } else {
      await openToGroup(target);
      await runUser.handOver(target);
    }
    // Another owner is another stat. What still differs afterwards is found when the folder is verified.
    await git.run({ ...at, workTree: target, args: ['update-index', '-q', '--refresh'], wallMs: exportMsMax });
  }
  // git reads files again that are as young as their index. Nobody else writes here, so they need not look young.
  const laterSeconds = (await lstat(indexFile)).mtimeMs / 1000 + 2;
  await utimes(indexFile, laterSeconds, laterSeconds);
}

/**
 * Writes only `entries` into the new folder `target`, byte for byte as a whole checkout would: `attributes` are the
 * `.gitattributes` files of the tree, which say how (line ends, encodings). No driver is configured, so none runs.
 */
export async function exportSome(
  exporter: Exporter,
  place: Place,
  request: {
    readonly entries: readonly TreeEntry[];
    readonly attributes: readonly TreeEntry[];
    readonly target: string;
  },
): Promise<void> {
  const { git, random, runUser } = exporter;
  const { entries, attributes, target } = request;
  await makeFolder(target, runUser);
  const at = { ...place, indexFile: `${target}.index.${random.bytes(4).toString('hex')}` };
  try {
    const listed = new Map([...attributes, ...entries].map((entry) => [entry.path, entry]));
    await writeIndex(at.indexFile, listed, (entries[0]?.oid.length ?? 40) / 2);
    const which =
      attributes.length === 0
        ? { args: ['checkout-index', '--force', '--quiet', '--all'] }
        : {
            args: ['checkout-index', '--force', '--quiet', '-z', '--stdin'],
            stdin: entries.map(({ path }) => `${path}\0`).join(''),
          };
    must('write files out', await git.run({ ...at, ...which, workTree: target, wallMs: exportMsMax }));
  } finally {
    await rm(at.indexFile, { force: true });
  }
  // Only what root writes needs another owner: these files are copied into the sandbox's own layer.
  if (runUser && runUser.handOver === undefined) await giveTo(target, runUser);
}

async function makeFolder(target: string, runUser: RunUser | null): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o755 });
  if (runUser && runUser.handOver === undefined) await chown(target, runUser.uid, runUser.gid);
}

/** Whoever owns these folders next, this process is of their group: it can still move and remove them. */
async function openToGroup(folder: string): Promise<void> {
  await chmod(folder, 0o775);
  for await (const visited of foldersBelow(folder)) {
    for (const { path, entry } of visited) if (entry.isDirectory()) await chmod(path, 0o775);
  }
}

async function giveTo(folder: string, user: RunUser): Promise<void> {
  for await (const visited of foldersBelow(folder))
    for (const { path } of visited) await lchown(path, user.uid, user.gid);
}

function must(doing: string, answer: GitAnswer): void {
  if (answer.code !== 0) throw new PortError('git', doing, { cause: new Error(answer.ended ?? answer.stderr) });
}
