/**
 * The refusals that are decided on the result, never on what the patch says about itself: git's own comparison of base and
 * tree, where the new symlinks really lead, and the names that stand side by side (security note T3 to T6, T12 to T14).
 */
import type { ObjectId } from '#contract/ids.ts';
import { type Problem, problem } from '#contract/problem.ts';
import type { Git } from '../../ports.ts';
import { type BaseEntry, type BaseReader, gitBaseReader } from './base-reader.ts';
import { linksLedOut } from './base-links.ts';
import { showPath } from './bytes.ts';
import { linkHopsMax } from './limits.ts';
import { foldName, judgeMode, judgePath, parentOf, parentsOf } from './names.ts';
import { type Objects, withObjects } from './objects.ts';
import { diffRows, type RawRow } from './tree.ts';

export interface JudgeRequest {
  readonly gitDir: string;
  readonly objectsDir: string;
  readonly base: ObjectId;
  readonly tree: ObjectId;
  /** From applyPatch; asked from git when left out. */
  readonly rows?: readonly RawRow[];
  /** The process to ask, if there is one already. */
  readonly objects?: Objects;
  readonly signal?: AbortSignal;
}

/** A new or changed symlink and where it ends: a path of the tree, or null when that is outside. */
export interface JudgedLink {
  readonly path: string;
  readonly target: string;
  readonly endsAt: string | null;
  /** The patch changes where it leads, and not the link itself. */
  readonly untouched?: boolean;
}

export interface JudgeFacts {
  readonly rows: readonly RawRow[];
  readonly links: readonly JudgedLink[];
  /** Pairs of paths in the tree that some file systems take for one; the first is new. */
  readonly clashes: readonly { readonly path: string; readonly other: string }[];
}

/** The refusal that the result of a patch deserves, or null. */
export async function judgeTree(git: Git, request: JudgeRequest): Promise<Problem | null> {
  const rows = request.rows ?? (await diffRows(git, request, request.tree));
  const early = judge({ rows, links: [], clashes: [] });
  if (early) return early;
  const look = async (objects: Objects): Promise<Problem | null> => {
    const after = gitBaseReader(git, request.gitDir, request.tree, request.signal, { objects });
    const before = gitBaseReader(git, request.gitDir, request.base, request.signal, { objects });
    const ledOut = await linksLedOut(git, request, rows, before, after);
    const moved = ledOut.map((link) => ({ ...link, endsAt: null, untouched: true }));
    const links = [...(await judgedLinks(after, rows)), ...moved];
    const clashes = await clashesIn(objects, request, rows);
    return judge({ rows, links, clashes });
  };
  return await (request.objects ? look(request.objects) : withObjects(git, request, look));
}

/** Pure: facts in, refusal out. */
export function judge(facts: JudgeFacts): Problem | null {
  for (const row of facts.rows) {
    const problem = judgeRow(row);
    if (problem) return problem;
  }
  for (const link of facts.links) {
    if (link.endsAt === null) {
      const points = link.untouched === true ? 'would lead' : 'points';
      const message = `The symlink "${showPath(link.path)}" ${points} outside the repository, to "${showPath(link.target)}".`;
      return problem('patch_symlink_outside', message, { file: showPath(link.path) });
    }
    if (judgePath(link.endsAt)?.code === 'patch_path_git') {
      const message = `The symlink "${showPath(link.path)}" points into git's own folder.`;
      return problem('patch_path_git', message, { file: showPath(link.path) });
    }
  }
  const clash = facts.clashes[0];
  if (!clash) return null;
  return problem(
    'patch_name_clash',
    `"${showPath(clash.path)}" and "${showPath(clash.other)}" are one name where letter case or accents do not count. Choose another name.`,
    { file: showPath(clash.path) },
  );
}

function judgeRow(row: RawRow): Problem | null {
  for (const mode of [row.newMode, row.oldMode]) {
    if (mode === '160000') return judgeMode(mode, row.path);
  }
  const isRemoved = row.newMode === '000000';
  const named = judgePath(row.path);
  // What should never have been there may be removed.
  if (named && !(isRemoved && named.code === 'patch_name_refused')) return named;
  return isRemoved ? null : judgeMode(row.newMode, row.path);
}

async function judgedLinks(after: BaseReader, rows: readonly RawRow[]): Promise<JudgedLink[]> {
  const paths = rows.filter((row) => row.newMode === '120000').map((row) => row.path);
  const targets = await after.blobs(paths);
  const links: JudgedLink[] = [];
  for (const path of paths) {
    const target = targets.get(path)?.toString('utf8') ?? '';
    links.push({ path, target, endsAt: await resolveLink(after, path, target) });
  }
  return links;
}

/**
 * Where a symlink leads, as the kernel would walk it in a checkout of the tree: part by part, through other links.
 * Null when it leaves the tree. A loop ends where it is: nothing can be opened through it.
 */
export async function resolveLink(after: BaseReader, path: string, target: string): Promise<string | null> {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return null;
  if (/^[a-z]:/i.test(target) || target.includes('\\')) return null;
  const at = parentOf(path) === '' ? [] : parentOf(path).split('/');
  const todo = target.split('/');
  for (let hops = 0; todo.length > 0;) {
    const part = todo.shift();
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) return null;
      at.pop();
      continue;
    }
    at.push(part);
    const here = at.join('/');
    if ((await after.entries([here])).get(here)?.mode !== '120000') continue;
    hops += 1;
    if (hops > linkHopsMax) return here;
    const next = (await after.blobs([here])).get(here)?.toString('utf8') ?? '';
    if (next === '' || next.startsWith('/')) return null;
    at.pop();
    todo.unshift(...next.split('/'));
  }
  return at.join('/');
}

/** New names that clash with what stands beside them in the tree. Clashes that the base already had are left alone. */
async function clashesIn(
  objects: Objects,
  request: JudgeRequest,
  rows: readonly RawRow[],
): Promise<{ path: string; other: string }[]> {
  const fresh = rows.filter((row) => row.oldMode === '000000').map((row) => row.path);
  if (fresh.length === 0) return [];
  const steps = [...new Set(fresh.flatMap((path) => [...parentsOf(path), path]))];
  const folders = [...new Set(steps.map(parentOf))];
  const trees = await objects.trees(request.tree, folders);
  const folded = new Map<string, Map<string, string[]>>();
  for (const folder of folders) {
    const entries = trees.get(folder) ?? new Map<string, BaseEntry>();
    const names = new Map<string, string[]>();
    for (const name of entries.keys()) names.set(foldName(name), [...(names.get(foldName(name)) ?? []), name]);
    folded.set(folder, names);
  }
  const clashes = steps.flatMap((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const others = (folded.get(parentOf(path))?.get(foldName(name)) ?? []).filter((other) => other !== name);
    return others.map((other) => ({ path, other: parentOf(path) === '' ? other : `${parentOf(path)}/${other}` }));
  });
  if (clashes.length === 0) return [];
  const before = await objects.trees(request.base, folders);
  const isOld = (path: string): boolean =>
    before.get(parentOf(path))?.has(path.slice(path.lastIndexOf('/') + 1)) === true;
  return clashes.filter(({ path, other }) => !(isOld(path) && isOld(other)));
}
