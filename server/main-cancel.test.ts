import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { crashHouse, type CrashHouse } from './testing/crash-house.ts';
import { getProposal, jobAtRest, must, sendPatch } from './testing/owner.ts';
import { descendantsOf } from './testing/processes.ts';
import { until } from './testing/wait.ts';

let crash: CrashHouse;
beforeEach(async () => {
  crash = await crashHouse();
});
afterEach(() => crash.close());

/** How many git commands a job takes whose base was written out before. */
async function commandsOfOneJob(): Promise<number> {
  await crash.jobDone(await crash.send());
  crash.watch.count();
  await crash.jobDone(await crash.send());
  return crash.watch.seen().length;
}

it(
  'a job can be stopped at every one of its git commands: it is cancelled, nothing is left, and the daemon goes on',
  { timeout: 300_000 },
  async () => {
    const { house, watch, patch } = crash;
    const commands = await commandsOfOneJob();
    const pid = house.pid();
    const ends: string[] = [];
    for (let number = 1; number <= commands; number += 1) {
      watch.killAt('pause', number);
      const sending = sendPatch(house.client, { repository: 'r', patch });
      await until(`git command ${number} waits`, () => watch.isPaused());
      const { id } = must(await sending);
      must(await house.client.send('POST', `/api/jobs/${id}/cancel`));
      watch.release();
      const job = await jobAtRest(house.client, id);
      ends.push(`${job.state} ${job.problem?.code} ${job.proposalId}`);
      await until('nothing runs any more', () => descendantsOf(house.pid()).length === 0);
    }
    expect(ends).toEqual(ends.map(() => 'cancelled job_cancelled null'));
    expect(house.pid()).toBe(pid);
    // Resting is announced by the row; the folder of the work goes right after it.
    await until('the quarantine is empty', () => readdirSync(join(house.home, 'quarantine')).length === 0);
    expect((await crash.jobDone(await crash.send())).document.patch.treeAfter).toBe(crash.tree);
  },
);

it(
  'a daemon that is stopped in an orderly way at any git command of a job goes on with it after the next start',
  { timeout: 300_000 },
  async () => {
    const { house, watch, patch } = crash;
    const commands = await commandsOfOneJob();
    // Every second one: the stages are the same as above.
    for (let number = 1; number <= commands; number += 2) {
      watch.killAt('pause', number);
      const sending = sendPatch(house.client, { repository: 'r', patch });
      await until(`git command ${number} waits`, () => watch.isPaused());
      const { id } = must(await sending);
      const stopping = house.stop();
      watch.release();
      expect(await stopping).toBe(0);
      watch.count();
      await house.start();
      const job = await jobAtRest(house.client, id);
      expect(job, `stopped at git command ${number}`).toMatchObject({ state: 'proposed', problem: null });
      expect((await getProposal(house.client, job.proposalId ?? '')).document.patch.treeAfter).toBe(crash.tree);
    }
  },
);
