import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';

const slash = Buffer.from('/');

interface Visited {
  readonly path: Buffer;
  readonly entry: Dirent<Buffer>;
}

/**
 * Everything in each folder below and including `root`, one folder at a time. Names are bytes, as git's are. Never goes
 * through a link: `readdir` with `recursive` does, and a tree may hold a link to any folder of this machine.
 */
export async function* foldersBelow(root: string): AsyncGenerator<readonly Visited[]> {
  const folders = [Buffer.from(root)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const parent = folder;
    const entries = await readdir(parent, { withFileTypes: true, encoding: 'buffer' });
    const visited = entries.map((entry) => ({ path: Buffer.concat([parent, slash, entry.name]), entry }));
    for (const { path, entry } of visited) if (entry.isDirectory()) folders.push(path);
    yield visited;
  }
}
