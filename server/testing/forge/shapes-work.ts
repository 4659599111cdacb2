/** Commits, pull requests and what is said about them, in the words of the API. */
import type { CommitHead } from './bare.ts';
import type { FakeApp, Permissions } from './credentials.ts';
import type { mergeability } from './pulls.ts';
import { instant, instantOrNull, nodeId, repositoryShape, repositoryUrl, userShape, type Json } from './shapes.ts';
import type { CommentRow, IssueRow, LabelRow } from './vendor-types.ts';
import {
  fullName,
  type FakeCheckRun,
  type FakeComment,
  type FakeIssue,
  type FakePull,
  type FakeRepository,
  type FakeStatus,
  type World,
} from './world.ts';

export function refShape(world: World, repository: FakeRepository, ref: string, sha: string): Json {
  const url = repositoryUrl(world, repository);
  return {
    ref,
    node_id: `REF_${Buffer.from(ref).toString('base64url')}`,
    url: `${url}/git/${ref}`,
    object: { type: 'commit', sha, url: `${url}/git/commits/${sha}` },
  };
}

const unverified = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

/** Of the git database: `/git/commits`. */
export function gitCommitShape(world: World, repository: FakeRepository, head: CommitHead): Json {
  const url = repositoryUrl(world, repository);
  const page = `${world.webUrl}/${fullName(repository)}/commit`;
  return {
    sha: head.sha,
    node_id: `C_${head.sha}`,
    url: `${url}/git/commits/${head.sha}`,
    html_url: `${page}/${head.sha}`,
    author: head.author,
    committer: head.committer,
    message: head.message,
    tree: { sha: head.tree, url: `${url}/git/trees/${head.tree}` },
    parents: head.parents.map((sha) => ({ sha, url: `${url}/git/commits/${sha}`, html_url: `${page}/${sha}` })),
    verification: unverified,
  };
}

export function branchShape(world: World, repository: FakeRepository, branch: string, head: CommitHead): Json {
  const url = repositoryUrl(world, repository);
  const protection = repository.protectedBranches.find((one) => one.branch === branch);
  const contexts = protection?.requiredChecks ?? [];
  const page = `${world.webUrl}/${fullName(repository)}`;
  const commit = {
    sha: head.sha,
    node_id: `C_${head.sha}`,
    commit: {
      author: head.author,
      committer: head.committer,
      message: head.message,
      tree: { sha: head.tree, url: `${url}/git/trees/${head.tree}` },
      url: `${url}/git/commits/${head.sha}`,
      comment_count: 0,
      verification: unverified,
    },
    url: `${url}/commits/${head.sha}`,
    html_url: `${page}/commit/${head.sha}`,
    comments_url: `${url}/commits/${head.sha}/comments`,
    author: null,
    committer: null,
    parents: head.parents.map((sha) => ({ sha, url: `${url}/commits/${sha}`, html_url: `${page}/commit/${sha}` })),
  };
  return {
    name: branch,
    commit,
    _links: { self: `${url}/branches/${branch}`, html: `${page}/tree/${branch}` },
    protected: protection !== undefined,
    protection: {
      enabled: protection !== undefined,
      required_status_checks: {
        enforcement_level: contexts.length > 0 ? 'non_admins' : 'off',
        contexts,
        checks: contexts.map((context) => ({ context, app_id: null })),
      },
    },
    protection_url: `${url}/branches/${branch}/protection`,
  };
}

/** As lists show it; nothing is computed for it. */
export function pullShape(world: World, repository: FakeRepository, pull: FakePull): Json {
  const url = repositoryUrl(world, repository);
  const self = `${url}/pulls/${pull.number}`;
  const issue = `${url}/issues/${pull.number}`;
  const page = `${world.webUrl}/${fullName(repository)}/pull/${pull.number}`;
  const side = (ref: string, sha: string): Json => ({
    label: `${repository.owner}:${ref}`,
    ref,
    sha,
    user: userShape(world, world.user(repository.owner)),
    repo: repositoryShape(world, repository),
  });
  const links = {
    self,
    html: page,
    issue,
    comments: `${issue}/comments`,
    review_comments: `${self}/comments`,
    review_comment: `${url}/pulls/comments{/number}`,
    commits: `${self}/commits`,
    statuses: `${url}/statuses/${pull.headSha}`,
  };
  return {
    url: self,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: issue,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: userShape(world, world.user(pull.author)),
    body: pull.body,
    created_at: instant(pull.createdAtMs),
    updated_at: instant(pull.updatedAtMs),
    closed_at: instantOrNull(pull.closedAtMs),
    merged_at: instantOrNull(pull.mergedAtMs),
    merge_commit_sha: pull.mergeSha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: pull.labels.map((name) => labelShape(world, repository, name)),
    milestone: null,
    draft: pull.isDraft,
    commits_url: links.commits,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    comments_url: links.comments,
    statuses_url: links.statuses,
    head: side(pull.branch, pull.headSha),
    base: side(pull.base, pull.baseSha),
    _links: Object.fromEntries(Object.entries(links).map(([key, href]) => [key, { href }])),
    author_association: pull.author === repository.owner ? 'OWNER' : 'CONTRIBUTOR',
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** The answer about one pull request. `can` was just asked for, which may have changed what the next answer says. */
export function fullPullShape(
  world: World,
  repository: FakeRepository,
  pull: FakePull,
  can: ReturnType<typeof mergeability>,
): Json {
  const { bare } = repository;
  const isThere = bare.object(pull.headSha, 'commit') !== null;
  const changes = isThere ? bare.changes(pull.baseSha, pull.headSha) : [];
  const total = (of: 'additions' | 'deletions'): number => changes.reduce((sum, change) => sum + change[of], 0);
  return {
    ...pullShape(world, repository, pull),
    merged: pull.mergedAtMs !== null,
    mergeable: can.mergeable,
    rebaseable: can.mergeable,
    mergeable_state: can.state,
    merged_by: pull.mergedBy === null ? null : userShape(world, world.user(pull.mergedBy)),
    comments: repository.comments.filter(({ number }) => number === pull.number).length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: isThere ? bare.countBetween(pull.baseSha, pull.headSha) : 0,
    additions: total('additions'),
    deletions: total('deletions'),
    changed_files: changes.length,
  };
}

export function labelShape(world: World, repository: FakeRepository, name: string): LabelRow {
  return {
    id: repository.id + name.length,
    node_id: nodeId('LA', repository.id),
    url: `${repositoryUrl(world, repository)}/labels/${encodeURIComponent(name)}`,
    name,
    description: null,
    color: 'ededed',
    default: false,
  };
}

export function issueShape(world: World, repository: FakeRepository, issue: FakeIssue): IssueRow {
  const url = `${repositoryUrl(world, repository)}/issues/${issue.number}`;
  return {
    url,
    repository_url: repositoryUrl(world, repository),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: `${world.webUrl}/${fullName(repository)}/issues/${issue.number}`,
    id: issue.id,
    node_id: nodeId('I', issue.id),
    number: issue.number,
    title: issue.title,
    user: userShape(world, world.user(issue.author)),
    labels: issue.labels.map((name) => labelShape(world, repository, name)),
    state: issue.state,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: repository.comments.filter(({ number }) => number === issue.number).length,
    created_at: instant(issue.createdAtMs),
    updated_at: instant(issue.updatedAtMs),
    closed_at: null,
    author_association: issue.author === repository.owner ? 'OWNER' : 'NONE',
    body: issue.body,
  };
}

/** What a pull request is among issues. */
export function pullIssueShape(world: World, repository: FakeRepository, pull: FakePull): IssueRow {
  const { id, number, title, body, author, labels, state, createdAtMs, updatedAtMs } = pull;
  const like: FakeIssue = { id, number, title, body, author, labels, state, createdAtMs, updatedAtMs };
  const page = `${world.webUrl}/${fullName(repository)}/pull/${number}`;
  return {
    ...issueShape(world, repository, like),
    html_url: page,
    closed_at: instantOrNull(pull.closedAtMs),
    draft: pull.isDraft,
    pull_request: {
      url: `${repositoryUrl(world, repository)}/pulls/${number}`,
      html_url: page,
      diff_url: `${page}.diff`,
      patch_url: `${page}.patch`,
      merged_at: instantOrNull(pull.mergedAtMs),
    },
  };
}

export function commentShape(world: World, repository: FakeRepository, comment: FakeComment): CommentRow {
  const url = repositoryUrl(world, repository);
  const kind = repository.pulls.some(({ number }) => number === comment.number) ? 'pull' : 'issues';
  return {
    url: `${url}/issues/comments/${comment.id}`,
    html_url: `${world.webUrl}/${fullName(repository)}/${kind}/${comment.number}#issuecomment-${comment.id}`,
    issue_url: `${url}/issues/${comment.number}`,
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: userShape(world, world.user(comment.author)),
    created_at: instant(comment.createdAtMs),
    updated_at: instant(comment.createdAtMs),
    author_association: comment.author === repository.owner ? 'OWNER' : 'NONE',
    body: comment.body,
    performed_via_github_app: null,
  };
}

export function statusShape(world: World, repository: FakeRepository, status: FakeStatus): Json {
  const creator = world.user(status.creator);
  return {
    url: `${repositoryUrl(world, repository)}/statuses/${status.sha}`,
    avatar_url: `${world.webUrl}/avatars/${creator.id}`,
    id: status.id,
    node_id: nodeId('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: instant(status.atMs),
    updated_at: instant(status.atMs),
    creator: userShape(world, creator),
  };
}

export function checkRunShape(world: World, repository: FakeRepository, run: FakeCheckRun): Json {
  const url = `${repositoryUrl(world, repository)}/check-runs/${run.id}`;
  const app = world.credentials.apps.find(({ id }) => id === run.appId);
  return {
    id: run.id,
    node_id: nodeId('CR', run.id),
    head_sha: run.sha,
    name: run.name,
    external_id: run.externalId,
    url,
    html_url: `${world.webUrl}/${fullName(repository)}/runs/${run.id}`,
    details_url: run.detailsUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: instant(run.startedAtMs),
    completed_at: instantOrNull(run.completedAtMs),
    output: { ...run.output, annotations_count: 0, annotations_url: `${url}/annotations` },
    check_suite: { id: run.id - 1 },
    app: app ? appShape(world, app, {}) : appShape(world, { id: 15_368, slug: 'github-actions' }, {}),
    pull_requests: [],
  };
}

export function appShape(world: World, app: Pick<FakeApp, 'id' | 'slug'>, permissions: Permissions): Json {
  const page = `${world.webUrl}/apps/${app.slug}`;
  const since = instant(world.repositories[0]?.createdAtMs ?? 0);
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId('A', app.id),
    owner: userShape(world, world.user('forge-owner')),
    name: app.slug,
    description: null,
    external_url: page,
    html_url: page,
    created_at: since,
    updated_at: since,
    permissions,
    events: [],
  };
}
