import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { closeHouses, startHouse, type House } from '../testing/daemon.ts';
import { startFakeGitHub, type FakeGitHub } from '../testing/forge/forge.ts';
import { until } from '../testing/wait.ts';

const shop = 'ada/shop';
const webhookSecret = 'a webhook secret for this test';
let forge: FakeGitHub;
let house: House;

beforeAll(async () => {
  forge = await startFakeGitHub();
  forge.addRepository({ owner: 'ada', name: 'shop', files: { 'a.txt': 'one\ntwo\nthree\n' } });
  const permissions = {
    contents: 'write',
    pull_requests: 'write',
    issues: 'write',
    statuses: 'write',
    checks: 'read',
  } as const;
  house = await startHouse({
    GITHUB_TOKEN: forge.addToken({ kind: 'fine_grained', login: 'ada', permissions }),
    GITHUB_API_URL: forge.url,
    GITHUB_GIT_URL: forge.gitUrl,
    GITHUB_WEBHOOK_SECRET: webhookSecret,
  });
});
afterAll(async () => {
  await closeHouses();
  await forge.close();
});
afterEach(() => forge.settled());

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await house.cli(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function json(...args: string[]): Promise<Record<string, string>> {
  const answer = await house.cli([...args, '--json']);
  expect(answer.code, answer.stderr).toBe(0);
  return answer.json as Record<string, string>;
}

it('lists what the connection can see, to add one of them, and marks it then', async () => {
  const url = `${forge.gitUrl}/ada/shop.git`;
  expect(await said('repo', 'list', '--remote')).toContain(`ada/shop  ${url}  private\n`);
  await said('repo', 'add', url, '--name', 'shop', '--check', 'true');
  expect(await said('repo', 'list', '--remote')).toContain('private, added as shop');
});

it('says what may be done there, and keeps how pull requests are to be opened', async () => {
  const found = await said('repo', 'check', 'shop');
  expect(found).toContain('ok   acts as: patchgit acts there as ada, with a token.');
  expect(found).toContain('ok   pushing: It may push a branch.');
  expect(found).toMatch(/note pull requests: Whether it may open pull requests is not known until the first GO/);
  expect(await said('repo', 'set', 'shop', '--draft', '--label', 'a', '--label', 'b c')).toContain(
    'pull requests: draft, labels: a, b c',
  );
  expect(await said('repo', 'set', 'shop', '--ready')).toContain('pull requests: ready, labels: a, b c');
  expect(await said('repo', 'set', 'shop', '--label', '')).not.toContain('pull requests:');
  await said('repo', 'set', 'shop', '--draft', '--label', 'a');
  expect((await house.cli(['repo', 'set', 'shop', '--draft', '--ready'])).code).toBe(2);
});

it('says before GO what it opens, and after it what became of it, until it can be asked for a fix', async () => {
  const patch = join(house.folder, 'change.patch');
  const lines = ['diff --git a/a.txt b/a.txt', '--- a/a.txt', '+++ b/a.txt', '@@ -1,3 +1,3 @@', ' one', '-two', '+TWO'];
  writeFileSync(patch, [...lines, ' three', ''].join('\n'));
  const { id = '', digest = '' } = await json('propose', '--repo', 'shop', '--diff', patch, '--wait');
  expect(await said('show', id)).toContain('GO opens a draft pull request with the label a and merges nothing');
  await said('go', id, '--digest', digest);
  expect(await said('status')).toContain('1 pull request is open.');
  // From here on a webhook hurries the looks; the first one of all is made when its time has come.
  await until('the first look', async () => (await said('show', id)).includes('is open, as a draft.'), 60_000);
  const port = String(house.rows(`select body from ledger where kind = 'daemon.started'`)[0]?.['body']);
  const { port: number } = JSON.parse(port) as { port: number };
  forge.addWebhook(shop, {
    url: `http://127.0.0.1:${number}/api/hooks/github`,
    secret: webhookSecret,
    events: ['pull_request', 'check_run', 'status'],
  });
  const { branch } = forge.pull(shop, 1);
  forge.setCheckConclusion(shop, { ref: branch, name: 'unit', conclusion: 'failure', summary: '\u001b[2Jexpected 4' });
  await until('the red CI', async () => (await said('show', id)).includes('The CI there failed'));
  const shown = await said('show', id);
  expect(shown).toContain(`  ${forge.gitUrl}/ada/shop/pull/1\n`);
  expect(shown).toMatch(/ {4}unit: failure\n[^]*expected 4/);
  expect(shown).not.toContain('\u001b');
  expect(shown).toContain(`patchgit fix ${id}`);
  expect(await said('status')).toContain(`CI failed for ${id}`);
  expect(await json('fix', id)).toMatchObject({ author: 'owner', repository: 'shop' });
  forge.merge(shop, 1);
  await until('the merge', async () => (await said('show', id)).includes('Pull request #1 was merged.'));
  expect(await said('show', id)).not.toContain('patchgit fix');
});

it('shows no token that stands in the name of a file', async () => {
  const token = `ghp_${'aB3'.repeat(12)}`;
  const patch = join(house.folder, 'name.patch');
  const name = `keys-${token}.txt`;
  writeFileSync(
    patch,
    [
      `diff --git a/${name} b/${name}`,
      'new file mode 100644',
      '--- /dev/null',
      `+++ b/${name}`,
      '@@ -0,0 +1 @@',
      '+x',
      '',
    ].join('\n'),
  );
  const { id = '' } = await json('propose', '--repo', 'shop', '--diff', patch, '--wait');
  const shown = await said('show', id);
  expect(shown).toContain('[masked: GitHub token].txt');
  expect(shown).not.toContain(token);
});
