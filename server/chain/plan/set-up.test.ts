import { describe, expect, it } from 'vitest';
import { setUpDefaults, setUpRules } from '#contract/budget.ts';
import { checkResult, checkSide } from '../../testing/documents.ts';
import { learn } from './history.ts';
import { nameApart } from './perform.ts';
import { parsePolicy } from './policy.ts';
import { chooseSetUp, setUpStep, type SetUpFacts } from './set-up.ts';

const detected = { command: 'npm ci', hosts: ['registry.npmjs.org'] };
const { hosts } = setUpRules({});
const facts: SetUpFacts = { owner: null, policy: undefined, detected, hosts };
const policy = { command: 'make deps', inputs: ['tools/**'] };

describe('which set-up a plan has', () => {
  it.each<[string, Partial<SetUpFacts>, string | null, string | null]>([
    ['what was detected', {}, 'npm ci', 'detected'],
    ['what the base’s policy says, before that', { policy }, 'make deps', 'policy'],
    ['the owner’s command, before both', { owner: 'npm i', policy }, 'npm i', 'owner'],
    ['none, when the owner wants none', { owner: 'none', policy }, null, null],
    ['none, when nothing is to be installed', { detected: null }, null, null],
  ])('%s', (_what, more, command, source) => {
    const chosen = chooseSetUp({ ...facts, ...more });
    expect([chosen?.command ?? null, chosen?.source ?? null]).toEqual([command, source]);
  });

  it('keeps the inputs that the base’s policy names, whoever chose the command: they only keep layers apart', () => {
    expect(chooseSetUp({ ...facts, owner: 'npm i', policy })?.inputs).toEqual(['tools/**']);
  });

  it('reaches of the public registries only what it needs, and what the owner has added', () => {
    expect(chooseSetUp(facts)?.hosts).toEqual(['registry.npmjs.org']);
    expect(chooseSetUp({ ...facts, hosts: [...hosts, 'npm.example.org'] })?.hosts).toEqual([
      'registry.npmjs.org',
      'npm.example.org',
    ]);
    expect(chooseSetUp({ ...facts, policy })?.hosts).toEqual(setUpDefaults.hosts);
  });

  it('never reaches a host that budget.json does not name, and says which it lacks', () => {
    const composer = { command: 'composer install', hosts: ['repo.packagist.org', 'api.github.com'] };
    const chosen = chooseSetUp({ ...facts, detected: composer });
    expect(chosen).toMatchObject({ hosts: ['repo.packagist.org'], lacks: ['api.github.com'] });
    expect(chooseSetUp({ ...facts, hosts: [], policy })?.hosts).toEqual([]);
    expect(chosen === null ? '' : setUpStep(chosen)).toBe(
      'Install dependencies: composer install (repo.packagist.org; it usually needs api.github.com too, which budget.json does not allow)',
    );
  });

  it('is a step of the plan in one line', () => {
    const step = (more: Partial<SetUpFacts>): string => {
      const chosen = chooseSetUp({ ...facts, ...more });
      return chosen === null ? '' : setUpStep(chosen);
    };
    expect(step({})).toBe('Install dependencies: npm ci (registry.npmjs.org)');
    expect(step({ hosts: [] })).toMatch(/npm ci \(no host at all; it usually needs registry\.npmjs\.org too/);
    expect(step({ owner: `a\nb ${'c'.repeat(200)}` })).toMatch(
      /^Install dependencies: a b c{100,116}… \(registry\.npmjs\.org, .* and 14 other hosts\)$/,
    );
  });

  it('leaves its name to no check', () => {
    expect(nameApart([{ name: 'set-up', command: 'x', source: 'owner' }])[0]?.name).toBe('set-up (2)');
  });
});

describe('the set-up in .patchgit.yml', () => {
  it('is a command with what it reads', async () => {
    expect(await parsePolicy('setup: { command: make deps, inputs: ["tools/**"] }\n')).toMatchObject({
      value: { setup: policy },
    });
    expect(await parsePolicy('setup: { command: make deps }\n')).toMatchObject({ value: { setup: { inputs: [] } } });
  });

  it.each([
    ['adds no host', 'setup: { command: x, hosts: [evil.example.org] }\n', /hosts/],
    ['has no other key', 'setup: { command: x, secondsMax: 1 }\n', /secondsMax/],
    ['needs a command', 'setup: { inputs: [a] }\n', /setup\.command/],
    ['is not a bare text', 'setup: npm ci\n', /setup/],
  ])('%s', async (_what, text, why) => {
    const parsed = await parsePolicy(text);
    expect(parsed.ok ? '' : parsed.why.join()).toMatch(why);
  });
});

describe('what earlier proofs teach about the set-up', () => {
  const checks = [{ name: 'test', command: 'npm test' }];
  const proof = {
    failingBefore: 0,
    failingAfter: 0,
    newFailures: 0,
    placement: 'base' as const,
    helperSha256: checkSide().log.sha256,
    limits: '',
    formatter: null,
    notProved: [],
  };
  const took = (before: number, after = 0) => ({
    before: checkSide({ durationMs: before }),
    after: checkSide({ durationMs: after }),
  });
  const set = (more: object = {}) =>
    checkResult({ name: 'set-up', command: 'npm ci', phase: 'set_up', ...took(0), ...more });
  const test = (more: object = {}) => checkResult({ ...took(60_000, 60_000), ...more });

  it('counts its time apart from that of the checks', () => {
    const proofs = [{ proof, checks: [set(took(180_000)), test()] }];
    expect(learn(proofs, checks, 'npm ci')).toEqual({ tooHeavy: [], minutes: 2, setUpMinutes: 3 });
    expect(learn(proofs, checks, 'npm ci --other').setUpMinutes).toBeNull();
    expect(learn(proofs, checks)).toEqual({ tooHeavy: [], minutes: 2, setUpMinutes: null });
  });

  it('finds it too heavy for this machine when a limit ended it here, but not when it left too much', () => {
    const ended = (limit: string) => set({ before: checkSide({ conclusion: 'failure', limit }) });
    const skipped = test({ before: checkSide({ conclusion: 'skipped' }), after: checkSide({ conclusion: 'skipped' }) });
    const of = (limit: string) => learn([{ proof, checks: [ended(limit), skipped] }], checks, 'npm ci');
    expect(of('memory: 512 MiB')).toMatchObject({ tooHeavy: ['set-up'], minutes: null });
    expect(of('disk: 2048 MiB').tooHeavy).toEqual([]);
  });

  it('learns nothing about a check that did not run', () => {
    const skipped = checkSide({ conclusion: 'skipped' });
    const heavy = checkSide({ conclusion: 'failure', limit: 'memory: 512 MiB' });
    const proofs = [
      {
        proof,
        checks: [set({ before: checkSide({ conclusion: 'failure' }) }), test({ before: skipped, after: skipped })],
      },
      { proof, checks: [set(), test({ after: heavy })] },
    ];
    expect(learn(proofs, checks, 'npm ci').tooHeavy).toEqual(['test']);
  });
});
