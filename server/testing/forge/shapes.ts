/** Accounts and repositories in the words of the API: what each looks like in an answer. */
import { loginOf, type Credential, type Level, type Permissions } from './credentials.ts';
import type { RepositoryRow, UserRow } from './vendor-types.ts';
import { fullName, type FakeRepository, type FakeUser, type World } from './world.ts';

export type Json = Record<string, unknown>;

export const instant = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
export const instantOrNull = (ms: number | null): string | null => (ms === null ? null : instant(ms));

export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(`${kind}:${id}`).toString('base64url')}`;
}

export function userShape(world: World, user: FakeUser): UserRow {
  const url = `${world.apiUrl}/users/${encodeURIComponent(user.login)}`;
  return {
    login: user.login,
    id: user.id,
    node_id: nodeId('U', user.id),
    avatar_url: `${world.webUrl}/avatars/${user.id}`,
    gravatar_id: '',
    url,
    html_url: `${world.webUrl}/${encodeURIComponent(user.login)}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

/** `/user`: what the owner of a token sees of themselves. */
export function ownUserShape(world: World, user: FakeUser): Json {
  const since = instant(world.repositories[0]?.createdAtMs ?? world.nowMs());
  return {
    ...userShape(world, user),
    name: user.login,
    company: null,
    blog: '',
    location: null,
    email: null,
    hireable: null,
    bio: null,
    twitter_username: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: since,
    updated_at: since,
  };
}

/** Ends of the addresses that every repository names; RFC 6570 templates where the API has them. */
const addresses = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

export function repositoryUrl(world: World, repository: FakeRepository): string {
  return `${world.apiUrl}/repos/${fullName(repository)}`;
}

/** As it stands in lists and inside other things. */
export function repositoryShape(
  world: World,
  repository: FakeRepository,
  viewer: Credential | null = null,
): RepositoryRow {
  const url = repositoryUrl(world, repository);
  const page = `${world.webUrl}/${fullName(repository)}`;
  const openIssues =
    repository.issues.filter(({ state }) => state === 'open').length +
    repository.pulls.filter(({ state }) => state === 'open').length;
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: fullName(repository),
    private: repository.isPrivate,
    owner: userShape(world, world.user(repository.owner)),
    html_url: page,
    description: null,
    fork: false,
    url,
    ...addressesBelow(url),
    created_at: instant(repository.createdAtMs),
    updated_at: instant(repository.pushedAtMs),
    pushed_at: instant(repository.pushedAtMs),
    git_url: `${page.replace(/^http/, 'git')}.git`,
    ssh_url: `git@forge.example:${fullName(repository)}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    size: 1,
    forks: 0,
    forks_count: 0,
    open_issues: openIssues,
    open_issues_count: openIssues,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    topics: [],
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    is_template: false,
    allow_forking: true,
    web_commit_signoff_required: false,
    visibility: repository.isPrivate ? 'private' : 'public',
    default_branch: repository.defaultBranch,
    archived: repository.isArchived,
    disabled: false,
    ...(viewer === null ? {} : { permissions: seenPermissions(world, repository, viewer) }),
  };
}

function addressesBelow(url: string): Record<keyof typeof addresses, string> {
  const full = Object.entries(addresses).map(([key, end]) => [key, `${url}${end}`] as const);
  // `fromEntries` forgets the keys, which are those of the table.
  return Object.fromEntries(full) as Record<keyof typeof addresses, string>;
}

/** The answer about one repository. */
export function fullRepositoryShape(world: World, repository: FakeRepository, viewer: Credential | null): Json {
  return {
    ...repositoryShape(world, repository, viewer),
    network_count: 0,
    subscribers_count: 0,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    delete_branch_on_merge: repository.hasDeleteOnMerge,
  };
}

/**
 * A person's token shows what the person may do, also where the token may do less: `push: true` is no proof that it can push. An
 * installation shows what it was given.
 */
function seenPermissions(
  world: World,
  repository: FakeRepository,
  viewer: Credential,
): NonNullable<RepositoryRow['permissions']> {
  const role =
    viewer.kind === 'installation' ? contentsRole(viewer.permissions) : world.roleOf(repository, loginOf(viewer));
  const isWriter = role === 'write' || role === 'admin';
  return {
    admin: role === 'admin',
    maintain: role === 'admin',
    push: isWriter,
    triage: isWriter,
    pull: role !== null,
  };
}

function contentsRole(permissions: Permissions): Level | null {
  return permissions['contents'] ?? null;
}

/** A page of a list and the `link` header that leads to the others. At most 100 to a page, 30 when nobody asks. */
export function pageOf<Row>(
  url: URL,
  rows: readonly Row[],
): { readonly rows: readonly Row[]; readonly link: string | null } {
  const asNumber = (name: string, otherwise: number): number => {
    const value = Number(url.searchParams.get(name) ?? otherwise);
    return Number.isInteger(value) && value >= 1 ? value : otherwise;
  };
  const perPage = Math.min(100, asNumber('per_page', 30));
  const page = asNumber('page', 1);
  const last = Math.max(1, Math.ceil(rows.length / perPage));
  const link = (to: number, rel: string): string => {
    const target = new URL(url);
    target.searchParams.set('page', String(to));
    return `<${target.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(Math.min(page - 1, last), 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  return {
    rows: rows.slice((page - 1) * perPage, page * perPage),
    link: links.length === 0 ? null : links.join(', '),
  };
}
