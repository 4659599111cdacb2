import type { ForgeAccess } from '#contract/forge.ts';
import type { Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { GitHubName } from './github-address.ts';
import { BranchAnswer, CheckRuns, RepositoryAnswer } from './github-answers.ts';
import { basicOf, type Permissions, type Session } from './github-credential.ts';
import { LostAnswer, statusOf } from './github-http.ts';
import type { Place } from './github-pulls.ts';
import type { Self } from './github-self.ts';
import { NotSent } from './push-wire.ts';

/** What a classic token's scopes say. `repo` is everything but workflows; `public_repo` the same for public repositories. */
function scopesAllow(scopes: readonly string[], isPrivate: boolean): boolean {
  return scopes.includes('repo') || (!isPrivate && scopes.includes('public_repo'));
}

/**
 * What may be done at one repository, without doing any of it: what GitHub tells about the repository, the branch, the credential,
 * and whether git's door for pushes opens (its refs are asked for; nothing is pushed). What GitHub tells nobody before it is tried
 * is null, and said.
 */
export async function inspect(
  session: Session,
  { name }: Place,
  base: string,
  self: Self,
  wallMs: number,
): Promise<Result<ForgeAccess, Problem>> {
  const { owner, name: repo } = name;
  const found = await session.ask(
    {
      doing: 'show the repository',
      isWrite: false,
      schema: RepositoryAnswer,
      send: (octokit, headers) => octokit.rest.repos.get({ owner, repo, headers }),
    },
    name,
  );
  if (!found.ok) return found.why.status === 404 ? ok(unseen(session, name, self)) : no(found.why.problem);
  const branch = await session.ask(
    {
      doing: 'show the base branch',
      isWrite: false,
      schema: BranchAnswer,
      send: (octokit, headers) => octokit.rest.repos.getBranch({ owner, repo, branch: base, headers }),
    },
    name,
  );
  if (!branch.ok && branch.why.status !== 404) return no(branch.why.problem);
  const permissions = await session.credential.permissions(name);
  if (!permissions.ok) return permissions;
  const canReadChecks = branch.ok ? await mayReadChecks(session, name, base) : ok(true);
  if (!canReadChecks.ok) return canReadChecks;
  const push = await mayPush(session, name, wallMs);
  if (!push.ok) return push;
  const repository = found.value.value;
  const rights = rightsOf(repository, self.scopes, permissions.value, push.value);
  const isArchived = repository.archived || repository.disabled === true;
  const access: ForgeAccess = {
    credential: session.credential.kind,
    actsAs: self.login,
    expiresAtMs: self.expiresAtMs,
    canRead: true,
    ...rights,
    isBaseProtected: branch.ok ? branch.value.value.protected : null,
    isArchived,
    missing: [],
  };
  const missing = missingOf(session, name, base, access, branch.ok);
  if (!canReadChecks.value) {
    missing.push('It may not read what CI says about a commit: give it "Checks: read" (an App, or classic: "repo").');
  }
  return ok({ ...access, missing });
}

async function mayReadChecks(session: Session, name: GitHubName, base: string): Promise<Result<boolean, Problem>> {
  const { owner, name: repo } = name;
  const read = await session.ask(
    {
      doing: 'say what CI says',
      isWrite: false,
      schema: CheckRuns,
      send: (octokit, headers) => octokit.rest.checks.listForRef({ owner, repo, ref: base, per_page: 1, headers }),
    },
    name,
  );
  if (read.ok) return ok(true);
  return read.why.problem.code === 'forge_forbidden' ? ok(false) : no(read.why.problem);
}

type Rights = Pick<ForgeAccess, 'canPush' | 'canOpenPulls' | 'canChangeWorkflows' | 'startsChecks'>;

function rightsOf(
  { private: isPrivate }: RepositoryAnswer,
  scopes: readonly string[] | null,
  permissions: Permissions | null,
  canPush: boolean | null,
): Rights {
  if (permissions !== null) {
    const isWrite = (key: string): boolean => permissions[key] === 'write';
    return {
      canPush: isWrite('contents') && canPush !== false,
      canOpenPulls: isWrite('pull_requests'),
      canChangeWorkflows: isWrite('workflows'),
      startsChecks: true,
    };
  }
  if (scopes !== null) {
    const isAllowed = scopesAllow(scopes, isPrivate);
    return {
      canPush: isAllowed && canPush !== false,
      canOpenPulls: isAllowed,
      canChangeWorkflows: scopes.includes('workflow'),
      startsChecks: true,
    };
  }
  // A fine-grained token: GitHub shows its permissions to nobody, and a pull request cannot be tried without making one.
  return { canPush, canOpenPulls: null, canChangeWorkflows: null, startsChecks: true };
}

/** Asks git's door for pushes for its refs, as the first half of any push does. Null: that could not be found out. */
async function mayPush(
  { credential, gitOrigin, through }: Session,
  name: GitHubName,
  wallMs: number,
): Promise<Result<boolean | null, Problem>> {
  const token = await credential.token(name);
  if (!token.ok) return token;
  const url = new URL(`${gitOrigin}/${name.owner}/${name.name}.git/info/refs?service=git-receive-pack`);
  const authorization = token.value === null ? {} : { authorization: basicOf(token.value) };
  const headers = { ...authorization, 'user-agent': 'git/patchgit' };
  try {
    const limits = { wallMs, answerBytesMax: 0, ...(through === undefined ? {} : { through }) };
    const { status } = await statusOf(url, headers, limits);
    if (status === 200) return ok(true);
    return ok([401, 403, 404].includes(status) ? false : null);
  } catch (error) {
    // Only this one thing is then not known; it is said as such.
    if (error instanceof LostAnswer || error instanceof NotSent) return ok(null);
    throw error;
  }
}

function unseen(session: Session, { owner, name }: GitHubName, self: Self): ForgeAccess {
  const isApp = session.credential.kind === 'app';
  const where = isApp
    ? `Add it to the App at ${session.gitOrigin}/settings/installations, "Repository access".`
    : `Give the token this repository at ${session.gitOrigin}/settings/personal-access-tokens (classic: the scope "repo").`;
  return {
    credential: session.credential.kind,
    actsAs: self.login,
    expiresAtMs: self.expiresAtMs,
    canRead: false,
    canPush: false,
    canOpenPulls: false,
    canChangeWorkflows: false,
    startsChecks: null,
    isBaseProtected: null,
    isArchived: null,
    missing: [`There is no ${owner}/${name} on GitHub, or ${self.login} may not see it. ${where}`],
  };
}

function missingOf(
  { credential, gitOrigin }: Session,
  { owner, name }: GitHubName,
  base: string,
  access: ForgeAccess,
  hasBase: boolean,
): string[] {
  const full = `${owner}/${name}`;
  const place =
    credential.kind === 'app'
      ? `on the page of the App (then accept it at ${gitOrigin}/settings/installations)`
      : `at ${gitOrigin}/settings/personal-access-tokens`;
  const said: string[] = [];
  if (access.isArchived === true)
    said.push(`${full} is archived, so nothing can be pushed to it. Unarchive it at ${gitOrigin}/${full}/settings.`);
  if (!hasBase) said.push(`${full} has no branch ${base}, so no pull request can be made for it.`);
  if (access.canPush === false && access.isArchived !== true)
    said.push(
      `${access.actsAs} may not push to ${full}: give it "Contents: read and write" (classic: "repo") ${place}.`,
    );
  if (access.canPush === null) said.push('Whether it may push is not known until the first push.');
  if (access.canOpenPulls === false)
    said.push(`It may not open pull requests: give it "Pull requests: read and write" (classic: "repo") ${place}.`);
  if (access.canOpenPulls === null) {
    said.push(
      'GitHub does not show what a fine-grained token may do: whether it may open pull requests is not known until the first one. It needs "Pull requests: read and write".',
    );
  }
  if (access.canChangeWorkflows === false) {
    said.push(
      `Changes to .github/workflows cannot be pushed: give it "Workflows: read and write" (classic: "workflow") ${place}, if you want them.`,
    );
  }
  if (access.canChangeWorkflows === null)
    said.push('Whether it may change .github/workflows is not known until the first push that does.');
  return said;
}
