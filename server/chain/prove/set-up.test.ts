import { existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failedSetUp, isTest } from '#contract/check.ts';
import { noPolicy } from '#contract/policy.ts';
import { assessConfidence } from '../proposal/confidence.ts';
import { judgeGates } from '../proposal/gates.ts';
import { plainSandbox, type PlainSandbox } from './testing/plain-sandbox.ts';
import { install, proofHouse, proofLimits, type ProofHouse } from './testing/proof-house.ts';

const mebibyte = 1024 * 1024;
let house: ProofHouse;
let sandbox: PlainSandbox;

beforeEach(() => {
  house = proofHouse((folder) => {
    sandbox = plainSandbox(folder);
    return sandbox;
  });
});
afterEach(() => house.close());

const layers = (): string[] => sandbox.asked.filter((one) => one.startsWith('set-up'));

describe('a repository whose checks need its dependencies', () => {
  it('is proved over what one set-up on the base left, when the patch changes nothing of it', async () => {
    const { checks, proof } = await house.proved({ patch: { 'src.txt': 'better' } });
    const [set, test] = checks;
    expect(checks.map(({ name }) => name)).toEqual(['set-up', 'test']);
    expect(set).toMatchObject({
      command: install,
      source: 'detected',
      phase: 'set_up',
      before: { conclusion: 'success', exitCode: 0 },
      after: { conclusion: 'success', durationMs: 0, notes: [expect.stringMatching(/base's layer/)] },
      newFailures: [],
    });
    expect(await house.logOf(set?.before)).toBe('installed\n');
    expect(test).toMatchObject({ before: { conclusion: 'success' }, after: { conclusion: 'success' } });
    expect(await house.logOf(test?.after)).toBe('oneby base');
    expect(proof).toMatchObject({ failingBefore: 0, failingAfter: 0, newFailures: 0 });
    expect(proof.notProved).toHaveLength(1);
    const key = layers()[0]?.slice('set-up '.length);
    expect(sandbox.asked).toEqual([`set-up ${key}`, `run test over ${key}`, `run test over ${key}`]);
  });

  it('takes the layer of an earlier job with the same lock files, also on a later commit', async () => {
    await house.proved({ patch: { 'src.txt': 'better' } });
    house.repository.work('checkout', '-q', 'main');
    house.repository.commit({ 'src.txt': 'moved on' });
    const { checks } = await house.proved({ patch: { 'src.txt': 'else' } });
    expect(layers()).toHaveLength(1);
    expect(checks[0]?.before).toMatchObject({ conclusion: 'success', durationMs: 0 });
    expect(checks[0]?.before.notes?.join()).toMatch(/layer of an earlier job, made from the same lock files/);
    expect(await house.logOf(checks[0]?.before)).toMatch(/earlier job/);
  });

  it('sees the set-up run, live, as a check of that name', async () => {
    await house.proved({ patch: { 'src.txt': 'better' } });
    const steps = house.progress
      .filter(({ name }) => name === 'set-up')
      .map(({ side, status, conclusion }) => [side, status, conclusion]);
    expect(steps).toEqual([
      ['before', 'queued', null],
      ['after', 'queued', null],
      ['before', 'running', null],
      ['before', 'completed', 'success'],
      ['after', 'completed', 'success'],
    ]);
    expect(house.output[0]).toBe('set-up before: installed\n');
  });

  it('gives the set-up its own clock and room, and no host that the plan does not name', async () => {
    await house.proved({ patch: { 'src.txt': 'better' } });
    expect(sandbox.setUps[0]).toMatchObject({
      command: install,
      hosts: ['registry.npmjs.org'],
      limits: { ...proofLimits, wallMs: 7000, diskBytes: 99 * mebibyte },
    });
  });

  it('runs without any set-up when the plan has none or leaves it out', async () => {
    await house.proved({ patch: { 'src.txt': 'a' }, plan: { leftOut: ['set-up'] } }).then(({ checks, proof }) => {
      expect(checks.map(({ name }) => name)).toEqual(['test']);
      expect(proof.notProved.join(' ')).toMatch(/dependencies were not installed/);
    });
    expect(layers()).toEqual([]);
  });
});

describe('a patch that changes what is installed', () => {
  it('gets a layer of its own, made from the patched tree, after the base’s checks', async () => {
    const { checks } = await house.proved({ patch: { 'package-lock.json': 'two' } });
    expect(sandbox.asked.map((one) => one.replace(/ [0-9a-f]{64}$/, ''))).toEqual([
      'set-up',
      'run test over',
      'set-up',
      'run test over',
    ]);
    expect(sandbox.setUps[0]?.key).not.toBe(sandbox.setUps[1]?.key);
    expect(await house.logOf(checks[1]?.before)).toBe('oneby base');
    expect(await house.logOf(checks[1]?.after)).toBe('twoby base');
    expect(checks[0]?.after.notes).toBeUndefined();
  });

  it('never leaves anything in the layer that others use: not by the same lock file on a later base either', async () => {
    // The patch brings a lock file and a poisoned installer; later the same lock file is on the base, with an honest one.
    await house.proved({ patch: { 'package-lock.json': 'two', 'install.txt': 'by the patch' } });
    house.repository.work('checkout', '-q', 'main');
    house.repository.commit({ 'package-lock.json': 'two' });
    const { checks } = await house.proved({ patch: { 'src.txt': 'else' } });
    expect(await house.logOf(checks[1]?.before)).toBe('twoby base');
    expect(await house.logOf(checks[1]?.after)).toBe('twoby base');
  });

  it('that changes only what the set-up runs, and no input, gets the base’s layer, made from the base', async () => {
    const { checks } = await house.proved({ patch: { 'install.txt': 'by the patch' } });
    expect(layers()).toHaveLength(1);
    expect(await house.logOf(checks[1]?.after)).toBe('oneby base');
    // Unless the policy of the base names it.
    const named = await house.proved({ patch: { 'install.txt': 'by the patch' }, setUp: { inputs: ['install.*'] } });
    expect(await house.logOf(named.checks[1]?.after)).toBe('oneby the patch');
  });

  it('is kept apart also on another branch than the default one, whose commits nobody may have taken over', async () => {
    house.repository.commit({ 'install.txt': 'by a stranger' }, { branch: 'side' });
    await house.proved({ base: 'side', baseRef: 'side', patch: { 'src.txt': 'x' } });
    const { checks } = await house.proved({ patch: { 'src.txt': 'y' } });
    expect(await house.logOf(checks[1]?.after)).toBe('oneby base');
  });

  it('may share with the default branch what was cut from it and is still in it', async () => {
    const old = house.repository.git('rev-parse', 'main');
    house.repository.commit({ 'src.txt': 'newer' });
    await house.proved({ base: old, baseRef: old, patch: { 'src.txt': 'x' } });
    await house.proved({ patch: { 'src.txt': 'y' } });
    expect(layers()).toHaveLength(1);
  });

  it('shares nothing where an input is a link, because what it leads to does not show', async () => {
    const clone = join(house.repository.folder, 'clone');
    rmSync(join(clone, 'package-lock.json'));
    writeFileSync(join(clone, 'real'), 'linked');
    symlinkSync('real', join(clone, 'package-lock.json'));
    house.repository.commit({ 'src.txt': 'fine' });
    const { checks } = await house.proved({ patch: { real: 'changed' } });
    expect(layers()).toHaveLength(2);
    expect(await house.logOf(checks[1]?.after)).toBe('changedby base');
  });

  it('is told from another by everything that its layer depends on', async () => {
    await house.proved({ patch: { 'src.txt': 'a' } });
    await house.proved({ patch: { 'src.txt': 'b' }, setUp: { command: `${install} ` } });
    await house.proved({ patch: { 'src.txt': 'c' }, setUp: { hosts: ['registry.npmjs.org', 'npm.example.org'] } });
    sandbox.report = { ...sandbox.report, runtime: 'node v99' };
    await house.proved({ patch: { 'src.txt': 'd' } });
    sandbox.report = { ...sandbox.report, helperSha256: 'f'.repeat(64) };
    await house.proved({ patch: { 'src.txt': 'e' } });
    expect(new Set(layers()).size).toBe(5);
  });
});

describe('a set-up that fails', () => {
  it('on the base proves nothing: no check runs, the reason is said, and GO is shut', async () => {
    const refused =
      'patchgit: The host "evil.example.org" was asked for and is not on the list of hosts that a set-up may reach.';
    const { checks, proof } = await house.proved({
      patch: { 'src.txt': 'a' },
      setUp: { command: `echo '${refused}' >&2; exit 1` },
    });
    expect(sandbox.asked).toHaveLength(1);
    expect(checks.map(({ name, before, after }) => [name, before.conclusion, after.conclusion])).toEqual([
      ['set-up', 'failure', 'skipped'],
      ['test', 'skipped', 'skipped'],
    ]);
    expect(await house.logOf(checks[0]?.before)).toBe(`${refused}\n`);
    const sentence = 'It asked for evil.example.org, which is not on the list of hosts in budget.json (setup.hosts).';
    expect(checks[0]?.before.notes).toEqual([sentence]);
    expect(proof.notProved).toContain(
      `The set-up failed on the base's tree, so no check ran and nothing was proved. ${sentence}`,
    );
    expect(proof.newFailures).toBe(0);
    expect(failedSetUp(checks)?.conclusion).toBe('failure');
    const risk = { level: 'low' as const, reasons: [] };
    const gates = judgeGates({ isDraft: false, checks, risk, policy: noPolicy, forbiddenPaths: [], formatter: null });
    expect(gates[1]).toMatchObject({ name: 'proof', verdict: 'closed', reason: expect.stringContaining(sentence) });
    const { reasons } = assessConfidence({ checks, risk, mended: 0, history: { kept: 0, undoneOrRejected: 0 } });
    expect(reasons).toContain('The set-up failed on the base itself, so nothing was tested');
    expect(house.progress.filter(({ status }) => status === 'completed')).toHaveLength(4);
  });

  it('on the patched tree, twice, is a new failure, and the checks do not run there', async () => {
    const command = `test "$(cat package-lock.json)" != two && ${install}`;
    const { checks, proof } = await house.proved({ patch: { 'package-lock.json': 'two' }, setUp: { command } });
    expect(layers()).toHaveLength(3);
    expect(checks[0]).toMatchObject({
      before: { conclusion: 'success' },
      after: { conclusion: 'failure' },
      newFailures: ['set-up'],
    });
    expect(checks[1]).toMatchObject({
      before: { conclusion: 'success' },
      after: { conclusion: 'skipped', failing: [], notes: ['Not run: the set-up failed on the patched tree.'] },
      newFailures: [],
    });
    expect(checks[1]?.vanished).toBeUndefined();
    expect(proof).toMatchObject({ newFailures: 1, failingAfter: 1 });
    expect(proof.notProved.join(' ')).toMatch(/failed on the patched tree, so no check ran there\. Its log says why/);
  });

  it('once and not again is the registry’s bad minute, and the checks run', async () => {
    const state = join(house.folder, 'tried');
    const command = `case $(cat package-lock.json) in two) test -e ${state} || { touch ${state}; exit 1; };; esac; ${install}`;
    const { checks, proof } = await house.proved({ patch: { 'package-lock.json': 'two' }, setUp: { command } });
    expect(checks[0]).toMatchObject({ after: { conclusion: 'success' }, newFailures: [], flaky: ['set-up'] });
    expect(checks[1]?.after.conclusion).toBe('success');
    expect(proof.newFailures).toBe(0);
  });

  it('is told apart from a sandbox that cannot be had: then nothing is known, and the job says so', async () => {
    sandbox.trouble = 'There is no way out of it here.';
    const result = await house.prove({ patch: { 'src.txt': 'a' } });
    expect(result).toMatchObject({ ok: false, why: { code: 'sandbox_unavailable' } });
    expect(result.ok ? '' : result.why.message).toMatch(/no way out of it here.*|nothing proved/);
  });

  it('because the owner stopped the job is no failure', async () => {
    const stop = new AbortController();
    const running = house.prove({
      patch: { 'src.txt': 'a' },
      signal: stop.signal,
      setUp: { command: 'sleep 60' },
      onProgress: ({ name, status }) => {
        if (name === 'set-up' && status === 'running') stop.abort();
      },
    });
    expect(await running).toMatchObject({ ok: false, why: { code: 'job_cancelled' } });
    expect(existsSync(join(house.folder, 'layers'))).toBe(false);
  });
});

describe('a set-up that succeeded', () => {
  it('is no evidence for the change', async () => {
    const { checks } = await house.proved({ patch: { 'src.txt': 'a' } });
    expect(checks.filter(isTest).map(({ name }) => name)).toEqual(['test']);
    const risk = { level: 'low' as const, reasons: [] };
    const gates = judgeGates({ isDraft: false, checks, risk, policy: noPolicy, forbiddenPaths: [], formatter: null });
    expect(gates[1]).toMatchObject({ verdict: 'open', reason: '1 of 1 checks pass, 0 new failures' });
    const history = { kept: 0, undoneOrRejected: 0 };
    const assessed = assessConfidence({ checks, risk, mended: 0, history });
    expect(assessed).toEqual(assessConfidence({ checks: checks.filter(isTest), risk, mended: 0, history }));
  });

  it('names no tests, whatever it prints', async () => {
    const { checks } = await house.proved({
      patch: { 'src.txt': 'a' },
      setUp: { command: `echo '✖ not a test'; ${install}` },
    });
    expect(checks[0]?.before).toMatchObject({ failing: [], passed: null });
  });
});
