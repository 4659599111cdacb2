import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../adapters/system-clock.ts';
import { openForgeDesk, refusedBy, type ForgeDesk } from './desk.ts';
import type { FakeGitHubOptions } from './forge.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const shop = { owner: 'octo', repo: 'shop' };
const permissions = { contents: 'write', pull_requests: 'write', checks: 'write', statuses: 'write' } as const;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function start(options: FakeGitHubOptions = {}, more: { repositories?: readonly string[] } = {}) {
  const opened = await openForgeDesk(options);
  desk = opened;
  opened.forge.addRepository({ owner: 'octo', name: 'shop' });
  opened.forge.addRepository({ owner: 'octo', name: 'other' });
  const installations = [{ id: 7, account: 'octo', permissions, ...more }];
  const privateKey = opened.forge.addApp({ id: 42, slug: 'patchgit', installations });
  const auth = (appId: number, key: string, installationId?: number) =>
    new Octokit({
      baseUrl: opened.forge.url,
      log: quiet,
      authStrategy: createAppAuth,
      auth: { appId, privateKey: key, ...(installationId === undefined ? {} : { installationId }) },
    });
  return { ...opened, privateKey, auth, app: auth(42, privateKey), octo: auth(42, privateKey, 7) };
}

it('knows an App by the signature of its key, and lists where it is installed', async () => {
  const { app } = await start();
  expect((await app.apps.getAuthenticated()).data).toMatchObject({ id: 42, slug: 'patchgit' });
  const { data } = await app.apps.listInstallations();
  expect(data).toMatchObject([{ id: 7, app_id: 42, account: { login: 'octo' }, permissions }]);
});

it('refuses another key, another App, and claims that do not fit its clock', async () => {
  const { forge, auth, privateKey, octokit } = await start({ clock: systemClock() });
  const foreign = forge.addApp({ id: 43, installations: [] });
  expect(await refusedBy(auth(42, foreign).apps.getAuthenticated())).toMatchObject({
    status: 401,
    body: { message: 'A JSON web token could not be decoded' },
  });
  expect(await refusedBy(auth(44, privateKey).apps.getAuthenticated())).toMatchObject({
    status: 404,
    body: { message: 'Integration not found' },
  });
  const classic = octokit(forge.addToken({ kind: 'classic', login: 'octo' }));
  expect((await refusedBy(classic.apps.getAuthenticated())).status).toBe(401);
  const { token } = await createAppAuth({ appId: 42, privateKey })({ type: 'app' });
  expect(await refusedBy(octokit(token).repos.get(shop))).toMatchObject({
    status: 403,
    body: { message: 'Resource not accessible by integration' },
  });
});

it('sets the clock of the client right by its `date` header, which auth-app reads', async () => {
  // The fake clock stands in the year 2027: the first JWT has long ended there.
  const { app, forge } = await start();
  expect((await app.apps.getAuthenticated()).status).toBe(200);
  expect(forge.calls.map(({ status }) => status)).toEqual([401, 200]);
});

it('mints tokens for an hour, for what the installation has and no more', async () => {
  const { app, octo, octokit, clock, forge } = await start({}, { repositories: ['octo/shop'] });
  const { data } = await app.apps.createInstallationAccessToken({ installation_id: 7 });
  expect(data).toMatchObject({ expires_at: '2027-01-15T09:00:00Z', repository_selection: 'selected' });
  expect(data.token).toMatch(/^ghs_\w{36}$/);
  const minted = octokit(data.token);
  const { data: list } = await minted.apps.listReposAccessibleToInstallation();
  expect(list.repositories.map(({ full_name }) => full_name)).toEqual(['octo/shop']);
  expect((await minted.repos.get(shop)).data.permissions).toMatchObject({ push: true, admin: false });
  expect((await refusedBy(minted.repos.get({ owner: 'octo', repo: 'other' }))).status).toBe(404);
  expect((await refusedBy(minted.users.getAuthenticated())).body['message']).toBe(
    'Resource not accessible by integration',
  );
  clock.advance(3_600_000);
  expect((await refusedBy(minted.repos.get(shop))).status).toBe(401);
  expect((await octo.repos.get(shop)).status).toBe(200);
  expect(JSON.stringify(forge.calls)).not.toContain(data.token);
});

it('narrows a token on request, and never widens it', async () => {
  const { app, octokit } = await start();
  const mint = (parts: object) => app.apps.createInstallationAccessToken({ installation_id: 7, ...parts });
  const { data } = await mint({ repositories: ['shop'], permissions: { contents: 'read' } });
  const narrow = octokit(data.token);
  const sha = (await narrow.git.getRef({ ...shop, ref: 'heads/main' })).data.object.sha;
  const no = await refusedBy(narrow.git.createRef({ ...shop, ref: 'refs/heads/a', sha }));
  expect(no).toMatchObject({ status: 403, body: { message: 'Resource not accessible by integration' } });
  expect((await refusedBy(mint({ permissions: { workflows: 'write' } }))).status).toBe(422);
  expect((await refusedBy(mint({ repositories: ['gone'] }))).status).toBe(422);
  expect((await refusedBy(app.apps.createInstallationAccessToken({ installation_id: 8 }))).status).toBe(404);
});

it('ends every token of an installation that is suspended', async () => {
  const { app, octokit, forge } = await start();
  const { data } = await app.apps.createInstallationAccessToken({ installation_id: 7 });
  forge.suspend(7);
  expect((await refusedBy(octokit(data.token).repos.get(shop))).status).toBe(401);
  expect((await refusedBy(app.apps.createInstallationAccessToken({ installation_id: 7 }))).status).toBe(403);
});

it('lets Apps make check runs, and nobody else', async () => {
  const { octo, octokit, forge } = await start();
  const sha = forge.branches('octo/shop').get('main') ?? '';
  const { data: run } = await octo.checks.create({ ...shop, name: 'proof', head_sha: sha, status: 'in_progress' });
  const done = { conclusion: 'success' as const, output: { title: '3 checks', summary: 'all green' } };
  await octo.checks.update({ ...shop, check_run_id: run.id, ...done });
  forge.setCheckConclusion('octo/shop', { ref: 'main', name: 'ci', conclusion: 'failure' });
  const { data } = await octo.checks.listForRef({ ...shop, ref: 'main' });
  expect(data.check_runs.map(({ name, status, conclusion, app }) => [name, status, conclusion, app?.slug])).toEqual([
    ['proof', 'completed', 'success', 'patchgit'],
    ['ci', 'completed', 'failure', 'github-actions'],
  ]);
  const classic = octokit(forge.addToken({ kind: 'classic', login: 'octo' }));
  const no = await refusedBy(classic.checks.create({ ...shop, name: 'proof', head_sha: sha }));
  expect(no).toMatchObject({ status: 403, body: { message: 'You must authenticate via a GitHub App.' } });
});

it('pushes with an installation token, within its permissions', async () => {
  const { app, forge, clone, git } = await start();
  const { data } = await app.apps.createInstallationAccessToken({ installation_id: 7 });
  const work = await clone(`${forge.gitUrl}/octo/shop.git`, data.token);
  await git(work, null, 'commit', '-q', '--allow-empty', '-m', 'empty');
  expect((await git(work, data.token, 'push', 'origin', 'HEAD:refs/heads/a')).code).toBe(0);
  const narrow = await app.apps.createInstallationAccessToken({
    installation_id: 7,
    permissions: { contents: 'read' },
  });
  const no = await git(work, narrow.data.token, 'push', 'origin', 'HEAD:refs/heads/b');
  expect(no.output).toContain('remote: Permission to octo/shop.git denied to patchgit[bot].');
});
