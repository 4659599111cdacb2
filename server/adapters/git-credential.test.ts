/** git over HTTP with a credential: for one command, for one address, and nowhere else. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { problem } from '#contract/problem.ts';
import { no, ok } from '../lib/result.ts';
import type { Git } from '../ports.ts';
import { shown } from '../testing/cloud/desk.ts';
import { descendantsOf } from '../testing/processes.ts';
import type { NewToken } from '../testing/forge/forge.ts';
import { until } from '../testing/wait.ts';
import { hardenedGit } from './git.ts';
import { basicOf } from './github-credential.ts';
import { allPermissions, branch, openGitHubDesk, sh, type GitHubDesk } from './testing/github-desk.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
let folder: string;
let desk: GitHubDesk;
let git: Git;
let mirror: string;

async function open(token?: NewToken): Promise<void> {
  await desk?.fake.close();
  desk = await openGitHubDesk(token === undefined ? {} : { token });
  git = hardenedGit({ path, authorize: desk.github.authorize, plainHttpAt: desk.fake.gitUrl });
  rmSync(mirror, { recursive: true, force: true });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-credential-'));
  mirror = join(folder, 'mirror.git');
  await open();
});
afterEach(async () => {
  await desk.fake.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A commit on top of the mirror's `main`, made beside it. */
function makeCommit(files: Readonly<Record<string, string>>): ObjectId {
  sh(
    `rm -rf work && git clone -q mirror.git work 2>&1 && cd work && git config user.name o && git config user.email o@o`,
    folder,
  );
  for (const [name, content] of Object.entries(files)) {
    sh(`mkdir -p "$(dirname '${name}')"`, join(folder, 'work'));
    writeFileSync(join(folder, 'work', name), content);
  }
  sh(
    'git checkout -q main && git add -A && git commit -qm change && git push -q origin HEAD:refs/kept/x',
    join(folder, 'work'),
  );
  return ObjectId.parse(sh('git rev-parse HEAD', join(folder, 'work')));
}

const push = (commit: ObjectId, name = 'patchgit/new') =>
  git.push({ gitDir: mirror, url: desk.repository.url, commit, branch: name });

describe('a private repository', () => {
  it('is fetched, pushed to once, looked at and cleaned up, each time with the credential of that moment', async () => {
    const { fake, repository } = desk;
    expect(await git.fetch(mirror, repository.url)).toEqual({ ok: true, value: 'main' });
    expect(await git.canPush(mirror, repository.url)).toMatchObject({ ok: true });
    const commit = makeCommit({ 'b.txt': 'b\n' });
    expect(await push(commit)).toMatchObject({ ok: true });
    expect(await push(commit)).toMatchObject({ ok: true });
    expect(fake.branches('octo/shop').get('patchgit/new')).toBe(commit);
    expect(await git.remoteBranch(mirror, repository.url, 'patchgit/new')).toEqual({ ok: true, value: commit });
    expect(await push(commit, branch)).toMatchObject({ ok: false, why: { trouble: 'moved' } });
    const mine = { gitDir: mirror, url: repository.url, commit, branch: 'patchgit/new' };
    expect(await git.deleteBranch(mine)).toMatchObject({ ok: true });
    expect(fake.branches('octo/shop').has('patchgit/new')).toBe(false);
    expect(fake.branches('octo/shop').get(branch)).toBe(desk.commit);
  });

  it('cannot be read without one, and a remote that needs none works as ever', async () => {
    const plain = hardenedGit({ path, authorize: async () => ok(null), plainHttpAt: desk.fake.gitUrl });
    const asked = await plain.fetch(mirror, desk.repository.url);
    expect(asked).toMatchObject({ ok: false, why: { trouble: 'needs_password' } });
    const origin = join(folder, 'origin');
    sh(
      'git init -q -b main origin && cd origin && git -c user.name=o -c user.email=o@o commit -q --allow-empty -m one',
      folder,
    );
    expect(await git.fetch(join(folder, 'm.git'), origin)).toEqual({ ok: true, value: 'main' });
  });

  it('is not reached without TLS at any other origin', async () => {
    const elsewhere = hardenedGit({ path, authorize: desk.github.authorize });
    expect((await elsewhere.fetch(mirror, desk.repository.url)).ok).toBe(false);
    expect(desk.fake.calls).toEqual([]);
  });

  it('is not asked for when the credential cannot be had', async () => {
    const broke = problem('forge_unauthorized', 'The key of the App cannot be read.');
    const without = hardenedGit({ path, authorize: async () => no(broke), plainHttpAt: desk.fake.gitUrl });
    expect(await without.fetch(mirror, desk.repository.url)).toEqual({
      ok: false,
      why: { trouble: 'refused', detail: broke.message },
    });
    const later = problem('forge_rate_limited', 'Later.');
    const busy = hardenedGit({ path, authorize: async () => no(later), plainHttpAt: desk.fake.gitUrl });
    expect(await busy.fetch(mirror, desk.repository.url)).toMatchObject({ why: { trouble: 'unreachable' } });
    expect(desk.fake.calls).toEqual([]);
  });
});

describe('what GitHub does not take', () => {
  const fine = (permissions: object): NewToken => ({
    kind: 'fine_grained',
    login: 'octo',
    permissions: permissions as typeof allPermissions,
  });

  it('is said: a workflow without the permission for it', async () => {
    await git.fetch(mirror, desk.repository.url);
    const commit = makeCommit({ '.github/workflows/ci.yml': 'on: push\n' });
    expect(await push(commit)).toMatchObject({
      ok: false,
      why: {
        trouble: 'refused',
        detail: expect.stringMatching(/^the token may not change \.github\/workflows\/ci\.yml\. Give/),
      },
    });
    await open(fine({ ...allPermissions, workflows: 'write' }));
    await git.fetch(mirror, desk.repository.url);
    expect(await push(makeCommit({ '.github/workflows/ci.yml': 'on: push\n' }))).toMatchObject({ ok: true });
  });

  it('is said: a rule for branches, a protected branch, a file that is too large', async () => {
    await git.fetch(mirror, desk.repository.url);
    const shop = desk.fake.world.repository('octo/shop');
    shop.rules.push({ prefix: 'patchgit/', words: 'Cannot create ref due to creations being restricted.' });
    const commit = makeCommit({ 'b.txt': 'b'.repeat(3000) });
    expect(await push(commit)).toMatchObject({
      why: {
        trouble: 'refused',
        detail: expect.stringMatching(/^a rule of the repository .*Cannot create ref due to/),
      },
    });
    shop.rules.pop();
    Object.assign(desk.fake.conditions, { fileBytesMax: 1000 });
    expect(await push(commit)).toMatchObject({
      why: { trouble: 'refused', detail: expect.stringMatching(/^the file b\.txt is .* more than GitHub takes/) },
    });
    Object.assign(desk.fake.conditions, { fileBytesMax: 100_000_000 });
    shop.protectedBranches.push({ branch: 'patchgit/new' });
    expect(await push(commit)).toMatchObject({ ok: true });
    const mine = { gitDir: mirror, url: desk.repository.url, commit, branch: 'patchgit/new' };
    expect(await git.deleteBranch(mine)).toMatchObject({
      why: { trouble: 'refused', detail: expect.stringMatching(/^the branch is protected: Cannot delete/) },
    });
  });

  it('is said: a token that may only read, one that has ended, one that sees nothing, an archive', async () => {
    await open(fine({ contents: 'read' }));
    await git.fetch(mirror, desk.repository.url);
    const commit = makeCommit({ 'b.txt': 'b\n' });
    const readOnly = { trouble: 'refused', detail: expect.stringMatching(/needs "Contents: read and write"/) };
    expect(await git.canPush(mirror, desk.repository.url)).toMatchObject({ why: readOnly });
    expect(await push(commit)).toMatchObject({ why: readOnly });
    desk.fake.revoke(desk.token);
    expect(await git.fetch(mirror, desk.repository.url)).toMatchObject({
      why: { trouble: 'needs_password', detail: expect.stringMatching(/expired, or it was revoked/) },
    });
    await open({ ...fine(allPermissions), repositories: ['octo/other'] } as NewToken);
    expect(await git.fetch(mirror, desk.repository.url)).toMatchObject({
      why: {
        trouble: 'not_git',
        detail: expect.stringMatching(/^there is no such repository, or the credential may not/),
      },
    });
    await open();
    await git.fetch(mirror, desk.repository.url);
    desk.fake.world.repository('octo/shop').isArchived = true;
    expect(await push(makeCommit({ 'b.txt': 'b\n' }))).toMatchObject({
      why: { trouble: 'refused', detail: expect.stringMatching(/^the repository is archived/) },
    });
  });

  it('is said: it was renamed, and nobody follows with the credential', async () => {
    desk.fake.rename('octo/shop', 'store');
    expect(await git.fetch(mirror, desk.repository.url)).toMatchObject({
      why: { trouble: 'not_git', detail: expect.stringMatching(/another address now/) },
    });
  });

  it.each([
    ['cut off', { kind: 'nothing' }],
    ['a page with 502', { kind: 'page', status: 502 }],
    ['cut short', { kind: 'truncated' }],
  ] as const)('a push whose answer is %s is unknown, and what landed is found', async (_what, says) => {
    await git.fetch(mirror, desk.repository.url);
    const commit = makeCommit({ 'b.txt': 'b\n' });
    desk.fake.faults.add({ on: 'git/push', says });
    expect(await push(commit)).toMatchObject({ ok: false, why: { trouble: 'unreachable' } });
    expect(await git.remoteBranch(mirror, desk.repository.url, 'patchgit/new')).toEqual({ ok: true, value: commit });
    expect(await push(commit)).toMatchObject({ ok: true });
  });
});

describe('the credential', () => {
  const token = `github_pat_${'Ab1'.repeat(20)}`;
  const basic = basicOf(token);
  const secrets = [token, basic.slice('Basic '.length)];
  const expectNone = (text: string): void => {
    for (const secret of secrets) expect(text).not.toContain(secret);
  };

  /** A server that holds each request until it is let go, and then answers so. */
  async function holding(answer: (url: string) => { status: number; headers?: Record<string, string>; body?: string }) {
    const heard: { url: string; authorization: string | undefined }[] = [];
    const gate = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      heard.push({ url: request.url ?? '', authorization: request.headers.authorization });
      void gate.promise.then(() => {
        const { status, headers = {}, body = '' } = answer(request.url ?? '');
        response.writeHead(status, headers);
        response.end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const close = async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return { heard, origin, release: gate.resolve, close };
  }

  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error) return '';
      throw error;
    }
  };

  it('stands in no command line, in no other environment than that of the one git, in no file, and in no word', async () => {
    const far = await holding(() => ({
      status: 403,
      headers: { 'content-type': 'text/plain' },
      body: `no ${basic} for ${token}\n`,
    }));
    const url = `${far.origin}/octo/shop.git`;
    const guarded = hardenedGit({ path, authorize: async () => ok(basic), plainHttpAt: far.origin });
    const abort = new AbortController();
    process.env['GIT_TRACE'] = join(folder, 'trace');
    process.env['GIT_TRACE_CURL'] = join(folder, 'trace-curl');
    process.env['GIT_CURL_VERBOSE'] = '1';
    process.env['DEBUG'] = '*';
    try {
      const asked = guarded.fetch(mirror, url);
      const waiting = { gitDir: folder, args: ['-c', 'alias.wait=!sleep 30', 'wait'], signal: abort.signal };
      const other = guarded.run(waiting);
      await until('the other git runs', () => descendantsOf(process.pid).some(({ command }) => command === 'sleep 30'));
      await until('the request is there', () => far.heard.length > 0);
      const seen = descendantsOf(process.pid);
      const holders = seen.filter(({ pid }) => secrets.some((secret) => read(`/proc/${pid}/environ`).includes(secret)));
      for (const { command } of seen) expectNone(command);
      expectNone(shown(process.env));
      expect(holders.length).toBeGreaterThan(0);
      for (const { command } of holders) expect(command).toMatch(/git(?:-remote-http)? |\/git-remote-http /);
      expect(holders.some(({ command }) => /sleep|wait/.test(command))).toBe(false);
      expect(seen.some(({ command }) => command.includes('sleep 30'))).toBe(true);
      far.release();
      const answer = await asked;
      expect(answer).toMatchObject({ ok: false, why: { trouble: 'refused' } });
      expectNone(shown(answer));
      expect(shown(answer)).toContain('no Basic [masked: forge credential] for [masked:');
      expect(far.heard[0]?.authorization).toBe(basic);
      abort.abort();
      await other;
    } finally {
      abort.abort();
      for (const name of ['GIT_TRACE', 'GIT_TRACE_CURL', 'GIT_CURL_VERBOSE', 'DEBUG']) delete process.env[name];
      await far.close();
    }
    expect(readdirSync(folder).toSorted()).toEqual(['mirror.git']);
    expectNone(execFileSync('sh', ['-c', 'find . -type f -exec cat {} +'], { cwd: folder, encoding: 'latin1' }));
  });

  it('is not carried along a redirect, neither to another host nor to another path', async () => {
    const other = await holding(() => ({ status: 200 }));
    other.release();
    for (const to of [
      `${other.origin}/octo/shop.git/info/refs?service=git-upload-pack`,
      '/mallory/shop.git/info/refs',
    ]) {
      const far = await holding(() => ({ status: 301, headers: { location: to } }));
      far.release();
      const guarded = hardenedGit({ path, authorize: async () => ok(basic), plainHttpAt: far.origin });
      const answer = await guarded.fetch(mirror, `${far.origin}/octo/shop.git`);
      expect(answer).toMatchObject({ ok: false });
      expect(far.heard).toHaveLength(1);
      await far.close();
    }
    expect(other.heard).toEqual([]);
    await other.close();
  });

  it('is asked for by the whole address: another repository of the same host gets none', async () => {
    const guarded = hardenedGit({
      path,
      authorize: async (url) => ok(url.endsWith('/octo/shop.git') ? basic : null),
      plainHttpAt: desk.fake.gitUrl,
    });
    const asked = await guarded.fetch(mirror, `${desk.fake.gitUrl}/octo/shop.git.evil`);
    expect(asked.ok).toBe(false);
    expect(desk.fake.calls.every(({ who }) => who === 'nobody')).toBe(true);
  });

  it('reaches no hook and no program that the mirror names', async () => {
    await git.fetch(mirror, desk.repository.url);
    const commit = makeCommit({ 'b.txt': 'b\n' });
    const spy = join(folder, 'spy.sh');
    writeFileSync(spy, `#!/bin/sh\nenv >> ${folder}/spied\n`, { mode: 0o755 });
    sh('mkdir -p hooks', mirror);
    for (const hook of ['pre-push', 'reference-transaction', 'post-update', 'pre-auto-gc', 'fsmonitor-watchman'])
      writeFileSync(join(mirror, 'hooks', hook), `#!/bin/sh\nenv >> ${folder}/spied\n`, { mode: 0o755 });
    for (const key of [
      'core.askPass',
      'core.fsmonitor',
      'core.sshCommand',
      'credential.helper',
      'core.pager',
      'core.editor',
    ])
      sh(`git config ${key} ${spy}`, mirror);
    expect(await push(commit)).toMatchObject({ ok: true });
    desk.fake.pushBy({ repository: 'octo/shop', branch: 'main', files: { 'c.txt': 'c\n' } });
    expect(await git.fetch(mirror, desk.repository.url)).toMatchObject({ ok: true });
    desk.fake.revoke(desk.token);
    expect((await git.fetch(mirror, desk.repository.url)).ok).toBe(false);
    expect(existsSync(join(folder, 'spied'))).toBe(false);
  });

  it('goes with the command: aborting ends every process that had it', async () => {
    const far = await holding(() => ({ status: 404 }));
    const guarded = hardenedGit({ path, authorize: async () => ok(basic), plainHttpAt: far.origin });
    const abort = new AbortController();
    const asked = guarded.fetch(mirror, `${far.origin}/octo/shop.git`, abort.signal);
    await until('the request is there', () => far.heard.length > 0);
    abort.abort();
    expect(await asked).toMatchObject({ ok: false });
    await until('no process has it any more', () =>
      descendantsOf(process.pid).every(({ pid }) => !read(`/proc/${pid}/environ`).includes(token.slice(0, 30))),
    );
    far.release();
    await far.close();
  });
});
