import { afterEach, expect, it } from 'vitest';
import type { ForgeAccess } from '#contract/forge.ts';
import type { NewToken } from '../testing/forge/forge.ts';
import { allPermissions, done, openGitHubDesk, refused, type GitHubDesk } from './testing/github-desk.ts';

let desk: GitHubDesk;
afterEach(() => desk.fake.close());

const fine = (permissions: object): NewToken => ({
  kind: 'fine_grained',
  login: 'octo',
  permissions: permissions as typeof allPermissions,
});
const classic = (...scopes: string[]): NewToken => ({ kind: 'classic', login: 'octo', scopes });

it.each<[string, NewToken, Partial<ForgeAccess>, RegExp | null]>([
  [
    'a classic token with everything',
    classic('repo', 'workflow'),
    { canRead: true, canPush: true, canOpenPulls: true, canChangeWorkflows: true, startsChecks: true },
    null,
  ],
  [
    'a classic token without workflow',
    classic('repo'),
    { canPush: true, canOpenPulls: true, canChangeWorkflows: false },
    /\.github\/workflows cannot be pushed.*classic: "workflow"/,
  ],
  [
    'a fine-grained token that may not read checks',
    fine({ contents: 'write', pull_requests: 'write' }),
    { canPush: true },
    /may not read what CI says about a commit/,
  ],
  [
    'a classic token that sees nothing private',
    classic('public_repo'),
    { canRead: false, canPush: false },
    /may not see it/,
  ],
  [
    'a fine-grained token that may push',
    fine(allPermissions),
    { canPush: true, canOpenPulls: null, canChangeWorkflows: null, startsChecks: true },
    /not known until the first one.*"Pull requests: read and write"/,
  ],
  [
    'a fine-grained token that may only read',
    fine({ contents: 'read' }),
    { canRead: true, canPush: false, canOpenPulls: null },
    /octo may not push to octo\/shop: give it "Contents: read and write"/,
  ],
  [
    'a fine-grained token for another repository',
    { ...fine(allPermissions), repositories: ['octo/other'] } as NewToken,
    { canRead: false, canPush: false, canOpenPulls: false },
    /There is no octo\/shop on GitHub, or octo may not see it/,
  ],
])('%s', async (_what, token, expected, missing) => {
  desk = await openGitHubDesk({ token });
  const access = done(await desk.github.forge.inspect(desk.repository, 'main'));
  expect(access).toMatchObject({ credential: 'token', actsAs: 'octo', ...expected });
  if (missing === null) expect(access.missing).toEqual([]);
  else expect(access.missing.join('\n')).toMatch(missing);
  // Nothing was done there: every request only asks.
  expect(desk.fake.calls.every(({ method }) => method === 'GET')).toBe(true);
});

it('knows an App by the permissions of its installation', async () => {
  desk = await openGitHubDesk({
    credential: (fake) => {
      const permissions = { contents: 'write', pull_requests: 'read', checks: 'read' } as const;
      const key = fake.addApp({ id: 5, slug: 'patch-bot', installations: [{ id: 77, account: 'octo', permissions }] });
      return { kind: 'app', appId: 5, readKey: () => ({ ok: true, value: key }) };
    },
  });
  const access = done(await desk.github.forge.inspect(desk.repository, 'main'));
  const rights = { canPush: true, canOpenPulls: false, canChangeWorkflows: false, startsChecks: true };
  expect(access).toMatchObject({ credential: 'app', actsAs: 'patch-bot[bot]', ...rights });
  expect(access.missing).toEqual([
    expect.stringMatching(/may not open pull requests.*page of the App/),
    expect.stringMatching(/workflows cannot be pushed/),
  ]);
});

it('tells a protected base, a missing base, an archive, and when the token ends', async () => {
  desk = await openGitHubDesk({
    token: { ...classic('repo', 'workflow'), expiresAtMs: 1_800_000_000_000 + 86_400_000 },
  });
  desk.fake.world.repository('octo/shop').protectedBranches.push({ branch: 'main' });
  const access = done(await desk.github.forge.inspect(desk.repository, 'main'));
  expect(access).toMatchObject({ isBaseProtected: true, isArchived: false, expiresAtMs: 1_800_086_400_000 });
  const gone = done(await desk.github.forge.inspect(desk.repository, 'gone'));
  expect(gone).toMatchObject({ isBaseProtected: null, missing: [expect.stringMatching(/has no branch gone/)] });
  desk.fake.world.repository('octo/shop').isArchived = true;
  const archived = done(await desk.github.forge.inspect(desk.repository, 'main'));
  expect(archived).toMatchObject({ isArchived: true, canPush: false });
  expect(archived.missing).toEqual([expect.stringMatching(/archived.*Unarchive it at .*\/octo\/shop\/settings/)]);
});

it('says of a token that GitHub does not take only that', async () => {
  desk = await openGitHubDesk();
  desk.fake.revoke(desk.token);
  const no = refused(await desk.github.forge.inspect(desk.repository, 'main'));
  expect(no).toMatchObject({
    code: 'forge_unauthorized',
    message: expect.stringMatching(/expired, or it was revoked/),
  });
});
