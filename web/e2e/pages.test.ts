import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
