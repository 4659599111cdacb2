import { expect, it } from 'vitest';
import type { ForgeCandidate } from '#contract/forge.ts';
import { problem } from '#contract/problem.ts';
import { no, ok } from '../../lib/result.ts';
import { testRepository } from '../../testing/documents.ts';
import { forgeRoutes } from './forge-routes.ts';
import { openHouse } from './test-house.ts';

const urls = ['https://github.com/ada/shop.git', 'https://github.com/ada/site.git'];
const seen = (url: string, addedAs: string | null): ForgeCandidate => ({
  name: url.slice('https://github.com/'.length, -'.git'.length),
  url,
  defaultBranch: 'main',
  isPrivate: true,
  canPush: true,
  addedAs,
});

it('marks what is here already under any address of the same repository, and is for the owner only', async () => {
  const repositories = { list: () => [{ ...testRepository, url: 'https://GitHub.com/Ada/Shop/' }] };
  const routes = forgeRoutes({
    repositories,
    candidates: async (addedAs) => ok({ candidates: urls.map((url) => seen(url, addedAs(url))), isWhole: true }),
  });
  const house = await openHouse({ routes: [routes] });
  try {
    expect((await house.ask('/api/forge/candidates')).status).toBe(401);
    const owner = await house.signedIn();
    expect((await owner.get('/api/forge/candidates')).json).toMatchObject({
      isWhole: true,
      candidates: [
        { name: 'ada/shop', addedAs: 'shop' },
        { name: 'ada/site', addedAs: null },
      ],
    });
  } finally {
    await house.shut();
  }
});

it('says why there is no list where no forge is connected', async () => {
  const why = problem('not_configured', 'GitHub is not connected.');
  const routes = forgeRoutes({ repositories: { list: () => [] }, candidates: async () => no(why) });
  const house = await openHouse({ routes: [routes] });
  try {
    const owner = await house.signedIn();
    const answer = await owner.get('/api/forge/candidates');
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'not_configured', message: 'GitHub is not connected.' },
    });
  } finally {
    await house.shut();
  }
});
