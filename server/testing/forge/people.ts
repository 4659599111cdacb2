/** What people and CI do on a forge beside us, as a test says it. All of it tells the webhooks. */
import type { Files } from '../repository.ts';
import { setCheck } from './checks.ts';
import { mergePull, setPullState, settle, type MergeMethod } from './pulls.ts';
import { addComment } from './routes-pulls.ts';
import {
  nextNumber,
  type FakeCheckRun,
  type FakeComment,
  type FakeIssue,
  type FakePull,
  type FakeRepository,
  type World,
} from './world.ts';

/** `repository` is `owner/name` everywhere; `by` is a login, the owner's when it is left out. */
export interface People {
  readonly pull: (repository: string, number: number) => FakePull;
  /** Returns the commit that the base stands at now. Throws when the pull request is not open or has conflicts. */
  readonly merge: (repository: string, number: number, options?: { method?: MergeMethod; by?: string }) => string;
  readonly closePull: (repository: string, number: number, by?: string) => void;
  /** Commits to a branch, new or there. `force` leaves what was on it behind and starts at the default branch again. */
  readonly pushBy: (push: PushBy) => string;
  readonly deleteBranch: (repository: string, branch: string, by?: string) => void;
  /** `conclusion` null: it runs. `ref` is a branch or a commit. */
  readonly setCheckConclusion: (
    repository: string,
    check: { ref: string; name: string; conclusion: string | null; summary?: string; log?: string },
  ) => FakeCheckRun;
  readonly comment: (repository: string, number: number, body: string, by?: string) => FakeComment;
  readonly addIssue: (
    repository: string,
    issue: { title: string; body?: string; by?: string; labels?: readonly string[] },
  ) => FakeIssue;
  readonly label: (repository: string, number: number, label: string, by?: string) => void;
  readonly rename: (repository: string, name: string) => void;
}

export interface PushBy {
  readonly repository: string;
  readonly branch: string;
  readonly files: Files;
  readonly by?: string;
  readonly message?: string;
  readonly force?: boolean;
}

export function people(world: World): People {
  const pullOf = (name: string, number: number): FakePull => {
    const found = world.repository(name).pulls.find((one) => one.number === number);
    if (!found) throw new Error(`The fake forge has no pull request ${name}#${number}.`);
    return found;
  };
  const owner = (name: string): string => world.repository(name).owner;
  return {
    pull: pullOf,
    merge: (name, number, { method = 'merge', by = owner(name) } = {}) =>
      mergePull(world, world.repository(name), pullOf(name, number), method, by),
    closePull: (name, number, by = owner(name)) =>
      setPullState(world, world.repository(name), pullOf(name, number), false, by),
    pushBy: ({ repository: name, branch, files, by = owner(name), message = 'Change', force = false }) => {
      const repository = world.repository(name);
      const start = force ? repository.bare.object(`refs/heads/${repository.defaultBranch}`, 'commit') : null;
      const commit = repository.bare.commit({
        branch,
        files,
        message,
        by: world.person(by),
        atMs: world.nowMs(),
        ...(start === null ? {} : { onto: start }),
      });
      settle(world, repository, by);
      return commit;
    },
    deleteBranch: (name, branch, by = owner(name)) => {
      const repository = world.repository(name);
      repository.bare.git('update-ref', '-d', `refs/heads/${branch}`);
      settle(world, repository, by);
    },
    setCheckConclusion: (name, check) => setCheck(world, world.repository(name), check),
    comment: (name, number, body, by = owner(name)) => addComment(world, world.repository(name), number, by, body),
    addIssue: (name, { title, body = null, by = owner(name), labels = [] }) => {
      const repository = world.repository(name);
      const issue: FakeIssue = {
        id: world.nextId(),
        number: nextNumber(repository),
        title,
        body,
        author: by,
        createdAtMs: world.nowMs(),
        updatedAtMs: world.nowMs(),
        labels: [],
        state: 'open',
      };
      world.user(by);
      repository.issues.push(issue);
      world.tell(repository, 'issues', 'opened', by, { issue });
      for (const label of labels) addLabel(world, repository, issue.number, label, by);
      return issue;
    },
    label: (name, number, label, by = owner(name)) => addLabel(world, world.repository(name), number, label, by),
    rename: (name, to) => {
      const repository = world.repository(name);
      repository.formerNames.push(repository.name);
      repository.name = to;
    },
  };
}

/** One that is on already stays, and nothing is told of it. */
export function addLabel(world: World, repository: FakeRepository, number: number, label: string, by: string): void {
  const issue = repository.issues.find((one) => one.number === number);
  const pull = repository.pulls.find((one) => one.number === number);
  const labelled = issue ?? pull;
  if (labelled === undefined || labelled.labels.includes(label)) return;
  labelled.labels.push(label);
  labelled.updatedAtMs = world.nowMs();
  if (issue) world.tell(repository, 'issues', 'labeled', by, { issue, label });
  if (pull) world.tell(repository, 'pull_request', 'labeled', by, { pull, label });
}
