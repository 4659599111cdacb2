import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Proposal } from '#contract/proposal.ts';
import { crashHouse, wrongAtRest, type CrashHouse, type Kills } from './testing/crash-house.ts';
import { closeHouses } from './testing/daemon.ts';
import { decide, getProposal, must } from './testing/owner.ts';
import { removeRepositories } from './testing/repository.ts';

let crash: CrashHouse;
beforeEach(async () => {
  crash = await crashHouse();
});
afterEach(async () => {
  await crash.close();
  await closeHouses();
  removeRepositories();
});

/** Asks for something and goes on until the proposal is in `state`, with the daemon killed at each place in turn. */
async function reach(
  { document }: Proposal,
  state: Proposal['state'],
  ask: (proposal: Proposal) => Promise<unknown>,
  kills: Kills = [],
): Promise<{ proposal: Proposal; killed: number }> {
  crash.killAt(kills);
  const proposal = await crash.persistently(`the proposal is ${state}`, async () => {
    const now = await getProposal(crash.house.client, document.id);
    if (now.state === state) return now;
    if (now.state === 'open' || (state === 'undone' && now.state === 'published')) await ask(now);
    return null;
  });
  return { proposal, killed: await crash.killed() };
}

const go = async (proposal: Proposal): Promise<unknown> => must(await decide(crash.house.client, proposal.document));
const undo = async ({ document }: Proposal): Promise<unknown> =>
  must(await crash.house.client.send('POST', `/api/proposals/${document.id}/undo`));

/** What is outside after GO: exactly one branch with exactly one commit, whose tree is the tree that was shown. */
function wrongOutside({ document, publication }: Proposal): string[] {
  const { origin, git } = { origin: crash.repository, git: crash.repository.git };
  const wrong: string[] = [];
  const { branch } = document.publishing;
  const own = origin.branches().filter((name) => name.endsWith(document.id.replace('prop_', '')));
  if (own.join() !== branch) wrong.push(`branches: ${own.join()}`);
  if (publication === null) return ['no publication'];
  if (git('rev-parse', branch) !== publication.commit) wrong.push('the branch is not at the recorded commit');
  if (git('rev-parse', `${branch}^{tree}`) !== crash.tree) wrong.push('the tree is not the one that was shown');
  if (git('rev-list', `${document.base.sha}..${branch}`) !== publication.commit) wrong.push('not exactly one commit');
  const pulls = crash.house.rows('select number, state, commit_id from pull where proposal_id = ?', document.id);
  const wanted = [{ number: publication.pr?.number, state: 'open', commit_id: publication.commit }];
  if (JSON.stringify(pulls) !== JSON.stringify(wanted)) wrong.push(`pull requests: ${JSON.stringify(pulls)}`);
  for (const kind of ['decision.recorded', 'publication.committed', 'publication.pushed', 'publication.opened']) {
    const entries = crash.house.rows('select seq from ledger where kind = ? and subject = ?', kind, document.id);
    if (entries.length !== 1) wrong.push(`${entries.length} entries ${kind}`);
  }
  return wrong;
}

/** What is outside after undo: no branch, the pull request closed, said once. */
function wrongUndone({ document }: Proposal): string[] {
  const wrong: string[] = [];
  if (crash.repository.branches().includes(document.publishing.branch)) wrong.push('the branch is still there');
  const pulls = crash.house.rows('select state from pull where proposal_id = ?', document.id);
  if (JSON.stringify(pulls) !== '[{"state":"closed"}]') wrong.push(`pull requests: ${JSON.stringify(pulls)}`);
  for (const kind of ['publication.undo_asked', 'publication.closed', 'publication.undone']) {
    const entries = crash.house.rows('select seq from ledger where kind = ? and subject = ?', kind, document.id);
    if (entries.length !== 1) wrong.push(`${entries.length} entries ${kind}`);
  }
  return wrong;
}

async function proposals(count: number): Promise<Proposal[]> {
  const made: Proposal[] = [];
  for (let index = 0; index < count; index += 1) made.push(await crash.jobDone(await crash.send()));
  return made;
}

/** Position (1-based) of the one command that starts like this. */
function positionOf(seen: readonly string[], start: string): number {
  const found = seen.flatMap((command, index) => (command.startsWith(start) ? [index + 1] : []));
  expect(found.length, `commands that start with ${start}`).toBeGreaterThan(0);
  return found[0] ?? 0;
}

const before = (from: number, to: number): Kills =>
  Array.from({ length: to - from + 1 }, (_, index) => ['before', from + index]);

// Many restarts: bounded by what they do, not by the clock of a busy machine.
describe('kill -9 of the daemon while GO or undo is carried out', { timeout: 300_000 }, () => {
  it('publishes exactly one branch and one pull request, whichever git commands it happens at', async () => {
    const [plain, everywhere, late, during] = await proposals(4);
    if (!plain || !everywhere || !late || !during) throw new Error('four proposals were made');
    const undisturbed = await reach(plain, 'published', go);
    const seen = crash.watch.seen();
    const [commit, push] = [positionOf(seen, 'commit-tree '), positionOf(seen, 'push ')];
    expect(wrongOutside(undisturbed.proposal)).toEqual([]);

    // Up to the recorded commit each try begins again; after it, from there: then the commands count from 1.
    const all = [...before(1, commit + 1), ...before(2, push - commit)];
    const result = await reach(everywhere, 'published', go, all);
    expect(result.killed).toBe(all.length);
    expect(wrongOutside(result.proposal)).toEqual([]);

    const lost = await reach(late, 'published', go, [
      ['during', commit],
      ['after', commit],
      ['after', push],
    ]);
    expect(lost.killed).toBe(3);
    expect(wrongOutside(lost.proposal)).toEqual([]);

    const alone = await reach(during, 'published', go, [
      ['during', push],
      ['after', push - commit],
    ]);
    expect(alone.killed).toBe(2);
    expect(wrongOutside(alone.proposal)).toEqual([]);
    expect(await wrongAtRest(crash, 4)).toEqual([]);
  });

  it('undoes once, whichever git commands it happens at', async () => {
    const [one, two, three] = await proposals(3);
    if (!one || !two || !three) throw new Error('three proposals were made');
    const kills: Kills[] = [
      [
        ['before', 1],
        ['before', 2],
      ],
      [
        ['during', 1],
        ['during', 2],
      ],
      [
        ['after', 1],
        ['after', 2],
      ],
    ];
    for (const [index, proposal] of [one, two, three].entries()) {
      const { proposal: published } = await reach(proposal, 'published', go);
      const undone = await reach(published, 'undone', undo, kills[index]);
      expect(undone.killed).toBe(2);
      expect(wrongUndone(undone.proposal)).toEqual([]);
    }
    expect(crash.repository.branches()).toEqual(['main']);
    expect(await wrongAtRest(crash, 3)).toEqual([]);
  });
});
