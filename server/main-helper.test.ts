import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Budget } from '#contract/budget.ts';
import { Job } from '#contract/job.ts';
import { HelperView } from '#contract/lease.ts';
import { testBudget } from './testing/budget.ts';
import { startFakeCloud, type FakeCloud } from './testing/cloud/cloud.ts';
import { openContract } from './testing/cloud/contract.ts';
import { machineHooks, type MachineHooks } from './testing/cloud/machines.ts';
import { closeHouses, newHouse, type House } from './testing/daemon.ts';
import { nameHosts } from './testing/machine/helper-machine.ts';
import { canBoot } from './testing/machine/layer.ts';
import { makeRegistry, type TestRegistry } from './testing/machine/registry.ts';
import { addRepository, getProposal, must, sendPatch } from './testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

const what = 'the whole story of a helper on a real machine';
const bootMsMax = 120_000;
const host = 'registry.example.com';

describe.runIf(canBoot(what))(what, { timeout: 240_000 }, () => {
  let folder = '';
  let cloud: FakeCloud;
  let house: House;
  let repository: TestRepository;
  let registry: TestRegistry;
  /** What becomes of the orders on their way to the machine. */
  let spoil: (userData: string) => string;

  beforeEach(async () => {
    spoil = (userData) => userData;
    folder = mkdtempSync(join(tmpdir(), 'patchgit-helper-'));
    const file = join(folder, 'budget.json');
    const helper = { ...testBudget.helper, largestWithoutApproval: 's-4vcpu-8gb' };
    writeFileSync(file, JSON.stringify({ ...testBudget, helper, setup: { hosts: [host] } }));
    registry = makeRegistry(host);
    const contract = openContract();
    cloud = await startFakeCloud({
      ...machinesOnTheInternet(registry, (userData) => spoil(userData)),
      ...(contract === null ? {} : { contract }),
      conditions: { bootMs: 200, destroyMs: 200 },
    });
    house = newHouse({
      PATCHGIT_BUDGET: file,
      DIGITALOCEAN_TOKEN: cloud.token,
      DIGITALOCEAN_API_URL: cloud.url,
    });
    await house.start();
  });
  afterEach(async () => {
    await closeHouses();
    await cloud.close();
    await registry.close();
    removeRepositories();
    rmSync(folder, { recursive: true, force: true });
  });

  const words = 'cat a.txt && hostname && test "$(cat a.txt)" != broken';
  const has = async (files: Readonly<Record<string, string>>, command: string): Promise<void> => {
    // More memory than the sandbox of any machine here has.
    repository = makeRepository({ 'a.txt': 'one\n', '.patchgit.yml': 'memoryMiB: 6000\n', ...files });
    await addRepository(house.client, {
      name: 'r',
      url: repository.origin,
      checks: [{ name: 'words', command }],
    });
  };
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
  const artifact = (sha256: string | undefined): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      const sink = new Writable({
        write: (chunk: Buffer, _, done) => {
          text += chunk.toString();
          done();
        },
      });
      house.client.stream(`/api/artifacts/${sha256}`, sink).then(() => resolve(text), reject);
    });
  const send = async () =>
    must(await sendPatch(house.client, { repository: 'r', patch: repository.diff({ 'a.txt': 'two\n' }) }));

  it('is one machine that is ordered, proves the patch, is destroyed, and is paid for by what the cloud would bill', async () => {
    await has({}, words);
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
    expect(past).toMatchObject([{ state: 'gone', size: 's-4vcpu-8gb', trouble: null, bootLogTrouble: null }]);
    // What the machine's own cloud-init printed, the last thing in it being our script.
    const printed = await artifact(past[0]?.bootLog?.sha256);
    expect(Buffer.byteLength(printed)).toBe(past[0]?.bootLog?.bytes);
    expect(printed).toMatch(/^Cloud-init v\. \S+ running 'init(?:-local)?'/m);
    expect(printed).not.toContain('PRIVATE KEY');
    const { reservations, hour } = await budget();
    expect(reservations).toMatchObject([{ state: 'posted', category: 'helper', jobId: job.id }]);
    expect(hour.pendingUsd).toBe(0);
    expect(hour.spentUsd).toBe(past[0]?.costUsd);
  });

  it('leaves what it printed when it answers and does not become ready, and is destroyed', async () => {
    spoil = (userData) => userData.replace('>= 18 ? 0 : 1', '>= 99 ? 0 : 1');
    await has({}, words);
    await atRest((await send()).id);
    await until('it is confirmed to be gone', async () => (await view()).current === null, bootMsMax, 200);
    const [lease] = (await view()).past;
    expect(lease).toMatchObject({ readyAtMs: null, bootLogTrouble: null });
    expect(lease?.trouble).toContain('The Node of this image is older than 18.');
    expect(await artifact(lease?.bootLog?.sha256)).toMatch(/^Cloud-init v\. /m);
    const { stdout } = await house.cli(['helper', 'status', '--json']);
    expect(stdout).toContain(`/api/artifacts/${lease?.bootLog?.sha256}`);
  });

  it('is destroyed after the daemon was killed, because its keys are gone, and its job is done on another one', async () => {
    await has({}, words);
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

  it('proves a repository whose checks need its dependencies, which are fetched there through the door', async () => {
    const check = "node -e \"console.log(require('three') + fs.readFileSync('a.txt', 'utf8'))\"";
    await has(registry.repository, check);
    const job = await atRest((await send()).id);
    expect(job).toMatchObject({ state: 'proposed', problem: null });
    const { document } = await getProposal(house.client, job.proposalId ?? '');
    expect(document.proof).toMatchObject({ placement: 'helper', newFailures: 0 });
    const [setUp, ran] = document.checks;
    const success = { conclusion: 'success' };
    expect(setUp).toMatchObject({ name: 'set-up', command: 'npm ci', before: success, after: success });
    expect(ran).toMatchObject({ name: 'words', before: success, after: success });
    expect(await artifact(ran?.before.log.sha256)).toBe('3one\n\n');
    expect(await artifact(ran?.after.log.sha256)).toBe('3two\n\n');
    // Once for both sides: the patch changes nothing that it is made from.
    expect(registry.asked.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
    await until('it is confirmed to be gone', async () => (await view()).current === null, bootMsMax, 200);
    expect(cloud.alive()).toEqual([]);
  });
});

/** Rented machines that find the registry by its name, at an address that is public by its number. */
function machinesOnTheInternet(registry: TestRegistry, spoil: (userData: string) => string): MachineHooks {
  const hooks = machineHooks();
  return {
    ...hooks,
    onBoot: async (droplet, userData) => {
      const address = await hooks.onBoot(droplet, spoil(userData));
      const machine = hooks.machines.get(droplet.id);
      if (machine?.internet === undefined || machine.internet === null) throw new Error('the machine has no network');
      await nameHosts(machine, { [host]: machine.internet });
      await registry.listen(machine.internet);
      return address;
    },
  };
}
