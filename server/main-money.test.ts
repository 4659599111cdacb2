import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Budget, type BudgetFile } from '#contract/budget.ts';
import { Job } from '#contract/job.ts';
import type { Proposal } from '#contract/proposal.ts';
import { testBudget } from './testing/budget.ts';
import { closeHouses, newHouse, type House } from './testing/daemon.ts';
import { addRepository, getProposal, jobAtRest, must, propose, sendPatch } from './testing/owner.ts';
import { makeRepository, removeRepositories, type TestRepository } from './testing/repository.ts';

// More than any machine's sandbox has, so that the checks of a repository that asks for it belong on a helper.
const heavyMiB = 6000;
const sizes = [8192, 16_384, 32_768].map((memoryMiB, at) => ({
  slug: `s-${at + 1}`,
  memoryMiB,
  cpus: at + 1,
  usdPerHour: 0.018 * 2 ** at,
}));
// A clock that no check of these tests keeps to: what a limit has ended here is what a helper is for.
const rich: BudgetFile = {
  ...testBudget,
  proof: { checkSecondsMax: 1 },
  helper: { ...testBudget.helper, sizes, largestWithoutApproval: 's-2' },
};
const poor: BudgetFile = { ...rich, caps: { hourUsd: 0.001, dayUsd: 0.001 } };

let folder = '';
let house: House;
let repository: TestRepository;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-budget-'));
});
afterEach(async () => {
  await closeHouses();
  removeRepositories();
  rmSync(folder, { recursive: true, force: true });
});

function setBudget(budget: BudgetFile): string {
  const file = join(folder, 'budget.json');
  writeFileSync(file, JSON.stringify(budget));
  return file;
}

async function open(budget: BudgetFile, { command = 'sleep 60', speed = 1 } = {}): Promise<void> {
  house = newHouse({
    PATCHGIT_TEST_MAIN: 'server/testing/main-with-helper.ts',
    PATCHGIT_TEST_CLOCK_SPEED: `${speed}`,
    PATCHGIT_BUDGET: setBudget(budget),
  });
  await house.start();
  repository = makeRepository({ 'a.txt': 'one\ntwo\n', '.patchgit.yml': `memoryMiB: ${heavyMiB}\n` });
  await addRepository(house.client, { name: 'r', url: repository.origin, checks: [{ name: 'check', command }] });
}

const change = () => repository.diff({ 'a.txt': 'one\nTWO\n' });
const budgetNow = async (): Promise<Budget> => Budget.parse(must(await house.client.get('/api/budget')));
const kinds = (job: string): unknown[] =>
  house
    .rows(`select kind from ledger where job_id = ? and kind like 'spend.%' order by seq`, job)
    .map(({ kind }) => kind);
const escalate = (proposal: Proposal, approve?: { id: string; usd: number }) =>
  house.client.send('POST', `/api/proposals/${proposal.document.id}/escalate`, {
    digest: proposal.document.digest,
    ...(approve ? { approve } : {}),
  });

describe('a job that needs a helper', () => {
  beforeEach(() => open(rich));

  it('takes the cheapest that is enough, reserves its worst, books what it cost, and says so at every place', async () => {
    const { document } = await propose(house.client, { repository: 'r', patch: change() });
    expect(document.plan.option).toMatchObject({ key: 'helper_small', size: 's-1', placement: 'helper' });
    expect(document.plan.options?.map(({ key }) => key)).toHaveLength(9);
    expect(document.proof.placement).toBe('helper');
    expect(document.escalation).toBeUndefined();
    expect(kinds(document.jobId)).toEqual(['spend.reserved', 'spend.posted']);
    const { reservations, hour, day } = await budgetNow();
    expect(reservations).toHaveLength(1);
    const [spent] = reservations;
    expect(spent).toMatchObject({ category: 'helper', state: 'posted', jobId: document.jobId, approvalId: null });
    // The minimum charge of one cent, and no more than was reserved.
    expect(spent?.postedUsd).toBe(0.01);
    expect(spent?.reservedUsd).toBe(document.plan.option.worstUsd);
    expect(hour).toMatchObject({ spentUsd: 0.01, pendingUsd: 0, leftUsd: 0.24 });
    expect(day.leftUsd).toBe(0.99);
    expect(document.cost).toMatchObject({ spentUsd: 0.01, projectedUsd: 0, hourLeftUsd: 0.24 });
  });
});

describe('without the money for it', () => {
  beforeEach(() => open(poor));

  it('the best of what is free is done, and the stronger proof stands beside it with why, cost, gain and needs', async () => {
    const { document } = await propose(house.client, { repository: 'r', patch: change() });
    expect(document.plan.option).toMatchObject({ key: 'base', estimateUsd: 0 });
    expect(document.plan.option.why).toMatch(/The checks need 6000 MiB.*would be enough.*past this hour's cap/);
    expect(document.escalation).toMatchObject({
      option: 'helper_small',
      needs: ['over_hour_cap', 'over_day_cap'],
      why: expect.stringMatching(/The checks need 6000 MiB/),
      confidenceGain: expect.stringMatching(/^Confidence from \d+ % to about \d+ % \(\d+ to \d+ %\)/),
    });
    expect(document.escalation?.worstUsd).toBeGreaterThan(0);
    expect(kinds(document.jobId)).toEqual([]);
  });

  it('nothing stronger runs without approval, and with it exactly once', async () => {
    const proposal = await propose(house.client, { repository: 'r', patch: change() });
    expect(await escalate(proposal)).toMatchObject({ ok: false, why: { code: 'approval_needed' } });
    expect(await escalate(proposal, { id: randomUUID(), usd: 0.001 })).toMatchObject({
      ok: false,
      why: { code: 'approval_unusable' },
    });
    expect((await getProposal(house.client, proposal.document.id)).state).toBe('open');
    const approve = { id: randomUUID(), usd: 0.05 };
    const asked = Job.parse(must(await escalate(proposal, approve)));
    // A second tap is the same job and the same approval.
    expect(must(await escalate(proposal, approve))).toMatchObject({ id: asked.id });
    const job = await jobAtRest(house.client, asked.id);
    expect(job).toMatchObject({ state: 'proposed', plan: { option: { key: 'helper_small', why: 'You chose it.' } } });
    expect(kinds(job.id)).toEqual(['spend.approved', 'spend.reserved', 'spend.posted']);
    const { reservations, approvals, hour } = await budgetNow();
    expect(reservations[0]?.approvalId).not.toBeNull();
    expect(approvals).toEqual([]);
    expect(hour).toMatchObject({ spentUsd: 0.01, leftUsd: 0 });
    expect((await getProposal(house.client, proposal.document.id)).state).toBe('superseded');
  });

  it('the command line says what it offers, takes an amount for it, and publishes nothing on the way', async () => {
    const cli = async (...args: string[]) => await house.cli([...args, '--json'], change());
    const first = await cli('propose', '--repo', 'r', '--diff', '-', '--wait');
    expect(first).toMatchObject({ code: 0, json: { escalation: { option: 'helper_small' } } });
    const { id, digest } = first.json as { id: string; digest: string };
    const said = await house.cli(['show', id]);
    expect(said.stdout).toMatch(/Stronger {2}Prove it on helper s-1: about \$0\.01, never above \$0\.0\d/);
    expect(said.stdout).toMatch(/needs approval: It may go past this hour's cap/);
    for (const amount of ['0', '-1', 'much', '']) {
      expect((await cli('go', id, '--digest', digest, '--approve-extra-spend', amount)).code, amount).toBe(2);
    }
    const small = await cli('go', id, '--digest', digest, '--approve-extra-spend', '0.001');
    expect(small).toMatchObject({ code: 1, json: { problem: { code: 'approval_unusable' } } });
    const gone = await cli('go', id, '--digest', digest, '--approve-extra-spend', '0.05');
    expect(gone).toMatchObject({ code: 1, json: { published: false, proposal: { proof: { placement: 'helper' } } } });
    expect(repository.branches()).toEqual(['main']);
    const budget = await cli('budget');
    expect(budget).toMatchObject({
      code: 0,
      json: { hour: { capUsd: 0.001, spentUsd: 0.01, leftUsd: 0 }, reservations: [{ state: 'posted' }] },
    });
    expect((await house.cli(['budget', 'export'])).stdout).toMatch(/^id,state,.*\r\n"?res_/);
    expect((await house.cli(['budget', 'prices'])).stdout).toMatch(/s-1 .*budget_file, 2026-11-20/);
  });

  it('an approval given with the patch is used for it, and no other job can use it', async () => {
    const query = { repository: 'r', patch: change(), approveExtraUsd: '0.05' };
    const first = await propose(house.client, query);
    expect(first.document.plan.option.key).toBe('helper_small');
    const second = await propose(house.client, { repository: 'r', patch: change() });
    expect(second.document.plan.option.key).toBe('base');
    expect((await budgetNow()).reservations).toHaveLength(1);
  });
});

describe('a job that is stopped at the cap', () => {
  // A check that outlasts what was reserved: four minutes on a clock that runs sixty times as fast.
  const dear = sizes.map((size) => ({ ...size, usdPerHour: size.usdPerHour * 9 }));
  const slow: BudgetFile = { ...rich, proof: { checkSecondsMax: 10 }, helper: { ...rich.helper, sizes: dear } };
  const stopped = async (): Promise<Job> => {
    await open(slow, { command: 'sleep 8', speed: 60 });
    return await jobAtRest(house.client, must(await sendPatch(house.client, { repository: 'r', patch: change() })).id);
  };
  const say = (job: Job, body: object) => house.client.send('POST', `/api/jobs/${job.id}/continue`, body);

  it('rests with its plan and patch, has paid for what it used, and goes on only when the owner says how', async () => {
    const job = await stopped();
    expect(job).toMatchObject({ state: 'stopped_at_cap', problem: { code: 'stopped_at_cap' } });
    expect(job.problem?.message).toMatch(/Go on with the same plan, take a cheaper one, or stop/);
    expect(kinds(job.id)).toEqual(['spend.reserved', 'spend.posted']);
    const { hour, reservations } = await budgetNow();
    expect(hour.spentUsd).toBeLessThanOrEqual(reservations[0]?.reservedUsd ?? 0);
    expect(hour.pendingUsd).toBe(0);
    await house.stop();
    await house.start();
    expect(await jobAtRest(house.client, job.id)).toMatchObject({ state: 'stopped_at_cap' });
    expect((await budgetNow()).reservations).toHaveLength(1);
    // The cheaper plan costs nothing, and the sandbox here is as slow: a check that does not end is said, not hidden.
    must(await say(job, { plan: 'cheaper' }));
    const done = await jobAtRest(house.client, job.id);
    expect(done).toMatchObject({ state: 'proposed', plan: { option: { key: 'base' } } });
    expect((await budgetNow()).reservations).toHaveLength(1);
    expect(await say(job, { plan: 'same' })).toMatchObject({ ok: false, why: { code: 'job_not_stopped' } });
  });

  it('spends again when the owner goes on with the same plan, and once more stops', async () => {
    const job = await stopped();
    must(await say(job, { plan: 'same' }));
    expect(await jobAtRest(house.client, job.id)).toMatchObject({ state: 'stopped_at_cap' });
    expect(kinds(job.id)).toEqual(['spend.reserved', 'spend.posted', 'spend.reserved', 'spend.posted']);
    expect(must(await house.client.send('POST', `/api/jobs/${job.id}/cancel`))).toMatchObject({ state: 'cancelled' });
  });
});
