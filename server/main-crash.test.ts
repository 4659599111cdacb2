import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crashHouse, wrongAtRest, type CrashHouse, type Kills } from './testing/crash-house.ts';
import { closeHouses } from './testing/daemon.ts';
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

/** git commands of one job that nobody disturbs, from the accepted request to the proposal. */
async function commandsOfOneJob(): Promise<string[]> {
  crash.killAt([]);
  const proposal = await crash.jobDone(await crash.send());
  expect(proposal.document.patch.treeAfter).toBe(crash.tree);
  const seen = crash.watch.seen();
  expect(seen.some((command) => command.startsWith('fetch '))).toBe(true);
  expect(seen.some((command) => command.startsWith('apply --cached '))).toBe(true);
  return seen;
}

/** One job whose daemon is killed at these places, one after the other; it must reach the same tree all the same. */
async function jobKilledAt(kills: Kills): Promise<number> {
  crash.killAt(kills);
  const proposal = await crash.jobDone(await crash.send());
  expect(proposal.document.patch.treeAfter).toBe(crash.tree);
  expect(proposal.state).toBe('open');
  return await crash.killed();
}

// Many restarts: bounded by what they do, not by the clock of a busy machine.
describe('kill -9 of the daemon while a job runs', { timeout: 300_000 }, () => {
  it('loses no request and reaches the same tree, whichever git command it happens before, and again after one', async () => {
    await commandsOfOneJob();
    const commands = (await commandsOfOneJob()).length;
    const kills: number[] = [];
    for (let number = 1; number <= commands; number += 1) {
      // A job is started three times at most, so two kills at most; the second counts the commands of the resumed run.
      const again = number % 2 === 1 ? ([['after', 1 + (number % 10)]] as const) : [];
      kills.push(await jobKilledAt([['before', number], ...again]));
    }
    expect(Math.min(...kills)).toBeGreaterThan(0);
    expect(kills.filter((count) => count === 2).length).toBeGreaterThan(commands / 4);
    expect(await wrongAtRest(crash, commands + 2)).toEqual([]);
  });

  it('is the same when git runs on without its daemon, and when git is done and its answer is lost', async () => {
    // The first job also writes the base's tree out; taking that cache away makes every job do it.
    const isWriting = /^(?:fetch|apply|mktree|read-tree|update-index|checkout-index) /;
    const writing = (await commandsOfOneJob()).flatMap((command, index) =>
      isWriting.test(command) ? [index + 1] : [],
    );
    expect(writing.length).toBeGreaterThan(5);
    const checkouts = join(crash.house.home, 'checkouts');
    for (const number of writing) {
      for (const name of readdirSync(checkouts)) rmSync(join(checkouts, name), { recursive: true });
      expect(
        await jobKilledAt([
          ['during', number],
          ['after', number],
        ]),
      ).toBeGreaterThan(0);
    }
    expect(await wrongAtRest(crash, writing.length + 1)).toEqual([]);
    expect(readdirSync(checkouts)).toEqual([crash.repository.git('rev-parse', 'main^{tree}')]);
  });
});
