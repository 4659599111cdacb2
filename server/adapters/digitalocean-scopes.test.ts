import { afterEach, expect, it } from 'vitest';
import { startFakeCloud, type FakeCloud } from '../testing/cloud/cloud.ts';
import { contractFile, openContract } from '../testing/cloud/contract.ts';
import { routes } from '../testing/cloud/routes.ts';
import { digitalOcean } from './digitalocean.ts';
import { inspectCloud, tokenScopes } from './digitalocean-scopes.ts';

let cloud: FakeCloud | null = null;
afterEach(() => cloud?.close());

async function findings(scopes: readonly string[], change: Partial<FakeCloud['conditions']> = {}) {
  const token = `dop_v1_${'c3'.repeat(32)}`;
  cloud = await startFakeCloud({ tokens: { [token]: scopes }, conditions: change });
  return await inspectCloud(digitalOcean({ token, apiUrl: cloud.url, wallMs: 10_000 }));
}

it('finds nothing wrong with a token of the documented scopes, changes nothing, and says what it could not see', async () => {
  const found = await findings(tokenScopes.helper);
  expect(found.map(({ verdict }) => verdict)).toEqual(['good', 'good']);
  expect(found[0]?.sentence).toBe('DigitalOcean knows the token; the account may have 10 machines at once.');
  expect(found[1]?.sentence).toContain('droplet:create, droplet:delete');
  expect(new Set(cloud?.calls.map(({ method }) => method))).toEqual(new Set(['GET']));
});

it.each([
  ['account:read', 'The account cannot be read.'],
  ['sizes:read', 'The sizes and prices cannot be read.'],
  ['droplet:read', 'The list of machines cannot be read.'],
  ['snapshot:read', 'The snapshots cannot be read.'],
])('names the scope %s when it is missing', async (scope, sentence) => {
  const found = await findings(tokenScopes.helper.filter((one) => one !== scope));
  const troubles = found.filter(({ verdict }) => verdict !== 'good');
  expect(troubles).toHaveLength(1);
  expect(troubles[0]?.sentence).toContain(sentence);
  expect(troubles[0]?.sentence).toContain(scope);
});

it('says once that a token is not accepted', async () => {
  const found = await findings([], { token: 'answers_401' });
  expect(found).toMatchObject([{ verdict: 'bad' }]);
  expect(found[0]?.sentence).toContain('Unable to authenticate you.');
});

it('says when the account is locked or full', async () => {
  expect((await findings(tokenScopes.helper, { accountStatus: 'locked' }))[0]).toMatchObject({ verdict: 'bad' });
  await cloud?.close();
  const full = await findings(tokenScopes.helper, { machinesMax: 0 });
  expect(full.find(({ verdict }) => verdict === 'bad')?.sentence).toContain('may have no more');
});

it('knows the scopes of every operation as the official description has them', (context) => {
  const contract = openContract();
  if (contract === null) return context.skip(`${contractFile} is not there`);
  for (const { method, path, scopes, operation } of routes) {
    const place = path.source.replace('^', '').replace('$', '').replaceAll('\\/', '/').replace('([^/]+)', '1');
    const asked = contract.scopes(method, new URL(`http://localhost${place}`));
    expect(asked?.toSorted(), operation).toEqual([...scopes].toSorted());
  }
});
