import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { contractFile, contractOf, openContract } from './contract.ts';
import { openForgeDesk, type ForgeDesk } from './desk.ts';
import { describedRoutes, routes } from './routes.ts';
import { typedRoutes } from './routes-typed.ts';
import type { Json } from './shapes.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const shop = { owner: 'octo', repo: 'shop' };

describe.skipIf(openContract() === null)(`the official description (${contractFile})`, () => {
  const contract = openContract();
  const url = (path: string): URL => new URL(`http://localhost/repos/octo/shop${path}`);
  const check = (method: string, path: string, body?: unknown) => contract?.checkRequest(method, url(path), body);

  it('and the fake have the same operations', () => {
    const described = [...(contract?.operations.values() ?? [])].toSorted();
    expect(describedRoutes.map(({ operation }) => operation as string).toSorted()).toEqual(described);
  });

  it('knows nothing of the few that the types of the vendor hold', () => {
    const described = [...(contract?.operations.values() ?? [])];
    const typed = typedRoutes.map(({ operation }) => operation as string);
    expect(typed.toSorted()).toEqual([
      'actions/download-job-logs-for-workflow-run',
      'issues/add-labels',
      'issues/list-comments-for-repo',
      'issues/list-for-repo',
      'repos/list-for-authenticated-user',
    ]);
    expect(typed.filter((operation) => described.includes(operation))).toEqual([]);
    expect(routes).toHaveLength(described.length + typed.length);
  });

  it.each([
    ['a field that is misspelt', 'POST', '/pulls', { title: 'a', head: 'b', base: 'c', is_draft: true }],
    ['a pull request without a base', 'POST', '/pulls', { title: 'a', head: 'b' }],
    ['a truth value in text', 'POST', '/pulls', { title: 'a', head: 'b', base: 'c', draft: 'true' }],
    ['a state that does not exist', 'PATCH', '/pulls/1', { state: 'merged' }],
    ['a number that is none', 'GET', '/pulls/first', undefined],
    ['a parameter that does not exist', 'GET', '/pulls?branch=a', undefined],
    ['a filter that does not exist', 'GET', '/pulls?state=merged', undefined],
    ['a status of its own making', 'POST', `/statuses/${'a'.repeat(40)}`, { state: 'green' }],
    ['a body where none belongs', 'DELETE', '/git/refs/heads/a', {}],
    ['a comment without a body', 'POST', '/issues/1/comments', {}],
    ['a mode that git does not have', 'POST', '/git/trees', { tree: [{ path: 'a', mode: '777' }] }],
    ['an operation that does not exist', 'PUT', '/pulls/1', {}],
  ])('does not take %s', (_, method, path, body) => {
    expect(check(method, path, body)).not.toEqual([]);
  });

  it('takes what is right', () => {
    expect(check('POST', '/pulls', { title: 'a', head: 'b', base: 'c', draft: true, body: 'd' })).toEqual([]);
    expect(check('GET', '/pulls?state=all&head=octo:a&per_page=100&page=2')).toEqual([]);
    expect(check('GET', '/git/ref/heads%2Ffeature%2Fone')).toEqual([]);
    expect(check('GET', '/git/ref/heads/feature/one')).toEqual([]);
    expect(check('PATCH', '/pulls/1')).toEqual([]);
  });

  it('does not take an answer that lacks a field, has another status or a body too many', () => {
    const reply = (method: string, path: string, status: number, body: unknown) =>
      contract?.checkReply(method, url(path), status, body);
    expect(reply('GET', '/pulls/1', 200, { number: 1 })).not.toEqual([]);
    expect(reply('GET', '/pulls', 200, [{ number: 1 }])).not.toEqual([]);
    expect(reply('POST', '/pulls', 200, {})).not.toEqual([]);
    expect(reply('DELETE', '/git/refs/heads/a', 204, {})).not.toEqual([]);
    expect(reply('POST', '/pulls', 422, { message: 1 })).not.toEqual([]);
    expect(reply('GET', '/pulls', 401, { message: 'Bad credentials' })).toEqual([]);
    expect(reply('GET', '/pulls', 401, { message: ['Bad credentials'] })).not.toEqual([]);
  });

  it('fails the test whose client left it', async () => {
    const opened = await openForgeDesk();
    opened.forge.addRepository({ owner: 'octo', name: 'shop' });
    const octo = opened.octokit(opened.forge.addToken({ kind: 'classic', login: 'octo' }));
    await octo.request('GET /repos/{owner}/{repo}/pulls', { ...shop, branch: 'main' });
    await expect(opened.close()).rejects.toThrow('knows no parameter branch');
  });

  it('fails the test when it wants a field that the fake does not give', async () => {
    // The same description with one more required field: what a change of GitHub's would look like.
    const description = JSON.parse(
      readFileSync(new URL('../../../../shared/data/github-openapi-subset.json', import.meta.url), 'utf8'),
    ) as { components: { schemas: Record<string, { required: string[] }> } };
    description.components.schemas['pull-request-simple']?.required.push('merge_weather');
    const opened = await openForgeDesk({ contract: contractOf(description as unknown as Json) });
    opened.forge.addRepository({ owner: 'octo', name: 'shop' });
    opened.forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { a: 'a\n' } });
    const octo = opened.octokit(opened.forge.addToken({ kind: 'classic', login: 'octo' }));
    await octo.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main' });
    await octo.pulls.list(shop);
    await expect(opened.close()).rejects.toThrow('merge_weather');
  });

  it('is kept by every answer of the fake', async () => {
    desk = await openForgeDesk();
    const { forge, octokit } = desk;
    const seen = new Set<string>();
    forge.addRepository({
      owner: 'octo',
      name: 'shop',
      protectedBranches: [{ branch: 'main', requiredChecks: ['ci'] }],
    });
    const octo = octokit(forge.addToken({ kind: 'classic', login: 'octo' }));
    const sha = forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { a: 'a\n', 'README.md': null } });
    const { data: pull } = await octo.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main', draft: true });
    const one = { ...shop, pull_number: pull.number };
    forge.setCheckConclusion('octo/shop', { ref: 'a', name: 'ci', conclusion: 'failure', summary: 'red' });
    await octo.repos.createCommitStatus({ ...shop, sha, state: 'success', context: 'patchgit', description: 'proved' });
    await octo.issues.createComment({ ...shop, issue_number: pull.number, body: 'a' });
    await octo.issues.listComments({ ...shop, issue_number: pull.number });
    await octo.pulls.get(one);
    await octo.pulls.get(one);
    await octo.pulls.list({ ...shop, state: 'all' });
    await octo.pulls.listFiles(one);
    await octo.pulls.update({ ...one, title: 'b', body: 'c' });
    await octo.checks.listForRef({ ...shop, ref: 'a' });
    await octo.repos.getCombinedStatusForRef({ ...shop, ref: sha });
    await octo.repos.getBranch({ ...shop, branch: 'main' });
    await octo.repos.get(shop);
    await octo.pulls.update({ ...one, state: 'closed' });
    for (const { operation, status } of forge.calls) {
      seen.add(String(operation));
      expect([200, 201]).toContain(status);
    }
    expect(seen.size).toBe(12);
    expect(forge.drift).toEqual([]);
  });
});
