import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendPatch } from '../../server/testing/owner.ts';
import { aLease, aView } from '../../server/testing/helper-views.ts';
import {
  desktop,
  expectNoSidewaysScroll,
  firstRun,
  isLive,
  openHouse,
  pasteAndProve,
  phone,
  samplePatch,
  type House,
} from './house.ts';

let house: House;
let signedIn: Awaited<ReturnType<House['open']>>;

beforeAll(async () => {
  house = await openHouse();
  signedIn = await house.open(phone);
  await firstRun(house, signedIn.page);
  await pasteAndProve(signedIn.page, samplePatch('discount.patch'), 'Add a discount');
});
afterAll(() => house.close());

const pages = ['/', '/proposals', '/jobs', '/helper', '/budget', '/audit', '/repositories', '/settings'];

describe.each([
  ['a phone', phone],
  ['a desktop', desktop],
])('on %s', (_name, viewport) => {
  it.each(pages)(
    '%s reads well: no rule of accessibility broken, nothing sideways, nothing the browser complains about',
    async (path) => {
      const { page, complaints } = signedIn;
      await page.setViewportSize(viewport);
      await page.goto(house.origin + path);
      await isLive(page);
      await page.getByRole('heading', { level: 1 }).first().waitFor();
      await expectNoSidewaysScroll(page);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  it('the settings of a repository read well, and are kept', async () => {
    const { page, complaints } = signedIn;
    await page.setViewportSize(viewport);
    await page.goto(`${house.origin}/repositories`);
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('Author name').fill('Ada Lovelace');
    await page.getByLabel('Author e-mail').fill('ada@example.org');
    await expectNoSidewaysScroll(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel('Author name').waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('button', { name: 'Change' }).click();
    expect(await page.getByLabel('Author name').inputValue()).toBe('Ada Lovelace');
    expect(complaints).toEqual([]);
  });

  it('the audit shows what has the shape of a credential masked, as it comes and when it is read again', async () => {
    const { page, complaints } = signedIn;
    await page.setViewportSize(viewport);
    await page.goto(`${house.origin}/audit`);
    await isLive(page);
    const token = `ghp_${(viewport === phone ? 'aB3' : 'cD4').repeat(12)}`;
    const title = `Masked on a ${viewport === phone ? 'phone' : 'desktop'}`;
    const patch = `diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n`;
    // The name of a branch is kept as it was given.
    const sent = await sendPatch(house.daemon().client, { repository: 'sample', patch, title, base: token });
    expect(sent).toMatchObject({ ok: true });
    const entry = page.locator('.entry', { hasText: `A job was queued: ${title}` }).first();
    const shown = async (): Promise<void> => {
      await entry.getByText('masked', { exact: true }).waitFor();
      await entry.locator('summary').click();
      await entry.getByText(/shape of a credential and is masked here/).waitFor();
      expect(await page.content()).not.toContain(token);
      await expectNoSidewaysScroll(page);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
    };
    await shown();
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/Chain verified/).waitFor();
    await page.reload();
    await shown();
    expect(complaints).toEqual([]);
  });

  it('the helper page leads to what a helper printed, or says why it is not there', async () => {
    const { page, complaints } = signedIn;
    await page.setViewportSize(viewport);
    const bootLog = { sha256: 'a'.repeat(64), bytes: 48_213, path: `/api/artifacts/${'a'.repeat(64)}` };
    const gone = { state: 'gone', goneAtMs: Date.now() - 60_000, costUsd: 0.01 };
    const past = [
      aLease({ ...gone, bootLog }),
      aLease({
        ...gone,
        id: 'lease_0123456789ac',
        readyAtMs: null,
        trouble: 'It could not be used within six minutes.',
      }),
      aLease({ ...gone, id: 'lease_0123456789ad', bootLogTrouble: 'The machine did not send it in time.' }),
    ];
    const json = aView({ current: aLease({ bootLog }), past, asOfMs: Date.now() + 60_000 });
    await page.route('**/api/helper', (route) => route.fulfill({ json }));
    await page.goto(`${house.origin}/helper`);
    await isLive(page);
    const links = page.getByRole('link', { name: /console log, 48 KB/i });
    await links.first().waitFor();
    expect(await links.evaluateAll((all) => all.map((one) => one.getAttribute('href')))).toEqual([
      bootLog.path,
      bootLog.path,
    ]);
    await page.getByText(/never answered over SSH.*web console/).waitFor();
    await page.getByText('Its console log was not fetched. The machine did not send it in time.').waitFor();
    await expectNoSidewaysScroll(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.unroute('**/api/helper');
  });

  it('the confirm screen and its job read well too', async () => {
    const { page, complaints } = signedIn;
    await page.setViewportSize(viewport);
    await page.goto(`${house.origin}/proposals`);
    await page
      .getByRole('link', { name: /Add a discount/ })
      .first()
      .click();
    await page.getByRole('button', { name: /^GO: open pull request/ }).waitFor();
    await expectNoSidewaysScroll(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
