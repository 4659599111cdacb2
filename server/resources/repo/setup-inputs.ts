/** What a set-up depends on, by name: manifests and lock files anywhere in a tree, and what the policy of the base names. */
import { matchesGlob } from 'node:path';
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git, type GitRequest } from '../../ports.ts';
import type { TreeEntry } from './tree-changes.ts';

type Place = Pick<GitRequest, 'gitDir'> & { readonly objectsDir?: string };

export interface SetUpInputs {
  /** Of a whole tree, in git's order. The first time for a tree this goes by its size. */
  readonly of: (place: Place, tree: ObjectId, globs: readonly string[]) => Promise<readonly TreeEntry[]>;
  /** What one tree has otherwise than another: brought anew, changed in content or mode, or gone. Goes by what differs. */
  readonly changed: (place: Place, from: ObjectId, to: ObjectId, globs: readonly string[]) => Promise<string[]>;
}

/** File names, wherever they stand: every package manager reads those of its members and of its folders above. */
const names = [
  // node
  /^(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|\.npmrc|\.nvmrc|\.node-version|lerna\.json|\.pnpmfile\.[cm]?js)$/,
  /^(?:yarn\.lock|\.yarnrc.*|pnpm-lock\.yaml|pnpm-workspace\.yaml|bunfig\.toml|bun\.lockb?)$/,
  // python
  /^(?:.*requirements.*\.(?:txt|in)|.*constraints.*\.txt|pyproject\.toml|poetry\.(?:lock|toml)|uv\.(?:lock|toml)|pdm\.lock)$/,
  /^(?:setup\.(?:py|cfg)|Pipfile.*|tox\.ini|pip\.conf|\.python-version|environment\.ya?ml)$/,
  // go, rust
  /^(?:go\.(?:mod|sum|work|work\.sum)|Cargo\.(?:toml|lock)|rust-toolchain.*)$/,
  // ruby, php
  /^(?:Gemfile.*|gems\.(?:rb|locked)|.*\.gemspec|\.ruby-version|composer\..*|auth\.json)$/,
  // java
  /^(?:pom\.xml|.*\.gradle.*|gradle\..*|gradlew|mvnw)$/,
  // Several worlds at once, packages that lie in the tree, and how files are written out.
  /^(?:\.tool-versions|.*\.(?:tgz|whl|gem)|\.gitattributes)$/,
];

/** Folders whose every file counts: configuration, and patches of dependencies. */
const folders = /(?:^|\/)(?:\.yarn|\.cargo|\.bundle|\.mvn|gradle|requirements|patches)\//;

/** Pure. `globs` as in `.patchgit.yml`. */
export function isSetUpInput(path: string, globs: readonly string[] = []): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return names.some((known) => known.test(name)) || folders.test(path) || globs.some((glob) => matchesGlob(path, glob));
}

const rememberedMax = 16;
/** As long a listing as a tree of about half a million files has. */
const listBytesMax = 64 * 1024 * 1024;

export function setUpInputs(git: Git): SetUpInputs {
  // A listing goes by the size of the tree; proofs on one base ask for it again and again.
  const remembered = new Map<string, Promise<readonly TreeEntry[]>>();
  return {
    of: async (place, tree, globs) => {
      const key = JSON.stringify([place.gitDir, tree, globs]);
      const listed = remembered.get(key) ?? listInputs(git, place, tree, globs);
      // The newest use comes last; what failed is asked again.
      remembered.delete(key);
      remembered.set(key, listed);
      for (const oldest of [...remembered.keys()].slice(0, -rememberedMax)) remembered.delete(oldest);
      listed.catch(() => remembered.delete(key));
      return await listed;
    },
    changed: (place, from, to, globs) => changedInputs(git, place, { from, to, globs }),
  };
}

async function listInputs(
  git: Git,
  place: Place,
  tree: ObjectId,
  globs: readonly string[],
): Promise<readonly TreeEntry[]> {
  const fields = await listOf(git, place, ['ls-tree', '-r', '-z', '--full-tree', tree], 'list the files of a tree');
  const inputs: TreeEntry[] = [];
  for (const row of fields) {
    // "mode type oid", tab, path.
    const tab = row.indexOf('\t');
    const path = row.slice(tab + 1);
    if (!isSetUpInput(path, globs)) continue;
    const [mode = '', , oid = ''] = row.slice(0, tab).split(' ');
    inputs.push({ mode, oid, path });
  }
  return inputs;
}

async function changedInputs(
  git: Git,
  place: Place,
  { from, to, globs }: { readonly from: ObjectId; readonly to: ObjectId; readonly globs: readonly string[] },
): Promise<string[]> {
  if (from === to) return [];
  const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to];
  const paths = await listOf(git, place, args, 'compare two trees');
  return paths.filter((path) => isSetUpInput(path, globs));
}

/** What git lists between NULs. A list that is cut would leave inputs out, and is refused. */
async function listOf(git: Git, place: Place, args: readonly string[], doing: string): Promise<string[]> {
  const answer = await git.run({ ...place, args, outputBytesMax: listBytesMax });
  if (answer.code !== 0 || answer.ended !== null)
    throw new PortError('git', doing, { cause: new Error(answer.stderr || `ended by: ${answer.ended}`) });
  return answer.stdout.toString('utf8').split('\0').filter(Boolean);
}
