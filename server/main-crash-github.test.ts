/** An answer of GitHub's that is lost, at every call that GO and undo make: found out, never done twice, never half. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainVerdict } from '#contract/ledger.ts';
import type { Proposal } from '#contract/proposal.ts';
import type { Does, Operation, Says } from './testing/forge/faults.ts';
import type { FakeRepository } from './testing/forge/world.ts';
import { closeGitHubHouses, openGitHubHouse, type GitHubHouse } from './testing/github-house.ts';
import { decide, getProposal, must } from './testing/owner.ts';
import { until } from './testing/wait.ts';

interface Case {
  readonly name: string;
  readonly full: string;
  readonly proposal: Proposal;
}
type Way = { readonly does?: Does; readonly says: Says };

const nothing: Does = { kind: 'nothing' };
const lost: Says = { kind: 'nothing' };
const page: Says = { kind: 'page', status: 502 };

/** What befalls the same call one after the other. Only the last one of each may have been done. */
const everyCall: Readonly<Record<string, readonly Way[]>> = {
  'cut before, then after': [{ does: nothing, says: lost }, { says: lost }],
  'a page before, then after': [{ does: nothing, says: page }, { says: page }],
  'an answer cut short': [{ says: { kind: 'truncated' } }],
};
const everyWrite: Readonly<Record<string, readonly Way[]>> = {
  'landing late': [{ does: { kind: 'late', afterMs: 45_000 }, says: lost }],
};

/** What a good GO asks of GitHub before the owner sees the pull request, and after that. */
const goCalls: readonly Operation[] = [
  'git/fetch-refs',
  'git/fetch',
  'git/push-refs',
  'git/push',
  'pulls/list',
  'pulls/create',
];
const afterCalls: readonly Operation[] = [
  'repos/create-commit-status',
  'pulls/get',
  'repos/get-combined-status-for-ref',
  'checks/list-for-ref',
];
const undoCalls: readonly Operation[] = [
  'pulls/get',
  'pulls/update',
  'issues/list-comments',
  'issues/create-comment',
  'git/push-refs',
  'git/push',
];
const writes: readonly Operation[] = ['git/push', 'pulls/create', 'pulls/update', 'issues/create-comment'];

/** Asked beside it, by who looks for requests of the owner. */
const besideCalls: readonly Operation[] = ['issues/list-for-repo', 'issues/list-comments-for-repo'];

const wallMs = 240_000;
let at: GitHubHouse;
let published: Case[] = [];

beforeAll(async () => {
  at = await openGitHubHouse();
});
afterAll(closeGitHubHouses);

const world = ({ full }: Case): FakeRepository => at.forge.world.repository(full);

async function open(name: string): Promise<Case> {
  // No checks: what is tried here begins at GO.
  await at.add(name, []);
  return { name, full: `ada/${name}`, proposal: await at.propose(name) };
}

/** Each operation that is asked about this repository, once, in the order in which it first was. */
function called({ full }: Case, from: number): Operation[] {
  const seen = at.forge.calls.slice(from).filter(({ path }) => path.includes(`/${full}`));
  const operations = seen.map(({ operation }) => operation).filter((one) => one !== null);
  return [...new Set(operations)].filter((one) => !besideCalls.includes(one));
}

async function press({ proposal }: Case, now: Proposal, wanted: 'published' | 'undone'): Promise<void> {
  const { client } = at.house;
  if (now.state === 'open') must(await decide(client, proposal.document));
  if (now.state === 'published' && wanted === 'undone')
    must(await client.send('POST', `/api/proposals/${proposal.document.id}/undo`));
}

/** Goes on as the owner would until every one is there: what came to nothing, with a reason, is asked for again. */
async function drive(cases: readonly Case[], wanted: 'published' | 'undone'): Promise<void> {
  await until(
    `all of it is ${wanted}`,
    async () => {
      let reached = 0;
      for (const one of cases) {
        const now = await getProposal(at.house.client, one.proposal.document.id);
        if (now.state === wanted) reached += 1;
        // Refused: nothing is left outside, and the reason stands there.
        if (now.state === 'open') expect([...outside(one), now.publication]).toEqual([['main'], [], null]);
        await press(one, now, wanted);
      }
      return reached === cases.length;
    },
    wallMs,
    200,
  );
}

function outside(one: Case): [string[], number[]] {
  return [[...at.forge.branches(one.full).keys()].toSorted(), world(one).pulls.map(({ number }) => number)];
}

async function wrongPublished(one: Case): Promise<string[]> {
  const { document } = one.proposal;
  const { branch } = document.publishing;
  const { state, publication } = await getProposal(at.house.client, document.id);
  const wrong: string[] = [];
  const say = (is: boolean, what: string): void => void (is || wrong.push(`${one.name}: ${what}`));
  const [branches] = outside(one);
  say(state === 'published', state);
  say(branches.join() === ['main', branch].toSorted().join(), `branches ${branches.join()}`);
  const pulls = world(one).pulls.map((pull) => `${pull.number} ${pull.state} ${pull.headSha}`);
  say(pulls.join() === `1 open ${publication?.commit}`, `pull requests ${pulls.join()}`);
  say(at.forge.git(one.full, 'rev-parse', `${branch}^{tree}`).trim() === document.patch.treeAfter, 'another tree');
  say(publication?.pr?.number === 1, 'another number');
  say(entries(one, 'publication.opened') === 1, 'not opened exactly once in the ledger');
  return wrong;
}

async function wrongUndone(one: Case): Promise<string[]> {
  const wrong: string[] = [];
  const say = (is: boolean, what: string): void => void (is || wrong.push(`${one.name}: ${what}`));
  const [branches] = outside(one);
  say(branches.join() === 'main', `branches ${branches.join()}`);
  say(
    world(one)
      .pulls.map(({ number, state }) => `${number} ${state}`)
      .join() === '1 closed',
    'pull requests',
  );
  say(world(one).comments.length <= 1, `${world(one).comments.length} comments`);
  for (const kind of ['publication.closed', 'publication.undone']) say(entries(one, kind) === 1, `${kind} not once`);
  return wrong;
}

function entries({ proposal }: Case, kind: string): number {
  return at.house.rows('select 1 from ledger where kind = ? and subject = ?', kind, proposal.document.id).length;
}

async function expectSoundRecord(): Promise<void> {
  expect(ChainVerdict.parse(must(await at.house.client.get('/api/audit/verify')))).toMatchObject({ ok: true });
  expect(at.leaks()).toEqual([]);
}

/** A case for each operation and each thing that may befall it. */
function plans(operations: readonly Operation[]): { readonly on: Operation; readonly ways: readonly Way[] }[] {
  return operations.flatMap((on) => {
    const ways = [...Object.values(everyCall), ...(writes.includes(on) ? Object.values(everyWrite) : [])];
    return ways.map((one) => ({ on, ways: one }));
  });
}

function plant({ full }: Case, on: Operation, ways: readonly Way[]): void {
  at.forge.faults.add(...ways.map((way) => ({ on, at: full, ...way })));
}

describe('a lost answer', { timeout: 2 * wallMs }, () => {
  it('at any call of GO ends in one branch and one pull request, or in nothing with a reason', async () => {
    const good = await open('good');
    const from = at.forge.calls.length;
    await drive([good], 'published');
    await until('what came of it was asked', () => called(good, from).includes('checks/list-for-ref'), wallMs);
    expect(called(good, from)).toEqual([...goCalls, ...afterCalls]);

    const planned = plans([...goCalls, ...afterCalls]);
    for (const [index, { on, ways }] of planned.entries()) {
      const one = await open(`go${index}`);
      plant(one, on, ways);
      published.push(one);
    }
    await drive(published, 'published');
    await until('every proof stands there', () => published.every((one) => world(one).statuses.length > 0), wallMs);
    await until('every answer that was to be lost is lost', () => at.forge.faults.left() === 0, wallMs);
    await at.forge.settled();
    for (const one of [good, ...published]) expect(await wrongPublished(one)).toEqual([]);
    // "Nothing was published" is said only where nothing was sent yet: before the push.
    const refused = published.filter((one) => entries(one, 'publication.refused') > 0);
    const reasons = refused.map((one) => planned[published.indexOf(one)]?.on ?? 'any');
    expect(reasons.filter((on) => on !== 'git/fetch-refs' && on !== 'git/fetch')).toEqual([]);
    await expectSoundRecord();
    published = [good, ...published];
  });

  it('at any call of undo ends in no branch and a closed pull request', async () => {
    const [good, ...others] = published;
    if (!good) throw new Error('the first test publishes');
    const from = at.forge.calls.length;
    await drive([good], 'undone');
    expect(
      called(good, from)
        .filter((one) => undoCalls.includes(one))
        .toSorted(),
    ).toEqual(undoCalls.toSorted());

    const planned = plans(undoCalls);
    const cases = others.slice(0, planned.length);
    expect(cases).toHaveLength(planned.length);
    for (const [index, one] of cases.entries())
      plant(one, planned[index]?.on ?? 'pulls/get', planned[index]?.ways ?? []);
    await drive(cases, 'undone');
    await at.forge.settled();
    for (const one of [good, ...cases]) expect(await wrongUndone(one)).toEqual([]);
    await expectSoundRecord();
    at.forge.faults.clear();
  });
});

describe('kill -9 of the daemon while GitHub has not answered', { timeout: 2 * wallMs }, () => {
  /** Lets each of these calls hang once, done and not done, and kills the daemon in the middle of it; every start meets the next. */
  async function killAtEach(one: Case, operations: readonly Operation[], ask: () => Promise<void>): Promise<void> {
    const hangs: Says = { kind: 'hangs' };
    for (const on of operations)
      plant(one, on, writes.includes(on) ? [{ does: nothing, says: hangs }, { says: hangs }] : [{ says: hangs }]);
    let from = at.forge.calls.length;
    const isHanging = (): boolean =>
      at.forge.calls.slice(from).some(({ path, status }) => path.includes(`/${one.full}`) && status === 0);
    await ask();
    for (let left = at.forge.faults.left(); left > 0; left = at.forge.faults.left()) {
      await until(`one of ${left} hangs`, isHanging, wallMs);
      const killed = at.house.kill('SIGKILL');
      // What its git was waiting for ends too, once nobody is there any more to hear of it.
      at.forge.cut();
      await killed;
      from = at.forge.calls.length;
      await at.house.start();
    }
  }

  it('at every call of GO and of undo: one branch, one pull request, one comment, none twice', async () => {
    const one = await open('killed');
    await killAtEach(one, goCalls, () => press(one, one.proposal, 'published'));
    await drive([one], 'published');
    expect(await wrongPublished(one)).toEqual([]);
    for (const kind of ['decision.recorded', 'publication.committed', 'publication.pushed'])
      expect(entries(one, kind)).toBe(1);

    const now = await getProposal(at.house.client, one.proposal.document.id);
    await killAtEach(one, undoCalls, () => press(one, now, 'undone'));
    await drive([one], 'undone');
    expect(await wrongUndone(one)).toEqual([]);
    expect(world(one).comments).toHaveLength(1);
    await expectSoundRecord();
  });
});
