/**
 * Operations that the cut description leaves out. Nothing judges them while they run: their answers are held when this is compiled, by
 * the types that the vendor publishes with its client, and so are the names of what may be asked for.
 */
import { addLabel } from './people.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import {
  listed,
  ofAccount,
  ofRepository,
  reads,
  writes,
  type Asked,
  type AskedOfRepository,
  type Route,
} from './routes-kit.ts';
import { instant, repositoryShape } from './shapes.ts';
import { commentShape, issueShape, labelShape, pullIssueShape } from './shapes-work.ts';
import type {
  CommentRow,
  CommentsAsked,
  IssueRow,
  IssuesAsked,
  LabelRow,
  LabelsAsked,
  RepositoryRow,
  RepositoriesAsked,
} from './vendor-types.ts';
import { isSelected } from './access.ts';
import { loginOf } from './credentials.ts';
import type { FakeIssue, FakePull } from './world.ts';

const bothRead = reads('issues', 'pull_requests');
const bothWrite = writes('issues', 'pull_requests');

export const typedRoutes: readonly Route[] = [
  ofAccount('repos/list-for-authenticated-user', 'GET', '/user/repos', listOwnRepositories),
  ofRepository('issues/list-for-repo', 'GET', '/issues', reads('issues'), listIssues),
  ofRepository('issues/list-comments-for-repo', 'GET', '/issues/comments', bothRead, listComments),
  ofRepository('issues/add-labels', 'POST', '/issues/:id/labels', bothWrite, addLabels),
  ofRepository('actions/download-job-logs-for-workflow-run', 'GET', '/actions/jobs/:id/logs', reads('actions'), jobLog),
];

/** The value of a parameter, by a name that the vendor's client knows; `otherwise` is what GitHub takes without it. */
type Value<Parameters> = (name: keyof Parameters & string, otherwise: string) => string;

const valueIn =
  (url: URL) =>
  (name: string, otherwise: string): string =>
    url.searchParams.get(name) ?? otherwise;

/** In the order that was asked for: by the last change or by the beginning, the newest first unless said otherwise. */
function ordered<One extends { readonly createdAtMs: number; readonly updatedAtMs: number }>(
  rows: readonly One[],
  sort: string,
  direction: string,
): One[] {
  const at = (one: One): number => (sort === 'updated' ? one.updatedAtMs : one.createdAtMs);
  return rows.toSorted((one, other) => (at(one) - at(other)) * (direction === 'asc' ? 1 : -1));
}

/** GitHub's times are whole seconds, and `since` takes what changed in its own second too. */
function isSince(url: URL, name: string, updatedAtMs: number): boolean {
  const since = url.searchParams.get(name);
  return since === null || Date.parse(instant(updatedAtMs)) >= Date.parse(since);
}

function listIssues({ world, repository, url }: AskedOfRepository): Reply {
  const value: Value<IssuesAsked> = valueIn(url);
  const state = value('state', 'open');
  if (!['open', 'closed', 'all'].includes(state))
    return replies.invalid([{ resource: 'Issue', field: 'state', code: 'invalid' }]);
  const labels = value('labels', '').split(',').filter(Boolean);
  // Every pull request is an issue too, and is told apart by one field.
  const rows: readonly (FakeIssue | FakePull)[] = [...repository.issues, ...repository.pulls]
    .filter((one) => state === 'all' || one.state === state)
    .filter((one) => labels.every((label) => one.labels.some((its) => its.toLowerCase() === label.toLowerCase())))
    .filter((one) => isSince(url, 'since', one.updatedAtMs));
  const inOrder = ordered(rows, value('sort', 'created'), value('direction', 'desc'));
  return listed(url, inOrder, (one): IssueRow =>
    'branch' in one ? pullIssueShape(world, repository, one) : issueShape(world, repository, one),
  );
}

function listComments({ world, repository, url }: AskedOfRepository): Reply {
  const value: Value<CommentsAsked> = valueIn(url);
  const rows = repository.comments
    .map((one) => ({ ...one, updatedAtMs: one.createdAtMs }))
    .filter((one) => isSince(url, 'since', one.updatedAtMs));
  // Without `sort` the direction is ignored, and they come by their number.
  const isSorted = url.searchParams.has('sort');
  const inOrder = isSorted ? ordered(rows, value('sort', 'created'), value('direction', 'desc')) : rows;
  return listed(url, inOrder, (one): CommentRow => commentShape(world, repository, one));
}

function addLabels({ world, repository, body, by, id }: AskedOfRepository): Reply {
  const key: Exclude<keyof LabelsAsked, number | symbol> = 'labels';
  const names = Array.isArray(body) ? body : body[key];
  const labelled = [...repository.issues, ...repository.pulls].find(({ number }) => String(number) === id);
  if (labelled === undefined) return replies.notFound;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name.trim() !== ''))
    return replies.invalid([{ resource: 'Label', field: 'name', code: 'missing_field' }]);
  for (const name of names.map(String)) addLabel(world, repository, labelled.number, name, by);
  const rows = labelled.labels.map((name): LabelRow => labelShape(world, repository, name));
  return { status: 200, body: rows };
}

/** Of a person: what the person may see, and of a fine-grained token's what it was given. */
function listOwnRepositories({ world, credential, url }: Asked): Reply {
  if (credential === null) return replies.needsSignIn;
  if (credential.kind === 'installation' || credential.kind === 'app') return replies.notAccessible(credential.kind);
  const value: Value<RepositoriesAsked> = valueIn(url);
  const sort = value('sort', 'full_name');
  const direction = value('direction', sort === 'full_name' ? 'asc' : 'desc');
  const theirs = world.repositories
    .filter((one) => world.roleOf(one, loginOf(credential)) !== null)
    .filter((one) => credential.kind === 'classic' || isSelected(world, one, credential));
  const at = { pushed: 'pushedAtMs', updated: 'pushedAtMs', created: 'createdAtMs' } as const;
  const key = sort === 'pushed' || sort === 'updated' || sort === 'created' ? at[sort] : null;
  const rows = theirs.toSorted(
    (one, other) =>
      (key === null ? one.name.localeCompare(other.name) : one[key] - other[key]) * (direction === 'asc' ? 1 : -1),
  );
  return listed(url, rows, (one): RepositoryRow => repositoryShape(world, one, credential));
}

/** An address on another host that holds its own permission for a minute; the text is fetched there without a credential. */
function jobLog({ world, repository, id }: AskedOfRepository): Reply {
  const run = repository.checkRuns.find((one) => String(one.id) === id && one.appId === null);
  if (!run || run.log === null) return replies.notFound;
  return { status: 302, headers: { location: `${world.webUrl}/job-logs/${run.id}?sig=${repository.id}` } };
}
