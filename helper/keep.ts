/**
 * What a set-up left becomes a layer. Nothing runs in it any more, but every byte and every name in it is untrusted: it is
 * walked without following a link, and what is not a plain file, folder or link does not stay.
 *
 * The files of the tree do not stay either. A layer only ever adds to a tree: it lies UNDER the files of whatever tree it is
 * used with, so that no installation script can make a check see another source than the one that is judged; and what it holds
 * is what the command made, not a copy of the tree it was made on, which may differ from the next one.
 */
import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import type { SetUp, Workspace } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { runTool } from './disk-watch.ts';
import { isSystemError, systemPath } from './host.ts';

const toolMsMax = 120_000;

/** Not ok: the sentence that says why nothing of it can be kept. */
export async function makeLayer({ keep }: SetUp, { lower, delta }: Workspace): Promise<Answer<null>> {
  for (const folder of [keep.tree, keep.home]) {
    const cleaned = await runTool(cleanScript, [folder], toolMsMax);
    if (!cleaned.ok) return { ok: false, why: `What the set-up left could not be looked through: ${cleaned.why}` };
  }
  const trees = (delta === null ? [lower] : [lower, delta]).map((root) => new KnownTree(root));
  const stripped = await strip(keep.tree, trees);
  return stripped.ok ? stripped : { ok: false, why: `The tree could not be told from what was added: ${stripped.why}` };
}

/**
 * Marks of the overlay for what was deleted are devices, and go with sockets and pipes; so do the bits by which a program
 * would run as its owner. The caller's folder is a plain one of its own, so only what is in it can be a link.
 */
const cleanScript = `cd "$1"
find . -xdev ! -type f ! -type d ! -type l -delete
find . -xdev ! -type l -perm /6000 -exec chmod ug-s -- {} +
`;

/** A tree of which it can be asked, path by path, what it has; names are bytes, written as latin1. */
class KnownTree {
  readonly #root: string;
  readonly #folders = new Map<string, ReadonlyMap<string, boolean>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Null: nothing has this path. A link on the way leads nowhere: then nothing has it either. */
  kindOf(path: string): 'folder' | 'file' | null {
    const cut = path.lastIndexOf('/');
    const isFolder = this.#list(cut === -1 ? '' : path.slice(0, cut)).get(path.slice(cut + 1));
    return isFolder === undefined ? null : isFolder ? 'folder' : 'file';
  }

  #list(folder: string): ReadonlyMap<string, boolean> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const names = new Map<string, boolean>();
    if (folder === '' || this.kindOf(folder) === 'folder') {
      for (const entry of readdirSync(bytePath(this.#root, folder), { withFileTypes: true, encoding: 'latin1' })) {
        names.set(entry.name, entry.isDirectory());
      }
    }
    this.#folders.set(folder, names);
    return names;
  }
}

/** Removes from `root` the files that one of the trees has, and the folders of theirs that are empty then. */
function strip(root: string, trees: readonly KnownTree[]): Promise<Answer<null>> {
  return new Promise((resolve) => {
    const args = ['.', '-mindepth', '1', '-depth', '-xdev', '-printf', String.raw`%y%P\0`];
    const child = spawn('find', args, {
      cwd: root,
      env: { PATH: systemPath, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: toolMsMax,
      killSignal: 'SIGKILL',
    });
    let rest = '';
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const entries = (rest + chunk.toString('latin1')).split('\0');
      rest = entries.pop() ?? '';
      try {
        for (const entry of entries) stripEntry(root, entry, trees);
      } catch (error) {
        complaint ||= String(error);
        child.kill('SIGKILL');
      }
    });
    child.stderr.on('data', (chunk: Buffer) => (complaint ||= chunk.toString().slice(0, 2000).trim()));
    child.once('error', (error) => (complaint ||= error.message));
    child.once('close', (code, signal) => {
      const ended = code === 0 && complaint === '';
      resolve(
        ended
          ? { ok: true, value: null }
          : { ok: false, why: complaint || `it ended with ${signal ?? `code ${code}`}.` },
      );
    });
  });
}

function stripEntry(root: string, entry: string, trees: readonly KnownTree[]): void {
  const path = entry.slice(1);
  const kinds = trees.map((tree) => tree.kindOf(path));
  if (kinds.every((kind) => kind === null)) return;
  if (entry.startsWith('d')) {
    if (kinds.includes('folder')) removeIfEmpty(bytePath(root, path));
  } else {
    unlinkSync(bytePath(root, path));
  }
}

function removeIfEmpty(folder: Buffer): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

function bytePath(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/** Whether a folder is there, is no link, and holds nothing. */
export function isEmptyFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true && readdirSync(path).length === 0;
}
