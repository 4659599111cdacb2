import { afterEach, describe, expect, it } from 'vitest';
import { branch, done, farEnd, forgeAt, json, openGitHubDesk, refused, type FarEnd } from './testing/github-desk.ts';

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
async function far(answer: Parameters<typeof farEnd>[0]): Promise<FarEnd> {
  const end = await farEnd(answer);
  opened.push(end);
  return end;
}

describe('while GitHub wants no more requests', () => {
  it('nothing goes out, until the hour is over by its clock', async () => {
    const desk = await openGitHubDesk();
    opened.push(desk.fake);
    const { github, repository, fake, clock } = desk;
    Object.assign(fake.conditions, { requestsPerHourMax: 2 });
    done(await github.forge.findPull(repository, branch));
    done(await github.forge.findPull(repository, branch));
    const limited = refused(await github.forge.findPull(repository, branch));
    expect(limited.code).toBe('forge_rate_limited');
    const asked = fake.calls.length;
    clock.advance(60_000);
    expect(refused(await github.forge.findPull(repository, branch)).code).toBe('forge_rate_limited');
    expect(fake.calls).toHaveLength(asked);
    clock.advance(limited.retryAfterMs ?? 0);
    done(await github.forge.findPull(repository, branch));
  });

  it('nothing goes out for as long as retry-after says, and for a minute and then longer where it says nothing', async () => {
    let headers: Record<string, string> = { 'retry-after': '7' };
    const end = await far((_heard, response) =>
      json(response, 403, { message: 'You have exceeded a secondary rate limit.' }, headers),
    );
    const { github, repository, clock } = forgeAt(end.url);
    const wait = async (): Promise<number> => {
      const before = end.heard.length;
      const no = refused(await github.forge.findPull(repository, branch));
      expect([no.code, end.heard.length]).toEqual(['forge_rate_limited', before + 1]);
      const waitMs = no.retryAfterMs ?? 0;
      clock.advance(waitMs - 1);
      expect(refused(await github.forge.findPull(repository, branch)).retryAfterMs).toBe(1);
      expect(end.heard.length).toBe(before + 1);
      clock.advance(1);
      return waitMs;
    };
    expect(await wait()).toBe(7000);
    headers = {};
    expect([await wait(), await wait(), await wait()]).toEqual([120_000, 240_000, 480_000]);
    headers = { 'retry-after': '999999999' };
    expect(await wait()).toBe(3_600_000);
    headers = { 'retry-after': 'Wed, 21 Oct 2037 07:28:00 GMT' };
    expect(await wait()).toBeGreaterThanOrEqual(60_000);
  });

  it.each([
    ['x-ratelimit-reset', 'soon'],
    ['x-ratelimit-reset', '-5'],
    ['x-ratelimit-reset', '99999999999999999999'],
    ['retry-after', '-1'],
    ['retry-after', '1e9'],
  ])('an odd %s (%s) does not open the gate at once, nor shut it for ever', async (name, value) => {
    const end = await far((_heard, response) =>
      json(response, 429, { message: 'API rate limit exceeded' }, { 'x-ratelimit-remaining': '0', [name]: value }),
    );
    const { github, repository } = forgeAt(end.url);
    const no = refused(await github.forge.findPull(repository, branch));
    expect(no.retryAfterMs).toBeGreaterThanOrEqual(1000);
    expect(no.retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });

  it('the last request of the hour is still answered, and the next one waits, by the clock of GitHub', async () => {
    // GitHub's clock is ten minutes ahead of ours.
    const date = new Date(1_800_000_600_000).toUTCString();
    const end = await far((_heard, response) =>
      json(response, 200, [], { date, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1800000660' }),
    );
    const { github, repository } = forgeAt(end.url);
    done(await github.forge.findPull(repository, branch));
    const no = refused(await github.forge.findPull(repository, branch));
    expect(no).toMatchObject({ code: 'forge_rate_limited', retryAfterMs: 61_000 });
    expect(end.heard).toHaveLength(1);
  });
});

it('a refusal that is none of its rate shuts nothing', async () => {
  const end = await far((_heard, response) => json(response, 403, { message: 'Must have admin rights' }));
  const { github, repository } = forgeAt(end.url);
  for (let count = 1; count <= 3; count += 1) {
    expect(refused(await github.forge.findPull(repository, branch)).code).toBe('forge_forbidden');
    expect(end.heard).toHaveLength(count);
  }
});
