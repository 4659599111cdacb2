import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig, type Config } from './config.ts';
import { realGitHub, type GitHub } from './main-github.ts';
import type { KnownSecret } from './lib/redact.ts';
import type { Forge } from './ports.ts';
import { testBudget } from './testing/budget.ts';
import { fakeClock, type FakeClock } from './testing/fake-clock.ts';
import { startFakeGitHub, type FakeGitHub } from './testing/forge/forge.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let folder: string;
let fake: FakeGitHub;
let clock: FakeClock;
let known: KnownSecret[];
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-main-github-'));
  clock = fakeClock();
  fake = await startFakeGitHub({ clock });
  url = fake.addRepository({ owner: 'octo', name: 'shop' });
  known = [{ name: 'OTHER', value: 'another-secret' }];
});
afterEach(async () => {
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything as main.ts does it: from the environment to the parts. */
function build(environment: Record<string, string>): GitHub {
  writeFileSync(join(folder, 'budget.json'), JSON.stringify(testBudget));
  const addresses = { GITHUB_API_URL: fake.url, GITHUB_GIT_URL: fake.gitUrl };
  const read = readConfig({ ...addresses, ...environment }, folder);
  if (!read.ok) throw new Error(read.why.join('\n'));
  const config: Config = read.value;
  return realGitHub({ config, token: environment['GITHUB_TOKEN'] ?? null, clock, log: silent, known });
}

// Never called here but for one number; only which of the two it is matters.
const local = { kind: 'local', landsWithinMs: () => 0 } as unknown as Forge;

function appEnvironment(): Record<string, string> {
  const permissions = { contents: 'write', pull_requests: 'write' } as const;
  const pem = fake.addApp({ id: 5, slug: 'patch-bot', installations: [{ id: 77, account: 'octo', permissions }] });
  const file = join(folder, 'key.pem');
  writeFileSync(file, pem, { mode: 0o600 });
  return { GITHUB_APP_ID: '5', GITHUB_APP_KEY_FILE: file };
}

it('works and is silent where nothing is connected', async () => {
  const github = build({});
  expect(github.forgeWith(local)).toBe(local);
  expect([github.git, github.owns(url)]).toEqual([{}, false]);
  expect([await github.inspect(), await github.owner()]).toEqual([[], { ok: true, value: null }]);
  expect(await github.candidates(() => null)).toMatchObject({ ok: false, why: { code: 'not_configured' } });
  expect(fake.calls).toEqual([]);
});

it('takes GitHub for what is there, and the local forge for everything else', async () => {
  const token = fake.addToken({ kind: 'classic', login: 'octo', scopes: ['repo', 'workflow'] });
  const github = build({ GITHUB_TOKEN: token });
  const forge = github.forgeWith(local);
  const [here, there] = ['/srv/git/x.git', url].map((address) => ({
    id: 'repo_0123456789ab',
    name: 'x',
    url: address,
  }));
  if (here === undefined || there === undefined) throw new Error('two repositories were made');
  expect(forge.kind).toBe('github');
  expect(forge.landsWithinMs(here)).toBe(0);
  expect(forge.landsWithinMs(there)).toBeGreaterThan(30_000);
  expect(await forge.listPulls(there)).toEqual({ ok: true, value: [] });
  expect(github.git.plainHttpAt).toBe(fake.gitUrl);
  expect(await github.git.authorize?.('https://elsewhere.example/octo/shop.git')).toEqual({ ok: true, value: null });
  expect(known.map(({ value }) => value)).toEqual(['another-secret', token, expect.any(String)]);
});

it('says to the doctor who it is, how long that lasts and what is missing', async () => {
  const dayMs = 24 * 60 * 60_000;
  const soon = fake.addToken({ kind: 'classic', login: 'octo', scopes: [], expiresAtMs: clock.nowMs() + 3 * dayMs });
  const github = build({ GITHUB_TOKEN: soon });
  const verdicts = (await github.inspect()).map(({ verdict, sentence }) => [verdict, sentence]);
  expect(verdicts).toEqual([
    ['good', expect.stringMatching(/^This daemon holds the token itself.* gives it to patchgit-push\.$/)],
    ['good', 'GitHub knows the token: patchgit acts there as octo.'],
    ['warned', expect.stringMatching(/ends in 3 days\. Make a new one/)],
    ['warned', expect.stringMatching(/not the scope "repo"/)],
    ['warned', expect.stringMatching(/"workflow"/)],
  ]);
  expect(await github.owner()).toEqual({ ok: true, value: 'octo' });
  fake.revoke(soon);
  const dead = build({ GITHUB_TOKEN: soon });
  expect(await dead.inspect()).toMatchObject([
    { verdict: 'good' },
    { verdict: 'bad', sentence: expect.stringMatching(/expired, or/) },
  ]);
});

it('has no credential where patchgit-push holds it, asks nobody else, and says so to the doctor', async () => {
  const github = build({ PATCHGIT_PUSH_SOCKET: join(folder, 'none.sock') });
  expect(github.git.pushWay).toEqual({ socketPath: join(folder, 'none.sock'), gitOrigin: fake.gitUrl });
  expect(await github.git.authorize?.(url)).toEqual({ ok: true, value: null });
  expect(github.owns(url)).toBe(true);
  expect(await github.inspect()).toMatchObject([
    { verdict: 'good', sentence: expect.stringMatching(/^patchgit-push holds the token: this daemon cannot read it/) },
    { verdict: 'warned', sentence: expect.stringMatching(/the connection failed \(ENOENT\)/) },
  ]);
  expect(known).toEqual([{ name: 'OTHER', value: 'another-secret' }]);
  expect(fake.calls).toEqual([]);
});

it('as an App has no owner by itself, and its minted tokens come into what is left out of the log, and go', async () => {
  const environment = appEnvironment();
  const github = build(environment);
  expect(await github.owner()).toEqual({ ok: true, value: null });
  expect((await github.inspect()).map(({ sentence }) => sentence)).toEqual([
    'This daemon holds the key of the App itself: patchgit-push holds personal tokens only.',
    'GitHub knows the App: patchgit acts there as patch-bot[bot].',
    expect.stringMatching(/add GITHUB_OWNER/),
  ]);
  expect(await build({ ...environment, GITHUB_OWNER: 'octo' }).owner()).toEqual({ ok: true, value: 'octo' });
  expect(known.map(({ name }) => name)).toEqual(['OTHER']);
  await github.git.authorize?.(url);
  const first = fake.world.credentials.issued().at(-1);
  expect(known.map(({ value }) => value)).toContain(first);
  clock.advance(60 * 60_000);
  await github.git.authorize?.(url);
  expect(known.map(({ value }) => value)).toContain(fake.world.credentials.issued().at(-1));
  expect(known.map(({ value }) => value)).not.toContain(first);
  expect(known[0]).toEqual({ name: 'OTHER', value: 'another-secret' });
});
