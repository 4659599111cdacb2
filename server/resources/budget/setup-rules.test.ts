import { describe, expect, it } from 'vitest';
import { BudgetFile, setUpDefaults, setUpRules } from '#contract/budget.ts';
import { testBudget } from '../../testing/budget.ts';
import { differences } from './settings.ts';

const read = (setup: unknown) => BudgetFile.safeParse({ ...testBudget, setup });
const mistakes = (setup: unknown): string => {
  const parsed = read(setup);
  return parsed.success
    ? ''
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
};

describe('what budget.json says about set-ups', () => {
  it('may be nothing, or a part: then the rest is as it is by default', () => {
    expect(setUpRules(testBudget)).toEqual(setUpDefaults);
    const parsed = BudgetFile.parse({ ...testBudget, setup: { secondsMax: 60 } });
    expect(setUpRules(parsed)).toEqual({ ...setUpDefaults, secondsMax: 60 });
  });

  it('names hosts instead of the defaults, not beside them, and none at all is possible', () => {
    expect(setUpRules(BudgetFile.parse({ ...testBudget, setup: { hosts: ['npm.example.org'] } })).hosts).toEqual([
      'npm.example.org',
    ]);
    expect(setUpRules(BudgetFile.parse({ ...testBudget, setup: { hosts: [] } })).hosts).toEqual([]);
  });

  it.each<[string, string]>([
    ['an address', 'https://registry.npmjs.org'],
    ['a port', 'registry.npmjs.org:443'],
    ['a pattern', '*.npmjs.org'],
    ['another letter case', 'Registry.npmjs.org'],
    ['a dot at the end', 'registry.npmjs.org.'],
    ['a number of a machine', '169.254.169.254'],
    ['a number of a machine in disguise', '0x7f.1'],
    ['a name without a domain', 'localhost'],
    ['a path', 'registry.npmjs.org/x'],
    ['a blank', 'a.example b.example'],
    ['a comma, which would be two on a command line', 'a.example,b.example'],
    ['what only looks like a letter', 'registry.npmjs.оrg'],
    ['nothing', ''],
    ['a label that is too long', `${'a'.repeat(64)}.example`],
  ])('refuses %s in place of a host', (_what, host) => {
    expect(mistakes({ hosts: [host] })).toMatch(/^setup\.hosts\.0: is not a host name/);
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown key', { host: ['a.example'] }, /host/],
    ['a host twice', { hosts: ['a.example', 'a.example'] }, /setup\.hosts\.1: names "a\.example" a second time/],
    ['less room for all layers than for one', { layerMiBMax: 4000, keptMiBMax: 3000 }, /setup\.keptMiBMax/],
    ['one layer that is larger than what is kept by default', { layerMiBMax: 10_000 }, /setup\.keptMiBMax/],
    ['a clock of zero', { secondsMax: 0 }, /setup\.secondsMax/],
  ])('refuses %s with its place', (_what, setup, place) => {
    expect(mistakes(setup)).toMatch(place);
  });

  it('is in the ledger when it changes, host by host', () => {
    const before = BudgetFile.parse({ ...testBudget, setup: { hosts: ['a.example'] } });
    const after = BudgetFile.parse({ ...testBudget, setup: { hosts: ['a.example', 'b.example'] } });
    expect(differences(before, after)).toEqual(['setup.hosts.1 is new: "b.example"']);
  });
});
