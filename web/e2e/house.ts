/** The shipped daemon, its sample repository and a real Chromium, for tests that do what the owner does. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { EnrolLink } from '#contract/door.ts';
import { root, startDaemon, type Started } from '../../scripts/daemon.ts';

export const pin = 'marmalade 7 sky';
export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 800 };

/** Debian's names for the browser; a test without one fails and says what to install. */
const browserFiles = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Chromium's own connections are refused on a machine without the internet, many at a time. */
const quietBrowser = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-gpu',
];

export interface House {
  readonly home: string;
  readonly origin: string;
  readonly daemon: () => Started;
  /** A browser page in a context of its own; everything the console complains about is collected. */
  readonly open: (viewport: {
    width: number;
    height: number;
  }) => Promise<{ context: BrowserContext; page: Page; complaints: string[] }>;
  readonly link: () => Promise<string>;
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly git: (...args: string[]) => string;
  readonly close: () => Promise<void>;
}

/** `entry` and `environment`: a daemon with far ends of a test's own. */
export async function openHouse(
  more: { readonly entry?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<House> {
  const home = mkdtempSync(join(tmpdir(), 'patchgit-e2e-'));
  const executablePath = browserFiles.find((file) => existsSync(file));
  if (executablePath === undefined) throw new Error('Chromium is not installed: sudo apt-get install chromium');
  const port = String(20_000 + (process.pid % 20_000));
  const start = async (): Promise<Started> => {
    const environment = { PATCHGIT_PORT: port, PATCHGIT_LOG: 'error', ...more.environment };
    const started = await startDaemon(home, environment, more.entry);
    if (started === null) throw new Error('the daemon did not start');
    return started;
  };
  let daemon = await start();
  const browser: Browser = await chromium.launch({ executablePath, args: quietBrowser });
  const link = async (): Promise<string> => {
    const answer = await daemon.client.send('POST', '/api/local/device-link');
    if (!answer.ok) throw new Error(answer.why.message);
    return EnrolLink.parse(answer.value).url;
  };
  return {
    home,
    origin: `http://127.0.0.1:${port}`,
    daemon: () => daemon,
    link,
    open: async (viewport) => {
      const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const complaints: string[] = [];
      page.on('console', (message) => {
        // A lost connection is what some tests are about; the browser reports it as an error of its own.
        if (message.type() === 'error' && !/ERR_CONNECTION|WebSocket connection|status of 4\d\d/.test(message.text()))
          complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      return { context, page, complaints };
    },
    kill: async () => {
      daemon.process.kill('SIGKILL');
      await daemon.ended;
    },
    restart: async () => {
      daemon = await start();
    },
    git: (...args) =>
      execFileSync('git', [`--git-dir=${join(home, 'forge/sample.git')}`, ...args], { encoding: 'utf8' }).trim(),
    close: async () => {
      await browser.close();
      daemon.process.kill('SIGTERM');
      await daemon.ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** First run: the one-time link enrols the device, then a PIN is chosen. */
export async function firstRun(house: House, page: Page): Promise<void> {
  await page.goto(await house.link());
  await page.getByLabel('Device name').fill('Test device');
  await page.getByRole('button', { name: 'Enrol this device' }).click();
  await page.getByLabel('New PIN', { exact: true }).fill(pin);
  await page.getByLabel('New PIN again').fill(pin);
  await page.getByRole('button', { name: 'Save PIN' }).click();
  await page.getByRole('heading', { name: 'Chat', level: 1 }).waitFor();
}

export function samplePatch(name: string): string {
  return readFileSync(join(root, 'scripts/sample-patches', name), 'utf8');
}

/** Pastes a diff as the owner does, and waits for the confirm screen of its proposal. */
export async function pasteAndProve(page: Page, patch: string, title: string, repository?: string): Promise<void> {
  await submitPatch(page, patch, title, repository);
  // The job's page waits for a tap: a screen never changes by itself.
  await page.getByRole('link', { name: 'Open proposal' }).click();
  await page.getByRole('heading', { name: title, level: 1 }).waitFor();
  await page.getByText('Your decision is needed').waitFor();
}

/** Fills in the form and sends it. On a phone the form is a page of its own once there is a list. */
export async function submitPatch(page: Page, patch: string, title: string, repository?: string): Promise<void> {
  await page.goto(new URL('/proposals?paste', page.url()).href);
  await page.getByLabel('Diff', { exact: true }).fill(patch);
  await page.getByLabel('Title').fill(title);
  if (repository !== undefined) await page.getByLabel('Repository').selectOption(repository);
  await page.getByRole('button', { name: 'Prove this diff' }).click();
}

/** The chip that says the page follows the daemon. */
export async function isLive(page: Page, timeoutMs = 15_000): Promise<void> {
  await page.getByText('● Live', { exact: true }).and(page.locator(':visible')).first().waitFor({ timeout: timeoutMs });
}

/** Nothing sticks out to the right: on a phone that hides buttons. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content, `width of ${page.url()}`).toBeLessThanOrEqual(window ?? 0);
}
