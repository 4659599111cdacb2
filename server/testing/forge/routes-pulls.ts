import { mergeability, openPull, setPullState, wrongText } from './pulls.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import {
  listed,
  ofRepository,
  reads,
  textOf,
  textOrNull,
  writes,
  type AskedOfRepository,
  type Route,
} from './routes-kit.ts';
import { repositoryUrl } from './shapes.ts';
import { commentShape, fullPullShape, pullShape } from './shapes-work.ts';
import { fullName, type FakeComment, type FakePull, type FakeRepository, type World } from './world.ts';

const reading = reads('pull_requests');
const writing = { ...writes('pull_requests'), isOpenToReaders: true };
const commenting = { ...writes('issues', 'pull_requests'), isOpenToReaders: true };

export const pullRoutes: readonly Route[] = [
  ofRepository('pulls/list', 'GET', '/pulls', reading, listPulls),
  ofRepository('pulls/create', 'POST', '/pulls', writing, createPull),
  ofRepository('pulls/get', 'GET', '/pulls/:id', reading, getPull),
  ofRepository('pulls/update', 'PATCH', '/pulls/:id', writing, updatePull),
  ofRepository('pulls/list-files', 'GET', '/pulls/:id/files', reading, listFiles),
  ofRepository('issues/create-comment', 'POST', '/issues/:id/comments', commenting, (asked) => {
    const { world, repository, body, by, id } = asked;
    if (!isNumbered(repository, Number(id))) return replies.notFound;
    const text = textOf(body, 'body');
    if (text.trim() === '')
      return replies.invalid([{ resource: 'IssueComment', field: 'body', code: 'missing_field' }]);
    if (text.length > 65_536) {
      const message = 'body is too long (maximum is 65536 characters)';
      return replies.invalid([{ resource: 'IssueComment', field: 'body', code: 'custom', message }]);
    }
    return replies.created(commentShape(world, repository, addComment(world, repository, Number(id), by, text)));
  }),
  ofRepository('issues/list-comments', 'GET', '/issues/:id/comments', reads('issues', 'pull_requests'), (asked) => {
    const { world, repository, url, id } = asked;
    if (!isNumbered(repository, Number(id))) return replies.notFound;
    const since = Date.parse(url.searchParams.get('since') ?? '1970-01-01');
    const rows = repository.comments.filter(({ number, createdAtMs }) => number === Number(id) && createdAtMs >= since);
    return listed(url, rows, (one) => commentShape(world, repository, one));
  }),
];

export function addComment(
  world: World,
  repository: FakeRepository,
  number: number,
  author: string,
  body: string,
): FakeComment {
  const comment = { id: world.nextId(), number, author, body, createdAtMs: world.nowMs() };
  repository.comments.push(comment);
  const issue = repository.issues.find((one) => one.number === number);
  const pull = repository.pulls.find((one) => one.number === number);
  for (const one of [issue, pull]) if (one) one.updatedAtMs = world.nowMs();
  world.tell(repository, 'issue_comment', 'created', author, {
    comment,
    ...(issue ? { issue } : {}),
    ...(pull ? { pull } : {}),
  });
  return comment;
}

function isNumbered({ issues, pulls }: FakeRepository, wanted: number): boolean {
  return [...issues, ...pulls].some(({ number }) => number === wanted);
}

/**
 * `head` filters only when it is written `owner:branch`; a bare branch name is not understood and everything is listed, as GitHub
 * does. What was opened within the lag is not there yet.
 */
function listPulls({ world, repository, url }: AskedOfRepository): Reply {
  const asked = (name: string): string | null => url.searchParams.get(name);
  const state = asked('state') ?? 'open';
  const [owner = '', branch] = (asked('head') ?? '').split(':');
  const isNewestFirst = (asked('direction') ?? (['created', null].includes(asked('sort')) ? 'desc' : 'asc')) === 'desc';
  const at = (pull: FakePull): number => (asked('sort') === 'updated' ? pull.updatedAtMs : pull.createdAtMs);
  const rows = repository.pulls
    .filter((pull) => state === 'all' || pull.state === state)
    .filter((pull) => asked('base') === null || pull.base === asked('base'))
    .filter(
      (pull) =>
        branch === undefined || (owner.toLowerCase() === repository.owner.toLowerCase() && pull.branch === branch),
    )
    .filter(({ createdAtMs }) => world.nowMs() >= createdAtMs + world.conditions.listLagMs)
    .toSorted((a, b) => (at(a) - at(b) || a.number - b.number) * (isNewestFirst ? -1 : 1));
  return listed(url, rows, (pull) => pullShape(world, repository, pull));
}

function createPull({ world, repository, body, by }: AskedOfRepository): Reply {
  const opened = openPull(
    world,
    repository,
    {
      title: textOrNull(body, 'title'),
      body: textOrNull(body, 'body'),
      head: textOf(body, 'head'),
      base: textOf(body, 'base'),
      isDraft: body['draft'] === true,
    },
    by,
  );
  if ('errors' in opened) return replies.invalid(opened.errors);
  if ('message' in opened) return replies.refusal(422, opened.message);
  return replies.created(fullPullShape(world, repository, opened, { mergeable: null, state: 'unknown' }));
}

function numbered({ repository, id }: AskedOfRepository): FakePull | null {
  return repository.pulls.find(({ number }) => String(number) === id) ?? null;
}

/** As JSON, or with the media types `…diff` and `…patch` as text. */
function getPull(asked: AskedOfRepository): Reply {
  const { world, repository, accept } = asked;
  const pull = numbered(asked);
  if (pull === null) return replies.notFound;
  const { bare } = repository;
  if (/\bdiff\b/.test(accept))
    return { status: 200, body: `${bare.git('diff', `${pull.baseSha}...${pull.headSha}`)}\n` };
  if (/\bpatch\b/.test(accept)) {
    return { status: 200, body: `${bare.git('format-patch', '--stdout', `${pull.baseSha}..${pull.headSha}`)}\n` };
  }
  return { status: 200, body: fullPullShape(world, repository, pull, mergeability(world, repository, pull)) };
}

function updatePull(asked: AskedOfRepository): Reply {
  const { world, repository, body, by } = asked;
  const pull = numbered(asked);
  if (pull === null) return replies.notFound;
  const [title, text] = [textOrNull(body, 'title') ?? pull.title, textOrNull(body, 'body') ?? pull.body];
  const wrong = wrongText(title, text);
  if (wrong.length > 0) return replies.invalid(wrong);
  const state = textOrNull(body, 'state') ?? pull.state;
  if (state === 'open' && pull.state === 'closed') {
    const why = reopenTrouble(repository, pull);
    if (why !== null) {
      const message = `state cannot be changed. ${why}`;
      return replies.invalid([{ resource: 'PullRequest', field: 'state', code: 'custom', message }]);
    }
  }
  const base = textOrNull(body, 'base') ?? pull.base;
  const baseSha = repository.bare.branches().get(base);
  if (base !== pull.base && baseSha === undefined) {
    return replies.invalid([{ resource: 'PullRequest', field: 'base', code: 'invalid' }]);
  }
  if (base !== pull.base && baseSha !== undefined) {
    pull.base = base;
    pull.baseSha = baseSha;
  }
  if (title !== pull.title || text !== pull.body) {
    pull.title = title;
    pull.body = text;
    world.tell(repository, 'pull_request', 'edited', by, { pull });
  }
  pull.updatedAtMs = world.nowMs();
  setPullState(world, repository, pull, state === 'open', by);
  return { status: 200, body: fullPullShape(world, repository, pull, mergeability(world, repository, pull)) };
}

function reopenTrouble(repository: FakeRepository, pull: FakePull): string | null {
  if (pull.mergedAtMs !== null) return 'The pull request has been merged.';
  const now = repository.bare.branches().get(pull.branch);
  if (now === undefined) return `The ${pull.branch} branch has been deleted.`;
  if (now !== pull.headSha) return `The ${pull.branch} branch was force-pushed or recreated.`;
  return null;
}

function listFiles(asked: AskedOfRepository): Reply {
  const { world, repository, url } = asked;
  const pull = numbered(asked);
  if (pull === null) return replies.notFound;
  const page = `${world.webUrl}/${fullName(repository)}`;
  const contents = `${repositoryUrl(world, repository)}/contents`;
  return listed(url, repository.bare.changes(pull.baseSha, pull.headSha), (change) => {
    const path = change.path
      .split('/')
      .map((part) => encodeURIComponent(part))
      .join('/');
    return {
      sha: change.sha,
      filename: change.path,
      status: change.status,
      additions: change.additions,
      deletions: change.deletions,
      changes: change.additions + change.deletions,
      blob_url: `${page}/blob/${pull.headSha}/${path}`,
      raw_url: `${page}/raw/${pull.headSha}/${path}`,
      contents_url: `${contents}/${path}?ref=${pull.headSha}`,
      ...(change.previousPath === null ? {} : { previous_filename: change.previousPath }),
    };
  });
}
