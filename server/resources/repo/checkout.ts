import { existsSync } from 'node:fs';
import { chmod, chown, lchown, lstat, mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Clock, type Git, type Random } from '../../ports.ts';

/** Whole trees kept for the next proof; the least recently used go first. */
export const checkoutsMax = 8;

/** The user the sandbox runs as, when the daemon is root: it must own what it may change in its own layer. */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Checkouts {
  /**
   * A read-only folder with every file of `tree`, made once per tree. `objectsDir`: quarantine that holds the tree.
   * Files are real; nothing a sandbox wrote ever reaches this folder.
   */
  readonly whole: (gitDir: string, tree: ObjectId, objectsDir?: string) => Promise<string>;
  /** Only the named entries, into a new folder that the caller removes. `entries` are `mode oid path` of the new tree. */
  readonly partial: (
    gitDir: string,
    entries: readonly { readonly mode: string; readonly oid: string; readonly path: string }[],
    target: string,
    objectsDir?: string,
  ) => Promise<void>;
  /** After a crash: removes trees that were being written. Called once at start, before anything uses a checkout. */
  readonly sweep: () => Promise<void>;
}

interface Parts {
  readonly git: Git;
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly runUser: RunUser | null;
}

export function checkouts(parts: Parts): Checkouts {
  return {
    whole: async (gitDir, tree, objectsDir) => {
      const target = join(parts.folder, tree);
      if (!existsSync(target)) {
        const temporary = `${target}.${parts.random.bytes(6).toString('hex')}`;
        await fill(parts, { gitDir, objectsDir, target: temporary, index: ['read-tree', tree] });
        await rename(temporary, target).catch(async (error: unknown) => {
          // Another export of the same tree was faster: its folder has the same bytes.
          if (!existsSync(target)) throw error;
          await rm(temporary, { recursive: true, force: true });
        });
      }
      const nowSeconds = parts.clock.nowMs() / 1000;
      await utimes(target, nowSeconds, nowSeconds);
      await forgetOldest(parts.folder, target);
      return target;
    },
    partial: (gitDir, entries, target, objectsDir) =>
      fill(parts, {
        gitDir,
        objectsDir,
        target,
        index: ['update-index', '-z', '--index-info'],
        stdin: entries.map((entry) => `${entry.mode} ${entry.oid}\t${entry.path}\0`).join(''),
      }),
    sweep: async () => {
      for (const name of await readdir(parts.folder))
        if (!isWholeTree(name)) await rm(join(parts.folder, name), { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface Filling {
  readonly gitDir: string;
  readonly objectsDir: string | undefined;
  readonly target: string;
  readonly index: readonly string[];
  readonly stdin?: string;
}

/** Builds an index of its own and writes its files out. Attributes apply as in any checkout; drivers are not configured. */
async function fill({ git, runUser, random }: Parts, filling: Filling): Promise<void> {
  const { gitDir, objectsDir, target } = filling;
  await mkdir(target, { recursive: true, mode: 0o755 });
  const indexFile = `${target}.index.${random.bytes(4).toString('hex')}`;
  const place = { gitDir, indexFile, ...(objectsDir === undefined ? {} : { objectsDir }) };
  try {
    const indexed = await git.run({
      ...place,
      args: filling.index,
      ...(filling.stdin === undefined ? {} : { stdin: filling.stdin }),
    });
    if (indexed.code !== 0)
      throw new PortError('git', 'index a tree for checkout', { cause: new Error(indexed.stderr) });
    const written = await git.run({
      ...place,
      workTree: target,
      args: ['checkout-index', '--all', '--force', '--quiet'],
      wallMs: 300_000,
    });
    if (written.code !== 0) throw new PortError('git', 'write a tree out', { cause: new Error(written.stderr) });
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(indexFile, { force: true });
  }
  if (runUser) await giveTo(target, runUser);
}

async function giveTo(folder: string, user: RunUser): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
}

/** A finished tree has the tree's own name; what is being written has a longer one. */
function isWholeTree(name: string): boolean {
  return /^[0-9a-f]{40,64}$/.test(name);
}

async function forgetOldest(folder: string, keep: string): Promise<void> {
  const names = (await readdir(folder)).filter(isWholeTree);
  if (names.length <= checkoutsMax) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, usedAt: (await lstat(join(folder, name))).mtimeMs })),
  );
  for (const { name } of aged.toSorted((a, b) => a.usedAt - b.usedAt).slice(0, names.length - checkoutsMax)) {
    const path = join(folder, name);
    if (path === keep) continue;
    await chmod(path, 0o700);
    await rm(path, { recursive: true, force: true });
  }
}
