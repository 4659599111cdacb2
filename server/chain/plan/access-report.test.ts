import { describe, expect, it } from 'vitest';
import type { ForgeAccess } from '#contract/forge.ts';
import { accessFindings } from './access-report.ts';

const dayMs = 24 * 60 * 60_000;
const nowMs = 1_800_000_000_000;

const all: ForgeAccess = {
  credential: 'token',
  actsAs: 'ada',
  expiresAtMs: null,
  canRead: true,
  canPush: true,
  canOpenPulls: true,
  canChangeWorkflows: true,
  startsChecks: true,
  isBaseProtected: true,
  isArchived: false,
  missing: [],
};

function said(more: Partial<ForgeAccess>): Record<string, string> {
  const findings = accessFindings({ ...all, ...more }, 'main', nowMs);
  return Object.fromEntries(findings.map(({ name, verdict, sentence }) => [name, `${verdict}: ${sentence}`]));
}

describe('what a connection may do at a repository', () => {
  it('is said for each thing, and all good where everything may be done', () => {
    const findings = accessFindings(all, 'main', nowMs);
    expect(findings.filter(({ verdict }) => verdict !== 'good')).toEqual([]);
    expect(findings.map(({ sentence }) => sentence)).toEqual([
      'patchgit acts there as ada, with a token.',
      'It may read the repository.',
      'It may push a branch.',
      'It may open pull requests.',
      'It may change .github/workflows.',
      'main is protected, so a pull request is the only way in. That is how patchgit works.',
      'What it pushes starts the CI of the repository.',
    ]);
  });

  it.each([
    ['reading', { canRead: false }, /^bad: It may not read/],
    ['pushing', { canPush: false }, /^bad: It may not push a branch, so GO would be refused/],
    ['pull requests', { canOpenPulls: false }, /^bad: It may not open pull requests, so GO would be refused/],
    ['workflows', { canChangeWorkflows: false }, /^warned: It may not change .github\/workflows/],
    ['pushing', { canPush: null }, /^warned: .* is not known until the first push/],
    ['pull requests', { canOpenPulls: null }, /^warned: .* is not known until the first GO\. .*"Pull requests: read/],
    ['workflows', { canChangeWorkflows: null }, /^warned: .* is not known until the first push that does/],
    ['archived', { isArchived: true }, /^bad: .*archived/],
    ['CI', { startsChecks: false }, /^warned: .*does not start the CI/],
    ['base', { isBaseProtected: false }, /^good: main is not protected/],
    ['acts as', { credential: 'app', actsAs: 'patch-bot[bot]' }, /as patch-bot\[bot\], with an App/],
    ['access', { credential: 'none' }, /^bad: .*GITHUB_TOKEN/],
    ['expiry', { expiresAtMs: nowMs + 3 * dayMs }, /^warned: The token ends in 3 days\. Make a new one/],
    ['expiry', { expiresAtMs: nowMs + dayMs / 2 }, /^warned: The token ends within a day/],
    ['expiry', { expiresAtMs: nowMs + 80 * dayMs }, /^good: The token ends in 80 days\.$/],
    ['expiry', { expiresAtMs: nowMs - 1 }, /^bad: The token has ended/],
  ] satisfies [string, Partial<ForgeAccess>, RegExp][])(
    'says about %s, with %j, what it means',
    (name, more, sentence) => {
      expect(said(more)[name]).toMatch(sentence);
    },
  );

  it('says nothing about what could not be found out and stops nothing', () => {
    expect(Object.keys(said({ startsChecks: null, isBaseProtected: null, isArchived: null }))).toEqual([
      'acts as',
      'reading',
      'pushing',
      'pull requests',
      'workflows',
    ]);
  });

  it('says what to do where something is missing, once', () => {
    const missing = ['Give it "Contents: write" there.', 'Whether it may push is not known until the first push.'];
    expect(said({ canPush: null, missing })).toMatchObject({ 'to do 1': 'warned: Give it "Contents: write" there.' });
    expect(Object.keys(said({ canPush: null, missing }))).not.toContain('to do 2');
  });
});
