/** Real git repositories in temp folders: a bare origin, as a forge keeps it, and a clone where somebody works. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Path to content; null removes the file. */
export type Files = Readonly<Record<string, string | Buffer | null>>;

export interface TestRepository {
  /** Holds everything below; removed by `remove`. */
  readonly folder: string;
  /** The bare repository: what is added to patchgit. */
  readonly origin: string;
  /** Commits on `branch` (default main) and pushes it to the origin. Returns the commit id. */
  readonly commit: (files: Files, options?: { readonly branch?: string; readonly amend?: boolean }) => string;
  /** What `git diff` prints for these changes on main; nothing is kept. */
  readonly diff: (files: Files) => string;
  /** git in the bare origin; its standard output, trimmed. */
  readonly git: (...args: string[]) => string;
  /** git in the clone where somebody works. */
  readonly work: (...args: string[]) => string;
  /** Branches of the origin, sorted. */
  readonly branches: () => string[];
  readonly remove: () => void;
}

/** A day of its own, so that commits are the same everywhere. */
const at = '1767225600 +0000';

export const gitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_AUTHOR_DATE: at,
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_DATE: at,
};

const open = new Set<string>();

/** Makes an origin whose branch main holds `files`; without files it stays empty. */
export function makeRepository(files: Files | null = { 'README.md': 'hello\n' }): TestRepository {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-repository-'));
  open.add(folder);
  const origin = join(folder, 'origin.git');
  const clone = join(folder, 'clone');
  const run = (cwd: string, args: readonly string[]): string =>
    execFileSync('git', [...args], { cwd, env: gitEnvironment, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })
      .toString('utf8')
      .replace(/\n$/, '');
  const work = (...args: string[]): string => run(clone, args);
  run(folder, ['init', '-q', '--bare', '--initial-branch=main', 'origin.git']);
  run(folder, ['init', '-q', '--initial-branch=main', 'clone']);
  const write = (changes: Files): void => {
    for (const [path, content] of Object.entries(changes)) {
      const target = join(clone, path);
      if (content === null) rmSync(target, { force: true });
      else {
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, content);
      }
    }
    work('add', '--all', '--force');
  };
  const commit: TestRepository['commit'] = (changes, { branch = 'main', amend = false } = {}) => {
    if (work('branch', '--show-current') !== branch) work('checkout', '-q', '-B', branch);
    write(changes);
    work('commit', '-q', '--allow-empty', '-m', amend ? 'rewritten' : 'change', ...(amend ? ['--amend'] : []));
    work('push', '-q', '--force', origin, `${branch}:${branch}`);
    const made = work('rev-parse', 'HEAD');
    if (branch !== 'main') work('checkout', '-q', 'main');
    return made;
  };
  if (files !== null) commit(files);
  return {
    folder,
    origin,
    commit,
    diff: (changes) => {
      write(changes);
      const diff = work('diff', '--cached', '--binary');
      work('reset', '-q', '--hard');
      return `${diff}\n`;
    },
    git: (...args) => run(origin, args),
    work,
    branches: () =>
      run(origin, ['for-each-ref', '--format=%(refname:short)', 'refs/heads/']).split('\n').filter(Boolean),
    remove: () => {
      open.delete(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** For `afterEach`: removes every repository the test made, and fails when one could not be removed. */
export function removeRepositories(): void {
  for (const folder of open) {
    open.delete(folder);
    rmSync(folder, { recursive: true, force: true });
    if (existsSync(folder)) throw new Error(`${folder} was left behind`);
  }
}
