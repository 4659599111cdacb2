/**
 * The layers that set-ups left: a folder for each key, which is there in full or not at all. It is made under another name and
 * gets its own by one rename. Everything below `tree` and `home` is untrusted: it is only ever counted and removed from here, by
 * programs that follow no link.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Layer } from '#contract/helper-wire.ts';
import type { Log } from '../ports.ts';
import { assert } from '../lib/assert.ts';
import { findRunUser } from './base-sandbox-user.ts';

export interface LayerOptions {
  /** A folder that is used for nothing else, by one process at a time. Made when it is first needed. */
  readonly folder: string;
  /** What all kept layers together may take on disk; those of the running job stay in any case. */
  readonly keptBytesMax: number;
}

/** Where helpers are another user's, only they can remove what a set-up has left. */
export interface OtherSide {
  /** The group of that user, of which this process is one; null where there is none. */
  readonly findGroup: () => Promise<number | null>;
  /** Rejects with PortError when it could not be done. */
  readonly remove: (folders: readonly string[]) => Promise<void>;
}

/** Two folders of the run user's, in one of their own, that are no layer yet. */
export interface LayerDraft {
  readonly path: string;
  readonly layer: Layer;
}

const draftPrefix = '.making-';
const gonePrefix = '.gone-';
const keyPattern = /^[0-9a-f]{64}$/;
const bytesFile = 'bytes';
const toolMsMax = 10 * 60_000;
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const run = promisify(execFile);

export class LayerStore {
  readonly #options: LayerOptions;
  readonly #otherSide: OtherSide | null;
  readonly #log: Log;
  /** Keys that the running job has asked for. */
  readonly #used = new Set<string>();
  readonly #drafts = new Set<string>();
  /** What is done on the side, one after the other. */
  #background: Promise<void>;

  /** Begins to remove what a process that was killed has left. */
  constructor(options: LayerOptions, otherSide: OtherSide | null, log: Log) {
    this.#otherSide = otherSide;
    this.#options = options;
    this.#log = log;
    this.#background = Promise.resolve();
    this.#aside(() => this.#removeLeftovers());
  }

  /** Whether helpers are another user's, who sees nothing of this process but what is in the folder of the layers. */
  get isShared(): boolean {
    return this.#otherSide !== null;
  }

  /** Null when no layer of this key is kept. One that is found stays until `release`. */
  async find(key: string): Promise<Layer | null> {
    const path = this.#pathOf(key);
    this.#used.add(key);
    if (!(await isFolder(path))) return null;
    const now = new Date();
    await utimes(path, now, now);
    return layerIn(path);
  }

  async begin(): Promise<LayerDraft> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o711 });
    const name = `${draftPrefix}${randomBytes(8).toString('hex')}`;
    this.#drafts.add(name);
    const path = join(this.#options.folder, name);
    const layer = layerIn(path);
    if (this.#otherSide !== null) {
      await mkdir(path);
      await this.#openTo(this.#otherSide, path);
      return { path, layer };
    }
    const user = await findRunUser();
    // The helper makes a folder of its own beside the two.
    for (const folder of [path, layer.tree, layer.home]) {
      await mkdir(folder, { mode: 0o755 });
      if (user !== null) await chown(folder, user.uid, user.gid);
    }
    return { path, layer };
  }

  /**
   * Makes it the layer of this key, for ever. When another one has become that meanwhile, that one stays. What is written is on
   * disk before it counts: after a power failure a layer of empty files would look like a broken tree for as long as it is kept.
   */
  async keep({ path }: LayerDraft, key: string): Promise<void> {
    const target = this.#pathOf(key);
    this.#used.add(key);
    if (process.getuid?.() === 0) await chown(path, 0, 0);
    await chmod(path, 0o755);
    await writeFile(join(path, bytesFile), `${await countBytes(path)}\n`, { flag: 'wx' });
    await run('sync', ['-f', path], { env: environment, timeout: toolMsMax });
    try {
      await rename(path, target);
    } catch (error) {
      if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
    this.#aside(() => this.#prune());
  }

  /** To be called for every draft in the end; one that was kept is not there any more. */
  async discard({ path }: LayerDraft): Promise<void> {
    await this.#remove(path);
  }

  /** The job has ended: what it used may be removed when there is no room. */
  release(): void {
    this.#used.clear();
    this.#aside(() => this.#prune());
  }

  /** Resolves when nothing is done on the side any more. */
  async settle(): Promise<void> {
    await this.#background;
  }

  #pathOf(key: string): string {
    assert(keyPattern.test(key), 'the key of a layer is a sha256');
    return join(this.#options.folder, key);
  }

  #aside(work: () => Promise<void>): void {
    this.#background = this.#background.then(work).catch((error: unknown) => {
      // It takes room and does no harm; the next start tries again.
      this.#log.warn({ err: error, folder: this.#options.folder }, 'the kept layers could not be tidied');
    });
  }

  async #removeLeftovers(): Promise<void> {
    for (const name of await this.#names()) {
      const isLeft = name.startsWith(gonePrefix) || (name.startsWith(draftPrefix) && !this.#drafts.has(name));
      if (isLeft) await this.#remove(join(this.#options.folder, name));
    }
    await this.#prune();
  }

  /** The least recently used ones go first. A layer loses its name in one step, so that nobody finds half of one. */
  async #prune(): Promise<void> {
    const kept: { key: string; bytes: number; usedAtMs: number }[] = [];
    for (const key of await this.#names()) {
      if (!keyPattern.test(key)) continue;
      const path = join(this.#options.folder, key);
      kept.push({ key, bytes: await bytesOf(path), usedAtMs: (await lstat(path)).mtimeMs });
    }
    let bytes = kept.reduce((sum, layer) => sum + layer.bytes, 0);
    for (const layer of kept.toSorted((one, other) => one.usedAtMs - other.usedAtMs)) {
      if (bytes <= this.#options.keptBytesMax) return;
      if (this.#used.has(layer.key)) continue;
      const gone = join(this.#options.folder, `${gonePrefix}${randomBytes(8).toString('hex')}`);
      await rename(this.#pathOf(layer.key), gone);
      await this.#remove(gone);
      bytes -= layer.bytes;
    }
  }

  async #remove(path: string): Promise<void> {
    if (this.#otherSide !== null && (await isFolder(path))) {
      await this.#openTo(this.#otherSide, path);
      const names = (await readdir(path)).filter((name) => /^(tree|home)(\.work)?$/.test(name));
      if (names.length > 0) await this.#otherSide.remove(names.map((name) => join(path, name)));
    }
    await removeTree(path);
  }

  /** The folder is this process's; what is in it is made and removed by the other side. The folder around it is closed. */
  async #openTo({ findGroup }: OtherSide, path: string): Promise<void> {
    const gid = await findGroup();
    if (gid !== null) await chown(path, -1, gid);
    await chmod(path, gid === null ? 0o777 : 0o775);
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#options.folder);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    }
  }
}

function layerIn(path: string): Layer {
  return { tree: join(path, 'tree'), home: join(path, 'home') };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Counted when it was kept, and a layer never changes. */
async function bytesOf(path: string): Promise<number> {
  try {
    const bytes = Number(await readFile(join(path, bytesFile), 'utf8'));
    return Number.isSafeInteger(bytes) ? bytes : await countBytes(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return await countBytes(path);
    throw error;
  }
}

/** What another user has closed weighs nothing here; the set-up was held to its limit by those who could look. */
async function countBytes(path: string): Promise<number> {
  const script = 'du -sxB1 -- "$1" 2>/dev/null || :';
  const { stdout } = await run('/bin/sh', ['-c', script, 'sh', path], { env: environment, timeout: toolMsMax });
  return Number.parseInt(stdout, 10);
}

/**
 * By programs that get to the bottom of any depth. Folders that their owner may not enter are opened first, which needs nobody
 * to be root.
 */
async function removeTree(path: string): Promise<void> {
  const script = 'if [ -d "$1" ] && [ ! -L "$1" ]; then chmod -R u+rwx -- "$1"; fi; rm -rf --one-file-system -- "$1"';
  await run('/bin/sh', ['-euc', script, 'sh', path], { env: environment, timeout: toolMsMax });
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
