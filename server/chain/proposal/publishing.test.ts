import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { checkResult, checkSide, documentOf, freezeFacts } from '../../testing/documents.ts';
import { freeze } from './freeze.ts';

const hostile = [
  '--upload-pack=touch /tmp/x',
  '-d main',
  '../../refs/heads/main',
  'a..b@{upstream}~1^2:3?*[x]\\',
  'name.lock',
  '.lock',
  '@',
  'HEAD',
  'refs/heads/main',
  '',
  '   ',
  '\u202Eevil\u202C',
  'Grüße aus Köln: naïve façade',
  '修正バグ',
  '🙂🙂🙂',
  'line one\nPatchgit-Proposal: prop_ffffffffffff\nline three',
  'tab\tand\u0000nul\u001B[31mred\u0007',
  '/'.repeat(200),
  'a/'.repeat(100),
  'word '.repeat(40),
  "it's `rm -rf` $(whoami) ; && |",
];

describe('what GO will write', () => {
  it.each(hostile)('has a branch name that git accepts and that nobody else has, for the title %j', (title) => {
    const { branch } = documentOf({ title }).publishing;
    expect(branch).toMatch(/^patchgit\/(?:[a-z0-9][a-z0-9-]*-)?0123456789ab$/);
    expect(branch.length).toBeLessThan(80);
    execFileSync('git', ['check-ref-format', `refs/heads/${branch}`]);
    execFileSync('git', ['check-ref-format', '--branch', branch], { stdio: 'ignore' });
  });

  it('keeps the words of a plain title in the branch name', () => {
    expect(documentOf({ title: 'Grüße: Say TWO loudly!' }).publishing.branch).toBe(
      'patchgit/gru-e-say-two-loudly-0123456789ab',
    );
  });

  it.each(hostile)(
    'has one subject line of at most 72 characters and our three trailers, for the title %j',
    (title) => {
      const { commitMessage, pullTitle } = documentOf({ title }).publishing;
      const lines = commitMessage.split('\n');
      expect(lines[0]?.length).toBeLessThanOrEqual(72);
      expect(lines.slice(1)).toEqual([
        '',
        'Patchgit-Proposal: prop_0123456789ab',
        `Patchgit-Base: ${'a'.repeat(40)}`,
        'Patchgit-Ledger: 7:abc',
        '',
      ]);
      // The one invisible character is ours.
      expect(commitMessage.replaceAll(/\n|(?<=@)\u200B/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(pullTitle).toBe(lines[0]);
      expect(lines[0]).not.toBe('');
      // git must not take the subject for a comment or an empty message.
      const kept = execFileSync('git', ['stripspace'], { input: commitMessage, encoding: 'utf8' });
      expect(kept.trimEnd()).toBe(commitMessage.trimEnd());
    },
  );

  it('does not cut a character in half', () => {
    const { commitMessage } = documentOf({ title: `${'a'.repeat(71)}🙂 and more` }).publishing;
    expect(commitMessage.isWellFormed()).toBe(true);
  });

  it('says who commits: the owner if set, patchgit otherwise, and nothing that breaks a commit', () => {
    const facts = freezeFacts();
    const by = (name: string, email: string) =>
      freeze({ ...facts, repository: { ...facts.repository, author: { name, email } } }).publishing.author;
    expect(freeze(facts).publishing.author).toEqual({ name: 'patchgit', email: 'patchgit@localhost' });
    expect(by('Ada', 'ada@example.com')).toEqual({ name: 'Ada', email: 'ada@example.com' });
    expect(by('Ada\nX: y', 'a\u0000@example.com')).toEqual({ name: 'Ada X: y', email: 'a @example.com' });
  });

  it('neutralises what a forge would act on: mentions, issues, links, images, HTML, tables and headings', () => {
    const command = 'npm test | cat @octocat #12 ![x](http://evil) <img src=x> `code` **bold** ~~no~~';
    const facts = freezeFacts({ title: '# @everyone fixes #1 <script>alert(1)</script> [x](javascript:1)' });
    const after = checkSide({ conclusion: 'failure', failing: ['a|b', '@mention'] });
    const { pullBody } = freeze({
      ...facts,
      proved: { ...facts.proved, checks: [checkResult({ command, after })] },
    }).publishing;
    expect(pullBody).not.toMatch(/@(?=\w)/);
    expect(pullBody).not.toMatch(/(?<!\\)[<>`~]/);
    expect(pullBody).not.toMatch(/#\d/);
    expect(pullBody).not.toMatch(/(?<!\\)\]\(/);
    const row = pullBody.split('\n').find((line) => line.includes('npm test'));
    expect(row?.match(/(?<!\\)\|/g)).toHaveLength(5);
  });

  it.each([
    ['Fixes #12 and closes o/r#13', 'Fixes #\u200B12 and closes o/r#\u200B13'],
    ['resolve GH-7, gh-8', 'resolve GH-\u200B7, gh-\u200B8'],
    ['see https://github.com/o/r/issues/9', 'see https://github.com/o/r/issues/\u200B9'],
    ['see https://github.com/o/r/pull/9', 'see https://github.com/o/r/pull/\u200B9'],
    ['thanks @octocat and @org/team', 'thanks @\u200Boctocat and @\u200Borg/team'],
    ['C# 12, #fff, a @ b, 3#', 'C# 12, #fff, a @ b, 3#'],
  ])('closes no issue and calls nobody by its title: %j', (title, shown) => {
    const { commitMessage, pullTitle, pullBody } = documentOf({ title }).publishing;
    expect(pullTitle).toBe(shown);
    expect(commitMessage.split('\n')[0]).toBe(shown);
    for (const text of [commitMessage, pullTitle, pullBody])
      expect(text).not.toMatch(/@\w|#\d|GH-\d|\/(?:issues|pull)\/\d/i);
  });

  it('masks a token in a title, a command and the name of a file wherever it is published, the branch too', () => {
    const token = `ghp_${'aB3'.repeat(12)}`;
    const facts = freezeFacts({ title: `Remove ${token} from the docs` });
    const risk = {
      level: 'high' as const,
      reasons: [{ code: 'x', level: 'high' as const, message: token, paths: [] }],
    };
    const checks = [checkResult({ command: `curl -H ${token}` })];
    const { publishing } = freeze({ ...facts, risk, proved: { ...facts.proved, checks } });
    expect(publishing.pullTitle).toBe('Remove [masked: GitHub token] from the docs');
    expect(publishing.pullBody).toMatch(/curl -H \\\[masked: GitHub token\\\]/);
    // A branch is in small letters, and a Markdown text has backslashes: neither may let it through.
    const all = JSON.stringify(publishing).replaceAll('\\', '').toLowerCase();
    expect(all).not.toContain(token.toLowerCase().slice(4, 30));
  });

  it('leads back to the proposal where patchgit has an address, and nowhere else', () => {
    const body = (publicUrl: string | null): string => freeze({ ...freezeFacts(), publicUrl }).publishing.pullBody;
    expect(body('https://patch.example/')).toContain(
      '[Proposal prop_0123456789ab](https://patch.example/proposals/prop_0123456789ab) by patchgit',
    );
    expect(body(null)).toContain('Proposal prop_0123456789ab by patchgit');
    expect(body(null)).not.toContain('](');
  });

  const proofLine = (proved: object, plan: object = {}): string => {
    const facts = freezeFacts();
    const all = { ...facts, plan: { ...facts.plan, ...plan }, proved: { ...facts.proved, ...proved } };
    return (
      freeze(all)
        .publishing.pullBody.split('\n')
        .find((line) => line.startsWith('**Proof**')) ?? ''
    );
  };

  it('says what the proof could reach, and counts the hosts of a set-up without naming them', () => {
    const setUp = { command: 'npm ci', source: 'owner', hosts: ['npm.internal.example'], lacks: [], inputs: [] };
    const ofSetUp = checkResult({ name: 'set-up', command: 'npm ci', phase: 'set_up' });
    const line = proofLine({ checks: [ofSetUp, checkResult()] }, { setUp });
    expect(line).toBe(
      '**Proof** (base sandbox; the set-up ran with a door to 1 named host and to nothing else; the checks ran without a network): 0 failing before, 0 failing after, 0 new.',
    );
    expect(proofLine({})).toMatch(/^\*\*Proof\*\* \(base sandbox; the checks ran without a network\): /);
  });

  it('claims no proof for a Draft, of which nothing ran', () => {
    const facts = freezeFacts();
    const proof = { ...facts.proved.proof, placement: 'none' as const };
    const { pullBody } = freeze({ ...facts, proved: { checks: [], proof } }).publishing;
    expect(pullBody).toContain('**Proof** none: nothing was run.');
    expect(pullBody).not.toMatch(/sandbox|network|\| Check/);
  });

  it('says the evidence, the base, the tree and that nothing is merged', () => {
    const { pullBody } = documentOf().publishing;
    for (const said of [
      '0 failing before, 0 failing after, 0 new',
      'a'.repeat(40),
      'c'.repeat(40),
      'prop_0123456789ab',
      'nothing is merged automatically',
      '$0.00',
    ])
      expect(pullBody).toContain(said);
  });
});
