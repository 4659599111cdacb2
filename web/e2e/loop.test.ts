import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectNoSidewaysScroll,
  isLive,
  openHouse,
  pasteAndProve,
  phone,
  pin,
  samplePatch,
  submitPatch,
  type House,
} from './house.ts';

let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  house = await openHouse();
  ({ page, complaints } = await house.open(phone));
});
afterAll(() => house.close());

/** Somebody else commits to the base branch: a line in front of `path`. */
function moveBase(path: string): void {
  const run = (args: string[], input?: string): string =>
    execFileSync(
      'git',
      [
        `--git-dir=${join(house.home, 'forge/sample.git')}`,
        '-c',
        'user.name=s',
        '-c',
        'user.email=s@example.org',
        ...args,
      ],
      {
        encoding: 'utf8',
        input,
        env: { ...process.env, GIT_INDEX_FILE: join(house.home, 'e2e-index') },
      },
    ).trim();
  run(['read-tree', 'main']);
  const blob = run(['hash-object', '-w', '--stdin'], `// moved\n${run(['cat-file', 'blob', `main:${path}`])}\n`);
  run(['update-index', '--cacheinfo', `100644,${blob},${path}`]);
  run(['update-ref', 'refs/heads/main', run(['commit-tree', '-p', 'main', '-m', `Move ${path}`, run(['write-tree'])])]);
}

describe('the whole loop in the browser', () => {
  it('lets nobody in without a link: there is no PIN to guess', async () => {
    const stranger = await house.open(phone);
    await stranger.page.goto(house.origin);
    await stranger.page.getByText(/device add/).waitFor();
    expect(await stranger.page.locator('input[type=password]').count()).toBe(0);
    await stranger.context.close();
  });

  it('enrols the device by the one-time link and lets the owner choose a PIN', async () => {
    await page.goto(await house.link());
    await page.getByLabel('Device name').fill('Test device');
    await page.getByRole('button', { name: 'Enrol this device' }).click();
    await page.getByLabel('New PIN', { exact: true }).fill('password');
    await page.getByLabel('New PIN again').fill('password');
    await page.getByRole('button', { name: 'Save PIN' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('New PIN', { exact: true }).fill(pin);
    await page.getByLabel('New PIN again').fill(pin);
    await page.getByRole('button', { name: 'Save PIN' }).click();
    await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
  });

  it('proves a pasted diff and shows the confirm screen', async () => {
    await pasteAndProve(page, samplePatch('discount.patch'), 'Add a discount');
    await page.getByText('0 failing before, 0 after, 0 new').first().waitFor();
    await page.getByRole('button', { name: /^GO: open pull request/ }).waitFor();
    await expectNoSidewaysScroll(page);
    expect(house.git('branch', '--format=%(refname:short)')).toBe('main');
  });

  it('opens one pull request at GO, also when GO is tapped twice, and shows it on a page of its own', async () => {
    const go = page.getByRole('button', { name: /^GO: open pull request/ });
    await expect.poll(() => go.getAttribute('aria-disabled'), { timeout: 10_000 }).not.toBe('true');
    await go.dblclick();
    await page
      .getByText(/Pull request #1/)
      .first()
      .waitFor();
    expect(house.git('branch', '--format=%(refname:short)').split('\n')).toHaveLength(2);
    await page
      .getByRole('link', { name: /pull request/i })
      .first()
      .click();
    await page.getByRole('heading', { name: 'Add a discount' }).first().waitFor();
    await page.getByText('discounted(basket, 15)').first().waitFor();
    await expectNoSidewaysScroll(page);
    await page.goBack();
  });

  it('undoes it with one tap: the pull request is closed and the branch is gone', async () => {
    await page.getByRole('button', { name: /^Undo/ }).click();
    await expect.poll(() => house.git('branch', '--format=%(refname:short)'), { timeout: 15_000 }).toBe('main');
    await page
      .getByText(/undone|closed/i)
      .first()
      .waitFor();
  });

  it('says what a bad patch breaks, and keeps GO shut', async () => {
    await pasteAndProve(page, samplePatch('tidy-price.patch'), 'Tidy the price');
    await page.getByText('0 failing before, 1 after, 1 new').first().waitFor();
    await page.getByText('a price is written with two digits').first().waitFor();
    const go = page.getByRole('button', { name: /^GO: open pull request/ });
    expect(await go.getAttribute('aria-disabled')).toBe('true');
  });

  it('refuses a patch that does not fit with the file, the hunk and the line', async () => {
    await submitPatch(page, samplePatch('tidy-price.patch').replace('padStart', 'padEnd'), 'Does not fit');
    await page
      .getByText(/Hunk 1 of "src\/price.js" does not fit/)
      .first()
      .waitFor();
    await expectNoSidewaysScroll(page);
  });
});

describe('a base that moves while the owner looks', () => {
  it('is said in amber when it touches other files, and turns GO to "Prove again" when it touches these', async () => {
    await pasteAndProve(page, samplePatch('discount.patch'), 'Discount on a moving base');
    await page.getByRole('button', { name: /^GO: open pull request/ }).waitFor();
    const shown = await page
      .getByText('Tree')
      .first()
      .innerText()
      .catch(() => '');
    moveBase('README.md');
    await page.reload();
    await page
      .getByText(/none of them touches these files/)
      .first()
      .waitFor();
    moveBase('src/basket.js');
    await page.reload();
    await page
      .getByText(/changed src\/basket.js, which this patch changes too/)
      .first()
      .waitFor();
    await page
      .getByRole('button', { name: /^Prove again/ })
      .first()
      .waitFor();
    expect(
      await page
        .getByText('Tree')
        .first()
        .innerText()
        .catch(() => ''),
    ).toBe(shown);
    await page
      .getByRole('button', { name: /^Prove again/ })
      .first()
      .click();
    await expect
      .poll(async () => (await house.daemon().client.get('/api/proposals')).ok, { timeout: 5_000 })
      .toBe(true);
    await page
      .getByText(/Open proposal|Your decision is needed/)
      .first()
      .waitFor();
  });
});

describe('the page and the daemon', () => {
  it('catches up after the daemon was killed, says so meanwhile, and misses nothing', async () => {
    await page.getByRole('link', { name: /^Chat/ }).first().click();
    await isLive(page);
    await house.kill();
    await page
      .getByText(/data as of/)
      .first()
      .waitFor();
    await house.restart();
    await isLive(page, 30_000);
    const sent = await house
      .daemon()
      .client.send('POST', '/api/threads', { id: crypto.randomUUID(), title: 'Made elsewhere' });
    expect(sent.ok).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('answers a request in words honestly, with a prompt to copy', async () => {
    const composer = page.getByLabel(/Describe a change|Message/).first();
    await composer.fill('Round the total in src/price.js to five cents');
    await page.getByRole('button', { name: 'Send' }).click();
    await page
      .getByText(/I have no model connected/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: /^Copy/ }).first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain('export function parsePrice');
    expect(copied).toContain('Round the total');
  });

  it('takes a diff in the chat, byte for byte, and leads from its card to the proposal', async () => {
    await page.goto(`${house.origin}/?thread=new`);
    await page.getByLabel(/Describe a change/).fill(samplePatch('discount.patch'));
    await page.getByLabel('Repository').selectOption('sample');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('link', { name: 'Open proposal' }).click();
    await page.getByText('Your decision is needed').waitFor();
    // Sent as it is, so nothing had to be repaired.
    expect(await page.getByText(/repaired|mended/i).count()).toBe(0);
  });

  it('asks for the PIN again after "lock", and tells a wrong one from the right one', async () => {
    await page.goto(`${house.origin}/settings`);
    await page.getByRole('button', { name: /^Lock/ }).first().click();
    await page.locator('input[type=password]:visible').fill('wrong wrong wrong');
    await page.getByRole('button', { name: /^Unlock/ }).click();
    await page
      .getByText(/not right/)
      .first()
      .waitFor();
    await page.locator('input[type=password]:visible').fill(pin);
    await page.getByRole('button', { name: /^Unlock/ }).click();
    await isLive(page);
    expect(complaints).toEqual([]);
  });
});
