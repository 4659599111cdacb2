import { join } from 'node:path';
import { readdir, rm } from 'node:fs/promises';
import { ObjectId, type RepositoryId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { NewRepository, Repository } from '#contract/repository.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock, Git, TransferTrouble } from '../../ports.ts';
import { detectChecks, detectionFiles, detectionNames, type Detected } from './detect.ts';
import { setUpInputs, type SetUpInputs } from './setup-inputs.ts';
import { detectSetUp, setUpContents, setUpFolders, setUpNames, type DetectedSetUp } from './setup-detect.ts';
import { ownerChecks, type Repositories } from './store.ts';
import { readRepositoryUrl } from './url.ts';

const detectionBytesMax = 512 * 1024;

export interface Mirrors {
  readonly gitDir: (id: RepositoryId) => string;
  /** Adds a repository: its name must be free, its address reachable, and it must have a commit. */
  readonly add: (request: NewRepository, signal?: AbortSignal) => Promise<Result<Repository, Problem>>;
  /** Brings the mirror up to date. One fetch at a time per repository: a second caller waits for the first one's answer. */
  readonly fetch: (repository: Repository) => Promise<Result<Repository, Problem>>;
  /** The commit a branch, tag or commit id names in the mirror, or null. */
  readonly resolve: (id: RepositoryId, ref: string) => Promise<ObjectId | null>;
  readonly branches: (id: RepositoryId) => Promise<string[]>;
  /** How the project at `commit` is checked, by its own files. */
  readonly detect: (id: RepositoryId, commit: ObjectId) => Promise<DetectedProject>;
  /** What a set-up depends on; remembers the trees it has listed. */
  readonly setUpInputs: SetUpInputs;
  readonly forget: (id: RepositoryId) => Promise<void>;
  /** After a crash: removes mirrors that no repository owns. Called once at start, before anything is fetched. */
  readonly sweep: () => Promise<void>;
}

/** How a project is checked, and what that needs first; null: nothing, or it is in the tree. */
export interface DetectedProject extends Detected {
  readonly setUp: DetectedSetUp | null;
}

interface Parts {
  readonly git: Git;
  readonly folder: string;
  readonly repositories: Repositories;
  readonly clock: Clock;
  /** A default branch is new or has moved. */
  readonly onMoved?: () => void;
  /** Whether an address is one of GitHub's; absent: none is. */
  readonly isAtGitHub?: (url: string) => boolean;
}

export function mirrors(parts: Parts): Mirrors {
  const gitDir = (id: RepositoryId): string => join(parts.folder, `${id}.git`);
  const running = new Map<string, Promise<Result<Repository, Problem>>>();
  return {
    gitDir,
    add: (request, signal) => addRepository(parts, gitDir, request, signal),
    fetch: (repository) => {
      const already = running.get(repository.id);
      if (already) return already;
      const fetching = fetchRepository(parts, gitDir(repository.id), repository).finally(() =>
        running.delete(repository.id),
      );
      running.set(repository.id, fetching);
      return fetching;
    },
    resolve: (id, ref) => resolveRef(parts.git, gitDir(id), ref),
    branches: async (id) => {
      const listed = await parts.git.run({
        gitDir: gitDir(id),
        args: ['for-each-ref', '--format=%(refname:short)', 'refs/heads/'],
      });
      return listed.stdout.toString('utf8').split('\n').filter(Boolean);
    },
    detect: (id, commit) => detectAt(parts.git, gitDir(id), commit),
    setUpInputs: setUpInputs(parts.git),
    forget: (id) => rm(gitDir(id), { recursive: true, force: true }),
    sweep: async () => {
      const owned = new Set(parts.repositories.list().map((repository) => gitDir(repository.id)));
      for (const name of await readdir(parts.folder)) {
        const path = join(parts.folder, name);
        if (!owned.has(path)) await rm(path, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  };
}

async function addRepository(
  { git, repositories, clock, onMoved, isAtGitHub }: Parts,
  gitDirOf: (id: RepositoryId) => string,
  request: NewRepository,
  signal?: AbortSignal,
): Promise<Result<Repository, Problem>> {
  const url = readRepositoryUrl(request.url, isAtGitHub);
  if (!url.ok) return url;
  const taken = (): { ok: false; why: Problem } =>
    no(problem('repository_exists', `There is a repository named ${request.name} already. Choose another name.`));
  if (repositories.find(request.name)) return taken();
  const id = repositories.newId();
  const gitDir = gitDirOf(id);
  const fetched = await git.fetch(gitDir, url.value, signal);
  const undo = async (why: Problem): Promise<Result<Repository, Problem>> => {
    await rm(gitDir, { recursive: true, force: true });
    return no(why);
  };
  if (!fetched.ok) return await undo(transferProblem(url.value, fetched.why));
  const head = fetched.value === '' ? null : await resolveRef(git, gitDir, fetched.value);
  if (head === null) {
    return await undo(
      problem(
        'repository_empty',
        `${url.value} has no commit on its default branch yet. Make a first commit there, then add it again.`,
      ),
    );
  }
  const detected = await detectAt(git, gitDir, head);
  // Somebody may have taken the name while we fetched.
  if (repositories.find(request.name)) return await undo(taken().why);
  onMoved?.();
  return ok(
    repositories.add({
      id,
      name: request.name,
      url: url.value,
      forge: isAtGitHub?.(url.value) === true ? 'github' : 'local',
      defaultBranch: fetched.value,
      head,
      fetchedAtMs: clock.nowMs(),
      checks: ownerChecks(request.checks ?? null),
      detectedChecks: detected.checks,
      formatter: request.formatter || null,
      detectedFormatter: detected.formatter,
      setUp: request.setUp ?? null,
      detectedSetUp: detected.setUp?.command ?? null,
      author: null,
      trouble: null,
      addedAtMs: clock.nowMs(),
    }),
  );
}

async function fetchRepository(
  { git, repositories, onMoved }: Parts,
  gitDir: string,
  repository: Repository,
): Promise<Result<Repository, Problem>> {
  const fetched = await git.fetch(gitDir, repository.url);
  if (!fetched.ok) {
    const why = transferProblem(repository.url, fetched.why);
    repositories.unreachable(repository.id, why.message);
    return no(why);
  }
  const defaultBranch = fetched.value === '' ? repository.defaultBranch : fetched.value;
  const head = await resolveRef(git, gitDir, defaultBranch);
  const detected = await detectedAt(git, gitDir, head, repository);
  if (head !== repository.head) onMoved?.();
  return ok(
    repositories.fetched(repository.id, {
      head,
      defaultBranch,
      detectedChecks: detected.checks,
      detectedFormatter: detected.formatter,
      detectedSetUp: detected.setUp,
    }),
  );
}

/** What the repository's row says already, or what the files of another tip say. */
async function detectedAt(
  git: Git,
  gitDir: string,
  head: ObjectId | null,
  known: Repository,
): Promise<Detected & { readonly setUp: string | null }> {
  const { detectedChecks: checks, detectedFormatter: formatter, detectedSetUp: setUp } = known;
  if (head === null) return { checks: [], formatter: null, setUp: null };
  // A row of before there was a set-up knows nothing of it.
  if (head === known.head && setUp !== undefined) return { checks, formatter, setUp };
  const detected = await detectAt(git, gitDir, head);
  return { ...detected, setUp: detected.setUp?.command ?? null };
}

async function resolveRef(git: Git, gitDir: string, ref: string): Promise<ObjectId | null> {
  // A branch wins over a tag of the same name; a full commit id works too.
  for (const name of [`refs/heads/${ref}`, `refs/tags/${ref}`, ref]) {
    const found = await git.run({
      gitDir,
      args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
    });
    if (found.code === 0) return ObjectId.parse(found.stdout.toString('utf8').trim());
  }
  return null;
}

async function detectAt(git: Git, gitDir: string, commit: ObjectId): Promise<DetectedProject> {
  const asked = [...detectionFiles, ...setUpContents, ...detectionNames, ...setUpNames, ...setUpFolders];
  const listed = await git.run({ gitDir, args: ['ls-tree', '-z', commit, '--', ...asked] });
  const contents = new Set<string>([...detectionFiles, ...setUpContents]);
  const folders = new Set<string>(setUpFolders);
  const files = new Map<string, string>();
  for (const row of listed.stdout.toString('utf8').split('\0').filter(Boolean)) {
    const [, kind, id, path] = /^\d+ (\w+) ([0-9a-f]+)\t(.*)$/s.exec(row) ?? [];
    if (id === undefined || path === undefined) continue;
    if (kind !== 'blob' && !folders.has(path)) continue;
    if (!contents.has(path)) {
      files.set(path, '');
      continue;
    }
    const blob = await git.run({ gitDir, args: ['cat-file', 'blob', id], outputBytesMax: detectionBytesMax });
    files.set(path, blob.stdout.toString('utf8'));
  }
  const detected = detectChecks(files);
  return { ...detected, setUp: detectSetUp(files, detected) };
}

/** What git said about a remote, as a sentence the owner can act on. */
export function transferProblem(
  url: string,
  why: { readonly trouble: TransferTrouble; readonly detail: string },
): Problem {
  switch (why.trouble) {
    case 'needs_password':
      return problem(
        'repository_needs_password',
        `${url} asks for a password or refuses the key or token patchgit has (${why.detail}). patchgit never types a password: give its user an ssh key, for GitHub a token that is still good, or use an address that can be read without one.`,
      );
    case 'not_git':
      return problem(
        'repository_not_git',
        `There is no git repository that patchgit can read at ${url}. Check the address, and that patchgit's user may read it. git said: ${why.detail}`,
      );
    case 'timed_out':
      return problem('repository_unreachable', `${url} did not answer in time. Try again, or check the network.`);
    case 'unreachable':
    case 'refused':
    case 'moved':
      return problem('repository_unreachable', `${url} could not be fetched. git said: ${why.detail}`);
  }
}
