import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Job } from '#contract/job.ts';
import { closeHouses, startHouse, type House } from './testing/daemon.ts';
import { addRepository, decide, getProposal, goAndRest, jobAtRest, must, propose, sendPatch } from './testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

const install = 'mkdir -p node_modules && cp package-lock.json node_modules/dep && echo set > $HOME/how';
const files = {
  'a.txt': 'one\ntwo\nthree\n',
  'package-lock.json': 'first\n',
  '.patchgit.yml': `setup: { command: ${JSON.stringify(install)} }\n`,
};
const change = { 'a.txt': 'one\nTWO\nthree\n' };

let house: House;
let repository: TestRepository;
beforeEach(async () => {
  house = await startHouse();
  repository = makeRepository(files);
});
afterEach(async () => {
  await closeHouses();
  removeRepositories();
});

async function added(setUp?: string): Promise<void> {
  const checks = [{ name: 'test', command: 'cat node_modules/dep $HOME/how' }];
  await addRepository(house.client, { name: 'r', url: repository.origin, checks, ...(setUp ? { setUp } : {}) });
}

/** What stands in the folder of layers: kept ones by their keys, and whatever else there is. */
function layers(): string[] {
  const folder = join(house.home, 'layers');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('a repository whose checks need what is not in its tree', () => {
  it('is proved with it, by what its base says, and can be published', async () => {
    await added();
    const proposal = await propose(house.client, { repository: 'r', patch: repository.diff(change) });
    const { plan, checks, gates } = proposal.document;
    expect(plan.setUp).toMatchObject({ command: install, source: 'policy' });
    expect(plan.steps[1]).toMatch(/^Install dependencies: mkdir -p node_modules && /);
    expect(checks.map(({ name, phase, before, after }) => [name, phase, before.conclusion, after.conclusion])).toEqual([
      ['set-up', 'set_up', 'success', 'success'],
      ['test', undefined, 'success', 'success'],
    ]);
    expect(gates.find(({ name }) => name === 'proof')).toMatchObject({ verdict: 'open' });
    const said = house.rows("select body from ledger where kind = 'check.completed'");
    expect(said).toHaveLength(2);
    expect((await goAndRest(house.client, proposal)).state).toBe('published');
    // The same lock file on the next job: nothing is installed again.
    const next = await propose(house.client, {
      repository: 'r',
      patch: repository.diff({ 'a.txt': 'ONE\ntwo\nthree\n' }),
    });
    expect(next.document.checks[0]?.before.notes?.join()).toMatch(/layer of an earlier job/);
    expect(layers()).toHaveLength(1);
  });

  it('is a Draft whose GO is shut when the set-up fails on its base', async () => {
    await added('echo no such registry; exit 1');
    const proposal = await propose(house.client, { repository: 'r', patch: repository.diff(change) });
    const { checks, gates, proof } = proposal.document;
    expect(checks.map(({ before, after }) => [before.conclusion, after.conclusion])).toEqual([
      ['failure', 'skipped'],
      ['skipped', 'skipped'],
    ]);
    expect(gates.find(({ name }) => name === 'proof')).toMatchObject({ verdict: 'closed' });
    expect(proof.notProved.join(' ')).toMatch(/no check ran and nothing was proved/);
    expect(await decide(house.client, proposal.document)).toMatchObject({ ok: false });
    expect((await getProposal(house.client, proposal.document.id)).state).toBe('open');
    expect(repository.branches()).toEqual(['main']);
    expect(layers()).toEqual([]);
  });

  it('comes to the same proposal when the daemon is killed while the set-up runs', async () => {
    // Long enough to be met in the middle; whatever is met, the outcome is the same.
    await added(`sleep 3; ${install}`);
    const job = must(await sendPatch(house.client, { repository: 'r', patch: repository.diff(change) }));
    await until('the set-up runs', async () => {
      const { progress } = Job.parse(must(await house.client.get(`/api/jobs/${job.id}`)));
      return progress.some(({ name, status }) => name === 'set-up' && status === 'running');
    });
    await house.kill('SIGKILL');
    await house.start();
    const { proposalId } = await jobAtRest(house.client, job.id);
    if (proposalId === null) throw new Error('the job came to no proposal');
    const { checks } = (await getProposal(house.client, proposalId)).document;
    expect(checks.map(({ before, after }) => [before.conclusion, after.conclusion])).toEqual([
      ['success', 'success'],
      ['success', 'success'],
    ]);
    expect(await house.stop()).toBe(0);
    expect(layers().filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    expect(layers()).toHaveLength(1);
  });
});
