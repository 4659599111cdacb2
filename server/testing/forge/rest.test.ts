import { afterEach, describe, expect, it } from 'vitest';
import { openForgeDesk, refusedBy, type ForgeDesk } from './desk.ts';
import type { Permissions } from './credentials.ts';
import type { FakeGitHubOptions } from './forge.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const shop = { owner: 'octo', repo: 'shop' };

async function start(options: FakeGitHubOptions = {}) {
  const opened = await openForgeDesk(options);
  desk = opened;
  opened.forge.addRepository({ owner: 'octo', name: 'shop', collaborators: { reader: 'read', writer: 'write' } });
  const token = opened.forge.addToken({ kind: 'classic', login: 'octo', scopes: ['repo', 'workflow'] });
  return { ...opened, token, octo: opened.octokit(token) };
}

/** Raw, because octokit hides headers that it does not know. */
async function ask(url: string, token: string, headers: Record<string, string> = {}) {
  return await fetch(url, { headers: { authorization: `Bearer ${token}`, 'user-agent': 'test', ...headers } });
}

it('tells a classic token its scopes, its user and its quota', async () => {
  const { octo } = await start();
  const { data, headers } = await octo.users.getAuthenticated();
  expect(data.login).toBe('octo');
  expect(headers).toMatchObject({
    'x-oauth-scopes': 'repo, workflow',
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': '4999',
    'x-ratelimit-used': '1',
    'x-ratelimit-resource': 'core',
  });
  expect(headers['x-github-request-id']).toMatch(/^[0-9A-F]{20}$/);
  expect((await octo.rateLimit.get()).data.rate).toMatchObject({ limit: 5000, used: 1, remaining: 4999 });
});

it('refuses an unknown token, a revoked one and one that has ended with 401', async () => {
  const { forge, octo, octokit, token, clock } = await start();
  expect(await refusedBy(octokit('ghp_nobody').users.getAuthenticated())).toMatchObject({
    status: 401,
    body: { message: 'Bad credentials', status: '401' },
  });
  const ends = forge.addToken({ kind: 'classic', login: 'octo', expiresAtMs: clock.nowMs() + 1000 });
  const answer = await octokit(ends).repos.get(shop);
  expect(answer.headers).toHaveProperty('github-authentication-token-expiration', '2027-01-15 08:00:01 UTC');
  clock.advance(1000);
  expect((await refusedBy(octokit(ends).repos.get(shop))).status).toBe(401);
  forge.revoke(token);
  expect((await refusedBy(octo.repos.get(shop))).status).toBe(401);
  expect(await refusedBy(octokit().users.getAuthenticated())).toMatchObject({
    status: 401,
    body: { message: 'Requires authentication' },
  });
});

it('hides a private repository from everybody who may not see it', async () => {
  const { forge, octokit } = await start();
  const stranger = forge.addToken({ kind: 'classic', login: 'stranger' });
  const narrow = forge.addToken({ kind: 'fine_grained', login: 'octo', repositories: [], permissions: {} });
  const unscoped = forge.addToken({ kind: 'classic', login: 'octo', scopes: ['read:user'] });
  for (const one of [undefined, stranger, narrow, unscoped]) {
    expect(await refusedBy(octokit(one).repos.get(shop))).toMatchObject({
      status: 404,
      body: { message: 'Not Found' },
    });
  }
  forge.addRepository({ owner: 'octo', name: 'open', isPrivate: false });
  expect((await octokit().repos.get({ owner: 'octo', repo: 'open' })).data.private).toBe(false);
});

it('says which permission a fine-grained token lacks', async () => {
  const { forge, octokit } = await start();
  const token = forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: { contents: 'read' } });
  const octo = octokit(token);
  const { headers } = await octo.git.getRef({ ...shop, ref: 'heads/main' });
  expect(headers).toHaveProperty('x-accepted-github-permissions', 'contents=read');
  const no = await refusedBy(octo.pulls.create({ ...shop, title: 'a', head: 'b', base: 'main' }));
  expect(no).toMatchObject({
    status: 403,
    body: { message: 'Resource not accessible by personal access token' },
    headers: { 'x-accepted-github-permissions': 'pull_requests=write' },
  });
  const comment = await refusedBy(octo.issues.createComment({ ...shop, issue_number: 1, body: 'a' }));
  expect(comment.headers).toHaveProperty('x-accepted-github-permissions', 'issues=write; pull_requests=write');
});

it('keeps a fine-grained token to the repositories of one account', async () => {
  const { forge, octokit } = await start();
  const permissions = { contents: 'write' } as const;
  const own = forge.addToken({ kind: 'fine_grained', login: 'writer', permissions });
  expect((await refusedBy(octokit(own).repos.get(shop))).status).toBe(404);
  const theirs = forge.addToken({ kind: 'fine_grained', login: 'writer', resourceOwner: 'octo', permissions });
  expect((await octokit(theirs).repos.get(shop)).status).toBe(200);
});

it('shows what a person may do, not what their token may', async () => {
  const { forge, octokit } = await start();
  const token = forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: { contents: 'read' } });
  expect((await octokit(token).repos.get(shop)).data.permissions).toMatchObject({ push: true, admin: true });
  const reader = octokit(forge.addToken({ kind: 'classic', login: 'reader' }));
  expect((await reader.repos.get(shop)).data.permissions).toMatchObject({ push: false, pull: true });
  const made = await refusedBy(reader.git.createRef({ ...shop, ref: 'refs/heads/x', sha: 'a'.repeat(40) }));
  expect(made).toMatchObject({ status: 404 });
});

it('answers 304 to what has not changed, and counts it not', async () => {
  const { octo, forge } = await start();
  const first = await octo.repos.getBranch({ ...shop, branch: 'main' });
  const again = (etag: string | undefined) =>
    octo.request('GET /repos/{owner}/{repo}/branches/{branch}', {
      ...shop,
      branch: 'main',
      headers: { 'if-none-match': etag ?? '' },
    });
  const same = await refusedBy(again(first.headers.etag));
  expect(same).toMatchObject({ status: 304, headers: { 'x-ratelimit-used': '1' } });
  forge.pushBy({ repository: 'octo/shop', branch: 'main', files: { a: 'a\n' } });
  expect((await again(first.headers.etag)).headers['x-ratelimit-used']).toBe('2');
  const other = forge.addToken({ kind: 'classic', login: 'octo' });
  const asOther = await ask(`${forge.url}/repos/octo/shop`, other, { 'if-none-match': String(first.headers.etag) });
  expect(asOther.status).toBe(200);
});

it('ends the hour of a token with 403 and says when the next begins', async () => {
  const { octo, clock } = await start({ conditions: { requestsPerHourMax: 2 } });
  await octo.repos.get(shop);
  await octo.repos.get(shop);
  const no = await refusedBy(octo.repos.get(shop));
  expect(no).toMatchObject({ status: 403, headers: { 'x-ratelimit-remaining': '0' } });
  expect(String(no.body['message'])).toMatch(/^API rate limit exceeded for user ID \d+\./);
  expect(Number(no.headers['x-ratelimit-reset']) * 1000).toBe(clock.nowMs() + 3_600_000);
  clock.advance(3_600_000);
  expect((await octo.repos.get(shop)).status).toBe(200);
});

it('says no to a burst of writing with the secondary limit', async () => {
  const { octo, forge, clock } = await start({ conditions: { contentPerMinuteMax: 1 } });
  const issue = { ...shop, issue_number: forge.addIssue('octo/shop', { title: 'a' }).number };
  await octo.issues.createComment({ ...issue, body: 'one' });
  expect(await refusedBy(octo.issues.createComment({ ...issue, body: 'two' }))).toMatchObject({
    status: 403,
    headers: { 'retry-after': '60' },
    body: { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' },
  });
  clock.advance(60_000);
  await octo.issues.createComment({ ...issue, body: 'three' });
  expect((await octo.issues.listComments(issue)).data.map(({ body }) => body)).toEqual(['one', 'three']);
});

it('pages a list with links that octokit follows', async () => {
  const { octo, forge } = await start();
  for (let number = 0; number < 5; number += 1) {
    const issue = forge.addIssue('octo/shop', { title: `${number}` });
    forge.comment('octo/shop', 1, `${issue.number}`);
  }
  const all = await octo.paginate(octo.issues.listComments, { ...shop, issue_number: 1, per_page: 2 });
  expect(all.map(({ body }) => body)).toEqual(['1', '2', '3', '4', '5']);
  const { headers } = await octo.issues.listComments({ ...shop, issue_number: 1, per_page: 2, page: 2 });
  expect(headers.link).toMatch(/page=1>; rel="prev".*page=3>; rel="next".*page=3>; rel="last".*page=1>; rel="first"/);
});

it('sends the reader of a renamed repository on, and a writer too', async () => {
  const { octo, forge } = await start();
  forge.rename('octo/shop', 'store');
  const { data } = await octo.repos.get(shop);
  expect(data.full_name).toBe('octo/store');
  const token = forge.addToken({ kind: 'classic', login: 'octo' });
  const raw = await fetch(`${forge.url}/repos/octo/shop`, {
    headers: { authorization: `token ${token}`, 'user-agent': 'test' },
    redirect: 'manual',
  });
  expect(raw.status).toBe(301);
  expect(raw.headers.get('location')).toMatch(/\/repositories\/\d+$/);
});

it('wants a user agent, a version it knows, a media type it has, and JSON', async () => {
  const { forge, token } = await start();
  const url = `${forge.url}/repos/octo/shop`;
  expect((await ask(url, token, { 'user-agent': '' })).status).toBe(403);
  expect((await ask(url, token, { 'x-github-api-version': '1999-01-01' })).status).toBe(400);
  expect((await ask(url, token, { accept: 'application/xml' })).status).toBe(415);
  const broken = await fetch(`${url}/pulls`, {
    method: 'POST',
    body: '{',
    headers: { authorization: `Bearer ${token}`, 'user-agent': 'test' },
  });
  expect([broken.status, await broken.json()]).toMatchObject([400, { message: 'Problems parsing JSON' }]);
});

it('has nothing that neither the description nor its list of typed operations names, and says 404 to it', async () => {
  const { octo, forge } = await start();
  expect((await refusedBy(octo.repos.listTags(shop))).status).toBe(404);
  expect((await refusedBy(octo.issues.lock({ ...shop, issue_number: 1 }))).status).toBe(404);
  expect(forge.calls.map(({ operation }) => operation)).toEqual([null, null]);
});

it('lists issues and comments as GitHub does: pull requests among them, by label, by change, page by page', async () => {
  const { octo, forge, clock } = await start();
  const first = forge.addIssue('octo/shop', { title: 'first', labels: ['Patchgit'] });
  forge.addIssue('octo/shop', { title: 'second' });
  forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { a: 'a\n' } });
  const { data: pull } = await octo.pulls.create({ ...shop, title: 'third', head: 'a', base: 'main' });
  const titles = async (asked: object): Promise<string[]> =>
    (await octo.issues.listForRepo({ ...shop, ...asked })).data.map(({ title }) => title);
  expect((await titles({})).toSorted()).toEqual(['first', 'second', 'third']);
  expect(await titles({ labels: 'patchgit' })).toEqual(['first']);
  expect(await titles({ per_page: 1, page: 2, direction: 'asc' })).toEqual(['second']);
  const { data: issues } = await octo.issues.listForRepo(shop);
  expect(issues.filter(({ pull_request }) => pull_request).map(({ title }) => title)).toEqual(['third']);
  clock.advance(60_000);
  const since = new Date(clock.nowMs()).toISOString();
  await octo.issues.createComment({ ...shop, issue_number: first.number, body: 'a' });
  expect(await titles({ since })).toEqual(['first']);
  const { data: labels } = await octo.issues.addLabels({ ...shop, issue_number: pull.number, labels: ['b', 'b'] });
  expect(labels.map(({ name }) => name)).toEqual(['b']);
  expect(await titles({ since, sort: 'updated', direction: 'asc' })).toEqual(['first', 'third']);
  const comments = await octo.issues.listCommentsForRepo({ ...shop, since });
  expect(comments.data.map(({ body, issue_url }) => [body, issue_url])).toEqual([
    ['a', `${forge.url}/repos/octo/shop/issues/${first.number}`],
  ]);
  expect((await refusedBy(octo.issues.addLabels({ ...shop, issue_number: 99, labels: ['a'] }))).status).toBe(404);
  expect((await octo.repos.listForAuthenticatedUser()).data.map(({ full_name }) => full_name)).toEqual(['octo/shop']);
});

it('shows issues only to a token that may read them, and pull requests as issues to nobody else', async () => {
  const { forge, octokit } = await start();
  const issue = forge.addIssue('octo/shop', { title: 'a' });
  const asWith = (permissions: Permissions) =>
    octokit(forge.addToken({ kind: 'fine_grained', login: 'octo', permissions }));
  const words = 'Resource not accessible by personal access token';
  const blind = asWith({ contents: 'write', pull_requests: 'write' });
  expect(await refusedBy(blind.issues.listForRepo(shop))).toMatchObject({ status: 403, body: { message: words } });
  expect((await blind.issues.listCommentsForRepo(shop)).status).toBe(200);
  const reader = asWith({ issues: 'read' });
  expect((await reader.issues.listForRepo(shop)).status).toBe(200);
  const label = reader.issues.addLabels({ ...shop, issue_number: issue.number, labels: ['a'] });
  expect(await refusedBy(label)).toMatchObject({ status: 403, body: { message: words } });
  const stranger = octokit(forge.addToken({ kind: 'classic', login: 'eve' }));
  expect(await refusedBy(stranger.issues.listForRepo(shop))).toMatchObject({ status: 404 });
});

it('writes no credential into its own log', async () => {
  const { octo, forge, token } = await start();
  const issue = forge.addIssue('octo/shop', { title: 'a' });
  await octo.issues.createComment({ ...shop, issue_number: issue.number, body: `by accident: ${token}` });
  expect(forge.calls).toHaveLength(1);
  expect(JSON.stringify(forge.calls)).not.toContain(token);
  expect(forge.calls[0]).toMatchObject({ who: 'classic:octo', body: { body: 'by accident: [token]' } });
});

describe('the git database', () => {
  it('makes a branch out of blobs, trees and commits, in the repository that git sees', async () => {
    const { octo, forge } = await start();
    const base = (await octo.git.getRef({ ...shop, ref: 'heads/main' })).data.object.sha;
    const blob = await octo.git.createBlob({ ...shop, content: 'hello\n' });
    const tree = await octo.git.createTree({
      ...shop,
      base_tree: (await octo.git.getCommit({ ...shop, commit_sha: base })).data.tree.sha,
      tree: [
        { path: 'deep/er/file', mode: '100755', type: 'blob', sha: blob.data.sha },
        { path: 'README.md', mode: '100644', type: 'blob', sha: null },
      ],
    });
    const commit = await octo.git.createCommit({ ...shop, message: 'Change', tree: tree.data.sha, parents: [base] });
    await octo.git.createRef({ ...shop, ref: 'refs/heads/feature/one', sha: commit.data.sha });
    expect(forge.git('octo/shop', 'ls-tree', '-r', 'feature/one')).toMatch(
      /^100755 blob [0-9a-f]{40}\tdeep\/er\/file$/,
    );
    expect((await octo.repos.getBranch({ ...shop, branch: 'feature/one' })).data.commit.sha).toBe(commit.data.sha);
  });

  it('refuses a branch that is there, a commit that is not, and what is no fast-forward', async () => {
    const { octo, forge } = await start();
    const main = forge.branches('octo/shop').get('main') ?? '';
    const other = forge.pushBy({ repository: 'octo/shop', branch: 'other', files: { a: 'a\n' } });
    const newRef = (ref: string, sha: string) => refusedBy(octo.git.createRef({ ...shop, ref, sha }));
    const words = async (no: Promise<{ status: number; body: Record<string, unknown> }>) => {
      const { status, body } = await no;
      return `${status} ${String(body['message'])}`;
    };
    expect(await words(newRef('refs/heads/main', main))).toBe('422 Reference already exists');
    expect(await words(newRef('refs/heads/new', 'b'.repeat(40)))).toBe('422 Object does not exist');
    expect(await words(refusedBy(octo.git.updateRef({ ...shop, ref: 'heads/other', sha: main })))).toBe(
      '422 Update is not a fast forward',
    );
    expect(await words(refusedBy(octo.git.deleteRef({ ...shop, ref: 'heads/gone' })))).toBe(
      '422 Reference does not exist',
    );
    expect(await words(refusedBy(octo.git.getRef({ ...shop, ref: 'heads/gone' })))).toBe('404 Not Found');
    await octo.git.deleteRef({ ...shop, ref: 'heads/other' });
    expect(forge.branches('octo/shop').has('other')).toBe(false);
    expect(other).not.toBe(main);
  });

  it('says 409 while a repository is empty, and 403 when it is archived', async () => {
    const { octo, forge } = await start();
    forge.addRepository({ owner: 'octo', name: 'empty', files: null });
    forge.addRepository({ owner: 'octo', name: 'old', isArchived: true });
    const empty = await refusedBy(octo.git.getRef({ owner: 'octo', repo: 'empty', ref: 'heads/main' }));
    expect(empty).toMatchObject({ status: 409, body: { message: 'Git Repository is empty.' } });
    const sha = forge.branches('octo/old').get('main') ?? '';
    const old = await refusedBy(octo.git.createRef({ owner: 'octo', repo: 'old', ref: 'refs/heads/a', sha }));
    expect(old).toMatchObject({ status: 403, body: { message: 'Repository was archived so is read-only.' } });
  });

  it('keeps a tree with a workflow from a token that may not touch one', async () => {
    const { forge, octokit } = await start();
    const tree = [{ path: '.github/workflows/a.yml', mode: '100644' as const, type: 'blob' as const, content: 'a' }];
    const classic = octokit(forge.addToken({ kind: 'classic', login: 'octo', scopes: ['repo'] }));
    const fine = octokit(forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: { contents: 'write' } }));
    expect((await refusedBy(classic.git.createTree({ ...shop, tree }))).status).toBe(404);
    expect((await refusedBy(fine.git.createTree({ ...shop, tree }))).status).toBe(403);
  });
});
