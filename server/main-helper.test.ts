import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Budget } from '#contract/budget.ts';
import { Job } from '#contract/job.ts';
import { HelperView } from '#contract/lease.ts';
import { testBudget } from './testing/budget.ts';
import { startFakeCloud, type FakeCloud } from './testing/cloud/cloud.ts';
import { openContract } from './testing/cloud/contract.ts';
import { machineHooks } from './testing/cloud/machines.ts';
import { closeHouses, newHouse, type House } from './testing/daemon.ts';
import { canBoot } from './testing/machine/layer.ts';
import { addRepository, getProposal, must, sendPatch } from './testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

const what = 'the whole story of a helper on a real machine';
const bootMsMax = 120_000;

describe.runIf(canBoot(what))(what, { timeout: 240_000 }, () => {
  let folder = '';
  let cloud: FakeCloud;
  let house: House;
  let repository: TestRepository;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'patchgit-helper-'));
    const file = join(folder, 'budget.json');
    const helper = { ...testBudget.helper, largestWithoutApproval: 's-4vcpu-8gb' };
    writeFileSync(file, JSON.stringify({ ...testBudget, helper }));
    const contract = openContract();
    cloud = await startFakeCloud({
      ...machineHooks(),
      ...(contract === null ? {} : { contract }),
      conditions: { bootMs: 200, destroyMs: 200 },
    });
    house = newHouse({
      PATCHGIT_BUDGET: file,
      DIGITALOCEAN_TOKEN: cloud.token,
      DIGITALOCEAN_API_URL: cloud.url,
    });
    await house.start();
    // More memory than the sandbox of any machine here has.
    repository = makeRepository({ 'a.txt': 'one\n', '.patchgit.yml': 'memoryMiB: 6000\n' });
    const checks = [{ name: 'words', command: 'cat a.txt && hostname && test "$(cat a.txt)" != broken' }];
    await addRepository(house.client, { name: 'r', url: repository.origin, checks });
  });
  afterEach(async () => {
    await closeHouses();
    await cloud.close();
    removeRepositories();
    rmSync(folder, { recursive: true, force: true });
  });

  const view = async (): Promise<HelperView> => HelperView.parse(must(await house.client.get('/api/helper')));
  const atRest = (id: string): Promise<Job> =>
    until(
      'the job rests',
      async () => {
        const job = Job.parse(must(await house.client.get(`/api/jobs/${id}`)));
        return job.state === 'queued' || job.state === 'running' ? false : job;
      },
      bootMsMax,
      200,
    );
  const budget = async (): Promise<Budget> => Budget.parse(must(await house.client.get('/api/budget')));
  const send = async () =>
    must(await sendPatch(house.client, { repository: 'r', patch: repository.diff({ 'a.txt': 'two\n' }) }));

  it('is one machine that is ordered, proves the patch, is destroyed, and is paid for by what the cloud would bill', async () => {
    const job = await atRest((await send()).id);
    expect(job).toMatchObject({ state: 'proposed', problem: null });
    const { document } = await getProposal(house.client, job.proposalId ?? '');
    expect(document.plan.option).toMatchObject({ key: 'helper_large', size: 's-4vcpu-8gb' });
    expect(document.proof).toMatchObject({ placement: 'helper', newFailures: 0 });
    expect(document.checks[0]).toMatchObject({ before: { conclusion: 'success' }, after: { conclusion: 'success' } });
    await until('it is confirmed to be gone', async () => (await view()).current === null, bootMsMax, 200);
    expect(cloud.alive()).toEqual([]);
    expect(cloud.droplets()).toHaveLength(1);
    const { past } = await view();
    expect(past).toMatchObject([{ state: 'gone', size: 's-4vcpu-8gb', trouble: null }]);
    const { reservations, hour } = await budget();
    expect(reservations).toMatchObject([{ state: 'posted', category: 'helper', jobId: job.id }]);
    expect(hour.pendingUsd).toBe(0);
    expect(hour.spentUsd).toBe(past[0]?.costUsd);
  });

  it('is destroyed after the daemon was killed, because its keys are gone, and its job is done on another one', async () => {
    const { id } = await send();
    await until('the helper works', async () => (await view()).current?.state === 'ready', bootMsMax, 200);
    await house.kill();
    expect(cloud.alive()).toHaveLength(1);
    await house.start();
    const job = await atRest(id);
    expect(job.state).toBe('proposed');
    await until('nothing is left', async () => (await view()).current === null, bootMsMax, 200);
    expect(cloud.alive()).toEqual([]);
    expect((await budget()).hour.pendingUsd).toBe(0);
  });
});
