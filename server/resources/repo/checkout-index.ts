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

type IndexPlace = Omit<GitRequest, 'args'> & { readonly workTree: string };

const submodule = '160000';
const modeBytes = submodule.length + 1;

/**
 * Reads the index at `place.indexFile`; null when git cannot. `workTree` is the folder it lists: git wants one to tell ignored
 * files, which is how it is asked for files by name, and looks at nothing in it. Only the modes of all files come over, and the
 * names of the few that say something: the whole list of a large repository was the most memory that a job took.
 */
export async function readIndex(git: Git, place: IndexPlace): Promise<IndexSummary | null> {
  const [modes, named] = await Promise.all([
    git.run({ ...place, args: ['ls-files', '-z', '--format=%(objectmode)'] }),
    git.run({ ...place, args: ['ls-files', '-z', '--stage', '--cached', '--ignored', '--exclude=.gitattributes'] }),
  ]);
  if (modes.code !== 0 || named.code !== 0) return null;
  const rows = modes.stdout;
  let submodules = 0;
  for (let at = rows.indexOf(submodule); at !== -1; at = rows.indexOf(submodule, at + modeBytes)) submodules += 1;
  const attributes: TreeEntry[] = [];
  for (const row of named.stdout.toString('utf8').split('\0')) {
    const [, mode, oid, path] = /^(\d+) ([0-9a-f]+) \d\t((?:.*\/)?\.gitattributes)$/s.exec(row) ?? [];
    if (mode !== undefined && oid !== undefined && path !== undefined) attributes.push({ mode, oid, path });
  }
  return { files: rows.length / modeBytes - submodules, submodules, attributes };
}
