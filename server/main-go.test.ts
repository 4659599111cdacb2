import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Proposal } from '#contract/proposal.ts';
import { closeHouses, startHouse, type House } from './testing/daemon.ts';
import {
  addRepository,
  decide,
  getProposal,
  goAndRest,
  jobAtRest,
  must,
  propose,
  proposalAtRest,
} from './testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

let house: House;
let repository: TestRepository;
let name = '';
let count = 0;

beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
beforeEach(async () => {
  count += 1;
  name = `r${count}`;
  repository = makeRepository({ 'a.txt': 'one\ntwo\nthree\n', 'b.txt': 'x\n' });
  await addRepository(house.client, { name, url: repository.origin, checks: [{ name: 'true', command: 'true' }] });
});
afterEach(removeRepositories);

const change = { 'a.txt': 'one\nTWO\nthree\n' };

async function open(): Promise<Proposal> {
  return await propose(house.client, { repository: name, patch: repository.diff(change) });
}

const post = (proposal: Proposal, action: string) =>
  house.client.send('POST', `/api/proposals/${proposal.document.id}/${action}`);

async function undone(proposal: Proposal): Promise<Proposal> {
  must(await post(proposal, 'undo'));
  return await proposalAtRest(house.client, proposal.document.id);
}

function entries(kind: string, subject: string): number {
  return house.rows('select seq from ledger where kind = ? and subject = ?', kind, subject).length;
}

function pulls(): Record<string, unknown>[] {
  return house.rows(
    'select number, state from pull join repository on repository.id = repository_id where name = ?',
    name,
  );
}

describe('GO', () => {
  it('pressed twenty times at once by two clients gives one branch, one pull request and one decision', async () => {
    const proposal = await open();
    const { document } = proposal;
    const answers = await Promise.all(Array.from({ length: 20 }, () => decide(house.client, document)));
    expect(answers.every((answer) => answer.ok)).toBe(true);
    const published = await proposalAtRest(house.client, document.id);
    expect(published.state).toBe('published');
    expect(repository.branches()).toEqual(['main', document.publishing.branch]);
    expect(pulls()).toEqual([{ number: 1, state: 'open' }]);
    for (const kind of ['decision.recorded', 'publication.committed', 'publication.pushed', 'publication.opened'])
      expect(entries(kind, document.id)).toBe(1);
    expect(must(await decide(house.client, document))).toMatchObject({ publication: published.publication });
  });

  it.each([
    ['go', 'reject'],
    ['reject', 'go'],
    ['go', 'revise'],
  ] as const)('and another decision at the same moment (%s, %s): exactly one is taken', async (first, second) => {
    const { document } = await open();
    const answers = await Promise.all([decide(house.client, document, first), decide(house.client, document, second)]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.find((answer) => !answer.ok)).toMatchObject({ why: { code: 'already_decided' } });
    const rested = await proposalAtRest(house.client, document.id);
    expect(entries('decision.recorded', document.id)).toBe(1);
    expect(repository.branches().length).toBe(rested.state === 'published' ? 2 : 1);
  });

  it('commits exactly the tree that was shown, on the base that was shown, by the author that was shown', async () => {
    const proposal = await open();
    const published = await goAndRest(house.client, proposal);
    const { branch, author, commitMessage } = proposal.document.publishing;
    expect(repository.git('rev-parse', `${branch}^{tree}`)).toBe(proposal.document.patch.treeAfter);
    expect(repository.git('rev-parse', `${branch}^`)).toBe(proposal.document.base.sha);
    expect(repository.git('show', '-s', '--format=%an <%ae>%n%B', branch).trim()).toBe(
      `${author.name} <${author.email}>\n${commitMessage}`.trim(),
    );
    expect(repository.git('show', `${branch}:a.txt`)).toBe(change['a.txt'].trim());
    expect(published.publication?.commit).toBe(repository.git('rev-parse', branch));
    expect(commitMessage).toContain(`Patchgit-Proposal: ${proposal.document.id}`);
  });

  it('with another digest publishes nothing, says which one is current, and is on record', async () => {
    const proposal = await open();
    const answer = await house.client.send('POST', `/api/proposals/${proposal.document.id}/go`, {
      digest: '0'.repeat(64),
    });
    expect(answer).toMatchObject({ why: { code: 'stale_digest', current: proposal.document.digest } });
    expect(entries('decision.refused', proposal.document.id)).toBe(1);
    expect(repository.branches()).toEqual(['main']);
    expect((await getProposal(house.client, proposal.document.id)).state).toBe('open');
  });

  it('with a new failure in the proof is refused, and nothing is published', async () => {
    await house.client.send('PATCH', `/api/repositories/${name}`, {
      checks: [{ name: 'two', command: 'grep -q two a.txt' }],
    });
    const proposal = await open();
    expect(proposal.document.proof).toMatchObject({ failingBefore: 0, failingAfter: 1, newFailures: 1 });
    expect(await decide(house.client, proposal.document)).toMatchObject({ why: { code: 'gate_closed' } });
    expect(repository.branches()).toEqual(['main']);
  });

  it('with a failure that was there before goes through with a warning: 0 new', async () => {
    await house.client.send('PATCH', `/api/repositories/${name}`, { checks: [{ name: 'no', command: 'false' }] });
    const proposal = await open();
    expect(proposal.document.proof).toMatchObject({ failingBefore: 1, failingAfter: 1, newFailures: 0 });
    expect((await goAndRest(house.client, proposal)).state).toBe('published');
  });
});

describe('a base that moved', () => {
  it('apart from the files of the patch: GO goes through with exactly the tree that was shown', async () => {
    const proposal = await open();
    repository.commit({ 'b.txt': 'changed apart\n' });
    const published = await goAndRest(house.client, proposal);
    expect(published).toMatchObject({ state: 'published', freshness: { verdict: 'moved_apart', commitsSince: 1 } });
    const { branch } = proposal.document.publishing;
    expect(repository.git('rev-parse', `${branch}^{tree}`)).toBe(proposal.document.patch.treeAfter);
    expect(repository.git('rev-parse', `${branch}^`)).toBe(proposal.document.base.sha);
  });

  it.each<[string, string, () => void]>([
    [
      'in a file of the patch',
      'moved_overlap',
      () => void repository.commit({ 'a.txt': 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n' }),
    ],
    [
      'so that the patch no longer applies',
      'no_longer_applies',
      () => void repository.commit({ 'a.txt': 'something else\n' }),
    ],
    ['by a forced push', 'moved_overlap', () => void repository.commit({ 'b.txt': 'rewritten\n' }, { amend: true })],
    [
      'away: the branch was deleted',
      'unknown',
      () => {
        repository.git('branch', 'other', 'main');
        repository.git('symbolic-ref', 'HEAD', 'refs/heads/other');
        repository.git('branch', '-D', 'main');
      },
    ],
    [
      'out of sight: the repository is gone',
      'unknown',
      () => renameSync(repository.origin, `${repository.origin}.away`),
    ],
  ])('%s: GO is refused, nothing is published, and the owner may decide again', async (_what, verdict, move) => {
    const proposal = await open();
    move();
    const rested = await goAndRest(house.client, proposal);
    expect(rested).toMatchObject({
      state: 'open',
      decision: null,
      publication: null,
      refusal: { code: 'stale_base' },
      freshness: { verdict },
    });
    expect(rested.refusal?.message).toMatch(/Nothing was published/);
    expect(entries('publication.refused', proposal.document.id)).toBe(1);
    if (verdict !== 'unknown') {
      expect(await decide(house.client, proposal.document)).toMatchObject({ why: { code: 'stale_base' } });
      expect(repository.branches()).toEqual(['main']);
    }
  });

  it('and came back is current again, so GO is possible after all', async () => {
    const proposal = await open();
    renameSync(repository.origin, `${repository.origin}.away`);
    expect((await goAndRest(house.client, proposal)).state).toBe('open');
    renameSync(`${repository.origin}.away`, repository.origin);
    expect((await goAndRest(house.client, proposal)).state).toBe('published');
  });

  it('is proved again as a new proposal on the new base, and the old one can no longer be decided', async () => {
    const old = await open();
    repository.commit({ 'a.txt': 'one\ntwo\nthree\nfour\nfive\nsix\n' });
    const asked = await Promise.all([post(old, 'prove-again'), post(old, 'prove-again')]);
    const jobs = new Set(asked.map((answer) => (must(answer) as { id: string }).id));
    expect(jobs.size).toBe(1);
    const job = await jobAtRest(house.client, [...jobs][0] ?? '');
    const fresh = await getProposal(house.client, job.proposalId ?? '');
    expect(fresh.document.base.sha).toBe(repository.git('rev-parse', 'main'));
    expect(await getProposal(house.client, old.document.id)).toMatchObject({
      state: 'superseded',
      supersededBy: job.id,
    });
    expect(await decide(house.client, old.document)).toMatchObject({ why: { code: 'already_decided' } });
    expect((await goAndRest(house.client, fresh)).state).toBe('published');
    expect(repository.git('show', `${fresh.document.publishing.branch}:a.txt`)).toBe(
      'one\nTWO\nthree\nfour\nfive\nsix',
    );
  });
});

describe('a forge that says no', () => {
  it('leaves the proposal open with its words, and GO works when the hook is gone', async () => {
    const proposal = await open();
    const hook = join(repository.origin, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "we are closed today" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const refused = await goAndRest(house.client, proposal);
    expect(refused).toMatchObject({ state: 'open', refusal: { code: 'push_refused' }, publication: null });
    expect(repository.branches()).toEqual(['main']);
    expect(pulls()).toEqual([]);
    rmSync(hook);
    expect((await goAndRest(house.client, proposal)).state).toBe('published');
  });

  it('and disappears between commit and push: "outcome unknown", found out when it is back', async () => {
    const proposal = await open();
    // The hook makes the push itself take the repository away, so that nobody can say whether it arrived.
    const hook = join(repository.origin, 'hooks/post-receive');
    writeFileSync(hook, `#!/bin/sh\nmv '${repository.origin}' '${repository.origin}.away'\nkill -KILL $PPID\n`);
    chmodSync(hook, 0o755);
    const unknown = await goAndRest(house.client, proposal);
    expect(unknown).toMatchObject({ state: 'unknown', publication: { step: 'committed' } });
    expect(unknown.publication?.trouble).toMatch(/not known whether the branch was pushed/);
    renameSync(`${repository.origin}.away`, repository.origin);
    rmSync(hook);
    // What is unknown is asked again at every start, and every half minute.
    await house.stop();
    await house.start();
    const found = await until('the outcome is found', async () => {
      const now = await getProposal(house.client, proposal.document.id);
      return now.state === 'published' && now;
    });
    expect(repository.git('rev-parse', proposal.document.publishing.branch)).toBe(found.publication?.commit);
    expect(pulls()).toEqual([{ number: 1, state: 'open' }]);
  });

  it('because somebody took the branch name first: nothing is overwritten', async () => {
    const proposal = await open();
    const { branch } = proposal.document.publishing;
    repository.git('branch', branch, 'main');
    const refused = await goAndRest(house.client, proposal);
    expect(refused).toMatchObject({ state: 'open', refusal: { code: 'branch_taken' } });
    expect(repository.git('rev-parse', branch)).toBe(repository.git('rev-parse', 'main'));
  });
});

describe('undo', () => {
  it('closes the pull request and deletes the branch, once, however often it is asked', async () => {
    const proposal = await open();
    expect(await post(proposal, 'undo')).toMatchObject({ why: { code: 'not_published' } });
    const published = await goAndRest(house.client, proposal);
    must(await post(published, 'undo'));
    expect((await undone(published)).state).toBe('undone');
    expect(repository.branches()).toEqual(['main']);
    expect(pulls()).toEqual([{ number: 1, state: 'closed' }]);
    expect(entries('publication.undone', proposal.document.id)).toBe(1);
  });

  it('leaves a branch alone that somebody else pushed to, and says so', async () => {
    const published = await goAndRest(house.client, await open());
    const { branch } = published.document.publishing;
    repository.work('fetch', '-q', repository.origin, branch);
    repository.work('checkout', '-q', '-b', 'theirs', 'FETCH_HEAD');
    repository.commit({ 'theirs.txt': 'more\n' }, { branch: 'theirs' });
    repository.git('update-ref', `refs/heads/${branch}`, 'theirs');
    const kept = await undone(published);
    expect(kept).toMatchObject({ state: 'undone', publication: { pr: { state: 'closed' } } });
    expect(kept.publication?.trouble).toMatch(/Somebody else pushed to .* left alone/);
    expect(repository.git('show', `${branch}:theirs.txt`)).toBe('more');
  });

  it('that cannot reach the repository stays published and can be asked again', async () => {
    const published = await goAndRest(house.client, await open());
    renameSync(repository.origin, `${repository.origin}.away`);
    const kept = await undone(published);
    expect(kept.state).toBe('published');
    expect(kept.publication?.trouble).toMatch(/could not be deleted/);
    renameSync(`${repository.origin}.away`, repository.origin);
    expect((await undone(kept)).state).toBe('undone');
    expect(repository.branches()).toEqual(['main']);
  });
});
