/**
 * `patchgit apply REPO PATCH`: the same engine on a working tree, without daemon or database. The new tree is computed
 * first; then every touched file is replaced, or none. Never follows a symlink and never writes outside.
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ObjectId } from '#contract/ids.ts';
import type { Mend } from '#contract/patch.ts';
import { type Problem, problem } from '#contract/problem.ts';
import { pathToBytes } from '../../lib/path-bytes.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { type Git, PortError } from '../../ports.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { showPath } from './bytes.ts';
import { judgeTree } from './judge.ts';
import { parentsOf } from './names.ts';
import { readPatch } from './read.ts';
import { hashObject, type RawRow } from './tree.ts';

export interface AppliedOffline {
  readonly files: readonly string[];
  readonly mends: readonly Mend[];
}

/**
 * Applies a patch to the files of `repository`, a folder with a `.git`. The base is its HEAD, and the touched files must be
 * as HEAD has them. On a refusal nothing has changed. Rejects when the disk or git fails, after putting everything back.
 */
export async function applyOffline(
  git: Git,
  request: { readonly repository: string; readonly patch: Uint8Array },
): Promise<Result<AppliedOffline, Problem>> {
  const root = resolve(request.repository);
  const ownDir = await findGitDir(root);
  if (ownDir === null) return no(problem('repository_not_git', await explainNoRepository(root)));
  const gitDir = await commonDirOf(ownDir);
  const scratch = await mkdtemp(join(tmpdir(), 'patchgit-apply-'));
  try {
    const base = await headOf(git, ownDir, gitDir, scratch);
    const read = await readPatch(request.patch, gitBaseReader(git, gitDir, base, undefined, { objectsDir: scratch }));
    if (!read.ok) return read;
    const place = { gitDir, base, objectsDir: scratch };
    const { bytes: patch, files, results, mends } = read.value;
    const applied = await applyPatch(git, { ...place, indexFile: join(scratch, 'index'), patch, files, results });
    if (!applied.ok) return applied;
    const { tree, rows } = applied.value;
    const refused = (await judgeTree(git, { ...place, tree, rows })) ?? (await judgeDisk(root, rows, base.length));
    if (refused) return no(refused);
    const contents = await readContents(git, { ...place, tree }, rows);
    await replaceFiles(root, gitDir, rows, contents);
    return ok({ files: rows.map((row) => row.path), mends });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function findGitDir(root: string): Promise<string | null> {
  const place = join(root, '.git');
  const there = await statOf(place);
  if (there?.isDirectory()) return place;
  if (!there?.isFile()) return null;
  // A linked working tree: the file names the folder.
  const named = /^gitdir: (.+)$/m.exec(await readFile(place, 'utf8'))?.[1];
  return named === undefined ? null : isAbsolute(named) ? named : resolve(root, named);
}

/** Where the objects are: a linked working tree has a folder of its own for HEAD, and names the repository's in a file. */
async function commonDirOf(gitDir: string): Promise<string> {
  const file = join(gitDir, 'commondir');
  return (await statOf(file))?.isFile() ? resolve(gitDir, (await readFile(file, 'utf8')).trim()) : gitDir;
}

async function explainNoRepository(root: string): Promise<string> {
  const there = await statOf(root);
  if (!there) return `There is no folder "${root}".`;
  if (!there.isDirectory() && !there.isSymbolicLink()) return `"${root}" is not a folder.`;
  if ((await statOf(join(root, 'HEAD'))) && (await statOf(join(root, 'objects'))))
    return `"${root}" is a bare repository, without files to change. Give the folder of a working tree.`;
  for (let above = dirname(root); above !== dirname(above); above = dirname(above)) {
    if (await statOf(join(above, '.git')))
      return `"${root}" is inside of the repository "${above}", and paths in a patch start at its top. Give that folder.`;
  }
  return `"${root}" has no .git folder.`;
}

/** The commit of HEAD; before the first commit the empty tree. */
async function headOf(git: Git, ownDir: string, gitDir: string, objectsDir: string): Promise<ObjectId> {
  const answer = await git.run({ gitDir: ownDir, args: ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'] });
  if (answer.code === 0) return ObjectId.parse(answer.stdout.toString('latin1').trim());
  const empty = await git.run({ gitDir, args: ['mktree'], objectsDir, stdin: '' });
  if (empty.code !== 0) throw new PortError('git', 'read HEAD', { cause: empty.stderr });
  return ObjectId.parse(empty.stdout.toString('latin1').trim());
}

function diskPath(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), pathToBytes(path)]);
}

async function statOf(path: string | Buffer): Promise<Awaited<ReturnType<typeof lstat>> | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}

/** The touched files are what HEAD says, nothing else is in the way, and every folder above them is a real folder. */
async function judgeDisk(root: string, rows: readonly RawRow[], oidLength: number): Promise<Problem | null> {
  const removed = new Set(rows.filter((row) => row.newMode === '000000').map((row) => row.path));
  for (const row of rows) {
    for (const parent of parentsOf(row.path)) {
      const there = await statOf(diskPath(root, parent));
      if (!there || there.isDirectory() || removed.has(parent)) continue;
      const message = `"${showPath(parent)}" is no folder in the working tree. Nothing was changed.`;
      return problem(there.isSymbolicLink() ? 'patch_path_symlink' : 'patch_file_exists', message, {
        file: showPath(row.path),
      });
    }
    const there = await statOf(diskPath(root, row.path));
    if (row.oldMode === '000000') {
      if (!there || (there.isDirectory() && (await holdsOnly(root, row.path, removed)))) continue;
      const message = `"${showPath(row.path)}" is in the working tree, although HEAD does not have it. Move it away first.`;
      return problem('patch_file_exists', message, { file: showPath(row.path) });
    }
    const why = there === null ? absent : await differs(diskPath(root, row.path), row, oidLength);
    if (why !== null)
      return problem('patch_does_not_apply', `"${showPath(row.path)}" ${why}`, { file: showPath(row.path) });
  }
  return null;
}

/** Everything below this folder is removed by the patch, so that a file can take its place. */
async function holdsOnly(root: string, folder: string, removed: ReadonlySet<string>): Promise<boolean> {
  for (const entry of await readdir(diskPath(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() ? !(await holdsOnly(root, path, removed)) : !removed.has(path)) return false;
  }
  return true;
}

const absent =
  'is not in the working tree, although HEAD has it (removed, or left out by a sparse checkout). Restore it first.';
const changed = 'was changed since the last commit. Commit or undo that first.';

/** How the file on disk is not what HEAD has, or null. */
async function differs(path: Buffer, row: RawRow, oidLength: number): Promise<string | null> {
  const there = await lstat(path);
  const isLink = there.isSymbolicLink();
  // Anything else, a pipe for instance, could not even be read to its end.
  if (isLink !== (row.oldMode === '120000') || !(isLink || there.isFile())) return changed;
  const body = isLink ? await readlink(path, 'buffer') : await readFile(path);
  const hash = (bytes: Buffer): string => hashObject('blob', bytes, oidLength / 2);
  if (hash(body) === row.oldOid) return null;
  const text = body.toString('latin1');
  const plain = text.replaceAll('\r\n', '\n');
  const others = [plain, plain.replaceAll('\n', '\r\n')].filter((other) => other !== text);
  // What core.autocrlf or .gitattributes make of a file is not what the patch is exact about.
  return others.some((other) => hash(Buffer.from(other, 'latin1')) === row.oldOid)
    ? 'has other line ends in the working tree than in HEAD (core.autocrlf or .gitattributes). Switch that off and check it out again, or let the daemon apply the patch.'
    : changed;
}

async function readContents(
  git: Git,
  place: { gitDir: string; objectsDir: string; tree: ObjectId },
  rows: readonly RawRow[],
): Promise<ReadonlyMap<string, Buffer>> {
  const { gitDir, objectsDir, tree } = place;
  const wanted = rows.filter((row) => row.newMode !== '000000');
  const reader = gitBaseReader(git, gitDir, tree, undefined, { objectsDir });
  const contents = new Map(await reader.blobs(wanted.map((row) => row.path)));
  for (const row of wanted.filter(({ path }) => !contents.has(path))) {
    const answer = await git.run({
      gitDir,
      objectsDir,
      args: ['cat-file', 'blob', row.newOid],
      outputBytesMax: 1024 ** 3,
    });
    if (answer.code !== 0 || answer.ended !== null)
      throw new PortError('git', 'read a file of the new tree', { cause: answer.stderr });
    contents.set(row.path, answer.stdout);
  }
  return contents;
}

/** Puts one step back; kept for every step that was taken. */
type Undo = () => Promise<void>;

/** Prepares all new files in a folder of their own, then swaps them in by renaming; any failure puts all back. */
async function replaceFiles(
  root: string,
  gitDir: string,
  rows: readonly RawRow[],
  contents: ReadonlyMap<string, Buffer>,
): Promise<void> {
  // Beside the repository's own files, because a rename only works within one file system.
  const stage = join(gitDir, `patchgit-stage-${randomBytes(6).toString('hex')}`);
  await mkdir(stage);
  const undo: Undo[] = [];
  try {
    for (const [at, row] of rows.entries()) await prepare(root, stage, at, row, contents);
    for (const [at, row] of rows.entries()) {
      if (row.oldMode === '000000') continue;
      const from = diskPath(root, row.path);
      await rename(from, join(stage, `old-${at}`));
      undo.push(() => rename(join(stage, `old-${at}`), from));
    }
    for (const row of rows) if (row.newMode === '000000') await removeEmptyFolders(root, row.path, undo);
    for (const [at, row] of rows.entries()) {
      if (row.newMode === '000000') continue;
      await makeFolders(root, row.path, undo);
      const to = diskPath(root, row.path);
      await rename(join(stage, `new-${at}`), to);
      undo.push(() => rename(to, join(stage, `new-${at}`)));
    }
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function prepare(
  root: string,
  stage: string,
  at: number,
  row: RawRow,
  contents: ReadonlyMap<string, Buffer>,
): Promise<void> {
  if (row.newMode === '000000') return;
  const file = join(stage, `new-${at}`);
  const content = contents.get(row.path) ?? Buffer.alloc(0);
  if (row.newMode === '120000') return symlink(content, file);
  await writeFile(file, content, { mode: row.newMode === '100755' ? 0o777 : 0o666 });
  if (row.oldMode !== row.newMode) return undefined;
  // The owner's own permission bits stay where git does not record them.
  return chmod(file, (await lstat(diskPath(root, row.path))).mode & 0o777);
}

async function removeEmptyFolders(root: string, path: string, undo: Undo[]): Promise<void> {
  for (const parent of parentsOf(path).toReversed()) {
    const folder = diskPath(root, parent);
    if (!(await statOf(folder))?.isDirectory()) return;
    if ((await readdir(folder)).length > 0) return;
    await rmdir(folder);
    undo.push(async () => {
      await mkdir(folder);
    });
  }
}

async function makeFolders(root: string, path: string, undo: Undo[]): Promise<void> {
  for (const parent of parentsOf(path)) {
    const folder = diskPath(root, parent);
    if ((await statOf(folder)) !== null) continue;
    await mkdir(folder);
    undo.push(() => rmdir(folder));
  }
}
