/** A bare repository, as the forge keeps it, with the git that a forge runs inside. All calls are short and synchronous. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gitEnvironment, type Files } from '../repository.ts';

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface CommitHead {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Person & { readonly date: string };
  readonly committer: Person & { readonly date: string };
  readonly message: string;
}

export interface FileChange {
  readonly path: string;
  readonly previousPath: string | null;
  readonly status: 'added' | 'removed' | 'modified' | 'renamed';
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
}

export interface Bare {
  readonly gitDir: string;
  /** git in it; its standard output without the last line end. Throws when git says no. */
  readonly git: (...args: string[]) => string;
  /** The object's full id when there is one of this type (`commit`, `tree`, `blob`), else null. */
  readonly object: (name: string, type: string) => string | null;
  /** Branch to commit. */
  readonly branches: () => Map<string, string>;
  readonly head: (sha: string) => CommitHead;
  readonly isAncestor: (older: string, newer: string) => boolean;
  readonly countBetween: (base: string, head: string) => number;
  /** What a pull request shows: the changes since both sides parted. */
  readonly changes: (base: string, head: string) => FileChange[];
  /** Commits on a branch, which may be new; null for a file removes it. Returns the commit. */
  readonly commit: (change: NewCommit) => string;
  /** The merged tree, or null where the sides conflict. */
  readonly mergeTree: (base: string, head: string) => string | null;
  readonly commitTree: (tree: string, parents: readonly string[], message: string, by: Person, atMs: number) => string;
  /** The commits of `head` again on top of `base`. */
  readonly rebase: (base: string, head: string, by: Person, atMs: number) => string;
  readonly writeObject: (type: 'blob' | 'tree', content: Buffer | string) => string;
}

export interface NewCommit {
  readonly branch: string;
  readonly files: Files;
  readonly message: string;
  readonly by: Person;
  readonly atMs: number;
  /** Leaves what is there behind, as a force push does. */
  readonly onto?: string;
}

export function makeBare(gitDir: string, defaultBranch: string): Bare {
  execFileSync('git', ['init', '-q', '--bare', `--initial-branch=${defaultBranch}`, gitDir], { env: gitEnvironment });
  const run = (args: readonly string[], input: Buffer | string = '', more: Record<string, string> = {}): string =>
    execFileSync('git', ['--git-dir', gitDir, ...args], {
      env: { ...gitEnvironment, ...more },
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
    })
      .toString('utf8')
      .replace(/\n$/, '');
  const git = (...args: string[]): string => run(args);
  const answer = (args: readonly string[]): { readonly code: number | null; readonly text: string } => {
    const { status, stdout } = spawnSync('git', ['--git-dir', gitDir, ...args], { env: gitEnvironment });
    return { code: status, text: stdout.toString('utf8').trim() };
  };
  const object = (name: string, type: string): string | null => {
    const found = answer(['rev-parse', '--verify', '--quiet', `${name}^{${type}}`]);
    return found.code === 0 && name !== '' ? found.text : null;
  };
  const branches = (): Map<string, string> => {
    const lines = git('for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/').split('\n').filter(Boolean);
    return new Map(lines.map((line) => [line.slice('refs/heads/'.length + 41), line.slice(0, 40)]));
  };
  const commitTree: Bare['commitTree'] = (tree, parents, message, by, atMs) =>
    run(['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])], message, identity(by, atMs));
  return {
    gitDir,
    git,
    object,
    branches,
    commitTree,
    head: (sha) => headOf(git('cat-file', 'commit', sha), sha),
    isAncestor: (older, newer) => answer(['merge-base', '--is-ancestor', older, newer]).code === 0,
    countBetween: (base, head) => Number(git('rev-list', '--count', `${base}..${head}`)),
    changes: (base, head) => changesOf(git, base, head),
    commit: (change) => commitFiles(gitDir, run, object, commitTree, change),
    mergeTree: (base, head) => {
      const merged = answer(['merge-tree', '--write-tree', base, head]);
      return merged.code === 0 ? merged.text : null;
    },
    rebase: (base, head, by, atMs) => {
      const folder = mkdtempSync(join(gitDir, 'rebase-'));
      try {
        git('worktree', 'add', '--quiet', '--detach', folder, head);
        const inside = { cwd: folder, env: { ...gitEnvironment, ...identity(by, atMs) }, stdio: 'pipe' as const };
        execFileSync('git', ['rebase', '--quiet', base], inside);
        return execFileSync('git', ['rev-parse', 'HEAD'], inside).toString('utf8').trim();
      } finally {
        rmSync(folder, { recursive: true, force: true });
        git('worktree', 'prune');
      }
    },
    writeObject: (type, content) =>
      type === 'tree' ? run(['mktree'], content) : run(['hash-object', '-w', '--stdin'], content),
  };
}

function identity(by: Person, atMs: number): Record<string, string> {
  const date = `${Math.floor(atMs / 1000)} +0000`;
  return {
    GIT_AUTHOR_NAME: by.name,
    GIT_AUTHOR_EMAIL: by.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: by.name,
    GIT_COMMITTER_EMAIL: by.email,
    GIT_COMMITTER_DATE: date,
  };
}

function commitFiles(
  gitDir: string,
  run: (args: readonly string[], input?: Buffer | string, more?: Record<string, string>) => string,
  object: Bare['object'],
  commitTree: Bare['commitTree'],
  { branch, files, message, by, atMs, onto }: NewCommit,
): string {
  const there = object(`refs/heads/${branch}`, 'commit');
  const parent = onto ?? there ?? object('HEAD', 'commit');
  const scratch = mkdtempSync(join(gitDir, 'index-'));
  const index = { GIT_INDEX_FILE: join(scratch, 'index') };
  try {
    if (parent !== null) run(['read-tree', parent], '', index);
    const lines = Object.entries(files).map(([path, content]) => {
      if (content === null) return `0 ${'0'.repeat(40)}\t${path}\n`;
      writeFileSync(join(scratch, 'file'), content);
      return `100644 ${run(['hash-object', '-w', join(scratch, 'file')])}\t${path}\n`;
    });
    run(['update-index', '--add', '--replace', '--index-info'], lines.join(''), index);
    const tree = run(['write-tree'], '', index);
    const commit = commitTree(tree, parent === null ? [] : [parent], message, by, atMs);
    run(['update-ref', `refs/heads/${branch}`, commit]);
    return commit;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function headOf(text: string, sha: string): CommitHead {
  const end = text.indexOf('\n\n');
  const lines = text.slice(0, end).split('\n');
  const all = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const who = (line = ''): Person & { readonly date: string } => {
    const [, name = '', email = '', seconds = '0'] = /^(.*) <(.*)> (\d+)/.exec(line) ?? [];
    return { name, email, date: `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}Z` };
  };
  return {
    sha,
    tree: all('tree')[0] ?? '',
    parents: all('parent'),
    author: who(all('author')[0]),
    committer: who(all('committer')[0]),
    message: text.slice(end + 2),
  };
}

const statusOf = { A: 'added', D: 'removed', M: 'modified', T: 'modified', R: 'renamed' } as const;

function changesOf(git: Bare['git'], base: string, head: string): FileChange[] {
  const range = `${base}...${head}`;
  const counts = git('diff', '--numstat', '-z', '-M', range).split('\0');
  const raw = git('diff', '--raw', '--no-abbrev', '-z', '-M', range).split('\0');
  const changes: FileChange[] = [];
  for (let at = 0, count = 0; at < raw.length - 1;) {
    const [, , before = '', after = '', letters = 'M'] = (raw[at] ?? '').split(' ');
    const status = statusOf[letters.charAt(0) as keyof typeof statusOf] ?? 'modified';
    const isMoved = status === 'renamed';
    // A rename names both paths after its line; the numbers then stand on a line of their own, with an empty path.
    const [additions, deletions] = (counts[count] ?? '').split('\t').map((text) => Number(text) || 0);
    changes.push({
      path: raw[at + (isMoved ? 2 : 1)] ?? '',
      previousPath: isMoved ? (raw[at + 1] ?? '') : null,
      status,
      sha: status === 'removed' ? before : after,
      additions: additions ?? 0,
      deletions: deletions ?? 0,
    });
    at += isMoved ? 3 : 2;
    count += isMoved ? 3 : 1;
  }
  return changes;
}
