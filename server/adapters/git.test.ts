import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from './git.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
const git = hardenedGit({ path });
let folder: string;

function sh(command: string, cwd: string): string {
  return execFileSync('sh', ['-ec', command], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
  }).trim();
}

function makeOrigin(): string {
  sh(
    `git init -q -b main origin && cd origin && git config user.name o && git config user.email o@o &&
     echo one > a.txt && git add . && git commit -qm one`,
    folder,
  );
  return join(folder, 'origin');
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-git-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the mirror', () => {
  it('follows the remote, forgets deleted branches and names the default branch', async () => {
    const origin = makeOrigin();
    const mirror = join(folder, 'mirror.git');
    sh('git branch gone', origin);
    expect(await git.fetch(mirror, origin)).toEqual({ ok: true, value: 'main' });
    sh('git branch -D gone && echo two > a.txt && git commit -qam two', origin);
    await git.fetch(mirror, origin);
    const refs = await git.run({ gitDir: mirror, args: ['for-each-ref', '--format=%(refname) %(objectname)'] });
    expect(refs.stdout.toString()).toBe(`refs/heads/main ${sh('git rev-parse HEAD', origin)}\n`);
  });

  it('says what is wrong with a remote it cannot use', async () => {
    const nowhere = await git.fetch(join(folder, 'm1.git'), join(folder, 'nowhere'));
    expect(nowhere).toMatchObject({ ok: false, why: { trouble: 'not_git' } });
    const forbidden = await git.fetch(join(folder, 'm2.git'), `ext::sh -c "touch ${folder}/canary"`);
    expect(forbidden.ok).toBe(false);
    expect(existsSync(join(folder, 'canary'))).toBe(false);
  });
});

describe('pushing', () => {
  it('pushes a new branch once, finds its own earlier push, and never moves a branch of somebody else', async () => {
    const origin = makeOrigin();
    const mirror = join(folder, 'mirror.git');
    await git.fetch(mirror, origin);
    const commit = ObjectId.parse(sh('git rev-parse HEAD', origin));
    const push = { gitDir: mirror, url: origin, commit, branch: 'patchgit/x' };
    expect(await git.push(push)).toMatchObject({ ok: true });
    expect(await git.push(push)).toMatchObject({ ok: true });
    sh(
      'git checkout -q patchgit/x && echo theirs > b && git add . && git commit -qm theirs && git checkout -q main',
      origin,
    );
    expect(await git.push(push)).toMatchObject({ ok: false, why: { trouble: 'moved' } });
    expect(await git.deleteBranch(push)).toMatchObject({ ok: false, why: { trouble: 'moved' } });
    sh('git update-ref refs/heads/patchgit/x main', origin);
    expect(await git.deleteBranch(push)).toMatchObject({ ok: true });
    expect(await git.remoteBranch(mirror, origin, 'patchgit/x')).toEqual({ ok: true, value: null });
    expect(await git.deleteBranch(push)).toMatchObject({ ok: true });
  });

  it('tells a refusal by the remote from everything else', async () => {
    const origin = makeOrigin();
    const mirror = join(folder, 'mirror.git');
    await git.fetch(mirror, origin);
    writeFileSync(join(origin, '.git/hooks/pre-receive'), '#!/bin/sh\necho not today >&2\nexit 1\n', { mode: 0o755 });
    const commit = ObjectId.parse(sh('git rev-parse HEAD', origin));
    expect(await git.push({ gitDir: mirror, url: origin, commit, branch: 'x' })).toMatchObject({
      ok: false,
      why: { trouble: 'refused' },
    });
  });
});

describe('every git process', () => {
  it('runs nothing that the repository names: hooks, fsmonitor, pager, aliases, filters', async () => {
    const origin = makeOrigin();
    const canary = join(folder, 'canary');
    const program = join(folder, 'evil.sh');
    writeFileSync(program, `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    sh(
      `git config core.fsmonitor ${program} && git config core.pager ${program} && git config core.hooksPath ${folder} &&
       git config diff.external ${program} && git config core.sshCommand ${program}`,
      origin,
    );
    const gitDir = join(origin, '.git');
    for (const args of [
      ['rev-parse', 'HEAD'],
      ['ls-tree', '-r', 'HEAD'],
      ['log', '-1'],
      ['diff-tree', '-p', '--no-ext-diff', 'HEAD'],
    ]) {
      expect((await git.run({ gitDir, args })).code).toBe(0);
    }
    expect(existsSync(canary)).toBe(false);
  });

  it('inherits no environment', async () => {
    const origin = makeOrigin();
    process.env['GIT_DIR'] = '/nonexistent';
    try {
      expect((await git.run({ gitDir: join(origin, '.git'), args: ['rev-parse', 'HEAD'] })).code).toBe(0);
    } finally {
      delete process.env['GIT_DIR'];
    }
  });

  it('ends at its clock, at its output cap and when it is aborted', async () => {
    const gitDir = join(makeOrigin(), '.git');
    const slow = { gitDir, args: ['-c', 'alias.slow=!sleep 30', 'slow'] };
    expect((await git.run({ ...slow, wallMs: 50 })).ended).toBe('wall');
    const abort = new AbortController();
    const running = git.run({ ...slow, signal: abort.signal });
    abort.abort();
    expect((await running).ended).toBe('aborted');
    const wordy = await git.run({ gitDir, args: ['-c', 'alias.wordy=!yes', 'wordy'], outputBytesMax: 1000 });
    expect([wordy.ended, wordy.stdout.length]).toEqual(['output', 1000]);
  });

  it('ends when it asks for more memory than it may have', async () => {
    const gitDir = join(makeOrigin(), '.git');
    const greedy = ['-c', 'alias.greedy=!head -c 300000000 /dev/zero | tail', 'greedy'];
    const memoryBytesMax = 128 * 1024 * 1024;
    const ended = await git.run({ gitDir, args: greedy, memoryBytesMax, outputBytesMax: 1000 });
    expect(ended.stderr).toMatch(/memory/i);
    expect((await git.run({ gitDir, args: ['rev-parse', 'HEAD'], memoryBytesMax })).code).toBe(0);
  });

  it('keeps new objects in the quarantine it was given', async () => {
    const gitDir = join(makeOrigin(), '.git');
    const objectsDir = join(folder, 'quarantine');
    sh(`mkdir ${objectsDir}`, folder);
    const written = await git.run({ gitDir, objectsDir, args: ['hash-object', '-w', '--stdin'], stdin: 'quarantined' });
    const id = written.stdout.toString().trim();
    expect((await git.run({ gitDir, args: ['cat-file', '-e', id] })).code).not.toBe(0);
    expect((await git.run({ gitDir, objectsDir, args: ['cat-file', '-p', id] })).stdout.toString()).toBe('quarantined');
  });
});
