import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../ports.ts';
import type { Files } from '../repository.ts';
import { makeBare, type Bare, type Person } from './bare.ts';
import { credentialStore, type Level } from './credentials.ts';

/** What is so for the whole forge, until a test says otherwise. */
export interface Conditions {
  /** A new pull request shows in lists so much later; its own number answers at once. */
  listLagMs: number;
  /** From the first look at a new head or base to the answer whether it can be merged; null is never. */
  mergeableLagMs: number | null;
  /** The forge's clock minus ours: what `date` says and what a JWT is judged by. */
  skewMs: number;
  /** For each identity, in an hour that starts with its first request. Nobody has 60. */
  requestsPerHourMax: number;
  /** Requests that create something, in any 60 seconds; then the secondary limit says no. */
  contentPerMinuteMax: number;
  /** A file that is larger is refused in a push. */
  fileBytesMax: number;
  /** What becomes of webhooks that fall due: they go out in their order, each twice, or wait for `release`. */
  webhooks: 'once' | 'twice' | 'held';
  /**
   * Whether git's requests share a connection. On a kept one, libcurl sends a request again by itself when it is cut before the
   * first byte of an answer, so that a lost answer to a push hides itself.
   */
  isGitKeptAlive: boolean;
  /** Versions of the API that are taken. */
  apiVersions: readonly string[];
}

export interface FakeUser {
  readonly id: number;
  readonly login: string;
  readonly type: 'User' | 'Organization' | 'Bot';
}

/** Classic protection of one branch. */
export interface ProtectedBranch {
  readonly branch: string;
  readonly requiredChecks?: readonly string[];
}

/** A ruleset's rule: branches whose names start so take nothing but pull requests, or may not be made at all. */
export interface BranchRule {
  readonly prefix: string;
  readonly words: string;
}

/** A check that runs by itself on the head of every pull request. */
export interface ContinuousIntegration {
  readonly name: string;
  readonly conclusion: 'success' | 'failure';
  readonly afterMs: number;
  readonly summary?: string;
}

export interface FakeIssue {
  readonly id: number;
  readonly number: number;
  readonly title: string;
  readonly body: string | null;
  readonly author: string;
  readonly createdAtMs: number;
  /** A comment and a label are changes too. */
  updatedAtMs: number;
  readonly labels: string[];
  state: 'open' | 'closed';
}

export interface FakePull {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string | null;
  readonly author: string;
  readonly branch: string;
  base: string;
  /** Where the branch stood when it was last seen: a closed pull request keeps it. */
  headSha: string;
  baseSha: string;
  readonly isDraft: boolean;
  readonly createdAtMs: number;
  updatedAtMs: number;
  closedAtMs: number | null;
  mergedAtMs: number | null;
  mergedBy: string | null;
  mergeSha: string | null;
  readonly labels: string[];
  state: 'open' | 'closed';
  /** Which head and base were looked at for conflicts, and when that was first asked. */
  looked: { readonly of: string; readonly atMs: number } | null;
}

export interface FakeComment {
  readonly id: number;
  readonly number: number;
  readonly author: string;
  readonly body: string;
  readonly createdAtMs: number;
}

export interface FakeStatus {
  readonly id: number;
  readonly sha: string;
  readonly state: string;
  readonly context: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly atMs: number;
}

export interface FakeCheckRun {
  readonly id: number;
  readonly sha: string;
  /** Null: GitHub Actions made it. */
  readonly appId: number | null;
  readonly startedAtMs: number;
  name: string;
  externalId: string;
  detailsUrl: string | null;
  status: string;
  conclusion: string | null;
  completedAtMs: number | null;
  output: { readonly title: string | null; readonly summary: string | null; readonly text: string | null };
  /** Of the job of GitHub Actions behind it. */
  log: string | null;
}

export interface FakeWebhook {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly string[];
}

export interface FakeRepository {
  readonly id: number;
  readonly owner: string;
  name: string;
  readonly formerNames: string[];
  readonly isPrivate: boolean;
  readonly defaultBranch: string;
  readonly bare: Bare;
  /** Login to role; the owner is an admin. */
  readonly collaborators: Readonly<Record<string, Level>>;
  readonly protectedBranches: ProtectedBranch[];
  readonly rules: BranchRule[];
  isArchived: boolean;
  hasDrafts: boolean;
  hasDeleteOnMerge: boolean;
  ci: ContinuousIntegration | null;
  readonly createdAtMs: number;
  pushedAtMs: number;
  /** Branches as they were last seen. */
  seen: ReadonlyMap<string, string>;
  readonly issues: FakeIssue[];
  readonly pulls: FakePull[];
  readonly comments: FakeComment[];
  readonly statuses: FakeStatus[];
  readonly checkRuns: FakeCheckRun[];
  readonly webhooks: FakeWebhook[];
}

export interface NewRepository {
  readonly owner: string;
  readonly name: string;
  /** Default `main`. */
  readonly defaultBranch?: string;
  /** The first commit; null leaves the repository empty. */
  readonly files?: Files | null;
  /** Default private. */
  readonly isPrivate?: boolean;
  readonly protectedBranches?: readonly (string | ProtectedBranch)[];
  readonly rules?: readonly BranchRule[];
  readonly collaborators?: Readonly<Record<string, Level>>;
  readonly isArchived?: boolean;
  /** Whether draft pull requests are allowed; default true. */
  readonly hasDrafts?: boolean;
  readonly hasDeleteOnMerge?: boolean;
  /** Default none: checks come from `setCheckConclusion`. */
  readonly ci?: ContinuousIntegration;
}

/** Something happened that a webhook may tell. `happened` is the event's own part of the payload. */
export type Tell = (
  repository: FakeRepository,
  event: string,
  action: string | null,
  by: string,
  happened: Happened,
) => void;
export interface Happened {
  readonly pull?: FakePull;
  readonly issue?: FakeIssue;
  readonly comment?: FakeComment;
  readonly checkRun?: FakeCheckRun;
  readonly status?: FakeStatus;
  readonly label?: string;
  readonly push?: { readonly branch: string; readonly before: string; readonly after: string };
}

export const defaultConditions: Conditions = {
  listLagMs: 0,
  mergeableLagMs: 0,
  skewMs: 0,
  requestsPerHourMax: 5000,
  contentPerMinuteMax: 80,
  fileBytesMax: 100 * 1024 * 1024,
  webhooks: 'once',
  isGitKeptAlive: false,
  apiVersions: ['2022-11-28', '2026-03-10'],
};

export const noCommit = '0'.repeat(40);

/** The truth behind the API: accounts, repositories, credentials. Time is its clock's; nothing here knows HTTP. */
export class World {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly folder = mkdtempSync(join(tmpdir(), 'patchgit-forge-'));
  readonly users: FakeUser[] = [];
  readonly repositories: FakeRepository[] = [];
  readonly credentials = credentialStore();
  /** Addresses that the answers name: the API's and the web's (and git's). */
  apiUrl = '';
  webUrl = '';
  tell: Tell = () => undefined;
  isRemoved = false;
  #lastId = 700_000_000;

  constructor(clock: Clock, conditions: Partial<Conditions>) {
    this.clock = clock;
    this.conditions = { ...defaultConditions, ...conditions };
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** The time as the forge has it. */
  nowMs(): number {
    return this.clock.nowMs() + this.conditions.skewMs;
  }

  user(login: string, type?: FakeUser['type']): FakeUser {
    const there = this.users.find((one) => one.login.toLowerCase() === login.toLowerCase());
    if (there) return there;
    const made: FakeUser = { id: this.nextId(), login, type: type ?? (login.endsWith('[bot]') ? 'Bot' : 'User') };
    this.users.push(made);
    return made;
  }

  person(login: string): Person {
    const { id } = this.user(login);
    return { name: login, email: `${id}+${login}@users.noreply.forge.example` };
  }

  /** Also by a former name: whoever asks by that one is redirected. */
  find(owner: string, name: string): FakeRepository | null {
    const isOwner = (one: FakeRepository): boolean => one.owner.toLowerCase() === owner.toLowerCase();
    const wanted = name.toLowerCase();
    return (
      this.repositories.find((one) => isOwner(one) && one.name.toLowerCase() === wanted) ??
      this.repositories.find((one) => isOwner(one) && one.formerNames.some((old) => old.toLowerCase() === wanted)) ??
      null
    );
  }

  /** By `owner/name`; throws for one that is not there, which is a mistake in the test. */
  repository(fullName: string): FakeRepository {
    const [owner = '', name = ''] = fullName.split('/');
    const found = this.find(owner, name);
    if (found === null) throw new Error(`The fake forge has no repository ${fullName}.`);
    return found;
  }

  addRepository(wanted: NewRepository): FakeRepository {
    const { owner, name, files = { 'README.md': `# ${name}\n` }, defaultBranch = 'main' } = wanted;
    const id = this.nextId();
    const bare = makeBare(join(this.folder, `${id}.git`), defaultBranch);
    this.user(owner);
    for (const login of Object.keys(wanted.collaborators ?? {})) this.user(login);
    const atMs = this.nowMs();
    const first = { branch: defaultBranch, message: 'Start', by: this.person(owner), atMs };
    if (files !== null) bare.commit({ ...first, files });
    const repository: FakeRepository = {
      id,
      owner,
      name,
      formerNames: [],
      isPrivate: wanted.isPrivate ?? true,
      defaultBranch,
      bare,
      collaborators: wanted.collaborators ?? {},
      protectedBranches: (wanted.protectedBranches ?? []).map((one) =>
        typeof one === 'string' ? { branch: one } : one,
      ),
      rules: [...(wanted.rules ?? [])],
      isArchived: wanted.isArchived ?? false,
      hasDrafts: wanted.hasDrafts ?? true,
      hasDeleteOnMerge: wanted.hasDeleteOnMerge ?? false,
      ci: wanted.ci ?? null,
      createdAtMs: atMs,
      pushedAtMs: atMs,
      seen: bare.branches(),
      issues: [],
      pulls: [],
      comments: [],
      statuses: [],
      checkRuns: [],
      webhooks: [],
    };
    this.repositories.push(repository);
    return repository;
  }

  /** What a login may do with a repository. */
  roleOf(repository: FakeRepository, login: string): Level | null {
    if (repository.owner.toLowerCase() === login.toLowerCase()) return 'admin';
    const role = Object.entries(repository.collaborators).find(([who]) => who.toLowerCase() === login.toLowerCase());
    return role?.[1] ?? (repository.isPrivate ? null : 'read');
  }

  /** Ends it: what would still land later does not. */
  remove(): void {
    this.isRemoved = true;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function fullName({ owner, name }: FakeRepository): string {
  return `${owner}/${name}`;
}

export function nextNumber({ issues, pulls }: FakeRepository): number {
  return Math.max(0, ...issues.map(({ number }) => number), ...pulls.map(({ number }) => number)) + 1;
}
