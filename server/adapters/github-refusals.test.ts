import { afterEach, expect, it } from 'vitest';
import type { ProblemCode } from '#contract/problem.ts';
import { farEnd, forgeAt, json, newPull, refused, farToken, type FarEnd } from './testing/github-desk.ts';
import { ObjectId } from '#contract/ids.ts';

let end: FarEnd;
afterEach(() => end.close());

const commit = ObjectId.parse('1'.repeat(40));
const failed = (...errors: unknown[]) => ({ message: 'Validation Failed', errors, documentation_url: 'https://x' });
const pull = (fields: object) => ({ resource: 'PullRequest', ...fields });

interface Case {
  readonly when: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly code: ProblemCode;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    when: 'the token has ended',
    status: 401,
    body: { message: 'Bad credentials' },
    code: 'forge_unauthorized',
    says: /expired, or it was revoked.*settings\/personal-access-tokens/,
  },
  {
    when: 'the token lacks the permission',
    status: 403,
    body: { message: 'Resource not accessible by personal access token' },
    headers: { 'x-accepted-github-permissions': 'pull_requests=write; contents=read' },
    code: 'forge_forbidden',
    says: /"pull requests: write, contents: read"/,
  },
  {
    when: 'the header of permissions is not one',
    status: 403,
    body: { message: 'Resource not accessible by personal access token' },
    headers: { 'x-accepted-github-permissions': '<script>alert(1)</script>' },
    code: 'forge_forbidden',
    says: /^[^<]*the permission for this repository[^<]*$/,
  },
  {
    when: 'the organization wants single sign-on',
    status: 403,
    body: { message: 'Resource protected by organization SAML enforcement.' },
    headers: { 'x-github-sso': 'required; url=https://elsewhere.example/steal' },
    code: 'forge_forbidden',
    says: /single sign-on first: http:\/\/127\.0\.0\.1:\d+\/settings\/tokens/,
  },
  {
    when: 'the repository is archived',
    status: 403,
    body: { message: 'Repository was archived so is read-only.' },
    code: 'forge_refused',
    says: /archived.*Unarchive/,
  },
  {
    when: 'the repository is not there, or not to be seen',
    status: 404,
    body: { message: 'Not Found' },
    code: 'forge_forbidden',
    says: /no such thing on GitHub, or the token may not see it/,
  },
  {
    when: 'the base is gone',
    status: 422,
    body: failed(pull({ field: 'base', code: 'invalid' })),
    code: 'forge_refused',
    says: /base branch is gone/,
  },
  {
    when: 'the branch is gone',
    status: 422,
    body: failed(pull({ field: 'head', code: 'invalid' })),
    code: 'forge_refused',
    says: /branch of this change is not on GitHub/,
  },
  {
    when: 'there is nothing to merge',
    status: 422,
    body: failed(pull({ code: 'custom', message: 'No commits between main and patchgit/one' })),
    code: 'forge_refused',
    says: /holds this change already/,
  },
  {
    when: 'drafts are not to be had',
    status: 422,
    body: { message: 'Draft pull requests are not supported in this repository.' },
    code: 'forge_refused',
    says: /no drafts/,
  },
  {
    when: 'the body is too long',
    status: 422,
    body: failed(pull({ field: 'body', code: 'custom', message: 'body is too long (maximum is 65536 characters)' })),
    code: 'forge_refused',
    says: /too long for GitHub/,
  },
  {
    when: 'the repository is empty',
    status: 409,
    body: { message: 'Git Repository is empty.' },
    code: 'forge_refused',
    says: /no commit yet/,
  },
  {
    when: 'issues are off',
    status: 410,
    body: { message: 'Issues are disabled for this repo' },
    code: 'forge_refused',
    says: /Issues are switched off/,
  },
  {
    when: 'the repository was renamed',
    status: 307,
    body: { message: 'Moved Permanently', url: 'https://elsewhere.example/' },
    headers: { location: 'https://elsewhere.example/' },
    code: 'forge_refused',
    says: /renamed or moved/,
  },
  {
    when: 'the words are unknown, hostile and hold the token',
    status: 422,
    body: { message: `Because\u001b[31m\n${farToken} ${'x'.repeat(9000)}`, errors: 'none' },
    code: 'forge_refused',
    says: /^GitHub did not open the pull request\. GitHub said: Because \[31m \[masked: GitHub token\] x{1,300}…$/,
  },
  {
    when: 'the limit of the hour is used up',
    status: 403,
    body: { message: 'API rate limit exceeded for user ID 1.' },
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1800000600' },
    code: 'forge_rate_limited',
    says: /asks again in/,
  },
  {
    when: 'the secondary limit is met',
    status: 429,
    body: { message: 'You have exceeded a secondary rate limit.' },
    headers: { 'retry-after': '120' },
    code: 'forge_rate_limited',
    says: /asks again in 2 minutes/,
  },
];

it.each(cases)(
  'says in one sentence what to do when $when ($status)',
  async ({ status, body, headers, code, says }) => {
    end = await farEnd((_heard, response) => json(response, status, body, headers));
    const { github, repository, logged } = forgeAt(end.url);
    const no = refused(await github.forge.openPull(repository, newPull(commit)));
    expect([no.code, no.message]).toEqual([code, expect.stringMatching(says)]);
    expect(no.message).not.toContain(farToken);
    expect(JSON.stringify(logged)).not.toContain(farToken);
    expect(end.heard.map(({ method }) => method)).toEqual(['POST']);
  },
);

it('looks for the pull request that there is said to be, and says that it is not known when it cannot be seen', async () => {
  const already = 'A pull request already exists for octo:patchgit/one.';
  end = await farEnd(({ method }, response) =>
    method === 'POST'
      ? json(response, 422, failed(pull({ code: 'custom', message: already })))
      : json(response, 200, []),
  );
  const { github, repository } = forgeAt(end.url);
  const no = refused(await github.forge.openPull(repository, newPull(commit)));
  // A refusal would have its branch taken away, and with it the pull request.
  expect(no).toMatchObject({ code: 'forge_unreachable', message: expect.stringMatching(/there|already/) });
  expect(end.heard.map(({ method }) => method)).toEqual(['POST', 'GET']);
});

it('takes a page of somebody in between for no answer, whatever its status', async () => {
  let status = 401;
  end = await farEnd((_heard, response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<html>Sign in to the hotel</html>');
  });
  const { github, repository } = forgeAt(end.url);
  for (status of [200, 201, 401, 403, 404, 409, 422, 451, 500, 502]) {
    expect(refused(await github.forge.openPull(repository, newPull(commit))).code).toBe('forge_unreachable');
  }
});
