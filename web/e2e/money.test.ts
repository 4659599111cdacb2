import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testBudget } from '../../server/testing/budget.ts';
import {
  desktop,
  expectNoSidewaysScroll,
  firstRun,
  isLive,
  openHouse,
  pasteAndProve,
  phone,
  pin,
  samplePatch,
  type House,
} from './house.ts';

const folder = mkdtempSync(join(tmpdir(), 'patchgit-money-'));
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  // More memory than any sandbox here has, and a cap that pays for nothing.
  const sizes = [8192, 16_384].map((memoryMiB, at) => ({
    slug: `s-${at + 1}`,
    memoryMiB,
    cpus: 1,
    usdPerHour: 0.018 * (at + 1),
  }));
  const budget = {
    ...testBudget,
    caps: { hourUsd: 0.001, dayUsd: 0.002 },
    helper: { ...testBudget.helper, sizes, largestWithoutApproval: 's-2' },
    policy: { ...testBudget.policy, askPinAboveUsd: 0.001 },
  };
  const file = join(folder, 'budget.json');
  writeFileSync(file, JSON.stringify(budget));
  house = await openHouse({
    entry: 'server/testing/main-with-helper.ts',
    environment: { PATCHGIT_BUDGET: file },
  });
  ({ page, complaints } = await house.open(phone));
  await firstRun(house, page);
});
afterAll(async () => {
  await house.close();
  rmSync(folder, { recursive: true, force: true });
});

async function readsWell(): Promise<void> {
  await expectNoSidewaysScroll(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
  expect(complaints).toEqual([]);
}

describe('extra spend in the browser', () => {
  it('shows why, cost, gain and what it needs, with the toggle off; nothing is spent without it', async () => {
    await pasteAndProve(page, policyPatch(), 'Ask for memory');
    // The change to the policy itself is protected: GO asks for the PIN.
    await page.getByRole('button', { name: /^GO: open pull request/ }).click();
    await page.getByRole('heading', { name: 'Your PIN for this GO' }).waitFor();
    await page.getByLabel('PIN', { exact: true }).fill('not the pin at all');
    await page.getByRole('dialog').getByRole('button', { name: /^GO/ }).click();
    await page
      .getByText(/Nothing was published/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: /^GO: open pull request/ }).click();
    await page.getByLabel('PIN', { exact: true }).fill(pin);
    await page.getByRole('dialog').getByRole('button', { name: /^GO/ }).click();
    await page.getByRole('heading', { name: /Pull request #1 is open/ }).waitFor();
    house.git('update-ref', 'refs/heads/main', house.git('rev-parse', branch()));

    await pasteAndProve(page, samplePatch('discount.patch'), 'Add a discount');
    const card = page.getByRole('region', { name: 'A stronger proof' });
    await card.getByText(/The checks need 6000 MiB/).waitFor();
    await card.getByText(/past this hour's cap/).waitFor();
    await card.getByText(/Confidence from \d+ %/).waitFor();
    expect(await card.getByRole('switch').isChecked()).toBe(false);
    expect(await card.getByRole('button', { name: /spend up to/ }).getAttribute('aria-disabled')).toBe('true');
    await readsWell();
  });

  it('asks for the PIN above the amount, spends once, and the budget page shows it', async () => {
    const card = page.getByRole('region', { name: 'A stronger proof' });
    await card.getByText('Approve extra spend').click();
    await card.getByLabel(/^Your PIN/).fill(pin);
    await card.getByRole('button', { name: /^Prove it again, spend up to \$0\.0\d$/ }).click();
    await page.getByRole('link', { name: 'Open proposal' }).click();
    await page.getByText('Your decision is needed').waitFor();
    await page.goto(`${house.origin}/budget`);
    await isLive(page);
    await page.getByText(/helper s-1, at most \d+ minutes/).waitFor();
    await page.getByText(/with your approval/).waitFor();
    await page.getByRole('img', { name: /the cap is/ }).waitFor();
    for (const viewport of [phone, desktop]) {
      await page.setViewportSize(viewport);
      await readsWell();
    }
    const csv = await page.request.get(`${house.origin}/api/budget/export`);
    expect(await csv.text()).toMatch(/^id,[^\n]*\r\n"?res_[0-9a-f]{12}/);
  });
});

function branch(): string {
  const [name] = house.git('for-each-ref', '--format=%(refname)', 'refs/heads/patchgit').split('\n');
  return name ?? '';
}

function policyPatch(): string {
  return `diff --git a/.patchgit.yml b/.patchgit.yml
new file mode 100644
--- /dev/null
+++ b/.patchgit.yml
@@ -0,0 +1,3 @@
+memoryMiB: 6000
+checkSecondsMax: 1
+checks: [{ name: slow, command: sleep 60 }]
`;
}
