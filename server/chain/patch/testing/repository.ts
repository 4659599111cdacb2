/** Real bare repositories for the tests of this folder, made by one `git fast-import` each. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectId } from '#contract/ids.ts';
import type { Problem } from '#contract/problem.ts';
import { pathFromBytes } from '../../../lib/path-bytes.ts';
import { hardenedGit } from '../../../adapters/git.ts';
import type { Result } from '../../../lib/result.ts';
import { applyPatch, applyPatchFully } from '../apply.ts';
import { gitBaseReader } from '../base-reader.ts';
import { quoteName } from '../bytes.ts';
import { judgeTree } from '../judge.ts';
import { readPatch } from '../read.ts';

export interface File {
  readonly mode: '100644' | '100755' | '120000';
  readonly content: Buffer;
}

/** Path to file. A plain string is a file of mode 100644. */
export type Files = Readonly<Record<string, string | Buffer | File>>;

const path = '/usr/local/bin:/usr/bin:/bin';

export const git = hardenedGit({ path });

export interface Repository {
  readonly folder: string;
  readonly gitDir: string;
  /** Makes a commit with exactly these files. */
  readonly commit: (files: Files) => ObjectId;
  /** Several at once, in two processes. */
  readonly commits: (...all: readonly Files[]) => ObjectId[];
  readonly treeOf: (commit: ObjectId) => string;
  readonly diff: (from: ObjectId, to: ObjectId, ...options: string[]) => Buffer;
  /** Every file of a tree, as text of one byte per character. */
  readonly files: (tree: string, objectsDir?: string) => Record<string, string>;
  readonly remove: () => void;
}

export function makeRepository(): Repository {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-patch-'));
  const gitDir = join(folder, 'bare.git');
  const run = (args: readonly string[], input?: Buffer, objectsDir?: string): Buffer =>
    execFileSync('git', [`--git-dir=${gitDir}`, ...args], {
      ...(input ? { input } : {}),
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: path,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        ...(objectsDir
          ? { GIT_OBJECT_DIRECTORY: objectsDir, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(gitDir, 'objects') }
          : {}),
      },
    });
  execFileSync('git', ['init', '-q', '--bare', gitDir], { env: { PATH: path, GIT_CONFIG_GLOBAL: '/dev/null' } });
  let made = 0;
  const trees = new Map<string, string>();
  const commits = (...all: readonly Files[]): ObjectId[] => {
    const refs = all.map(() => `refs/heads/c${(made += 1)}`);
    run(
      ['fast-import', '--quiet', '--force'],
      Buffer.concat(all.map((files, at) => importStream(refs[at] ?? '', files))),
    );
    const asked = run(['rev-parse', ...refs.flatMap((ref) => [ref, `${ref}^{tree}`])])
      .toString()
      .trim()
      .split('\n');
    return all.map((_, at) => {
      const commit = ObjectId.parse(asked[at * 2]);
      trees.set(commit, asked[at * 2 + 1] ?? '');
      return commit;
    });
  };
  return {
    folder,
    gitDir,
    commit: (files) => commits(files)[0] ?? ObjectId.parse(''),
    commits,
    treeOf: (commit) => trees.get(commit) ?? '',
    diff: (from, to, ...options) => run(['diff', ...options, from, to]),
    files: (tree, objectsDir) => {
      const rows = run(['ls-tree', '-r', '-z', tree], undefined, objectsDir)
        .toString('latin1')
        .split('\0')
        .filter(Boolean);
      const entries = rows.map((row) => {
        const [mode = '', , oid = ''] = row.slice(0, row.indexOf('\t')).split(' ');
        return { mode, oid, path: pathFromBytes(row.slice(row.indexOf('\t') + 1)) };
      });
      const asked = Buffer.from(entries.map(({ oid }) => `${oid}\n`).join(''));
      const batch = run(['cat-file', '--batch'], asked, objectsDir).toString('latin1');
      let at = 0;
      return Object.fromEntries(
        entries.map(({ mode, path }) => {
          const end = batch.indexOf('\n', at);
          const size = Number(batch.slice(at, end).split(' ')[2]);
          const content = batch.slice(end + 1, end + 1 + size);
          at = end + size + 2;
          return [path, mode === '100644' ? content : `${mode}:${content}`];
        }),
      );
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function importStream(ref: string, files: Files): Buffer {
  const parts: Buffer[] = [Buffer.from(`commit ${ref}\ncommitter o <o@o> 1700000000 +0000\ndata 1\nx\ndeleteall\n`)];
  for (const [path, value] of Object.entries(files)) {
    const file =
      typeof value === 'string' || Buffer.isBuffer(value) ? { mode: '100644', content: Buffer.from(value) } : value;
    parts.push(Buffer.from(`M ${file.mode} inline `), Buffer.from(quoteName(path), 'latin1'));
    parts.push(Buffer.from(`\ndata ${file.content.length}\n`), file.content, Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}

export interface Outcome {
  readonly tree: string;
  readonly files: () => Record<string, string>;
  readonly mends: readonly string[];
  readonly handed: string;
  readonly objectsDir: string;
}

let scratches = 0;

/** An empty quarantine beside the repository. */
export function makeQuarantine(repository: Repository): { objectsDir: string; indexFile: string } {
  scratches += 1;
  const objectsDir = join(repository.folder, `objects-${scratches}`);
  mkdirSync(objectsDir);
  return { objectsDir, indexFile: join(repository.folder, `index-${scratches}`) };
}

/** The whole way of a paste: read, apply, judge. */
export async function tryPatch(
  repository: Repository,
  base: ObjectId,
  patch: string | Buffer,
  options: { readonly fully?: boolean } = {},
): Promise<Result<Outcome, Problem>> {
  const { gitDir } = repository;
  const read = await readPatch(Buffer.from(patch), gitBaseReader(git, gitDir, base));
  if (!read.ok) return read;
  const quarantine = makeQuarantine(repository);
  const place = { gitDir, base, ...quarantine };
  const apply = options.fully === true ? applyPatchFully : applyPatch;
  const { bytes, files, results } = read.value;
  const applied = await apply(git, { ...place, patch: bytes, files, results });
  if (!applied.ok) return applied;
  const { tree, rows } = applied.value;
  const refused = await judgeTree(git, { ...place, tree, rows });
  if (refused) return { ok: false, why: refused };
  return {
    ok: true,
    value: {
      tree,
      files: () => repository.files(tree, quarantine.objectsDir),
      mends: read.value.mends.map((mend) => mend.code),
      handed: read.value.bytes.toString('latin1'),
      objectsDir: quarantine.objectsDir,
    },
  };
}
