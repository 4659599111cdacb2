import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeGitHub, type FakeGitHub } from '../../server/testing/forge/forge.ts';
import {
  desktop,
  expectNoSidewaysScroll,
  firstRun,
  isLive,
  openHouse,
  pasteAndProve,
  phone,
  type House,
} from './house.ts';

/** The port is known only once the daemon is there, and the webhook's secret before. */
const webhookSecret = 'a webhook secret for this test';
const shop = 'ada/shop';

let forge: FakeGitHub;
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  forge = await startFakeGitHub();
  const test = "import { add } from './add.mjs';\nif (add(2, 2) !== 4) throw new Error('add');\n";
  forge.addRepository({
    owner: 'ada',
    name: 'shop',
    files: {
      'add.mjs': 'export const add = (a, b) => a + b;\n',
      'notes.txt': 'one\ntwo\nthree\n',
      'package.json': `${JSON.stringify({ name: 'shop', type: 'module', scripts: { test: 'node test.mjs' } })}\n`,
      'test.mjs': test,
    },
  });
  forge.addRepository({ owner: 'ada', name: 'site', isPrivate: false });
  forge.addRepository({ owner: 'ada', name: 'old', isArchived: true });
  const token = forge.addToken({
    kind: 'fine_grained',
    login: 'ada',
    permissions: { contents: 'write', pull_requests: 'write', issues: 'write', statuses: 'write', checks: 'read' },
  });
  house = await openHouse({
    environment: {
      GITHUB_TOKEN: token,
      GITHUB_API_URL: forge.url,
      GITHUB_GIT_URL: forge.gitUrl,
      GITHUB_WEBHOOK_SECRET: webhookSecret,
    },
  });
  forge.addWebhook(shop, {
    url: `${house.origin}/api/hooks/github`,
    secret: webhookSecret,
    events: ['pull_request', 'check_run', 'check_suite', 'issue_comment', 'push', 'status'],
  });
  ({ page, complaints } = await house.open(phone));
  await firstRun(house, page);
});
afterAll(async () => {
  await house.close();
  await forge.close();
});

async function readsWell(): Promise<void> {
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport);
    await expectNoSidewaysScroll(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
  }
  expect(complaints).toEqual([]);
}

/** Lines of a change to notes.txt, as git writes it. */
function notesPatch(from: string, to: string): string {
  const lines = ['one', 'two', 'three'].flatMap((line) => (line === from ? [`-${line}`, `+${to}`] : [` ${line}`]));
  return [
    'diff --git a/notes.txt b/notes.txt',
    '--- a/notes.txt',
    '+++ b/notes.txt',
    '@@ -1,3 +1,3 @@',
    ...lines,
    '',
  ].join('\n');
}

function outcome(): Locator {
  return page.getByRole('region', { name: 'What became of it' });
}

async function pressGo(number: number): Promise<void> {
  const go = page.getByRole('button', { name: /^GO: open pull request/ });
  await expect.poll(() => go.getAttribute('aria-disabled'), { timeout: 15_000 }).not.toBe('true');
  await go.click();
  await page.getByRole('heading', { name: new RegExp(`Pull request #${number} is open`) }).waitFor({ timeout: 30_000 });
}

describe('a repository of GitHub in the browser', () => {
  it('is picked from the list of what the token can see, with the keyboard alone, and is marked once it is added', async () => {
    await page.goto(`${house.origin}/repositories`);
    await isLive(page);
    await page.getByText('Pick a repository of GitHub').focus();
    await page.keyboard.press('Enter');
    const list = page.getByRole('list', { name: 'Repositories of GitHub' });
    await list.getByRole('button', { name: /ada\/site public/ }).waitFor();
    expect(await list.getByRole('button').count()).toBe(2);
    await readsWell();
    await page.getByLabel('Filter').fill('SHOP');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.getByLabel('Path or URL').inputValue()).toBe(`${forge.gitUrl}/ada/shop.git`);
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('shop');
    await page.getByRole('button', { name: 'Add repository' }).click();
    await page.getByRole('article', { name: 'shop' }).waitFor({ timeout: 30_000 });
    await page.getByText('Pick a repository of GitHub').click();
    await list.getByRole('button', { name: /ada\/shop private · added as shop/ }).waitFor();
  });

  it('says on asking what the token may do there, and what nobody can know before the first push', async () => {
    const card = page.getByRole('article', { name: 'shop' });
    await card.getByRole('button', { name: 'Check' }).click();
    await card.getByText('patchgit acts there as ada, with a token.').waitFor();
    await card.getByText('It may push a branch.').waitFor();
    await card.getByText(/open pull requests is not known until the first GO/).waitFor();
    await card.getByText(/starts the CI of the repository/).waitFor();
    await readsWell();
  });

  it('opens drafts with labels once the owner wants it so, and the GO screen says it before', async () => {
    const card = page.getByRole('article', { name: 'shop' });
    await card.getByRole('button', { name: 'Change' }).click();
    await card.getByText('Open them as drafts').click();
    await card.getByLabel('Labels, with commas between them').fill('patchgit, needs review');
    await readsWell();
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('opened as drafts, with patchgit, needs review').waitFor();
    await pasteAndProve(page, notesPatch('two', 'TWO'), 'Say two loudly', 'shop');
    await page.getByRole('heading', { name: 'GO opens a draft pull request' }).waitFor();
    await page.getByText('With the labels patchgit, needs review.').waitFor();
    await readsWell();
  });
});

it('shows no token that stands in the name of a file: not in the list, not in the diff, not for screen readers', async () => {
  const token = `ghp_${'aB3'.repeat(12)}`;
  const name = `keys-${token}.txt`;
  const heading = `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n`;
  await page.setViewportSize(desktop);
  await pasteAndProve(page, `${heading}@@ -0,0 +1 @@\n+x\n`, 'Add a key', 'shop');
  await page.getByRole('heading', { name: 'keys-[masked: GitHub token].txt' }).waitFor();
  await page.getByRole('link', { name: /keys-\[masked: GitHub token\]\.txt/ }).waitFor();
  expect(await page.content()).not.toContain(token);
  const [, id = ''] = /\/proposals\/(prop_\w+)/.exec(page.url()) ?? [];
  await page.setViewportSize(phone);
  await page.goto(`${house.origin}/proposals/${id}/diff?f=0`);
  await page.getByRole('heading', { name: 'keys-[masked: GitHub token].txt' }).waitFor();
  expect(await page.content()).not.toContain(token);
});

describe('what became of a pull request', () => {
  it('is linked and said: open, as a draft, with the labels on it', async () => {
    await page.goto(`${house.origin}/proposals`);
    await page.getByRole('link', { name: /Say two loudly/ }).click();
    await pressGo(1);
    // The forge is asked on a timer: nothing tells of a pull request that we made ourselves.
    await outcome().getByText('Pull request #1 is open, as a draft.').waitFor({ timeout: 60_000 });
    await outcome().getByText('The CI there has said nothing yet.').waitFor();
    const link = outcome().getByRole('link', { name: 'Open it there' });
    expect(await link.getAttribute('href')).toBe(`${forge.gitUrl}/ada/shop/pull/1`);
    expect(await link.getAttribute('rel')).toContain('noopener');
    expect(forge.pull(shop, 1)).toMatchObject({ isDraft: true, labels: ['patchgit', 'needs review'] });
  });

  it('shows a red CI as it comes, its text as text, and leads with "Fix it" to the thread that asks for it', async () => {
    const { branch } = forge.pull(shop, 1);
    const said = '<img src=x onerror=alert(1)> expected 4, got 5';
    forge.setCheckConclusion(shop, { ref: branch, name: 'unit tests', conclusion: 'failure', summary: said });
    await outcome().getByText('The CI there failed: its one check.').waitFor();
    expect(
      await outcome()
        .getByText(/expected 4, got 5/)
        .isVisible(),
    ).toBe(false);
    await outcome().getByText('unit tests: failure').click();
    await outcome()
      .getByText(/onerror=alert\(1\)> expected 4, got 5/)
      .waitFor();
    await readsWell();
    const proposal = page.url();
    await page.goto(`${house.origin}/proposals`);
    await page.getByText('PR #1 open, × CI failed').waitFor();
    await page.goto(`${house.origin}/jobs`);
    await page.getByText('PR #1 open, × CI failed').waitFor();
    await readsWell();
    await page.goto(proposal);
    await outcome().getByRole('button', { name: 'Fix it' }).click();
    await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
    await page
      .getByText(/Fix what the CI of pull request 1/)
      .first()
      .waitFor();
    await page.goto(proposal);
  });

  it('says that others pushed and commented, and that it was merged; then there is nothing to undo', async () => {
    const { branch } = forge.pull(shop, 1);
    forge.comment(shop, 1, 'Nice.', 'grace');
    forge.pushBy({ repository: shop, branch, files: { 'more.txt': 'x\n' }, by: 'grace' });
    await outcome().getByText('It has 1 comment.').waitFor();
    await outcome()
      .getByText(/Somebody else pushed to its branch/)
      .waitFor();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    forge.merge(shop, 1, { by: 'grace' });
    await outcome().getByText('Pull request #1 was merged.').waitFor();
    await page.getByRole('heading', { name: 'Pull request #1 was merged.' }).waitFor();
    expect(await page.getByRole('button', { name: 'Undo' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Fix it' }).count()).toBe(0);
    await readsWell();
  });

  it('is undone with one tap while it is open: closed there, and the branch is gone', async () => {
    await pasteAndProve(page, notesPatch('three', 'THREE').replace(' two', ' TWO'), 'Say three loudly', 'shop');
    await pressGo(2);
    await page.getByRole('button', { name: /^Undo/ }).click();
    await page.getByRole('heading', { name: /^Undone\. Pull request #2 is closed/ }).waitFor({ timeout: 30_000 });
    expect(forge.pull(shop, 2).state).toBe('closed');
    expect([...forge.branches(shop).keys()].filter((name) => name.includes('three'))).toEqual([]);
    await readsWell();
  });
});
