import { afterEach, describe, expect, it } from 'vitest';
import { openForgeDesk, refusedBy, type ForgeDesk } from './desk.ts';
import type { FakeGitHubOptions } from './forge.ts';
import type { NewRepository } from './world.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const shop = { owner: 'octo', repo: 'shop' };

async function start(repository: Partial<NewRepository> = {}, options: FakeGitHubOptions = {}) {
  const opened = await openForgeDesk(options);
  desk = opened;
  const files = { 'README.md': 'shop\n', text: 'one\ntwo\nthree\n' };
  opened.forge.addRepository({ owner: 'octo', name: 'shop', files, ...repository });
  const octo = opened.octokit(opened.forge.addToken({ kind: 'classic', login: 'octo' }));
  const push = (branch: string, changes: Record<string, string | null> = { [`${branch}.txt`]: 'a\n' }) =>
    opened.forge.pushBy({ repository: 'octo/shop', branch, files: changes });
  const open = async (head: string, more: { draft?: boolean; body?: string; title?: string } = {}) =>
    (await octo.pulls.create({ ...shop, title: `About ${head}`, head, base: 'main', ...more })).data;
  const refused = async (parts: { head: string; base?: string; draft?: boolean; title?: string; body?: string }) => {
    const { status, body } = await refusedBy(octo.pulls.create({ ...shop, title: 'a', base: 'main', ...parts }));
    return [status, body['message'], body['errors']];
  };
  return { ...opened, octo, push, open, refused };
}

describe('opening', () => {
  it('shows the branch as it really is', async () => {
    const { push, open, octo, forge } = await start();
    const sha = push('feature', { text: 'one\n2\nthree\n', 'new file': 'a\nb\n' });
    const pull = await open('feature', { draft: true, body: 'why' });
    expect(pull).toMatchObject({
      number: 1,
      state: 'open',
      draft: true,
      body: 'why',
      head: { ref: 'feature', label: 'octo:feature', sha },
      base: { ref: 'main', sha: forge.branches('octo/shop').get('main') },
      user: { login: 'octo' },
      additions: 3,
      deletions: 1,
      changed_files: 2,
      commits: 1,
      html_url: `${forge.gitUrl}/octo/shop/pull/1`,
    });
    const { data: files } = await octo.pulls.listFiles({ ...shop, pull_number: 1 });
    expect(files.map(({ filename, status, additions }) => [filename, status, additions])).toEqual([
      ['new file', 'added', 2],
      ['text', 'modified', 1],
    ]);
    expect(forge.git('octo/shop', 'rev-parse', 'refs/pull/1/head')).toBe(sha);
    const page = await (await fetch(pull.html_url)).text();
    expect(page).toContain('About feature');
  });

  it('refuses what GitHub refuses, in its words', async () => {
    const { push, open, refused, forge } = await start({ hasDrafts: false });
    push('a');
    await open('a');
    const main = forge.branches('octo/shop').get('main') ?? '';
    forge.git('octo/shop', 'update-ref', 'refs/heads/same', main);
    const custom = (message: string) => [
      422,
      'Validation Failed',
      [{ resource: 'PullRequest', code: 'custom', message }],
    ];
    const invalid = (field: string) => [
      422,
      'Validation Failed',
      [{ resource: 'PullRequest', field, code: 'invalid' }],
    ];
    expect(await refused({ head: 'a' })).toEqual(custom('A pull request already exists for octo:a.'));
    expect(await refused({ head: 'octo:a' })).toEqual(custom('A pull request already exists for octo:a.'));
    expect(await refused({ head: 'same' })).toEqual(custom('No commits between main and same'));
    expect(await refused({ head: 'gone' })).toEqual(invalid('head'));
    expect(await refused({ head: 'somebody:a' })).toEqual(invalid('head'));
    expect(await refused({ head: 'a', base: 'gone' })).toEqual(invalid('base'));
    push('b');
    expect(await refused({ head: 'b', draft: true })).toEqual([
      422,
      'Draft pull requests are not supported in this repository.',
      undefined,
    ]);
    expect(await refused({ head: 'b', title: '' })).toMatchObject([422, 'Validation Failed', [{ field: 'title' }]]);
    const long = await refused({ head: 'b', body: 'x'.repeat(65_537) });
    expect(long).toMatchObject([
      422,
      'Validation Failed',
      [{ message: 'body is too long (maximum is 65536 characters)' }],
    ]);
  });

  it('takes a second one for the same branch once the first is closed', async () => {
    const { push, open, octo } = await start();
    push('a');
    await open('a');
    await octo.pulls.update({ ...shop, pull_number: 1, state: 'closed' });
    expect((await open('a')).number).toBe(2);
  });
});

describe('the list', () => {
  it('filters by owner and branch, and by nothing when the owner is left out', async () => {
    const { push, open, octo } = await start();
    for (const branch of ['a', 'b', 'c']) {
      push(branch);
      await open(branch);
    }
    const numbers = async (query: { head?: string; state?: 'all' | 'closed' }) =>
      (await octo.pulls.list({ ...shop, ...query })).data.map(({ number }) => number);
    expect(await numbers({})).toEqual([3, 2, 1]);
    expect(await numbers({ head: 'octo:b' })).toEqual([2]);
    expect(await numbers({ head: 'b' })).toEqual([3, 2, 1]);
    expect(await numbers({ head: 'somebody:b' })).toEqual([]);
    await octo.pulls.update({ ...shop, pull_number: 2, state: 'closed' });
    expect(await numbers({ head: 'octo:b' })).toEqual([]);
    expect(await numbers({ head: 'octo:b', state: 'all' })).toEqual([2]);
    expect(await numbers({ state: 'closed' })).toEqual([2]);
  });

  it('lags behind, while the pull request itself is there at once', async () => {
    const { push, open, octo, clock } = await start({}, { conditions: { listLagMs: 30_000 } });
    push('a');
    await open('a');
    expect((await octo.pulls.list(shop)).data).toEqual([]);
    expect((await octo.pulls.get({ ...shop, pull_number: 1 })).status).toBe(200);
    clock.advance(30_000);
    expect((await octo.pulls.list(shop)).data).toHaveLength(1);
  });
});

describe('whether it can be merged', () => {
  it('is unknown at first, and again after each push', async () => {
    const { push, open, octo } = await start();
    push('a');
    const pull = await open('a');
    const look = async () => {
      const { data } = await octo.pulls.get({ ...shop, pull_number: 1 });
      return [data.mergeable, data.mergeable_state];
    };
    expect([pull.mergeable, pull.mergeable_state]).toEqual([null, 'unknown']);
    expect(await look()).toEqual([null, 'unknown']);
    expect(await look()).toEqual([true, 'clean']);
    push('a', { text: 'mine\n' });
    expect(await look()).toEqual([null, 'unknown']);
    push('main', { text: 'theirs\n' });
    await look();
    expect(await look()).toEqual([false, 'dirty']);
  });

  it('depends on drafts, on required checks and on red ones', async () => {
    const { push, open, octo, forge } = await start({
      protectedBranches: [{ branch: 'main', requiredChecks: ['ci'] }],
    });
    push('a');
    await open('a');
    push('b');
    await open('b', { draft: true });
    const state = async (pull_number: number) => {
      await octo.pulls.get({ ...shop, pull_number });
      return (await octo.pulls.get({ ...shop, pull_number })).data.mergeable_state;
    };
    expect([await state(1), await state(2)]).toEqual(['blocked', 'draft']);
    forge.setCheckConclusion('octo/shop', { ref: 'a', name: 'ci', conclusion: 'success' });
    expect(await state(1)).toBe('clean');
    forge.setCheckConclusion('octo/shop', { ref: 'a', name: 'lint', conclusion: 'failure' });
    expect(await state(1)).toBe('unstable');
  });
});

describe('the end', () => {
  it.each([
    ['merge', 2],
    ['squash', 1],
    ['rebase', 1],
  ] as const)('a %s moves the base with real git', async (method, parents) => {
    const { push, open, octo, forge } = await start();
    push('a', { 'a.txt': 'a\n' });
    push('a', { 'b.txt': 'b\n' });
    await open('a');
    push('main', { 'c.txt': 'c\n' });
    const sha = forge.merge('octo/shop', 1, { method, by: 'somebody' });
    expect(forge.branches('octo/shop').get('main')).toBe(sha);
    expect(forge.git('octo/shop', 'ls-tree', '--name-only', 'main').split('\n')).toEqual([
      'README.md',
      'a.txt',
      'b.txt',
      'c.txt',
      'text',
    ]);
    expect(forge.git('octo/shop', 'rev-list', '--parents', '-1', 'main').split(' ')).toHaveLength(1 + parents);
    const { data } = await octo.pulls.get({ ...shop, pull_number: 1 });
    expect(data).toMatchObject({
      state: 'closed',
      merged: true,
      merge_commit_sha: sha,
      merged_by: { login: 'somebody' },
    });
    expect(data.changed_files).toBe(2);
  });

  it('does not merge what conflicts or is closed', async () => {
    const { push, open, forge } = await start();
    push('a', { text: 'mine\n' });
    await open('a');
    push('main', { text: 'theirs\n' });
    expect(() => forge.merge('octo/shop', 1)).toThrow('has conflicts');
    forge.closePull('octo/shop', 1);
    expect(() => forge.merge('octo/shop', 1)).toThrow('is not open');
  });

  it('closes when its branch is deleted, and does not open again without it', async () => {
    const { push, open, octo } = await start();
    push('a');
    await open('a');
    await octo.git.deleteRef({ ...shop, ref: 'heads/a' });
    const one = { ...shop, pull_number: 1 };
    expect((await octo.pulls.get(one)).data).toMatchObject({ state: 'closed', merged: false });
    const no = await refusedBy(octo.pulls.update({ ...one, state: 'open' }));
    expect(no).toMatchObject({ status: 422, body: { message: 'Validation Failed' } });
    expect(JSON.stringify(no.body)).toContain('The a branch has been deleted.');
  });

  it('counts as merged when somebody pushes its commits to the base', async () => {
    const { push, open, octo, forge } = await start();
    const sha = push('a');
    await open('a');
    await octo.git.updateRef({ ...shop, ref: 'heads/main', sha });
    const { data } = await octo.pulls.get({ ...shop, pull_number: 1 });
    expect(data).toMatchObject({ merged: true, state: 'closed' });
    expect(forge.branches('octo/shop').get('main')).toBe(sha);
  });

  it('follows its branch, also when somebody else pushes to it by force', async () => {
    const { push, open, octo, forge } = await start();
    push('a');
    await open('a');
    const sha = forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { b: 'b\n' }, by: 'other', force: true });
    const { data } = await octo.pulls.get({ ...shop, pull_number: 1 });
    expect(data.head.sha).toBe(sha);
    expect(data.changed_files).toBe(1);
  });

  it('deletes the branch after a merge where the repository says so', async () => {
    const { push, open, forge } = await start({ hasDeleteOnMerge: true });
    push('a');
    await open('a');
    forge.merge('octo/shop', 1);
    expect([...forge.branches('octo/shop').keys()]).toEqual(['main']);
    expect(forge.pull('octo/shop', 1).mergedAtMs).not.toBeNull();
  });
});

it('runs its CI on every new head of a pull request', async () => {
  const ci = { name: 'ci', conclusion: 'failure', afterMs: 60_000, summary: 'one test failed' } as const;
  const { push, open, octo, clock } = await start({ ci });
  push('a');
  await open('a');
  const look = async () =>
    (await octo.checks.listForRef({ ...shop, ref: 'a' })).data.check_runs.map(
      ({ name, status, conclusion, output }) => [name, status, conclusion, output.summary],
    );
  expect(await look()).toEqual([['ci', 'in_progress', null, null]]);
  clock.advance(60_000);
  expect(await look()).toEqual([['ci', 'completed', 'failure', 'one test failed']]);
  push('a', { b: 'b\n' });
  expect(await look()).toEqual([['ci', 'in_progress', null, null]]);
});

it('gives the diff as text to whoever asks for it so', async () => {
  const { push, open, octo } = await start();
  push('a', { text: 'one\n2\nthree\n' });
  await open('a');
  const { data } = await octo.pulls.get({ ...shop, pull_number: 1, mediaType: { format: 'diff' } });
  // Typed as an object, whatever the media type.
  expect(data as unknown).toMatch(/^diff --git a\/text b\/text\n/);
});

it('keeps statuses by their context, the last one of each', async () => {
  const { push, octo } = await start();
  const sha = push('a');
  const set = (state: 'pending' | 'success' | 'failure', context: string) =>
    octo.repos.createCommitStatus({ ...shop, sha, state, context });
  const combined = async () => {
    const { data } = await octo.repos.getCombinedStatusForRef({ ...shop, ref: 'a' });
    return [data.state, data.total_count];
  };
  expect(await combined()).toEqual(['pending', 0]);
  await set('pending', 'proof');
  await set('failure', 'lint');
  expect(await combined()).toEqual(['failure', 2]);
  await set('success', 'lint');
  expect(await combined()).toEqual(['pending', 2]);
  await set('success', 'proof');
  expect(await combined()).toEqual(['success', 2]);
  const no = await refusedBy(octo.repos.createCommitStatus({ ...shop, sha: 'c'.repeat(40), state: 'success' }));
  expect(no).toMatchObject({ status: 422, body: { message: `No commit found for SHA: ${'c'.repeat(40)}` } });
});
