import type { Git, GitRequest } from '../../ports.ts';
import type { TreeEntry } from './tree-changes.ts';

/** What has to be known of a whole tree to work with its checkout. */
export interface IndexSummary {
  /** Files and links. */
  readonly files: number;
  readonly submodules: number;
  /** The `.gitattributes` files: they say how files are written out. */
  readonly attributes: readonly TreeEntry[];
}

/** Names of attribute files are rare, and a tree has many files: looked for in the bytes, without a string per file. */
const attributesName = Buffer.from('.gitattributes\0');
const submodule = Buffer.from('160000 ');
const indexBytesMax = 256 * 1024 * 1024;

/** Reads the index at `place.indexFile`; null when git cannot. Rows are `mode id stage`, TAB, path, NUL. */
export async function readIndex(git: Git, place: Omit<GitRequest, 'args'>): Promise<IndexSummary | null> {
  const answer = await git.run({ ...place, args: ['ls-files', '--stage', '-z'], outputBytesMax: indexBytesMax });
  if (answer.code !== 0) return null;
  const rows = answer.stdout;
  let files = 0;
  let submodules = 0;
  const attributes: TreeEntry[] = [];
  for (let at = 0; at < rows.length;) {
    const end = rows.indexOf(0, at);
    if (end === -1) break;
    if (rows.compare(submodule, 0, submodule.length, at, at + submodule.length) === 0) submodules += 1;
    else files += 1;
    const name = end + 1 - attributesName.length;
    if (name > at && rows.compare(attributesName, 0, attributesName.length, name, end + 1) === 0) {
      const row = rows.toString('utf8', at, end);
      const [, mode, oid, path] = /^(\d+) ([0-9a-f]+) \d\t((?:.*\/)?\.gitattributes)$/s.exec(row) ?? [];
      if (mode !== undefined && oid !== undefined && path !== undefined) attributes.push({ mode, oid, path });
    }
    at = end + 1;
  }
  return { files, submodules, attributes };
}
