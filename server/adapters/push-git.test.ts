/** git through patchgit-push: what a daemon without a credential can do at the forge, and what it cannot. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { descendantsOf } from '../testing/processes.ts';
import { until } from '../testing/wait.ts';
import { gitEnvironment } from './git-environment.ts';
import { hardenedGit } from './git.ts';
import { openDoor, type Door } from './push-door.ts';
import { branch, sh } from './testing/github-desk.ts';
import { ask, openPushDesk, type PushDesk } from './testing/push-desk.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
let desk: PushDesk;
let mirror: string;
beforeEach(async () => {
  desk = await openPushDesk();
  mirror = join(desk.folder, 'mirror.git');
});
afterEach(() => desk.close());

/** A commit on top of the mirror's `main`, made beside it. */
function makeCommit(name: string, content: string | Buffer): ObjectId {
  const work = join(desk.folder, 'work');
  sh(`rm -rf work && git clone -q mirror.git work 2>&1`, desk.folder);
  writeFileSync(join(work, name), content);
  sh(
    'git checkout -q main && git add -A && git -c user.name=o -c user.email=o@o commit -qm change && git push -q origin HEAD:refs/kept/x',
    work,
  );
  return ObjectId.parse(sh('git rev-parse HEAD', work));
}

const fetch = () => desk.git.fetch(mirror, desk.repository.url);
const push = (commit: ObjectId, name = 'patchgit/new-0123') =>
  desk.git.push({ gitDir: mirror, url: desk.repository.url, commit, branch: name });

describe('a private repository', () => {
  it('is fetched, pushed to once, looked at and cleaned up', async () => {
    const { git, fake, repository } = desk;
    expect(await fetch()).toEqual({ ok: true, value: 'main' });
    expect(await git.canPush(mirror, repository.url)).toMatchObject({ ok: true });
    const commit = makeCommit('b.txt', 'b\n');
    expect(await push(commit)).toMatchObject({ ok: true });
    expect(await push(commit)).toMatchObject({ ok: true });
    expect(fake.branches('octo/shop').get('patchgit/new-0123')).toBe(commit);
    expect(await git.remoteBranch(mirror, repository.url, 'patchgit/new-0123')).toEqual({ ok: true, value: commit });
    expect(await push(commit, branch)).toMatchObject({ ok: false, why: { trouble: 'moved' } });
    const mine = { gitDir: mirror, url: repository.url, commit, branch: 'patchgit/new-0123' };
    expect(await git.deleteBranch(mine)).toMatchObject({ ok: true });
    expect(await git.deleteBranch(mine)).toMatchObject({ ok: true, value: 'absent' });
    expect(fake.branches('octo/shop').has('patchgit/new-0123')).toBe(false);
    expect(fake.branches('octo/shop').get(branch)).toBe(desk.commit);
    expect(desk.refusals).toEqual([]);
  });

  it('is fetched again: what is new comes, what is gone goes, what was moved by force moves, tags too', async () => {
    expect(await fetch()).toMatchObject({ ok: true });
    const { fake } = desk;
    const tip = fake.pushBy({ repository: 'octo/shop', branch: 'main', files: { 'c.txt': 'c\n' } });
    fake.git('octo/shop', 'update-ref', 'refs/tags/v1', tip);
    fake.git('octo/shop', 'update-ref', '-d', `refs/heads/${branch}`);
    expect(await fetch()).toEqual({ ok: true, value: 'main' });
    const refs = (): string => sh('git for-each-ref --format="%(refname) %(objectname)"', mirror);
    expect(refs()).toBe(`refs/heads/main ${tip}\nrefs/tags/v1 ${tip}`);
    fake.git('octo/shop', 'update-ref', 'refs/heads/main', desk.main);
    expect(await fetch()).toMatchObject({ ok: true });
    expect(refs()).toBe(`refs/heads/main ${desk.main}\nrefs/tags/v1 ${tip}`);
  });

  it('is fetched and pushed to also where much goes over: long questions, and a push of many parts', async () => {
    const { fake } = desk;
    for (let each = 0; each < 60; each += 1)
      fake.git('octo/shop', 'update-ref', `refs/heads/branch-${each}`, desk.main);
    expect(await fetch()).toMatchObject({ ok: true });
    // More than one buffer of git's, which then asks first and sends in parts.
    const commit = makeCommit('large.bin', randomBytes(3 * 1024 * 1024));
    expect(await push(commit)).toMatchObject({ ok: true });
    expect(fake.branches('octo/shop').get('patchgit/new-0123')).toBe(commit);
    for (let each = 0; each < 40; each += 1)
      fake.pushBy({ repository: 'octo/shop', branch: 'main', files: { 'd.txt': `${each}\n` } });
    expect(await fetch()).toMatchObject({ ok: true });
    expect(sh('git rev-parse refs/heads/main', mirror)).toBe(fake.branches('octo/shop').get('main'));
  });

  it.each([
    ['cut off', { kind: 'nothing' }],
    ['a page with 502', { kind: 'page', status: 502 }],
    ['cut short', { kind: 'truncated' }],
  ] as const)('a push whose answer is %s is unknown, and what landed is found', async (_what, says) => {
    await fetch();
    const commit = makeCommit('b.txt', 'b\n');
    desk.fake.faults.add({ on: 'git/push', says });
    expect(await push(commit)).toMatchObject({ ok: false, why: { trouble: 'unreachable' } });
    expect(await desk.git.remoteBranch(mirror, desk.repository.url, 'patchgit/new-0123')).toEqual({
      ok: true,
      value: commit,
    });
    expect(await push(commit)).toMatchObject({ ok: true });
  });

  it('says what GitHub does not take, by its own address: a workflow, a token that ended, a new name', async () => {
    await fetch();
    const work = join(desk.folder, 'work');
    makeCommit('b.txt', 'b\n');
    sh(
      'mkdir -p .github/workflows && echo "on: push" > .github/workflows/ci.yml && git add -A && git -c user.name=o -c user.email=o@o commit -qm ci && git push -q origin HEAD:refs/kept/y',
      work,
    );
    const commit = ObjectId.parse(sh('git rev-parse HEAD', work));
    expect(await push(commit)).toMatchObject({
      why: { trouble: 'refused', detail: expect.stringMatching(/^the token may not change \.github\/workflows/) },
    });
    desk.fake.revoke(desk.heldToken);
    const ended = await fetch();
    expect(ended).toMatchObject({
      why: { trouble: 'needs_password', detail: expect.stringMatching(/expired, or it was revoked/) },
    });
    for (const address of JSON.stringify(ended).match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [])
      expect(address).toBe(desk.fake.gitUrl);
    expect(JSON.stringify(ended)).toContain(desk.fake.gitUrl);
  });

  it('says that it was renamed, and nobody follows with the credential', async () => {
    desk.fake.rename('octo/shop', 'store');
    expect(await fetch()).toMatchObject({
      ok: false,
      why: { trouble: 'not_git', detail: expect.stringMatching(/another address now/) },
    });
  });

  it('a large push that is refused in the middle says why', async () => {
    await fetch();
    const commit = makeCommit('large.bin', randomBytes(8 * 1024 * 1024));
    expect(await push(commit, 'other')).toMatchObject({ ok: false, why: { trouble: 'refused' } });
    // Before the forge has read all of it.
    const says = { kind: 'error', status: 403, message: 'Write access to repository not granted.' } as const;
    desk.fake.faults.add({ on: 'git/push', does: { kind: 'nothing' }, says });
    expect(await push(commit)).toMatchObject({ ok: false, why: { trouble: 'refused' } });
    expect(await push(commit)).toMatchObject({ ok: true });
  });

  it('is not reached where there is no socket, and everything else works as ever', async () => {
    desk.service.close();
    desk.service.closeAllConnections();
    expect(await fetch()).toMatchObject({ ok: false, why: { trouble: 'unreachable' } });
    const origin = join(desk.folder, 'origin');
    sh(
      'git init -q -b main origin && cd origin && git -c user.name=o -c user.email=o@o commit -q --allow-empty -m one',
      desk.folder,
    );
    expect(await desk.git.fetch(join(desk.folder, 'm.git'), origin)).toEqual({ ok: true, value: 'main' });
    expect(desk.fake.calls).toEqual([]);
  });
});

describe('a daemon that was taken over', () => {
  let door: Door;
  beforeEach(async () => {
    await fetch();
    door = await openDoor({ socketPath: desk.socketPath, gitOrigin: desk.fake.gitUrl }, desk.repository.url, 60_000);
  });
  afterEach(() => door.close());

  /** Any git command at all, as the daemon's user could run it. */
  const git = (args: readonly string[], to = door.url): Promise<string> =>
    new Promise((resolve) => {
      const config: [string, string][] = [
        ['protocol.http.allow', 'always'],
        [`http.${door.origin}.extraHeader`, `Authorization: ${door.authorization}`],
      ];
      const words = args.map((word) => (word === 'URL' ? to : word));
      const child = spawn('git', words, { cwd: mirror, env: gitEnvironment(path, {}, config) });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
      child.on('close', (code) => resolve(`${code} ${said}`));
    });

  it.each([
    ['the default branch', ['push', '--force', 'URL', 'COMMIT:refs/heads/main']],
    ['the default branch, deleted', ['push', 'URL', ':refs/heads/main']],
    ['a tag', ['push', 'URL', 'COMMIT:refs/tags/v1']],
    ['another branch', ['push', 'URL', 'COMMIT:refs/heads/other']],
    ['a branch of ours that is there, moved', ['push', '--force', 'URL', `COMMIT:refs/heads/${branch}`]],
    ['two branches at once', ['push', 'URL', 'COMMIT:refs/heads/patchgit/a', 'COMMIT:refs/heads/patchgit/b']],
    ['everything', ['push', '--mirror', 'URL']],
    ['one with options', ['push', '-o', 'ci.skip', 'URL', 'COMMIT:refs/heads/patchgit/a']],
  ])('cannot push %s', async (_what, args) => {
    const before = [...desk.fake.branches('octo/shop')];
    const commit = makeCommit('b.txt', 'b\n');
    if (args.includes('-o')) desk.fake.git('octo/shop', 'config', 'receive.advertisePushOptions', 'true');
    const sent = desk.fake.calls.filter(({ operation }) => operation === 'git/push').length;
    const said = await git(args.map((word) => word.replace('COMMIT', commit)));
    expect(said).toMatch(/^[1-9]/);
    expect(desk.refusals).toEqual(['branch']);
    expect(door.refused()).toBe('branch');
    expect([...desk.fake.branches('octo/shop')]).toEqual(before);
    expect(sh('git tag', mirror)).toBe('');
    expect(desk.fake.calls.filter(({ operation }) => operation === 'git/push').length).toBe(sent);
  });

  it('is told so in the words of a transfer', async () => {
    expect(await push(makeCommit('b.txt', 'b\n'), 'other')).toEqual({
      ok: false,
      why: {
        trouble: 'refused',
        detail: expect.stringMatching(/^patchgit-push did not send it: it makes and deletes/),
      },
    });
  });

  it('cannot hide what it pushes by packing it', async () => {
    const address = `${desk.fake.gitUrl}/octo/shop.git/git-receive-pack`;
    for (const headers of [{ 'content-encoding': 'gzip' }, { 'content-encoding': 'identity' }])
      expect((await ask(desk.socketPath, 'POST', address, { body: '0000', headers })).verdict).toBe('refused branch');
    expect(await ask(desk.socketPath, 'POST', address, { body: '0000' })).toMatchObject({ verdict: null });
  });

  it('cannot get the credential: not from an answer, and not to another place', async () => {
    const said = await git(['ls-remote', 'URL'], `${door.origin}/octo/../../user`);
    expect(said).toMatch(/^[1-9]/);
    const { heldToken } = desk;
    const seen = descendantsOf(process.pid).map(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'latin1'));
    for (const text of [said, ...seen]) expect(text).not.toContain(heldToken);
    expect(
      execFileSync('sh', ['-c', 'find . -type f -exec cat {} +'], { cwd: desk.folder, encoding: 'latin1' }),
    ).not.toContain(heldToken);
  });
});

describe('the door', () => {
  it('opens to nobody without its key, leads to one forge, and is gone when it is closed', async () => {
    const way = { socketPath: desk.socketPath, gitOrigin: desk.fake.gitUrl };
    const door = await openDoor(way, desk.repository.url, 60_000);
    const knock = (authorization?: string, at = '/info/refs?service=git-upload-pack') =>
      new Promise<number>((resolve, reject) => {
        const headers = authorization === undefined ? {} : { authorization };
        httpRequest(`${door.url}${at}`, { headers }, (answer) => resolve(answer.resume().statusCode ?? 0))
          .on('error', reject)
          .end();
      });
    expect(await knock()).toBe(404);
    expect(await knock('Basic x')).toBe(404);
    expect(await knock(door.authorization.toLowerCase())).toBe(404);
    expect(desk.fake.calls).toEqual([]);
    expect(await knock(door.authorization)).toBe(200);
    expect(await knock(door.authorization, '/../../user')).toBe(403);
    expect(door.refused()).toBe('not_allowed');
    await door.close();
    await expect(knock(door.authorization)).rejects.toThrow(/ECONNREFUSED/);
    const other = await openDoor(way, desk.repository.url, 60_000);
    expect(other.authorization).not.toBe(door.authorization);
    await other.close();
  });

  it('is not used for another place, over ssh, or where the credential is here', async () => {
    await expect(
      openDoor({ socketPath: desk.socketPath, gitOrigin: desk.fake.gitUrl }, 'https://elsewhere.example/o/n.git', 1000),
    ).rejects.toThrow('the door leads to one forge');
    const plain = hardenedGit({ path, plainHttpAt: desk.fake.gitUrl });
    expect(await plain.fetch(mirror, desk.repository.url)).toMatchObject({ why: { trouble: 'needs_password' } });
  });

  it('keeps its key out of every command line, and ends with the transfer when that is called off', async () => {
    const heard: string[] = [];
    let closed = 0;
    const silent = createServer((request, response) => {
      heard.push(request.url ?? '');
      response.once('close', () => (closed += 1));
    });
    const socketPath = join(desk.folder, 'silent.sock');
    await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
    const git = hardenedGit({ path, pushWay: { socketPath, gitOrigin: desk.fake.gitUrl } });
    const abort = new AbortController();
    const asked = git.fetch(mirror, desk.repository.url, abort.signal);
    await until('the request is there', () => heard.length > 0);
    expect(heard[0]).toBe(`${desk.repository.url}/info/refs?service=git-upload-pack`);
    const commands = descendantsOf(process.pid).map(({ command }) => command);
    expect(commands.some((command) => command.includes('git-remote-http'))).toBe(true);
    for (const command of commands) expect(command).not.toMatch(/Basic|Authorization/);
    abort.abort();
    expect(await asked).toMatchObject({ ok: false });
    await until('nobody asks any more', () => closed === 1);
    silent.close();
  });
});
