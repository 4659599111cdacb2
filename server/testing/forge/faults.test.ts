import { afterEach, expect, it } from 'vitest';
import { openForgeDesk, refusedBy, type ForgeDesk } from './desk.ts';
import { startDevForge } from './dev.ts';
import { faultNames, faultyCalls, plantFault, plantFaults, type FaultName } from './named-faults.ts';

let desk: ForgeDesk | null = null;
afterEach(async () => {
  const open = desk;
  desk = null;
  await open?.close();
});

const shop = { owner: 'octo', repo: 'shop' };

async function start() {
  const opened = await openForgeDesk();
  desk = opened;
  const { forge } = opened;
  forge.addRepository({ owner: 'octo', name: 'shop' });
  forge.pushBy({ repository: 'octo/shop', branch: 'a', files: { a: 'a\n' } });
  const token = forge.addToken({ kind: 'classic', login: 'octo' });
  const octo = opened.octokit(token);
  const create = () => octo.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main' });
  const opens = (): number => forge.world.repository('octo/shop').pulls.length;
  return { ...opened, octo, create, opens, token };
}

it.each([
  // What octokit makes of it: 500 where GitHub never answered.
  ['lost_after', 500, 1],
  ['lost_before', 500, 0],
  ['page_502_after', 502, 1],
  ['page_502_before', 502, 0],
  ['error_500_after', 500, 1],
  ['error_503_before', 503, 0],
  ['primary_limit', 403, 0],
  ['secondary_limit', 403, 0],
  ['secondary_limit_429', 429, 0],
  ['secondary_limit_silent', 403, 0],
] as const)('a call with %s ends with %i, and %i were opened', async (kind, status, count) => {
  const { forge, create, opens } = await start();
  plantFault(forge, `pulls/create:${kind}`);
  const no = await refusedBy(create());
  expect([no.status, opens()]).toEqual([status, count]);
  expect(forge.calls).toHaveLength(1);
  expect(no.headers['retry-after']).toBe(
    kind.includes('_limit') && !kind.endsWith('silent') && kind !== 'primary_limit' ? '60' : undefined,
  );
});

it('lets a call land when its client has long given up', async () => {
  const { forge, create, opens, clock } = await start();
  plantFault(forge, 'pulls/create:lands_late');
  await refusedBy(create());
  expect(opens()).toBe(0);
  clock.advance(20_000);
  expect(opens()).toBe(1);
});

it('gives half a body, which octokit hands over as text and calls a success', async () => {
  const { forge, create, opens } = await start();
  plantFault(forge, 'pulls/create:truncated');
  const { status, data } = await create();
  expect([status, typeof data, opens()]).toEqual([201, 'string', 1]);
});

it('answers slowly, or not at all until the client gives up', async () => {
  const { forge, octo } = await start();
  plantFault(forge, 'repos/get:slow');
  expect((await octo.repos.get(shop)).status).toBe(200);
  plantFault(forge, 'repos/get:hangs_after');
  const given = await refusedBy(octo.repos.get({ ...shop, request: { signal: AbortSignal.timeout(100) } }));
  expect(given.status).toBe(500);
});

it('revokes a token in the middle', async () => {
  const { forge, create, octo, opens } = await start();
  plantFault(forge, 'pulls/create:revoked_after');
  expect((await create()).status).toBe(201);
  expect([(await refusedBy(octo.pulls.list(shop))).status, opens()]).toEqual([401, 1]);
});

it('never says no with a fault to who would have heard no anyway', async () => {
  const { forge, octokit, opens } = await start();
  plantFault(forge, 'pulls/create:lost_after');
  const stranger = octokit('ghp_wrong');
  const no = await refusedBy(stranger.pulls.create({ ...shop, title: 'a', head: 'a', base: 'main' }));
  expect([no.status, forge.faults.left(), opens()]).toEqual([401, 1, 0]);
});

it('sends the same faults for the same seed, and all of them for some', async () => {
  const { forge } = await start();
  expect(plantFaults(forge, 17, 3)).toEqual(plantFaults(forge, 17, 3));
  const seen = new Set<FaultName>();
  for (let seed = 0; seed < 4000; seed += 1) for (const name of plantFaults(forge, seed, 4)) seen.add(name);
  expect(seen).toEqual(new Set(faultNames()));
  expect(faultNames().length).toBe(faultyCalls.length * 16 + 9);
  forge.faults.clear();
});

it('skips what it is told to skip, and counts what is left', async () => {
  const { forge, octo } = await start();
  forge.faults.add({ on: 'repos/get', skip: 1, times: 2, says: { kind: 'page', status: 502 } });
  const status = async () =>
    await octo.repos.get(shop).then(
      ({ status: good }) => good,
      (error: { status: number }) => error.status,
    );
  expect([await status(), await status(), await status(), await status()]).toEqual([200, 502, 502, 200]);
  expect(forge.faults.left()).toBe(0);
});

it('redirects elsewhere, and answers without an end, which octokit calls a success when it gives up', async () => {
  const { forge, octo } = await start();
  const elsewhere = 'http://127.0.0.1:9/elsewhere';
  forge.faults.add({ on: 'repos/get', says: { kind: 'redirect', status: 302, to: elsewhere } });
  expect((await refusedBy(octo.repos.get(shop))).status).toBe(500);
  forge.faults.add({ on: 'repos/get', says: { kind: 'endless' } });
  const request = { signal: AbortSignal.timeout(50) };
  const given = await octo.repos.get({ ...shop, request }).catch((error: { status: number }) => error);
  expect(given).not.toHaveProperty('data.full_name');
});

it('is for development a forge with repositories, an issue and a token', async () => {
  const { forge, environment, cloneUrls } = await startDevForge();
  const headers = { authorization: `Bearer ${environment.GITHUB_TOKEN}`, 'user-agent': 'test' };
  const answer = await fetch(`${environment.GITHUB_API_URL}/repos/owner/shop`, { headers });
  expect(((await answer.json()) as { clone_url: string }).clone_url).toBe(cloneUrls[0]);
  await forge.close();
});
