import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckDefinition } from '#contract/check.ts';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { addChecks, matching, parsePolicy, readPolicy } from './policy.ts';

const own: CheckDefinition = { name: 'test', command: 'npm test', source: 'owner' };

const checkWith = (reports: string): string => `checks:\n  - { name: test, command: x, reports: ${reports} }\n`;

describe('the policy of the base', () => {
  it('adds checks, protected and forbidden paths, and a shorter clock', async () => {
    const text =
      'checks:\n  - name: lint\n    command: npm run lint\nprotect: ["billing/**"]\nforbid: [vendor/**]\ncheckSecondsMax: 60\n';
    expect(await parsePolicy(text)).toEqual({
      ok: true,
      value: {
        checks: [{ name: 'lint', command: 'npm run lint' }],
        protect: ['billing/**'],
        forbid: ['vendor/**'],
        checkSecondsMax: 60,
      },
    });
    expect(await parsePolicy('')).toMatchObject({ ok: true, value: { checks: [], protect: [] } });
  });

  it.each([
    ['an unknown key', 'gates: []\n', /gates/],
    ['a wrong type, with its place', 'checks:\n  - name: 3\n    command: x\n', /checks\.0\.name/],
    ['what is not YAML', 'checks: [\n', /./],
    ['aliases, which can unfold without end', 'protect: &a [x]\nforbid: *a\n', /alias/i],
    ['a report outside of the repository', checkWith('[../secret.xml]'), /checks\.0\.reports\.0.*below the top/],
    ['a report at an absolute path', checkWith('[/etc/passwd]'), /below the top/],
    ['a report in a home', checkWith('["~/x.xml"]'), /below the top/],
    ['a report with a control character', checkWith('["a\\u0007.xml"]'), /below the top/],
    ['a report that climbs in the middle', checkWith('[a/../../x.xml]'), /below the top/],
    ['too many reports', checkWith(`[${'x,'.repeat(21)}]`), /reports/],
    ['two mistakes at once', 'forbid: 1\nprotect: 2\n', /forbid[\s\S]*protect|protect[\s\S]*forbid/],
  ])('names %s', async (_what, text, why) => {
    const parsed = await parsePolicy(text);
    expect(parsed.ok ? '' : parsed.why.join('\n')).toMatch(why);
  });

  it('can only add checks: it replaces none of the owner, under no name', () => {
    const added = addChecks(
      [own],
      [
        { name: 'test', command: 'true', source: 'policy' },
        { name: 'again', command: 'npm test', source: 'policy' },
      ],
    );
    expect(added).toEqual([own, { name: 'test (policy)', command: 'true', source: 'policy' }]);
  });

  it('says where a check leaves its reports, also of a check that is there already', async () => {
    const parsed = await parsePolicy(checkWith('["out/**/*.xml", "..a/b..xml"]'));
    expect(parsed).toMatchObject({ value: { checks: [{ reports: ['out/**/*.xml', '..a/b..xml'] }] } });
    const reports = ['out/*.xml'];
    expect(addChecks([own], [{ name: 'any', command: 'npm test', source: 'policy', reports }])).toEqual([
      { ...own, reports },
    ]);
  });

  it('matches paths below a folder and nothing beside it', () => {
    expect(matching(['billing/a/b.ts', 'billing.ts', 'src/billing/a.ts', 'x.key'], ['billing/**', '*.key'])).toEqual([
      'billing/a/b.ts',
      'x.key',
    ]);
  });
});

describe('where the policy is read', () => {
  let folder: string;
  const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
  const sh = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=o', '-c', 'user.email=o@o', ...args], {
      encoding: 'utf8',
    }).trim();
  const commit = (policy: string): ObjectId => {
    writeFileSync(join(folder, '.patchgit.yml'), policy);
    sh('add', '.');
    sh('commit', '-qm', 'policy');
    return ObjectId.parse(sh('rev-parse', 'HEAD'));
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'patchgit-policy-'));
    sh('init', '-q');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the base commit, whatever a later commit says', async () => {
    const base = commit('forbid: [secrets/**]\n');
    commit('forbid: []\n');
    expect((await readPolicy(git, join(folder, '.git'), base)).policy.forbid).toEqual(['secrets/**']);
  });

  it('says what is wrong with a policy that cannot be used, instead of going on without it', async () => {
    const { policy } = await readPolicy(git, join(folder, '.git'), commit('forbidden: [x]\n'));
    expect(policy.mistakes.join()).toMatch(/forbidden/);
  });
});
