/** The whole way on GitHub: from a diff to a pull request, and what becomes of it. One daemon, a repository for each promise. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Proposal } from '#contract/proposal.ts';
import type { Level } from './testing/forge/credentials.ts';
import type { FakeRepository } from './testing/forge/world.ts';
import { allowed, closeGitHubHouses, files, loud, openGitHubHouse, type GitHubHouse } from './testing/github-house.ts';
import { decide, goAndRest, must, propose, proposalAtRest } from './testing/owner.ts';
import { makeRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

/** The token's; a test may take one away. */
const permissions: Record<string, Level> = {};
let at: GitHubHouse;
let name = '';
let full = '';
let count = 0;

beforeAll(async () => {
  at = await openGitHubHouse({ permissions });
});
afterAll(closeGitHubHouses);
beforeEach(async () => {
  count += 1;
  name = `shop${count}`;
  full = `ada/${name}`;
  for (const key of Object.keys(permissions)) delete permissions[key];
  Object.assign(permissions, allowed);
  at.forge.faults.clear();
  await at.add(name);
});

const world = (): FakeRepository => at.forge.world.repository(full);
const branches = (): string[] => [...at.forge.branches(full).keys()].toSorted();
const undo = async ({ document }: Proposal): Promise<Proposal> => {
  must(await at.house.client.send('POST', `/api/proposals/${document.id}/undo`));
  return await proposalAtRest(at.house.client, document.id);
};
const go = async (proposal: Proposal): Promise<Proposal> => await goAndRest(at.house.client, proposal);

/** Nothing is on GitHub, and the proposal can be decided again. */
function expectRefused(refused: Proposal, code: string, words: RegExp): void {
  expect(refused).toMatchObject({ state: 'open', decision: null, publication: null, refusal: { code } });
  expect(refused.refusal?.message).toMatch(words);
  expect(branches()).toEqual(['main']);
  expect(world().pulls).toEqual([]);
}

describe('GO on GitHub', () => {
  it('makes one branch, one commit and one pull request, shows the proof there, and says where', async () => {
    const proposal = await at.propose(name);
    const published = await go(proposal);
    const { branch, pullTitle } = proposal.document.publishing;
    expect(published).toMatchObject({
      state: 'published',
      publication: { step: 'opened', pr: { number: 1, url: `${at.forge.gitUrl}/${full}/pull/1`, state: 'open' } },
    });
    expect(branches()).toEqual(['main', branch].toSorted());
    const pull = at.forge.pull(full, 1);
    expect(pull).toMatchObject({ title: pullTitle, base: 'main', branch, author: 'ada' });
    expect(pull.body).toContain(`Digest ${proposal.document.digest}`);
    expect(at.forge.git(full, 'rev-parse', `${branch}^{tree}`).trim()).toBe(proposal.document.patch.treeAfter);
    await until('the proof stands on the commit', () => world().statuses.length > 0);
    expect(world().statuses).toMatchObject([
      { sha: published.publication?.commit, context: 'patchgit/proof', state: 'success' },
    ]);
    expect(at.leaks()).toEqual([]);
  });

  it('takes its pull request and its branch back with one tap, and says so there once', async () => {
    const proposal = await go(await at.propose(name));
    expect(await undo(proposal)).toMatchObject({ state: 'undone' });
    expect(branches()).toEqual(['main']);
    expect(at.forge.pull(full, 1)).toMatchObject({ state: 'closed', mergedAtMs: null });
    expect(world().comments.map(({ body }) => body)).toEqual([expect.stringMatching(/^Undone by the owner/)]);
  });

  it('leaves the branch to somebody who has pushed to it', async () => {
    const proposal = await go(await at.propose(name));
    const { branch } = proposal.document.publishing;
    at.forge.pushBy({ repository: full, branch, files: { 'more.txt': 'more\n' }, by: 'eve' });
    const undone = await undo(proposal);
    expect(undone.publication?.trouble).toMatch(/Somebody else pushed/);
    expect(branches()).toContain(branch);
  });

  it('does not undo what was merged', async () => {
    const proposal = await go(await at.propose(name));
    at.forge.merge(full, 1);
    const kept = await undo(proposal);
    expect(kept.state).toBe('published');
    expect(kept.publication?.trouble).toMatch(/was merged, so it cannot be undone here/);
  });
});

describe('GO that GitHub refuses leaves nothing behind', () => {
  it('where the token may not open pull requests', async () => {
    permissions['pull_requests'] = 'read';
    const refused = await go(await at.propose(name));
    expectRefused(refused, 'forge_forbidden', /pull requests: write.*taken back, so nothing was published/);
  });

  it('where the token may not even see pull requests', async () => {
    delete permissions['pull_requests'];
    const refused = await go(await at.propose(name));
    expectRefused(refused, 'forge_forbidden', /pull requests: read.*taken back, so nothing was published/);
  });

  it('where the token may not touch workflows', async () => {
    const change = { '.github/workflows/test.yml': 'on: [push, pull_request]\n' };
    const refused = await go(await at.propose(name, 'Test more', change));
    expectRefused(refused, 'push_refused', /workflow/);
  });

  it('where a rule of the repository refuses our branch names', async () => {
    const proposal = await at.propose(name);
    const [prefix = ''] = proposal.document.publishing.branch.split('/');
    world().rules.push({ prefix, words: 'Cannot create ref due to creations being restricted.' });
    expectRefused(await go(proposal), 'push_refused', /a rule of the repository .*creations being restricted/);
    world().rules.pop();
    expect((await go(proposal)).state).toBe('published');
  });

  it('where the repository was archived', async () => {
    const proposal = await at.propose(name);
    world().isArchived = true;
    expectRefused(await go(proposal), 'push_refused', /archived/);
  });

  it('where the repository was renamed', async () => {
    const proposal = await at.propose(name);
    at.forge.rename(full, `${name}-renamed`);
    const refused = await go(proposal);
    expect(refused).toMatchObject({ state: 'open', publication: null, refusal: { code: 'stale_base' } });
    full = `ada/${name}-renamed`;
    expect(branches()).toEqual(['main']);
  });

  it('where the repository takes no drafts, and says what to switch', async () => {
    const proposal = await at.propose(name);
    const says = {
      kind: 'error',
      status: 422,
      message: 'Draft pull requests are not supported in this repository.',
    } as const;
    at.forge.faults.add({ on: 'pulls/create', at: full, says });
    expectRefused(await go(proposal), 'forge_refused', /takes no drafts.*taken back/);
  });
});

describe('GO that GitHub asks to wait', () => {
  it.each([
    ['the secondary limit', { kind: 'secondary_limit', status: 403, retrySeconds: 60 }],
    ['the secondary limit without a time', { kind: 'secondary_limit', status: 429, retrySeconds: null }],
    ['the primary limit', { kind: 'primary_limit', status: 403 }],
  ] as const)('for %s says so, sends nothing meanwhile, and opens one pull request afterwards', async (_what, says) => {
    const proposal = await at.propose(name);
    at.forge.faults.add({ on: 'pulls/create', at: full, says });
    must(await decide(at.house.client, proposal.document));
    const waiting = await at.sees(
      proposal.document.id,
      'it waits',
      (now) => now.publication?.trouble !== null && now.publication !== null,
    );
    expect(waiting).toMatchObject({ state: 'publishing', publication: { step: 'pushed', pr: null } });
    expect(waiting.publication?.trouble).toMatch(/takes no more requests for now\. patchgit asks again in/);
    await at.sees(proposal.document.id, 'it is published', (now) => now.state === 'published');
    const asked = at.forge.calls.filter(({ operation, path }) => operation === 'pulls/create' && path.includes(full));
    expect(asked).toHaveLength(2);
    const [first, second] = asked;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect(world().pulls).toHaveLength(1);
  });
});

describe('a list that lags behind', () => {
  it('never makes GO ask for a second pull request or take the branch away', async () => {
    const proposal = await at.propose(name);
    at.forge.conditions.listLagMs = 100_000;
    at.forge.faults.add({ on: 'pulls/create', at: full, says: { kind: 'nothing' } });
    must(await decide(at.house.client, proposal.document));
    const asked = () =>
      at.forge.calls.filter(({ operation, path }) => operation === 'pulls/create' && path.includes(full));
    await until('it was asked for again', () => asked().length === 2, 60_000);
    const published = await at.sees(proposal.document.id, 'it is found', (now) => now.state === 'published');
    at.forge.conditions.listLagMs = 0;
    // Not before the first could not land any more.
    const [first, second] = asked();
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect(published.publication?.pr?.number).toBe(1);
    expect(world().pulls).toMatchObject([{ state: 'open', branch: proposal.document.publishing.branch }]);
  });
});

describe('what becomes of it', () => {
  it('comes by webhook: CI, the log to fix it by, the merge; and the merge raises the confidence of the next one', async () => {
    at.listen(name);
    const proposal = await go(await at.propose(name));
    const { id, publishing, confidence } = proposal.document;
    const check = { ref: publishing.branch, name: 'ci' };
    at.forge.setCheckConclusion(full, { ...check, conclusion: 'failure', log: 'expected two, got TWO' });
    const red = await at.sees(id, 'CI failed', (now) => now.outcome?.checks.state === 'failure');
    expect(red.outcome?.checks.failed).toMatchObject([{ name: 'ci', conclusion: 'failure' }]);
    const fix = must(await at.house.client.send('POST', `/api/proposals/${id}/fix`));
    expect(JSON.stringify(fix)).toContain('expected two, got TWO');
    expect(must(await at.house.client.send('POST', `/api/proposals/${id}/fix`))).toEqual(fix);
    at.forge.setCheckConclusion(full, { ...check, conclusion: 'success' });
    await at.sees(id, 'CI passed', (now) => now.outcome?.checks.state === 'success');
    at.forge.comment(full, 1, 'Looks good.', 'eve');
    await at.sees(id, 'it was commented', (now) => now.outcome?.comments === 1);
    at.forge.merge(full, 1);
    const merged = await at.sees(id, 'it was merged', (now) => now.outcome?.state === 'merged');
    expect(merged.publication?.pr?.state).toBe('merged');
    const kinds = at.house
      .rows(`select kind from ledger where kind like 'outcome.%' and subject = ? order by seq`, id)
      .map(({ kind }) => kind);
    expect(kinds).toEqual(['outcome.checks_failed', 'outcome.checks_passed', 'outcome.commented', 'outcome.merged']);
    const patch = makeRepository({ ...files, ...loud }).diff({ 'a.txt': 'one\nTWO\nTHREE\n' });
    const next = await propose(at.house.client, { repository: name, patch });
    expect(next.document.confidence.percent).toBeGreaterThan(confidence.percent);
  });

  it('is found out without any webhook too', async () => {
    const proposal = await go(await at.propose(name));
    at.forge.closePull(full, 1, 'ada');
    const closed = await at.sees(proposal.document.id, 'it was closed', (now) => now.outcome?.state === 'closed');
    expect(closed.publication?.pr?.state).toBe('closed');
  });

  it('is never what a delivery says, but what GitHub itself answers when it is asked', async () => {
    const proposal = await go(await at.propose(name));
    at.listen(name, []);
    const [hook] = world().webhooks;
    if (!hook) throw new Error('a webhook was added');
    const looks = (): number =>
      at.forge.calls.filter(({ operation, path }) => operation === 'pulls/get' && path.includes(full)).length;
    await at.sees(proposal.document.id, 'it was looked at', (now) => now.outcome?.state === 'open');
    const before = looks();
    const lie = { number: 1, state: 'closed', merged: true, merged_at: '2026-11-21T00:00:00Z' };
    const told = await at.forge.sendWebhook('pull_request', hook, {
      repository: full,
      action: 'closed',
      happened: { pull: at.forge.pull(full, 1) },
      change: { pull_request: lie },
    });
    expect(told.answers).toEqual([202]);
    await until('GitHub was asked', () => looks() > before, 60_000);
    await at.sees(proposal.document.id, 'it is open', (now) => now.outcome?.state === 'open');
    expect(
      at.house.rows(`select 1 from ledger where kind = 'outcome.merged' and subject = ?`, proposal.document.id),
    ).toEqual([]);
  });

  it('and a push to the base makes an open proposal stale at once', async () => {
    at.listen(name, ['push']);
    const proposal = await at.propose(name);
    at.forge.pushBy({ repository: full, branch: 'main', files: { 'a.txt': 'one\ntwo!\nthree\n' } });
    const { id } = proposal.document;
    await at.sees(id, 'it is stale', ({ freshness }) => freshness !== null && freshness.verdict !== 'current');
    expect(await decide(at.house.client, proposal.document)).toMatchObject({ why: { code: 'stale_base' } });
    expect(branches()).toEqual(['main']);
  });
});

describe('what is asked for on GitHub', () => {
  const rows = (): Record<string, unknown>[] =>
    at.house.rows(
      `select key, verdict, intake.author, message_id as message, answered_at_ms as answered
       from intake join repository on repository.id = intake.repository_id where repository.name = ? order by intake.made_at_ms, key`,
      name,
    );
  const answers = (): string[] =>
    world()
      .comments.map(({ body }) => body)
      .filter((body) => body.startsWith('Taken by patchgit'));

  it('by the owner is taken once, with a link back; what somebody else asks is recorded and ignored', async () => {
    const patch = makeRepository(files).diff(loud);
    const body = `Please.\n\n\`\`\`diff\n${patch}\`\`\`\n`;
    const issue = at.forge.addIssue(full, { title: 'Say two loudly', body, labels: ['patchgit'] });
    at.forge.addIssue(full, { title: 'Give me the token', labels: ['patchgit'], by: 'eve' });
    at.forge.addIssue(full, { title: 'Not for patchgit' });
    at.forge.comment(full, issue.number, '/patchgit and three too');
    at.forge.comment(full, issue.number, '/patchgitter is somebody else');
    at.forge.comment(full, issue.number, '/patchgit push to main', 'eve');
    await until('all of it was looked at', () => rows().length === 4, 60_000);
    const byVerdict = (wanted: string) =>
      rows()
        .filter(({ verdict }) => verdict === wanted)
        .map(({ author }) => author);
    expect(byVerdict('accepted')).toEqual(['ada', 'ada']);
    expect(byVerdict('ignored')).toEqual(['eve', 'eve']);
    const messages = (): Record<string, unknown>[] =>
      at.house.rows(`select text, job_id as job from message where author = 'owner' and text like ?`, `%${full}/%`);
    expect(messages()).toHaveLength(2);
    expect(messages().filter(({ job }) => job !== null)).toHaveLength(1);
    expect(JSON.stringify(messages())).not.toMatch(/token|push to main/);
    await until('both were answered', () => answers().length === 2, 60_000);
    await at.house.stop();
    await at.house.start();
    const look = at.forge.calls.length;
    const isAgain = (): boolean =>
      at.forge.calls.slice(look).some(({ operation }) => operation === 'issues/list-comments-for-repo');
    await until('it was looked at again', isAgain, 60_000);
    expect([messages().length, rows().length, answers().length]).toEqual([2, 4, 2]);
  });

  it('by a label on an issue that is older than the repository here is taken too', async () => {
    const older = at.forge.addIssue(full, { title: 'Old wish', body: 'Say three loudly.' });
    Object.assign(older, { createdAtMs: older.createdAtMs - 86_400_000, updatedAtMs: older.updatedAtMs - 86_400_000 });
    at.forge.label(full, older.number, 'patchgit');
    await until('it was taken', () => rows().length === 1, 60_000);
    expect(rows()).toMatchObject([{ verdict: 'accepted', author: 'ada' }]);
  });

  it('is taken once when a webhook tells of it too, and a delivery with another signature is refused', async () => {
    at.listen(name, ['issues']);
    at.forge.addIssue(full, { title: 'Say two loudly', labels: ['patchgit'] });
    await until('it was taken', () => rows().length === 1, 60_000);
    const [hook] = world().webhooks;
    if (!hook) throw new Error('a webhook was added');
    const forged = await at.forge.sendWebhook('issues', { url: hook.url, secret: 'a guess' }, { repository: full });
    expect(forged.answers).toEqual([403]);
    expect(rows()).toHaveLength(1);
  });
});

// Last: it leaves the daemon with another token.
describe('a token that is revoked in the middle of GO', () => {
  it('ends in a decided state with a sentence, and GO goes on with the next token: one branch, one pull request', async () => {
    const proposal = await at.propose(name);
    at.forge.faults.add({ on: 'git/push', at: full, revokes: true });
    must(await decide(at.house.client, proposal.document));
    const { id } = proposal.document;
    const stuck = await at.sees(id, 'it is not known', (now) => now.state === 'unknown');
    expect(stuck.publication?.trouble).toMatch(/GitHub does not accept the token.*Make a new one/);
    expect(world().pulls).toEqual([]);
    await at.house.stop();
    await at.house.start({ GITHUB_TOKEN: at.forge.addToken({ kind: 'fine_grained', login: 'ada', permissions }) });
    const published = await at.sees(id, 'it is published', (now) => now.state === 'published');
    expect(published.publication?.pr?.number).toBe(1);
    expect(branches()).toHaveLength(2);
    expect(world().pulls).toHaveLength(1);
    expect(at.leaks()).toEqual([]);
  });
});
