import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { no, ok } from '../lib/result.ts';
import { shown } from '../testing/cloud/desk.ts';
import type { NewApp } from '../testing/forge/forge.ts';
import { branch, done, newPull, openGitHubDesk, refused, type GitHubDesk } from './testing/github-desk.ts';

let desk: GitHubDesk;
afterEach(() => desk.fake.close());

const permissions = { contents: 'write', pull_requests: 'write', statuses: 'write', checks: 'write' } as const;
const installation = { id: 77, account: 'octo', permissions } as const;

async function openApp(
  change: Partial<NewApp['installations'][number]> = {},
  readKey?: (pem: string) => string | null,
): Promise<void> {
  desk = await openGitHubDesk({
    credential: (fake) => {
      const pem = fake.addApp({ id: 5, slug: 'patch-bot', installations: [{ ...installation, ...change }] });
      const key = (): string | null => (readKey === undefined ? pem : readKey(pem));
      return {
        kind: 'app',
        appId: 5,
        readKey: () => {
          const read = key();
          return read === null ? no('key.pem cannot be read (ENOENT).') : ok(read);
        },
      };
    },
  });
}

const minted = () => desk.fake.calls.filter(({ operation }) => operation === 'apps/create-installation-access-token');
const find = () => desk.github.forge.findPull(desk.repository, branch);

describe('the token of an installation', () => {
  it('is minted when it is needed, for the one repository, and used while it is valid', async () => {
    await openApp();
    expect(desk.fake.calls).toEqual([]);
    await Promise.all([find(), find(), find()]);
    done(await find());
    expect(minted().map(({ body }) => body)).toEqual([{ repositories: ['shop'] }]);
    desk.clock.advance(54 * 60_000);
    done(await find());
    expect(minted()).toHaveLength(1);
    desk.clock.advance(2 * 60_000);
    done(await find());
    expect(minted()).toHaveLength(2);
  });

  it.each([
    ['ahead', 20 * 60_000],
    ['behind', -20 * 60_000],
    ['a day ahead', 24 * 60 * 60_000],
  ])('can be had when the clock of GitHub is %s, and ends by that clock', async (_what, skewMs) => {
    await openApp();
    Object.assign(desk.fake.conditions, { skewMs });
    done(await find());
    const first = minted().length;
    desk.clock.advance(54 * 60_000);
    done(await find());
    expect(minted()).toHaveLength(first);
    desk.clock.advance(2 * 60_000);
    done(await find());
    expect(minted()).toHaveLength(first + 1);
  });

  it('that was revoked early is replaced for a question, and never for what has an effect', async () => {
    await openApp();
    done(await find());
    const [token] = desk.fake.world.credentials.issued().slice(-1);
    desk.fake.revoke(token ?? '');
    done(await find());
    expect(minted()).toHaveLength(2);
    desk.fake.revoke(desk.fake.world.credentials.issued().at(-1) ?? '');
    const refusal = refused(await desk.github.forge.openPull(desk.repository, newPull(desk.commit)));
    expect(refusal.code).toBe('forge_unauthorized');
    expect(desk.fake.calls.filter(({ method, path }) => method === 'POST' && path.endsWith('/pulls'))).toHaveLength(1);
    expect(done(await desk.github.forge.openPull(desk.repository, newPull(desk.commit))).number).toBe(1);
  });

  it('is among the secrets while it is kept, in both of its forms, and nowhere else', async () => {
    await openApp();
    expect(desk.secrets()).toEqual([]);
    done(await find());
    const first = desk.fake.world.credentials.issued().at(-1) ?? '';
    const basic = Buffer.from(`x-access-token:${first}`).toString('base64');
    expect(desk.secrets().map(({ value }) => value)).toEqual([first, basic]);
    expect(await desk.github.authorize(desk.repository.url)).toEqual({ ok: true, value: `Basic ${basic}` });
    desk.clock.advance(60 * 60_000);
    done(await find());
    const second = desk.fake.world.credentials.issued().at(-1) ?? '';
    expect(desk.secrets().map(({ value }) => value)).not.toContain(first);
    for (const value of [desk.github, desk.logged, desk.fake.calls]) {
      expect(shown(value)).not.toContain(first);
      expect(shown(value)).not.toContain(second);
    }
  });

  it('is not given for an address elsewhere', async () => {
    await openApp();
    for (const url of [
      'https://github.com.evil.example/octo/shop.git',
      '/srv/git/shop.git',
      'ssh://git@127.0.0.1/octo/shop',
    ])
      expect(await desk.github.authorize(url)).toEqual({ ok: true, value: null });
    expect(desk.fake.calls).toEqual([]);
  });
});

describe('what keeps an App out', () => {
  it('is said: not installed there', async () => {
    await openApp({ account: 'somebody-else' });
    const refusal = refused(await find());
    expect(refusal).toMatchObject({ code: 'forge_forbidden', message: expect.stringMatching(/not installed at octo/) });
  });

  it('is said: the repository was not chosen', async () => {
    await openApp({ repositories: ['octo/other'] });
    const refusal = refused(await find());
    expect(refusal).toMatchObject({
      code: 'forge_forbidden',
      message: expect.stringMatching(/may not see this repository/),
    });
  });

  it('is said: suspended, before anything is minted and in the middle', async () => {
    await openApp();
    done(await find());
    desk.fake.suspend(77);
    const refusal = refused(await find());
    expect(refusal).toMatchObject({ code: 'forge_forbidden', message: expect.stringMatching(/suspended at octo/) });
  });

  it('is said: another key, another number, no key at all', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = other.privateKey.export({ type: 'pkcs1', format: 'pem' });
    let key: 'other' | 'none' = 'other';
    await openApp({}, () => (key === 'other' ? pem : null));
    const wrong = refused(await find());
    expect(wrong).toMatchObject({ code: 'forge_unauthorized', message: expect.stringMatching(/key of the App/) });
    key = 'none';
    expect(refused(await find())).toMatchObject({
      code: 'forge_unauthorized',
      message: expect.stringMatching(/ENOENT/),
    });
    expect(shown(desk.logged)).not.toContain('PRIVATE KEY');
  });

  it('when the mint is not answered, nothing is sent, and that is said', async () => {
    await openApp();
    desk.fake.faults.add({ on: 'apps/create-installation-access-token', says: { kind: 'nothing' } });
    const refusal = refused(await desk.github.forge.openPull(desk.repository, newPull(desk.commit)));
    expect(refusal).toMatchObject({ code: 'forge_unreachable', message: expect.stringMatching(/nothing was done/) });
    expect(desk.fake.calls.filter(({ operation }) => operation === 'pulls/create')).toEqual([]);
  });
});

describe('an App', () => {
  it('acts in its own name and proves with one check run, however often', async () => {
    await openApp();
    const { github, repository, commit, fake } = desk;
    expect(done(await github.self()).login).toBe('patch-bot[bot]');
    done(await github.forge.openPull(repository, newPull(commit)));
    const marks = { number: 1, commit, labels: [], status: { state: 'success', description: 'as proved' } as const };
    done(await github.forge.mark(repository, marks));
    done(await github.forge.mark(repository, marks));
    done(await github.forge.mark(repository, { ...marks, status: { state: 'failure', description: 'not' } }));
    const shop = fake.world.repository('octo/shop');
    expect(shop.checkRuns.map(({ name, conclusion }) => [name, conclusion])).toEqual([['patchgit/proof', 'failure']]);
    expect(shop.statuses).toEqual([]);
    done(await github.forge.comment(repository, { number: 1, key: 'k', text: 'x' }));
    done(await github.forge.comment(repository, { number: 1, key: 'k', text: 'x' }));
    expect(shop.comments.map(({ author }) => author)).toEqual(['patch-bot[bot]']);
    const outcome = done(await github.forge.outcome(repository, { number: 1, branch, commit }, null));
    expect(outcome?.outcome.checks).toEqual({ state: 'none', total: 0, failed: [] });
  });

  it('that may not write checks proves with a status', async () => {
    await openApp({ permissions: { ...permissions, checks: 'read' } });
    const { github, repository, commit, fake } = desk;
    const status = { state: 'success', description: 'ok' } as const;
    done(await github.forge.mark(repository, { number: 1, commit, labels: [], status }));
    expect(fake.world.repository('octo/shop').statuses).toHaveLength(1);
  });

  it('offers the repositories of its installations to pick from', async () => {
    await openApp();
    const fresh = desk.fake.addRepository({ owner: 'octo', name: 'site', isPrivate: false });
    desk.fake.addRepository({ owner: 'octo', name: 'old', isArchived: true });
    const picked = done(await desk.github.candidates((url) => (url === desk.repository.url ? 'shop' : null)));
    expect(picked.isWhole).toBe(true);
    expect(picked.candidates.map(({ name, url, addedAs }) => [name, url, addedAs])).toEqual([
      ['octo/shop', desk.repository.url, 'shop'],
      ['octo/site', fresh, null],
    ]);
  });
});
