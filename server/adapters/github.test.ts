import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shown } from '../testing/cloud/desk.ts';
import { gitHubForge } from './github.ts';
import { branch, done, keptLog, newPull, openGitHubDesk, refused, type GitHubDesk } from './testing/github-desk.ts';

let desk: GitHubDesk;
beforeEach(async () => {
  desk = await openGitHubDesk();
});
afterEach(() => desk.fake.close());

const sent = (operation: string) => desk.fake.calls.filter((call) => call.operation === operation);

describe('a pull request', () => {
  it('is opened with one POST that carries the words as they are, and is found again', async () => {
    const { github, repository, commit, fake } = desk;
    const odd = { title: '123n "5n" :"6n",', body: 'a\r\nb ‮ 🦊 \\u0000 {"n":"12345678901234567890n"}\n\n' };
    expect(await github.forge.findPull(repository, branch)).toEqual({ ok: true, value: null });
    const opened = done(await github.forge.openPull(repository, { ...newPull(commit), ...odd }));
    expect(opened).toMatchObject({
      number: 1,
      ...odd,
      branch,
      base: 'main',
      commit,
      state: 'open',
      url: `${fake.gitUrl}/octo/shop/pull/1`,
      proposalId: 'prop_0123456789ab',
    });
    expect(sent('pulls/create').map(({ body }) => body)).toEqual([
      { ...odd, head: branch, base: 'main', draft: false },
    ]);
    expect(fake.pull('octo/shop', 1)).toMatchObject({ ...odd, isDraft: false });
    expect(done(await github.forge.findPull(repository, branch))).toMatchObject({ number: 1, ...odd });
    expect(done(await github.forge.getPull(repository, 1))).toMatchObject({ number: 1 });
    expect(done(await github.forge.getPull(repository, 7))).toBe(null);
  });

  it('is found, not made twice, when GitHub says that there is one', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    const again = done(await github.forge.openPull(repository, { ...newPull(commit), title: 'Other' }));
    expect(again).toMatchObject({ number: 1, title: 'Two' });
    expect(fake.world.repository('octo/shop').pulls).toHaveLength(1);
    expect(sent('pulls/create')).toHaveLength(2);
  });

  it('can be a draft, and a repository without drafts says so in a sentence', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, { ...newPull(commit), isDraft: true }));
    expect(fake.pull('octo/shop', 1).isDraft).toBe(true);
    fake.closePull('octo/shop', 1);
    fake.world.repository('octo/shop').hasDrafts = false;
    const no = refused(await github.forge.openPull(repository, { ...newPull(commit), isDraft: true }));
    expect(no).toMatchObject({ code: 'forge_refused', message: expect.stringMatching(/takes no drafts/) });
  });

  it('is listed newest first, with its state', async () => {
    const { github, repository, commit, fake, clock } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    clock.advance(60_000);
    fake.pushBy({ repository: 'octo/shop', branch: 'two', files: { 'b.txt': 'b\n' } });
    done(await github.forge.openPull(repository, { ...newPull(commit), branch: 'two' }));
    fake.merge('octo/shop', 1);
    const listed = done(await github.forge.listPulls(repository));
    expect(listed.map(({ number, state }) => [number, state])).toEqual([
      [2, 'open'],
      [1, 'merged'],
    ]);
  });

  it('is closed once, and a closed or merged one is left alone', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    expect(done(await github.forge.closePull(repository, 1))).toMatchObject({ state: 'closed' });
    expect(done(await github.forge.closePull(repository, 1))).toMatchObject({ state: 'closed' });
    expect(sent('pulls/update')).toHaveLength(1);
    expect(fake.pull('octo/shop', 1).state).toBe('closed');
    expect(refused(await github.forge.closePull(repository, 99)).code).toBe('not_found');
  });

  it('of a repository that is not at this GitHub is not asked for there', async () => {
    const elsewhere = { ...desk.repository, url: 'https://git.example/octo/shop.git' };
    expect(refused(await desk.github.forge.openPull(elsewhere, newPull(desk.commit))).code).toBe('forge_refused');
    expect(desk.fake.calls).toEqual([]);
  });
});

describe('marks and comments', () => {
  it('show the proof as a status that can be repeated, cut at 140 characters', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    const description = `${'🦊'.repeat(80)} end`;
    const marks = { number: 1, commit, labels: [], status: { state: 'success', description } as const };
    expect(await github.forge.mark(repository, marks)).toEqual({ ok: true, value: null });
    expect(await github.forge.mark(repository, marks)).toEqual({ ok: true, value: null });
    const [status] = fake.world.repository('octo/shop').statuses;
    expect(status).toMatchObject({ sha: commit, context: 'patchgit/proof', state: 'success' });
    expect(status?.description?.length).toBeLessThanOrEqual(140);
    expect(status?.description).toMatch(/^(?:🦊)+…$/u);
  });

  it('keep the proof when the labels are refused, and say that they were', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    const message = 'Resource not accessible by personal access token';
    fake.faults.add({ on: 'issues/add-labels', says: { kind: 'error', status: 403, message } });
    const marks = { number: 1, commit, labels: ['patchgit'], status: { state: 'success', description: 'ok' } as const };
    const no = refused(await github.forge.mark(repository, marks));
    expect(no).toMatchObject({ code: 'forge_forbidden', message: expect.stringMatching(/put labels/) });
    expect(fake.world.repository('octo/shop').statuses).toHaveLength(1);
    done(await github.forge.mark(repository, marks));
    done(await github.forge.mark(repository, marks));
    expect(fake.pull('octo/shop', 1).labels).toEqual(['patchgit']);
  });

  it('are written once for each key, and a stranger with our key does not keep ours away', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    fake.comment('octo/shop', 1, 'mine <!-- patchgit:undo-1 -->', 'mallory');
    const wanted = { number: 1, key: 'undo-1', text: 'Undone.' };
    done(await github.forge.comment(repository, wanted));
    done(await github.forge.comment(repository, wanted));
    done(await github.forge.comment(repository, { ...wanted, key: 'undo-2' }));
    const ours = fake.world.repository('octo/shop').comments.filter(({ author }) => author === 'octo');
    expect(ours.map(({ body }) => body)).toEqual([
      'Undone.\n\n<!-- patchgit:undo-1 -->',
      'Undone.\n\n<!-- patchgit:undo-2 -->',
    ]);
  });
});

it('hears what is asked for there, and offers the repositories of a token', async () => {
  const { github, repository, fake, clock } = desk;
  const wanted = { label: 'patchgit', word: '/patchgit', sinceMs: clock.nowMs() - 60_000 };
  fake.addIssue('octo/shop', { title: 'Do it', body: 'now', labels: ['patchgit'] });
  fake.addIssue('octo/shop', { title: 'Not this' });
  fake.comment('octo/shop', 2, '/patchgit and this');
  fake.comment('octo/shop', 2, 'nothing');
  const heard = done(await github.forge.requests(repository, wanted));
  expect(heard.map(({ number, author, text }) => [number, author, text])).toEqual([
    [1, 'octo', 'now'],
    [2, 'octo', '/patchgit and this'],
  ]);
  clock.advance(120_000);
  expect(done(await github.forge.requests(repository, { ...wanted, sinceMs: clock.nowMs() }))).toEqual([]);
  const { candidates } = done(await github.candidates(() => null));
  expect(candidates).toMatchObject([{ name: 'octo/shop', url: repository.url, isPrivate: true }]);
});

describe('the outcome', () => {
  it('costs nothing while nothing changes, and is whole when anything does', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    const pull = { number: 1, branch, commit };
    const first = done(await github.forge.outcome(repository, pull, null));
    expect(first?.outcome).toMatchObject({
      state: 'open',
      head: commit,
      comments: 0,
      checks: { state: 'none', total: 0 },
    });
    // GitHub finds out late whether it can be merged, and that is a change too.
    const settled = done(await github.forge.outcome(repository, pull, first?.seen ?? null)) ?? first;
    const before = fake.calls.length;
    expect(done(await github.forge.outcome(repository, pull, settled?.seen ?? null))).toBe(null);
    expect(fake.calls.slice(before).map(({ status }) => status)).toEqual([304, 304, 304]);
    fake.setCheckConclusion('octo/shop', { ref: branch, name: 'test', conclusion: 'failure', summary: 'boom' });
    const red = done(await github.forge.outcome(repository, pull, settled?.seen ?? null));
    expect(red?.outcome).toMatchObject({
      state: 'open',
      checks: { state: 'failure', total: 1, failed: [{ name: 'test', conclusion: 'failure' }] },
    });
    expect(red?.outcome.checks.failed[0]?.text).toMatch(/boom/);
    expect(red?.seen).not.toBe(settled?.seen);
  });

  it('tells a merge, who else pushed, and what is still running; our own proof is no CI', async () => {
    const { github, repository, commit, fake } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    const pull = { number: 1, branch, commit };
    const status = { state: 'success', description: 'ok' } as const;
    done(await github.forge.mark(repository, { number: 1, commit, labels: [], status }));
    const proved = done(await github.forge.outcome(repository, pull, null));
    expect(proved?.outcome.checks).toEqual({ state: 'none', total: 0, failed: [] });
    fake.setCheckConclusion('octo/shop', { ref: commit, name: 'test', conclusion: null });
    expect(done(await github.forge.outcome(repository, pull, null))?.outcome.checks.state).toBe('pending');
    fake.setCheckConclusion('octo/shop', { ref: commit, name: 'test', conclusion: 'success' });
    expect(done(await github.forge.outcome(repository, pull, null))?.outcome.checks.state).toBe('success');
    const theirs = fake.pushBy({ repository: 'octo/shop', branch, files: { 'c.txt': 'c\n' }, by: 'octo' });
    expect(done(await github.forge.outcome(repository, pull, null))?.outcome.head).toBe(theirs);
    fake.comment('octo/shop', 1, 'nice', 'octo');
    const merge = fake.merge('octo/shop', 1);
    const merged = done(await github.forge.outcome(repository, pull, null));
    expect(merged?.outcome).toMatchObject({ state: 'merged', mergeCommit: merge, comments: 1 });
    expect(merged?.outcome.mergedAtMs).toBeGreaterThan(0);
  });

  it('is told without CI where the token may not read checks, and that is no news twice', async () => {
    const { fake, repository, commit } = desk;
    const { checks: _, ...permissions } = {
      contents: 'write',
      pull_requests: 'write',
      statuses: 'read',
      checks: 'x',
    } as const;
    const token = fake.addToken({ kind: 'fine_grained', login: 'octo', permissions });
    const credential = { kind: 'token', token } as const;
    const onSecrets = (): void => undefined;
    const { clock } = desk;
    const addresses = { apiUrl: fake.url, gitOrigin: fake.gitUrl };
    const { log } = keptLog();
    const { forge } = gitHubForge({ ...addresses, credential, wallMs: 5000, clock, log, onSecrets });
    done(await forge.openPull(repository, newPull(commit)));
    const pull = { number: 1, branch, commit };
    const first = done(await forge.outcome(repository, pull, null));
    const settled = done(await forge.outcome(repository, pull, first?.seen ?? null)) ?? first;
    expect(settled?.outcome).toMatchObject({ state: 'open', checks: { state: 'none', total: 0 } });
    expect(done(await forge.outcome(repository, pull, settled?.seen ?? null))).toBe(null);
    fake.merge('octo/shop', 1);
    expect(done(await forge.outcome(repository, pull, settled?.seen ?? null))?.outcome.state).toBe('merged');
  });

  it('is read whole again from what cannot be read any more', async () => {
    const { github, repository, commit } = desk;
    done(await github.forge.openPull(repository, newPull(commit)));
    for (const seen of ['', '{', '{"pull":1}', 'null', '[]', '{"pull":"x","status":"y","checks":"z"}'])
      expect(done(await github.forge.outcome(repository, { number: 1, branch, commit }, seen))?.outcome.state).toBe(
        'open',
      );
  });
});

it('says nothing of the token anywhere: not in an answer, not in an error, not in the log', async () => {
  const { github, repository, commit, fake, token, logged } = desk;
  const open = await github.forge.openPull(repository, newPull(commit));
  fake.revoke(token);
  const no = await github.forge.findPull(repository, branch);
  expect(refused(no).code).toBe('forge_unauthorized');
  for (const value of [open, no, github, logged, fake.calls]) expect(shown(value)).not.toContain(token);
  expect(logged.length).toBeGreaterThan(1);
});
