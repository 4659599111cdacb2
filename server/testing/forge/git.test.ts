import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openForgeDesk, type ForgeDesk } from './desk.ts';
import type { FakeGitHubOptions } from './forge.ts';
import type { NewRepository } from './world.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const writing = { contents: 'write', pull_requests: 'write' } as const;

async function start(repository: Partial<NewRepository> = {}, options: FakeGitHubOptions = {}) {
  const opened = await openForgeDesk(options);
  desk = opened;
  const url = opened.forge.addRepository({ owner: 'octo', name: 'shop', ...repository });
  const token = opened.forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: writing });
  const work = await opened.clone(url, token);
  const commit = async (path: string, text: string): Promise<string> => {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
    await opened.git(work, null, 'add', '--all');
    await opened.git(work, null, 'commit', '-q', '-m', path);
    return (await opened.git(work, null, 'rev-parse', 'HEAD')).output.trim();
  };
  const push = (as: string | null, ...args: string[]) => opened.git(work, as, 'push', url, ...args);
  return { ...opened, url, token, work, commit, push };
}

it('is cloned and pushed to by real git, and the branch is there at once for REST', async () => {
  const { forge, commit, push, token, octokit } = await start();
  const sha = await commit('a', 'a\n');
  expect((await push(token, 'HEAD:refs/heads/feature/one')).code).toBe(0);
  expect(forge.branches('octo/shop').get('feature/one')).toBe(sha);
  const { data } = await octokit(token).git.getRef({ owner: 'octo', repo: 'shop', ref: 'heads/feature/one' });
  expect(data.object.sha).toBe(sha);
  expect(forge.calls.map(({ operation, who, status }) => `${operation} ${who} ${status}`)).toEqual([
    'git/fetch-refs fine_grained:octo 200',
    'git/fetch fine_grained:octo 200',
    'git/fetch fine_grained:octo 200',
    'git/push-refs fine_grained:octo 200',
    'git/push fine_grained:octo 200',
    'git/get-ref fine_grained:octo 200',
  ]);
});

it('moves the pull request of a branch that git pushes to, and closes it when git deletes the branch', async () => {
  const { forge, commit, push, token, octokit } = await start();
  const shop = { owner: 'octo', repo: 'shop' };
  const octo = octokit(token);
  await commit('a', 'a\n');
  await push(token, 'HEAD:refs/heads/a');
  await octo.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main' });
  const sha = await commit('b', 'b\n');
  await push(token, 'HEAD:refs/heads/a');
  expect((await octo.pulls.get({ ...shop, pull_number: 1 })).data.head.sha).toBe(sha);
  await push(token, '--delete', 'a');
  expect(forge.pull('octo/shop', 1)).toMatchObject({ state: 'closed', headSha: sha });
});

it('takes a token in any of the places where git puts one', async () => {
  const { forge, token, git, folder, url } = await start();
  for (const login of [`x-access-token:${token}`, `${token}:`, `${token}:x-oauth-basic`, `octo:${token}`]) {
    const withLogin = url.replace('http://', `http://${login}@`);
    expect((await git(folder, null, 'ls-remote', withLogin)).code).toBe(0);
  }
  expect(forge.calls.filter(({ status }) => status === 401).length).toBeGreaterThan(0);
  expect(JSON.stringify(forge.calls)).not.toContain(token);
});

it('refuses who may not, in the words that GitHub has for each', async () => {
  const { forge, git, folder, url, commit, push, token } = await start({ collaborators: { reader: 'read' } });
  await commit('a', 'a\n');
  const look = async (as: string | null) => (await git(folder, as, 'ls-remote', url)).output;
  const wrong = await git(folder, null, 'ls-remote', url.replace('http://', 'http://x-access-token:ghp_wrong@'));
  expect(wrong.output).toMatch(
    /remote: Invalid username or token\. Password authentication is not supported for Git operations\.\s+fatal: Authentication failed/,
  );
  expect(await look(null)).toContain('could not read Username');
  // In a header of its own a dead token looks to git like no credential at all.
  expect(await look('ghp_wrong')).toContain('could not read Username');
  const stranger = forge.addToken({ kind: 'classic', login: 'stranger' });
  expect(await look(stranger)).toMatch(/remote: Repository not found\.\s+fatal: repository '.*' not found/);
  const reader = forge.addToken({ kind: 'classic', login: 'reader' });
  expect(await look(reader)).toContain('refs/heads/main');
  expect((await push(reader, 'HEAD:refs/heads/a')).output).toMatch(
    /remote: Permission to octo\/shop\.git denied to reader\.\s+fatal: unable to access .* 403/,
  );
  const narrow = forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: { contents: 'read' } });
  expect((await push(narrow, 'HEAD:refs/heads/a')).output).toMatch(/remote: Write access to repository not granted\./);
  forge.revoke(token);
  expect((await push(token, 'HEAD:refs/heads/a')).code).not.toBe(0);
  expect([...forge.branches('octo/shop').keys()]).toEqual(['main']);
});

it('reads a public repository without a credential, and wants one for a push', async () => {
  const { git, folder, url, commit, push } = await start({ isPrivate: false });
  await commit('a', 'a\n');
  expect((await git(folder, null, 'ls-remote', url)).output).toContain('refs/heads/main');
  expect((await push(null, 'HEAD:refs/heads/a')).output).toContain('could not read Username');
});

it('refuses a push that touches a workflow without the permission, and keeps nothing of it', async () => {
  const { forge, commit, push, token } = await start();
  const sha = await commit('.github/workflows/ci.yml', 'on: push\n');
  const no = await push(token, 'HEAD:refs/heads/a');
  expect(no.output).toContain(
    '! [remote rejected] HEAD -> a (refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without `workflow` scope)',
  );
  expect([no.code, [...forge.branches('octo/shop').keys()]]).toEqual([1, ['main']]);
  const classic = forge.addToken({ kind: 'classic', login: 'octo', scopes: ['repo'] });
  expect((await push(classic, 'HEAD:refs/heads/a')).code).toBe(1);
  const may = forge.addToken({ kind: 'fine_grained', login: 'octo', permissions: { ...writing, workflows: 'write' } });
  expect((await push(may, 'HEAD:refs/heads/a')).code).toBe(0);
  expect(forge.branches('octo/shop').get('a')).toBe(sha);
  await commit('b', 'b\n');
  expect((await push(token, 'HEAD:refs/heads/b')).code).toBe(0);
});

it('looks at every new commit, so that a workflow cannot come in and go out again unseen', async () => {
  const { commit, push, token, work, git } = await start();
  await commit('.github/workflows/ci.yml', 'on: push\n');
  await git(work, null, 'revert', '--no-edit', 'HEAD');
  await commit('a', 'a\n');
  expect((await push(token, 'HEAD:refs/heads/a')).output).toContain('without `workflow` scope');
});

it('keeps a protected branch from pushes, from force and from deletion, and says GH006', async () => {
  const { forge, commit, push, token, octokit } = await start({ protectedBranches: ['main'] });
  const before = forge.branches('octo/shop').get('main');
  await commit('a', 'a\n');
  const no = await push(token, 'HEAD:refs/heads/main');
  expect(no.output).toMatch(/remote: error: GH006: Protected branch update failed for refs\/heads\/main\./);
  expect(no.output).toMatch(/remote: - Changes must be made through a pull request\./);
  expect(no.output).toContain('! [remote rejected] HEAD -> main (protected branch hook declined)');
  expect((await push(token, '--force', 'HEAD~1:refs/heads/main')).code).toBe(0);
  expect((await push(token, '--delete', 'main')).output).toContain('(protected branch hook declined)');
  expect(forge.branches('octo/shop').get('main')).toBe(before);
  const { data } = await octokit(token).repos.getBranch({ owner: 'octo', repo: 'shop', branch: 'main' });
  expect(data.protected).toBe(true);
});

it('applies rules to branches by the start of their name, and says GH013', async () => {
  const rules = [{ prefix: 'release/', words: 'Cannot create ref due to creations being restricted.' }];
  const { commit, push, token } = await start({ rules });
  await commit('a', 'a\n');
  const no = await push(token, 'HEAD:refs/heads/release/1', 'HEAD:refs/heads/a');
  expect(no.output).toMatch(/GH013: Repository rule violations found for refs\/heads\/release\/1\./);
  expect(no.output).toContain('(push declined due to repository rule violations)');
  expect(no.output).toContain('HEAD -> a');
});

it('lets a lease win once: a second push of the same new branch is told that it moved', async () => {
  const { forge, commit, push, token, work, git } = await start();
  const first = await commit('a', 'a\n');
  const lease = ['--force-with-lease=refs/heads/a:', 'HEAD:refs/heads/a'];
  expect((await push(token, ...lease)).code).toBe(0);
  await commit('b', 'b\n');
  expect((await push(token, ...lease)).output).toContain('stale info');
  expect(forge.branches('octo/shop').get('a')).toBe(first);
  await git(work, null, 'reset', '-q', '--hard', 'HEAD~1');
  expect((await push(token, 'HEAD:refs/heads/a')).output).toContain('Everything up-to-date');
});

it('refuses a file that is too large, and a push into its own refs', async () => {
  const { commit, push, token, forge } = await start({}, { conditions: { fileBytesMax: 1000 } });
  forge.pushBy({ repository: 'octo/shop', branch: 'b', files: { b: 'b\n' } });
  await commit('large', 'x'.repeat(2000));
  const no = await push(token, 'HEAD:refs/heads/a');
  expect(no.output).toMatch(/remote: error: File large is 0\.00 MB; this exceeds GitHub's file size limit/);
  expect(no.output).toContain('(pre-receive hook declined)');
  expect((await push(token, 'HEAD:refs/pull/1/head')).output).toContain('deny updating a hidden ref');
});

it('sends git on from a former name', async () => {
  const { forge, git, folder, url, token } = await start();
  forge.rename('octo/shop', 'store');
  const { code, output } = await git(folder, token, 'ls-remote', url);
  expect([code, output]).toEqual([0, expect.stringContaining('refs/heads/main')]);
  expect(forge.calls.map(({ status }) => status)).toContain(301);
});

it('serves partial and shallow clones', async () => {
  const { git, folder, url, token } = await start();
  const partial = await git(folder, token, 'clone', '-q', '--bare', '--filter=blob:none', '--depth=1', url, 'partial');
  expect([partial.code, partial.output]).toEqual([0, '']);
});

it('loses the answer to a push that took, and one that did not', async () => {
  const { forge, commit, push, token } = await start();
  const sha = await commit('a', 'a\n');
  forge.faults.add({ on: 'git/push', says: { kind: 'nothing' } });
  expect((await push(token, 'HEAD:refs/heads/a')).code).not.toBe(0);
  expect(forge.branches('octo/shop').get('a')).toBe(sha);
  forge.faults.add({ on: 'git/push', does: { kind: 'nothing' }, says: { kind: 'nothing' } });
  expect((await push(token, 'HEAD:refs/heads/b')).code).not.toBe(0);
  expect(forge.branches('octo/shop').has('b')).toBe(false);
  expect(forge.faults.left()).toBe(0);
});

it('shows that git sends a push again by itself when a kept connection is cut', async () => {
  const { forge, commit, push, token } = await start({}, { conditions: { isGitKeptAlive: true } });
  const sha = await commit('a', 'a\n');
  forge.faults.add({ on: 'git/push', does: { kind: 'nothing' }, says: { kind: 'nothing' } });
  expect((await push(token, 'HEAD:refs/heads/a')).code).toBe(0);
  expect(forge.calls.filter(({ operation }) => operation === 'git/push').map(({ status }) => status)).toEqual([0, 200]);
  expect(forge.branches('octo/shop').get('a')).toBe(sha);
});

it('lets a push land when its client has long gone', async () => {
  const { forge, commit, push, token, clock } = await start();
  const sha = await commit('a', 'a\n');
  forge.faults.add({ on: 'git/push', does: { kind: 'late', afterMs: 20_000 }, says: { kind: 'nothing' } });
  await push(token, 'HEAD:refs/heads/a');
  expect(forge.branches('octo/shop').has('a')).toBe(false);
  clock.advance(20_000);
  await forge.settled();
  expect(forge.branches('octo/shop').get('a')).toBe(sha);
});

it('shows no credential to the programs that serve git', async () => {
  const { forge, commit, push, token } = await start();
  await commit('a', 'a\n');
  forge.git('octo/shop', 'config', 'core.hooksPath', 'hooks');
  const kept = join(forge.world.repository('octo/shop').bare.gitDir, 'seen');
  const hook = join(forge.world.repository('octo/shop').bare.gitDir, 'hooks', 'post-receive');
  writeFileSync(hook, `#!/bin/sh\nenv > '${kept}'\n`, { mode: 0o755 });
  expect((await push(token, 'HEAD:refs/heads/a')).code).toBe(0);
  const seen = readFileSync(kept, 'utf8');
  expect(seen).toContain('FORGE_RULES');
  expect(seen).not.toContain(token);
  expect(seen).not.toContain(Buffer.from(`x-access-token:${token}`).toString('base64'));
});
