/**
 * From a base and an exact patch to the tree that git itself gives, without a working tree. git's apply sees an index of
 * the touched paths only; a second, slow way with the whole index decides whenever the first one did not end well.
 */
import { writeFile } from 'node:fs/promises';
import { ObjectId } from '#contract/ids.ts';
import { type Problem, problem } from '#contract/problem.ts';
import { pathFromBytes, pathToBytes } from '../../lib/path-bytes.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { type Git, type GitAnswer, PortError } from '../../ports.ts';
import { type IndexEntry, readIndex, writeIndex } from '../../resources/repo/index-file.ts';
import type { BaseEntry } from './base-reader.ts';
import { showPath } from './bytes.ts';
import { explainGit } from './git-says.ts';
import { gitMemoryBytesMax, gitWallMs } from './limits.ts';
import { parentOf, parentsOf } from './names.ts';
import { type Objects, type Tree, withObjects } from './objects.ts';
import { judgeResults, type Results } from './results.ts';
import { diffRows, type Place, type RawRow, settled, startComparison, writeTree } from './tree.ts';

export interface ApplyRequest extends Place {
  /** Scratch index; written anew. */
  readonly indexFile: string;
  /** What readPatch gave: bytes for git. */
  readonly patch: Buffer;
  /** Every path the patch touches, also the sources of renames and copies. */
  readonly files: readonly string[];
  /** What readPatch says must come out; without it only git's word counts. */
  readonly results?: Results;
  /** The process to ask, if there is one already. It must see `objectsDir`. */
  readonly objects?: Objects;
}

export interface Applied {
  readonly tree: ObjectId;
  /** What git sees between the base and the tree. */
  readonly rows: readonly RawRow[];
}

/**
 * Applies a patch to `base`. Objects go to `objectsDir`, so that a refused patch leaves nothing behind.
 * Cost: as many processes for any size of repository; the whole index is only read to confirm a refusal.
 */
export async function applyPatch(git: Git, request: ApplyRequest): Promise<Result<Applied, Problem>> {
  const attempt = (objects: Objects): Promise<Result<Applied, Problem> | null> => applyTouched(git, request, objects);
  const applied = await (request.objects ? attempt(request.objects) : withObjects(git, request, attempt));
  const answer = applied ?? (await applyPatchFully(git, request));
  const other = answer.ok && request.results ? judgeResults(request.results, request.files, answer.value.rows) : null;
  return other ? no(other) : answer;
}

/** Null: the touched paths alone do not say what becomes of this patch. */
async function applyTouched(
  git: Git,
  request: ApplyRequest,
  objects: Objects,
): Promise<Result<Applied, Problem> | null> {
  // git starts while the base is read; it opens the index when it has the patch. Should it ever look sooner, it finds no
  // index that it takes, and not an empty one, on which other patches apply than on the base.
  await writeFile(request.indexFile, 'not written yet');
  const patch = Promise.withResolvers<Buffer>();
  const applying = settled(runApply(git, request, patch.promise));
  try {
    const folders = [...new Set(request.files.flatMap((path) => ['', ...parentsOf(path)]))];
    const trees = await objects.trees(request.base, folders);
    const before = await touchedEntries(git, request, trees);
    await writeIndex(request.indexFile, before, request.base.length / 2);
    patch.resolve(request.patch);
    return await compareApplied(git, request, objects, { trees, before, applying });
  } finally {
    patch.resolve(Buffer.alloc(0));
    await applying;
  }
}

interface Applying {
  readonly trees: ReadonlyMap<string, Tree>;
  readonly before: ReadonlyMap<string, IndexEntry>;
  readonly applying: Promise<() => GitAnswer>;
}

async function compareApplied(
  git: Git,
  request: ApplyRequest,
  objects: Objects,
  { trees, before, applying }: Applying,
): Promise<Result<Applied, Problem> | null> {
  // While git applies, the process that will compare starts.
  const comparison = startComparison(git, request, await objects.rootOf(request.base));
  try {
    const answer = (await applying)();
    if (answer.ended !== null) return no(explainGit(answer));
    if (!isClean(answer)) return null;
    const after = await readIndex(request.indexFile, request.base.length / 2);
    const changes = changesBetween(before, after);
    const touched = new Set(request.files);
    // A path that changed without being named means that we read the patch differently than git did.
    if ([...changes.keys()].some((path) => !touched.has(path))) return null;
    if (changes.size === 0) return no(changesNothing());
    const { root: tree, names } = await writeTree(request, trees, changes);
    const [rows] = await Promise.all([comparison.with(tree), objects.confirmTrees(names)]);
    if (!sameChanges(rows, changes))
      throw new PortError('git', 'confirm that the new tree is the base with this patch');
    return ok({ tree, rows });
  } finally {
    await comparison.end();
  }
}

/** The same with the whole index of the base: git's word alone. Slow in large repositories. */
export async function applyPatchFully(git: Git, request: ApplyRequest): Promise<Result<Applied, Problem>> {
  const stop = request.signal ? { signal: request.signal } : {};
  const place = { gitDir: request.gitDir, indexFile: request.indexFile, objectsDir: request.objectsDir, ...stop };
  await writeIndex(request.indexFile, new Map(), request.base.length / 2);
  const read = await git.run({ ...place, args: ['read-tree', request.base] });
  if (read.code !== 0) throw new PortError('git', 'read the base into an index', { cause: read.stderr });
  const answer = await runApply(git, request, request.patch);
  if (!isClean(answer)) return no(explainGit(answer));
  const written = await git.run({ ...place, args: ['write-tree'] });
  if (written.code !== 0) return no(explainGit(written));
  const tree = ObjectId.parse(written.stdout.toString('latin1').trim());
  const rows = await diffRows(git, request, tree);
  if (rows.length === 0) return no(changesNothing());
  const trampled = trampledPath(rows, request.files);
  return trampled ? no(trampled) : ok({ tree, rows });
}

/** git exits with 0 after "error: corrupt binary patch" and applies what stood before it: its words count, too. */
function isClean(answer: GitAnswer): boolean {
  return answer.code === 0 && answer.ended === null && !/^(?:error|fatal): /m.test(answer.stderr);
}

function runApply(git: Git, request: ApplyRequest, patch: Buffer | Promise<Buffer>): Promise<GitAnswer> {
  return git.run({
    gitDir: request.gitDir,
    // Never --unsafe-paths, --reject, --3way, --recount or a lenient whitespace mode: each can give another tree (T1).
    args: ['apply', '--cached', '--whitespace=nowarn', '-p1', '-'],
    stdin: patch,
    indexFile: request.indexFile,
    objectsDir: request.objectsDir,
    wallMs: gitWallMs,
    memoryBytesMax: gitMemoryBytesMax,
    ...(request.signal ? { signal: request.signal } : {}),
  });
}

/**
 * The base's entries that git's apply can need: the touched paths, what stands where a folder above them is needed
 * (so that git sees a symlink there), and everything below a touched path that is a folder.
 */
async function touchedEntries(
  git: Git,
  request: ApplyRequest,
  trees: ReadonlyMap<string, ReadonlyMap<string, BaseEntry>>,
): Promise<Map<string, IndexEntry>> {
  const entries = new Map<string, IndexEntry>();
  const folders: string[] = [];
  const touched = new Set(request.files);
  for (const path of new Set(request.files.flatMap((one) => [one, ...parentsOf(one)]))) {
    const entry = trees.get(parentOf(path))?.get(path.slice(path.lastIndexOf('/') + 1));
    if (entry && entry.type !== 'tree') entries.set(path, entry);
    else if (entry && touched.has(path)) folders.push(path);
  }
  if (folders.length > 0) {
    for (const [path, entry] of await entriesBelow(git, request, folders)) entries.set(path, entry);
  }
  return entries;
}

async function entriesBelow(
  git: Git,
  request: ApplyRequest,
  folders: readonly string[],
): Promise<Map<string, IndexEntry>> {
  const entries = new Map<string, IndexEntry>();
  for (const folder of folders) {
    const name = pathToBytes(folder).toString('utf8');
    const answer = await git.run({ gitDir: request.gitDir, args: ['ls-tree', '-r', '-z', `${request.base}:${name}`] });
    if (answer.code !== 0) throw new PortError('git', 'list a folder of the base', { cause: answer.stderr });
    for (const row of answer.stdout.toString('latin1').split('\0').filter(Boolean)) {
      const [mode = '', , oid = ''] = row.slice(0, row.indexOf('\t')).split(' ');
      entries.set(`${folder}/${pathFromBytes(row.slice(row.indexOf('\t') + 1))}`, { mode, oid });
    }
  }
  return entries;
}

function changesBetween(
  before: ReadonlyMap<string, IndexEntry>,
  after: ReadonlyMap<string, IndexEntry>,
): Map<string, IndexEntry | null> {
  const changes = new Map<string, IndexEntry | null>();
  for (const [path, entry] of after) {
    const old = before.get(path);
    if (old?.oid !== entry.oid || !sameMode(old.mode, entry.mode)) changes.set(path, entry);
  }
  for (const path of before.keys()) if (!after.has(path)) changes.set(path, null);
  return changes;
}

/** Old trees hold 100664 where an index says 100644: no change. */
function sameMode(one: string, other: string): boolean {
  const canonical = (mode: string): string =>
    mode.startsWith('1006') ? '100644' : mode.startsWith('1007') ? '100755' : mode;
  return canonical(one) === canonical(other);
}

function sameChanges(rows: readonly RawRow[], changes: ReadonlyMap<string, IndexEntry | null>): boolean {
  if (rows.length !== changes.size) return false;
  return rows.every((row) => {
    const change = changes.get(row.path);
    if (change === undefined) return false;
    if (change === null) return row.newMode === '000000';
    return row.newMode === change.mode && row.newOid === change.oid;
  });
}

/** A file that vanished because another took its place, although the patch does not remove it. */
function trampledPath(rows: readonly RawRow[], files: readonly string[]): Problem | null {
  const touched = new Set(files);
  const gone = rows.find((row) => row.newMode === '000000' && !touched.has(row.path) && isReplaced(row.path, rows));
  if (!gone) return null;
  const message = `The patch would silently remove "${showPath(gone.path)}", because a file and a folder cannot share a name.`;
  return problem('patch_file_exists', message, { file: showPath(gone.path) });
}

function isReplaced(path: string, rows: readonly RawRow[]): boolean {
  return rows.some(
    (row) => row.newMode !== '000000' && (row.path.startsWith(`${path}/`) || path.startsWith(`${row.path}/`)),
  );
}

function changesNothing(): Problem {
  return problem('patch_changes_nothing', 'The patch changes nothing: the result is the same tree as the base.');
}
