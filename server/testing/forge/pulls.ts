/** What a pull request is on a forge: a branch that is looked at again whenever something moved. */
import { startContinuousIntegration } from './checks.ts';
import { fullName, nextNumber, noCommit, type FakePull, type FakeRepository, type World } from './world.ts';

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** One entry of `errors` in a 422. */
export interface Invalid {
  readonly resource: string;
  readonly field?: string;
  readonly code: string;
  readonly message?: string;
}

export interface NewPullRequest {
  readonly title: string | null;
  readonly body: string | null;
  /** `branch` or `owner:branch`. There are no forks here. */
  readonly head: string;
  readonly base: string;
  readonly isDraft: boolean;
}

/** The words are those of public reports (notes/testing.md 1.3). */
export function openPull(
  world: World,
  repository: FakeRepository,
  wanted: NewPullRequest,
  by: string,
): FakePull | { readonly errors: readonly Invalid[] } | { readonly message: string } {
  const { owner, bare } = repository;
  const [left = '', right] = wanted.head.split(':');
  const branch = right ?? left;
  const isHere = right === undefined || left.toLowerCase() === owner.toLowerCase();
  const headSha = isHere ? (bare.branches().get(branch) ?? null) : null;
  const baseSha = bare.branches().get(wanted.base) ?? null;
  const invalid = (field: string): Invalid => ({ resource: 'PullRequest', field, code: 'invalid' });
  const custom = (message: string): Invalid => ({ resource: 'PullRequest', code: 'custom', message });
  if (headSha === null || baseSha === null) {
    return { errors: [...(headSha === null ? [invalid('head')] : []), ...(baseSha === null ? [invalid('base')] : [])] };
  }
  if (wanted.isDraft && !repository.hasDrafts) {
    return { message: 'Draft pull requests are not supported in this repository.' };
  }
  if (repository.pulls.some((one) => one.state === 'open' && one.branch === branch && one.base === wanted.base)) {
    return { errors: [custom(`A pull request already exists for ${owner}:${branch}.`)] };
  }
  if (bare.countBetween(baseSha, headSha) === 0) {
    return { errors: [custom(`No commits between ${wanted.base} and ${branch}`)] };
  }
  const wrong = wrongText(wanted.title, wanted.body);
  if (wrong.length > 0) return { errors: wrong };
  const atMs = world.nowMs();
  const pull: FakePull = {
    id: world.nextId(),
    number: nextNumber(repository),
    title: wanted.title ?? '',
    body: wanted.body,
    author: by,
    branch,
    base: wanted.base,
    headSha,
    baseSha,
    isDraft: wanted.isDraft,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    closedAtMs: null,
    mergedAtMs: null,
    mergedBy: null,
    mergeSha: null,
    labels: [],
    state: 'open',
    looked: null,
  };
  repository.pulls.push(pull);
  bare.git('update-ref', `refs/pull/${pull.number}/head`, headSha);
  world.tell(repository, 'pull_request', 'opened', by, { pull });
  startContinuousIntegration(world, repository, headSha);
  return pull;
}

/** GitHub's limits: 256 characters for a title, 65,536 for a body. */
export function wrongText(title: string | null, body: string | null): Invalid[] {
  if (title === null || title.trim() === '')
    return [{ resource: 'PullRequest', field: 'title', code: 'missing_field' }];
  const tooLong = (field: string, charactersMax: number): Invalid => ({
    resource: 'PullRequest',
    field,
    code: 'custom',
    message: `${field} is too long (maximum is ${charactersMax} characters)`,
  });
  return [
    ...(title.length > 256 ? [tooLong('title', 256)] : []),
    ...((body ?? '').length > 65_536 ? [tooLong('body', 65_536)] : []),
  ];
}

export function setPullState(
  world: World,
  repository: FakeRepository,
  pull: FakePull,
  isOpen: boolean,
  by: string,
): void {
  if ((pull.state === 'open') === isOpen) return;
  pull.state = isOpen ? 'open' : 'closed';
  pull.updatedAtMs = world.nowMs();
  pull.closedAtMs = isOpen ? null : world.nowMs();
  world.tell(repository, 'pull_request', isOpen ? 'reopened' : 'closed', by, { pull });
}

/**
 * Compares the branches with what was seen last and draws every consequence: push events, new heads, pull requests that close
 * because their branch is gone, and those that count as merged because their base now holds them.
 */
export function settle(world: World, repository: FakeRepository, by: string): void {
  const before = repository.seen;
  const now = repository.bare.branches();
  repository.seen = now;
  const names = new Set([...before.keys(), ...now.keys()]);
  for (const branch of names) {
    const [old, moved] = [before.get(branch) ?? noCommit, now.get(branch) ?? noCommit];
    if (old === moved) continue;
    repository.pushedAtMs = world.nowMs();
    world.tell(repository, 'push', null, by, { push: { branch, before: old, after: moved } });
    if (old === noCommit) world.tell(repository, 'create', null, by, { push: { branch, before: old, after: moved } });
    if (moved === noCommit) world.tell(repository, 'delete', null, by, { push: { branch, before: old, after: moved } });
    for (const pull of repository.pulls) if (pull.state === 'open') follow(world, repository, pull, branch, moved, by);
  }
}

function follow(
  world: World,
  repository: FakeRepository,
  pull: FakePull,
  branch: string,
  now: string,
  by: string,
): void {
  if (pull.base === branch && now !== noCommit) {
    if (repository.bare.isAncestor(pull.headSha, now)) closeMerged(world, repository, pull, now, by);
    else pull.baseSha = now;
    return;
  }
  if (pull.branch !== branch) return;
  if (now === noCommit) {
    setPullState(world, repository, pull, false, by);
    return;
  }
  pull.headSha = now;
  pull.updatedAtMs = world.nowMs();
  repository.bare.git('update-ref', `refs/pull/${pull.number}/head`, now);
  world.tell(repository, 'pull_request', 'synchronize', by, { pull });
  startContinuousIntegration(world, repository, now);
}

function closeMerged(world: World, repository: FakeRepository, pull: FakePull, sha: string, by: string): void {
  pull.mergedAtMs = world.nowMs();
  pull.mergedBy = by;
  pull.mergeSha = sha;
  setPullState(world, repository, pull, false, by);
}

/** Somebody presses the button. Moves the base with real git; throws where GitHub's button would be grey. */
export function mergePull(
  world: World,
  repository: FakeRepository,
  pull: FakePull,
  method: MergeMethod,
  by: string,
): string {
  const { bare } = repository;
  const base = bare.branches().get(pull.base);
  if (pull.state !== 'open' || base === undefined)
    throw new Error(`${fullName(repository)}#${pull.number} is not open.`);
  const tree = bare.mergeTree(base, pull.headSha);
  if (tree === null) throw new Error(`${fullName(repository)}#${pull.number} has conflicts.`);
  const person = world.person(by);
  const commit = (parents: string[], message: string): string =>
    bare.commitTree(tree, parents, message, person, world.nowMs());
  const made = {
    merge: () =>
      commit(
        [base, pull.headSha],
        `Merge pull request #${pull.number} from ${repository.owner}/${pull.branch}\n\n${pull.title}`,
      ),
    squash: () => commit([base], `${pull.title} (#${pull.number})`),
    rebase: () => bare.rebase(base, pull.headSha, person, world.nowMs()),
  }[method]();
  bare.git('update-ref', `refs/heads/${pull.base}`, made, base);
  if (repository.hasDeleteOnMerge) bare.git('update-ref', '-d', `refs/heads/${pull.branch}`);
  closeMerged(world, repository, pull, made, by);
  settle(world, repository, by);
  return made;
}

/** Found out only after somebody asked: the first answer about a new head or base is null (GitHub computes it aside). */
export function mergeability(
  world: World,
  repository: FakeRepository,
  pull: FakePull,
): { readonly mergeable: boolean | null; readonly state: string } {
  if (pull.mergedAtMs !== null) return { mergeable: null, state: 'unknown' };
  const of = `${pull.headSha} ${pull.baseSha}`;
  const { mergeableLagMs } = world.conditions;
  const looked = pull.looked;
  if (looked?.of !== of) {
    pull.looked = { of, atMs: world.nowMs() };
    return { mergeable: null, state: 'unknown' };
  }
  if (mergeableLagMs === null || world.nowMs() < looked.atMs + mergeableLagMs)
    return { mergeable: null, state: 'unknown' };
  if (repository.bare.mergeTree(pull.baseSha, pull.headSha) === null) return { mergeable: false, state: 'dirty' };
  if (pull.isDraft) return { mergeable: true, state: 'draft' };
  const runs = repository.checkRuns.filter(({ sha }) => sha === pull.headSha);
  const required = repository.protectedBranches.find(({ branch }) => branch === pull.base)?.requiredChecks ?? [];
  const isGood = (name: string): boolean => runs.some((run) => run.name === name && run.conclusion === 'success');
  if (!required.every(isGood)) return { mergeable: true, state: 'blocked' };
  const isRed = runs.some(({ conclusion }) => conclusion === 'failure');
  return { mergeable: true, state: isRed ? 'unstable' : 'clean' };
}
