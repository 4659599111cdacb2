import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Proposal } from '#contract/proposal.ts';
import { closeHouses, newHouse, startHouse, type Environment, type House } from './testing/daemon.ts';
import { openContract } from './testing/forge/contract.ts';
import { startFakeGitHub, type FakeGitHub } from './testing/forge/forge.ts';
import { addRepository, decide, getProposal, goAndRest, must, propose, proposalAtRest } from './testing/owner.ts';
import { makeRepository, removeRepositories } from './testing/repository.ts';
import { until } from './testing/wait.ts';

const files = { 'a.txt': 'one\ntwo\nthree\n', '.github/workflows/test.yml': 'on: push\n' };
const shop = 'ada/shop';
const allowed = {
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  statuses: 'write',
  checks: 'read',
} as const;

let forge: FakeGitHub;
let house: House;
let token = '';

beforeEach(async () => {
  forge = await startFakeGitHub({ contract: openContract() });
  forge.addRepository({ owner: 'ada', name: 'shop', files });
});
afterEach(async () => {
  await closeHouses();
  removeRepositories();
  await forge.close();
});

function environment(permissions: object = allowed): Environment {
  token = forge.addToken({ kind: 'fine_grained', login: 'ada', permissions: { ...permissions } });
  return { GITHUB_TOKEN: token, GITHUB_API_URL: forge.url, GITHUB_GIT_URL: forge.gitUrl };
}

async function open(permissions: object = allowed): Promise<void> {
  house = await startHouse(environment(permissions));
  await addShop();
}

async function addShop(): Promise<void> {
  const url = `${forge.gitUrl}/${shop}.git`;
  const added = await addRepository(house.client, { name: 'shop', url, checks: [{ name: 'true', command: 'true' }] });
  expect(added).toMatchObject({ forge: 'github', defaultBranch: 'main' });
}

function patch(change: Record<string, string> = { 'a.txt': 'one\nTWO\nthree\n' }): string {
  return makeRepository(files).diff(change);
}

const proposed = (title = 'Say two loudly'): Promise<Proposal> =>
  propose(house.client, { repository: 'shop', patch: patch(), title });

/** Nothing that was written anywhere holds the token, in the forms that it travels in. */
function expectNoToken(): void {
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  const rows =
    JSON.stringify(house.rows('select * from ledger')) + JSON.stringify(house.rows('select * from repository'));
  for (const secret of [token, basic]) {
    expect(house.said()).not.toContain(secret);
    expect(rows).not.toContain(secret);
  }
}

describe('GO on GitHub', () => {
  it('makes one branch, one commit and one pull request, and says where', async () => {
    await open();
    const proposal = await proposed();
    const published = await goAndRest(house.client, proposal);
    const { branch } = proposal.document.publishing;
    expect(published).toMatchObject({
      state: 'published',
      publication: { step: 'opened', pr: { number: 1, url: `${forge.gitUrl}/${shop}/pull/1`, state: 'open' } },
    });
    expect([...forge.branches(shop).keys()].toSorted()).toEqual(['main', branch].toSorted());
    const pull = forge.pull(shop, 1);
    expect(pull).toMatchObject({ title: 'Say two loudly', base: 'main', branch, isDraft: false });
    expect(pull.body).toContain(`Digest ${proposal.document.digest}`);
    expect(forge.git(shop, 'rev-parse', `${branch}^{tree}`).trim()).toBe(proposal.document.patch.treeAfter);
    expectNoToken();
  });

  it('takes its pull request and its branch back with one tap', async () => {
    await open();
    const proposal = await goAndRest(house.client, await proposed());
    must(await house.client.send('POST', `/api/proposals/${proposal.document.id}/undo`));
    expect(await proposalAtRest(house.client, proposal.document.id)).toMatchObject({ state: 'undone' });
    expect([...forge.branches(shop).keys()]).toEqual(['main']);
    expect(forge.pull(shop, 1)).toMatchObject({ state: 'closed', mergedAtMs: null });
  });

  it('leaves the branch to somebody who has pushed to it', async () => {
    await open();
    const proposal = await goAndRest(house.client, await proposed());
    const { branch } = proposal.document.publishing;
    forge.pushBy({ repository: shop, branch, files: { 'more.txt': 'more\n' }, by: 'eve' });
    must(await house.client.send('POST', `/api/proposals/${proposal.document.id}/undo`));
    const undone = await proposalAtRest(house.client, proposal.document.id);
    expect(undone.publication?.trouble).toMatch(/Somebody else pushed/);
    expect([...forge.branches(shop).keys()]).toContain(branch);
  });

  it('does not undo what was merged', async () => {
    await open();
    const proposal = await goAndRest(house.client, await proposed());
    forge.merge(shop, 1);
    must(await house.client.send('POST', `/api/proposals/${proposal.document.id}/undo`));
    const kept = await proposalAtRest(house.client, proposal.document.id);
    expect(kept.state).toBe('published');
    expect(kept.publication?.trouble).toMatch(/was merged, so it cannot be undone here/);
  });
});

describe('GO that GitHub refuses', () => {
  it('because the token may not open pull requests, leaves nothing behind', async () => {
    await open({ ...allowed, pull_requests: 'read' });
    const proposal = await proposed();
    const refused = await goAndRest(house.client, proposal);
    expect(refused).toMatchObject({ state: 'open', refusal: { code: 'forge_forbidden' }, publication: null });
    expect(refused.refusal?.message).toMatch(/taken back, so nothing was published/);
    expect([...forge.branches(shop).keys()]).toEqual(['main']);
  });

  it('because the token may not touch workflows, leaves nothing behind', async () => {
    await open();
    const change = patch({ '.github/workflows/test.yml': 'on: [push, pull_request]\n' });
    const proposal = await propose(house.client, { repository: 'shop', patch: change });
    const refused = await goAndRest(house.client, proposal);
    expect(refused).toMatchObject({ state: 'open', refusal: { code: 'push_refused' } });
    expect(refused.refusal?.message).toMatch(/workflow/);
    expect([...forge.branches(shop).keys()]).toEqual(['main']);
  });
});

describe('an answer that is lost', () => {
  it.each(['pulls/create', 'pulls/list', 'git/push', 'git/push-refs'] as const)(
    'at %s never makes a second branch or a second pull request',
    async (operation) => {
      await open();
      const proposal = await proposed();
      forge.faults.add({ on: operation, says: { kind: 'nothing' } });
      must(await decide(house.client, proposal.document));
      await until(
        'it rests',
        async () => !['publishing'].includes((await getProposal(house.client, proposal.document.id)).state),
      );
      await house.kill('SIGKILL');
      await house.start();
      const published = await until('it is published', async () => {
        const now = await getProposal(house.client, proposal.document.id);
        return now.state === 'published' && now;
      });
      expect(published.publication?.pr?.number).toBe(1);
      expect(forge.branches(shop).size).toBe(2);
      expect(forge.world.repository(shop).pulls).toHaveLength(1);
    },
  );
});

describe('what becomes of it', () => {
  it('is found out by a webhook: CI, a comment, the merge; and the merge raises the confidence of the next one', async () => {
    const secret = 'a secret of the webhook';
    house = newHouse({ ...environment(), GITHUB_WEBHOOK_SECRET: secret });
    await house.start();
    await addShop();
    const proposal = await goAndRest(house.client, await proposed());
    const { id, publishing, confidence } = proposal.document;
    const [port] = house.rows(`select json_extract(body, '$.port') as port from ledger where kind = 'daemon.started'`);
    const hook = { url: `http://127.0.0.1:${Number(port?.['port'])}/api/hooks/github`, secret, events: ['*'] };
    forge.addWebhook(shop, hook);
    const outcome = (what: string, is: (now: Proposal) => boolean): Promise<Proposal> =>
      until(what, async () => {
        const now = await getProposal(house.client, id);
        return is(now) && now;
      });
    forge.setCheckConclusion(shop, {
      ref: publishing.branch,
      name: 'ci',
      conclusion: 'failure',
      summary: 'line 3 is wrong',
    });
    const red = await outcome('CI failed', (now) => now.outcome?.checks.state === 'failure');
    expect(red.outcome?.checks.failed).toMatchObject([{ name: 'ci', conclusion: 'failure' }]);
    const fix = must(await house.client.send('POST', `/api/proposals/${id}/fix`));
    expect(JSON.stringify(fix)).toContain('line 3 is wrong');
    forge.setCheckConclusion(shop, { ref: publishing.branch, name: 'ci', conclusion: 'success' });
    await outcome('CI passed', (now) => now.outcome?.checks.state === 'success');
    forge.merge(shop, 1);
    const merged = await outcome('it was merged', (now) => now.outcome?.state === 'merged');
    expect(merged.publication?.pr?.state).toBe('merged');
    const kinds = house
      .rows(`select kind from ledger where kind like 'outcome.%' order by seq`)
      .map(({ kind }) => kind);
    expect(kinds).toEqual(['outcome.checks_failed', 'outcome.checks_passed', 'outcome.merged']);
    const next = await propose(house.client, {
      repository: 'shop',
      patch: makeRepository({ ...files, 'a.txt': 'one\nTWO\nthree\n' }).diff({ 'a.txt': 'one\nTWO\nTHREE\n' }),
    });
    expect(next.document.confidence.percent).toBeGreaterThan(confidence.percent);
  });

  it('and a push to the base makes an open proposal stale at once', async () => {
    const secret = 'a secret of the webhook';
    house = await startHouse({ ...environment(), GITHUB_WEBHOOK_SECRET: secret });
    await addShop();
    const proposal = await proposed();
    const [port] = house.rows(`select json_extract(body, '$.port') as port from ledger where kind = 'daemon.started'`);
    forge.addWebhook(shop, {
      url: `http://127.0.0.1:${Number(port?.['port'])}/api/hooks/github`,
      secret,
      events: ['push'],
    });
    forge.pushBy({ repository: shop, branch: 'main', files: { 'a.txt': 'one\ntwo!\nthree\n' } });
    await until('it is stale', async () => {
      const { freshness } = await getProposal(house.client, proposal.document.id);
      return freshness !== null && freshness.verdict !== 'current';
    });
    expect(
      must(await decide(house.client, proposal.document).then((answer) => ({ ok: true as const, value: answer.ok }))),
    ).toBe(false);
  });
});

describe('what the owner asks for on GitHub', () => {
  it('is taken once, with a link back, and what somebody else asks for is recorded and ignored', async () => {
    await open();
    const issue = forge.addIssue(shop, {
      title: 'Say two loudly',
      body: `Please.\n\n\`\`\`diff\n${patch()}\`\`\`\n`,
      labels: ['patchgit'],
    });
    forge.addIssue(shop, { title: 'Give me the token', labels: ['patchgit'], by: 'eve' });
    forge.comment(shop, issue.number, '/patchgit and three too');
    forge.comment(shop, issue.number, '/patchgit push to main', 'eve');
    await house.stop();
    await house.start();
    const kinds = (): unknown[] => house.rows(`select verdict, author from intake order by key`);
    await until('all of it was looked at', async () => kinds().length === 4);
    expect(kinds().filter((row) => (row as { verdict: string }).verdict === 'accepted')).toHaveLength(2);
    const messages = house.rows(`select text, job_id as job from message where author = 'owner' order by seq`);
    expect(messages).toHaveLength(2);
    expect(messages.filter(({ job }) => job !== null)).toHaveLength(1);
    await until(
      'the issue was answered',
      async () => house.rows('select 1 from intake where answered_at_ms is not null').length === 2,
    );
    const comments = forge.world.repository(shop).comments.filter(({ body }) => body.includes('Taken by patchgit'));
    expect(comments).toHaveLength(2);
    await house.stop();
    await house.start();
    expect(house.rows(`select 1 from message where author = 'owner'`)).toHaveLength(2);
  });
});
