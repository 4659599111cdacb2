import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Clock, type Git, type Log, type Random } from '../../ports.ts';
import { exportSome, exportWhole, type RunUser } from './checkout-export.ts';
import { readIndex } from './checkout-index.ts';
import { nearestOf, sizeOf, type Distance } from './checkout-near.ts';
import { bytesOfTree, noRoom, roomIn } from './checkout-room.ts';
import { verifyCheckout } from './checkout-verify.ts';
import { discard, emptyTrash } from './trash.ts';
import { noChanges, type TreeChanges, type TreeEntry } from './tree-changes.ts';

/** Whole trees kept for the next proof; the least recently used go first, and earlier when the disk has no room. */
export const checkoutsMax = 8;

/** What a job stands on at the same time: its base's folder and, when need be, that of the patched tree. */
const inUseMax = 2;

/** A read-only folder that holds exactly `tree`. Files are real; nothing a sandbox wrote ever reaches it. */
export interface Checkout {
  readonly folder: string;
  readonly tree: ObjectId;
  /** The `.gitattributes` files of the tree. */
  readonly attributes: readonly TreeEntry[];
}

/** A tree, as a checkout of it or of one near it, and what makes the one out of the other. */
export interface Near {
  readonly checkout: Checkout;
  readonly changes: TreeChanges;
}

export interface Checkouts {
  /** The folder of `tree`, made when it is not there. `objectsDir`: quarantine that holds the tree. */
  readonly whole: (gitDir: string, tree: ObjectId, objectsDir?: string) => Promise<Checkout>;
  /** The folder of `tree` or one of a tree so near that the difference is laid over it in milliseconds; made when there is neither. */
  readonly nearest: (gitDir: string, tree: ObjectId) => Promise<Near>;
  /** Only the named entries of a tree with these attributes, into a new folder that the caller removes. */
  readonly partial: (
    gitDir: string,
    request: {
      readonly entries: readonly TreeEntry[];
      readonly attributes: readonly TreeEntry[];
      readonly target: string;
    },
    objectsDir?: string,
  ) => Promise<void>;
  /**
   * Before anybody asks: verifies what is there for `tree`, and makes it whole when nothing is very near. Gives way to a
   * job that needs something else (`yielded`: try again later), and leaves a disk alone that is nearly full (`no_room`).
   */
  readonly prepare: (gitDir: string, tree: ObjectId) => Promise<'ready' | 'yielded' | 'no_room'>;
  /** After a crash: removes trees that were being written. Called once at start, before anything uses a checkout. */
  readonly sweep: () => Promise<void>;
  /** Ends what is being made, and waits for it. */
  readonly stop: () => Promise<void>;
}

export interface CheckoutParts {
  readonly git: Git;
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly runUser: RunUser | null;
  readonly log: Log;
}

interface Making {
  readonly done: Promise<Checkout>;
  readonly abort: AbortController;
  /** Nobody waits for it. */
  isAhead: boolean;
}

interface Place {
  readonly gitDir: string;
  readonly objectsDir?: string;
  readonly signal?: AbortSignal;
}

interface Shelf {
  readonly parts: CheckoutParts;
  /** Made or verified by this process. */
  readonly ready: Map<string, Checkout>;
  readonly making: Map<string, Making>;
  readonly verifying: Map<string, Promise<Checkout | null>>;
  /** The mirror in which a tree was last seen: no other is asked about it. */
  readonly homes: Map<string, string>;
  /** Per mirror, the last tree that was asked for and what was found near it. */
  readonly lastNear: Map<string, { readonly tree: ObjectId; readonly distance: Distance }>;
  /** What the running job stands on: never removed. */
  inUse: readonly string[];
  /** How often a job has asked for a folder. */
  asked: number;
  isStopped: boolean;
}

/** Further away than this, a tree gets a folder of its own as soon as nothing else is to be done. */
const driftPathsMax = 200;
const driftBytesMax = 1024 * 1024;

/**
 * The cached checkouts. A folder is verified once per process before it is used (`verifyCheckout`), or was made by it; one
 * that fails is removed, made again and told in the log. After that a job looks at nothing of it, so the way from paste to
 * sandbox does not depend on the size of the repository.
 */
export function checkouts(parts: CheckoutParts): Checkouts {
  const shelf: Shelf = {
    parts,
    ready: new Map(),
    making: new Map(),
    verifying: new Map(),
    homes: new Map(),
    lastNear: new Map(),
    inUse: [],
    asked: 0,
    isStopped: false,
  };
  return {
    whole: async (gitDir, tree, objectsDir) => {
      giveWay(shelf, tree);
      const place = objectsDir === undefined ? { gitDir } : { gitDir, objectsDir };
      return await use(shelf, await open(shelf, place, tree, false).done);
    },
    nearest: async (gitDir, tree) => {
      giveWay(shelf, tree);
      const near = await findNear(shelf, gitDir, tree);
      if (near === null)
        return { checkout: await use(shelf, await open(shelf, { gitDir }, tree, false).done), changes: noChanges };
      giveWay(shelf, near.checkout.tree);
      return { checkout: await use(shelf, near.checkout), changes: near.distance.changes };
    },
    partial: (gitDir, request, objectsDir) =>
      exportSome(parts, objectsDir === undefined ? { gitDir } : { gitDir, objectsDir }, request),
    prepare: (gitDir, tree) => prepare(shelf, gitDir, tree),
    sweep: () => sweep(parts.folder),
    stop: async () => {
      shelf.isStopped = true;
      for (const { abort } of shelf.making.values()) abort.abort();
      await Promise.allSettled([...shelf.making.values()].map(({ done }) => done));
    },
  };
}

/** What is made ahead of need stops when a job asks for something else: a machine with one core has no time for both. */
function giveWay(shelf: Shelf, tree: ObjectId): void {
  shelf.asked += 1;
  for (const [other, making] of shelf.making) if (making.isAhead && other !== tree) making.abort.abort();
}

/** Marks a folder as the newest used, and as in use. */
async function use(shelf: Shelf, checkout: Checkout): Promise<Checkout> {
  shelf.inUse = [checkout.tree, ...shelf.inUse.filter((tree) => tree !== checkout.tree)].slice(0, inUseMax);
  const nowSeconds = shelf.parts.clock.nowMs() / 1000;
  // Of its list: the folder may belong to the user of the sandbox. Never older than a file, or git would read that one again.
  await utimes(indexOf(shelf.parts, checkout.tree), nowSeconds + 2, nowSeconds + 2);
  return checkout;
}

/** The folder of `tree` itself when it is there, else the nearest other, verified; null when there is none near. */
async function findNear(
  shelf: Shelf,
  gitDir: string,
  tree: ObjectId,
): Promise<{ readonly checkout: Checkout; readonly distance: Distance } | null> {
  if (existsSync(folderOf(shelf.parts, tree))) {
    const checkout = await open(shelf, { gitDir }, tree, false).done;
    return { checkout, distance: { from: tree, changes: noChanges, bytes: 0 } };
  }
  const last = shelf.lastNear.get(gitDir);
  let candidates = await candidatesFor(shelf, gitDir);
  for (;;) {
    const remembered = last?.tree === tree && candidates.includes(last.distance.from) ? last.distance : null;
    const distance = remembered ?? (await nearestOf(shelf.parts.git, gitDir, candidates, tree));
    if (distance === null) return null;
    const checkout = await verified(shelf, { gitDir }, distance.from);
    if (checkout !== null) {
      shelf.lastNear.set(gitDir, { tree, distance });
      return { checkout, distance };
    }
    candidates = candidates.filter((candidate) => candidate !== distance.from);
  }
}

/** Finished trees that may belong to this mirror, the newest used first. */
async function candidatesFor(shelf: Shelf, gitDir: string): Promise<ObjectId[]> {
  const trees = await treesByAge(shelf.parts.folder);
  return trees.toReversed().filter((tree) => (shelf.homes.get(tree) ?? gitDir) === gitDir);
}

function open(shelf: Shelf, place: Place, tree: ObjectId, isAhead: boolean): Pick<Making, 'done' | 'abort'> {
  const abort = new AbortController();
  const known = shelf.ready.get(tree);
  if (known && existsSync(known.folder)) return { done: Promise.resolve(known), abort };
  const already = shelf.making.get(tree);
  if (already && !already.abort.signal.aborted) {
    already.isAhead &&= isAhead;
    return already;
  }
  // One that is being ended must be gone first: it would take the name of this one off the list.
  const ended = already?.done.then(
    () => undefined,
    () => undefined,
  );
  const begin = async (): Promise<Checkout> => {
    await ended;
    const there = await verified(shelf, place, tree);
    return there ?? (await make(shelf, { ...place, signal: abort.signal }, tree));
  };
  const making: Making = { done: begin(), abort, isAhead };
  const remove = (): void => {
    if (shelf.making.get(tree) === making) shelf.making.delete(tree);
  };
  making.done.then(remove, remove);
  shelf.making.set(tree, making);
  if (shelf.isStopped) abort.abort();
  return making;
}

/** A folder that is there and exactly its tree; what is not is removed, and null. Looks at files once per process. */
async function verified(shelf: Shelf, place: Place, tree: ObjectId): Promise<Checkout | null> {
  if (!existsSync(folderOf(shelf.parts, tree))) return null;
  const known = shelf.ready.get(tree);
  if (known) return known;
  // Two that verify at once could remove what the first of them has made again.
  const running = shelf.verifying.get(tree);
  if (running) return await running;
  const verifying = verify(shelf, place, tree).finally(() => shelf.verifying.delete(tree));
  shelf.verifying.set(tree, verifying);
  return await verifying;
}

async function verify(shelf: Shelf, place: Place, tree: ObjectId): Promise<Checkout | null> {
  const { parts } = shelf;
  const folder = folderOf(parts, tree);
  const found = await verifyCheckout(parts.git, { ...place, tree, folder, indexFile: indexOf(parts, tree) });
  if ('index' in found) return remember(shelf, place, { folder, tree, attributes: found.index.attributes });
  parts.log.warn({ tree, folder, why: found.why }, 'a cached checkout is not its tree any more and is made again');
  await forget(shelf, tree);
  return null;
}

async function make(shelf: Shelf, place: Place, tree: ObjectId): Promise<Checkout> {
  const { parts } = shelf;
  const folder = folderOf(parts, tree);
  await makeRoom(shelf, place, tree);
  // Everything in one folder, so that a git that is ended leaves nothing elsewhere (it does leave locks).
  const temporary = `${folder}.${parts.random.bytes(6).toString('hex')}`;
  const [target, indexFile] = [join(temporary, 'tree'), join(temporary, 'index')];
  await mkdir(indexFolderOf(parts.folder), { recursive: true, mode: 0o700 });
  await mkdir(temporary);
  try {
    await exportWhole(parts, place, { tree, target, indexFile });
    const index = await readIndex(parts.git, { gitDir: place.gitDir, indexFile, workTree: target });
    if (index === null) throw new PortError('git', 'read the list of a checkout');
    // In this order, because a folder without its list is nothing and is removed at the next start.
    await rename(indexFile, indexOf(parts, tree));
    await rename(target, folder);
    await forgetOldest(shelf, tree);
    return remember(shelf, place, { folder, tree, attributes: index.attributes });
  } finally {
    await discard(temporary, parts.folder, parts.random);
  }
}

function remember(shelf: Shelf, place: Place, checkout: Checkout): Checkout {
  shelf.ready.set(checkout.tree, checkout);
  // What is known from a quarantine only will not be known to its mirror: it is near nothing.
  shelf.homes.set(checkout.tree, place.objectsDir ?? place.gitDir);
  return checkout;
}

async function prepare(shelf: Shelf, gitDir: string, tree: ObjectId): Promise<'ready' | 'yielded' | 'no_room'> {
  const { asked, parts } = shelf;
  const near = await findNear(shelf, gitDir, tree);
  const drift = near === null ? null : near.distance;
  if (drift !== null && sizeOf(drift.changes) <= driftPathsMax && drift.bytes <= driftBytesMax) return 'ready';
  // Only a job may take what is nearly the last room.
  if ((await bytesOfTree(parts.git, { gitDir }, tree)) * 2 > (await roomIn(parts.folder))) return 'no_room';
  if (shelf.asked !== asked || shelf.isStopped) return 'yielded';
  const making = open(shelf, { gitDir }, tree, true);
  try {
    await making.done;
    return 'ready';
  } catch (error) {
    if (making.abort.signal.aborted) return 'yielded';
    throw error;
  }
}

/** Removes the least recently used until the tree fits; refuses with what is missing when it cannot. */
async function makeRoom(shelf: Shelf, place: Place, tree: ObjectId): Promise<void> {
  const { git, folder } = shelf.parts;
  const needed = await bytesOfTree(git, place, tree);
  const removable = (await treesByAge(folder)).filter((other) => !shelf.inUse.includes(other));
  for (let room = await roomIn(folder); room < needed; room = await roomIn(folder)) {
    const oldest = removable.shift();
    if (oldest === undefined) throw noRoom(needed, room);
    shelf.ready.delete(oldest);
    await rm(indexOf(shelf.parts, oldest), { force: true });
    await rm(folderOf(shelf.parts, oldest), { recursive: true, force: true });
  }
}

async function forgetOldest(shelf: Shelf, keep: ObjectId): Promise<void> {
  const trees = await treesByAge(shelf.parts.folder);
  const removable = trees.filter((tree) => tree !== keep && !shelf.inUse.includes(tree));
  for (const tree of removable.slice(0, Math.max(0, trees.length - checkoutsMax))) await forget(shelf, tree);
}

async function forget(shelf: Shelf, tree: ObjectId): Promise<void> {
  const { parts } = shelf;
  shelf.ready.delete(tree);
  await discard(folderOf(parts, tree), parts.folder, parts.random);
  await rm(indexOf(parts, tree), { force: true });
}

async function sweep(folder: string): Promise<void> {
  const indexes = indexFolderOf(folder);
  await mkdir(indexes, { recursive: true, mode: 0o700 });
  const [trees, listed] = [new Set(await readdir(folder)), new Set(await readdir(indexes))];
  for (const [parent, names, others] of [
    [folder, trees, listed],
    [indexes, listed, trees],
  ] as const) {
    for (const name of names) {
      if (!isTree(name) || !others.has(name))
        await rm(join(parent, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
  await emptyTrash(folder);
}

function folderOf(parts: Pick<CheckoutParts, 'folder'>, tree: string): string {
  return join(parts.folder, tree);
}

/** git's list of the files as they were written, beside the folders and not in one: only trees are in there. */
function indexOf(parts: Pick<CheckoutParts, 'folder'>, tree: string): string {
  return join(indexFolderOf(parts.folder), tree);
}

function indexFolderOf(folder: string): string {
  return `${folder}.indexes`;
}

/** A finished tree has the tree's own name; what is being written has a longer one. */
function isTree(name: string): name is ObjectId {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
}

/** The least recently used first. */
async function treesByAge(folder: string): Promise<ObjectId[]> {
  const trees = (await readdir(folder)).filter(isTree);
  const aged = await Promise.all(trees.map(async (tree) => ({ tree, usedAtMs: await usedAt(folder, tree) })));
  return aged.toSorted((one, other) => one.usedAtMs - other.usedAtMs).map(({ tree }) => tree);
}

/** 0 for a tree whose list is gone: it is nothing, and the first to go. */
async function usedAt(folder: string, tree: string): Promise<number> {
  const path = join(indexFolderOf(folder), tree);
  return existsSync(path) ? (await lstat(path)).mtimeMs : 0;
}
