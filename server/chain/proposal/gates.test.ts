import { describe, expect, it } from 'vitest';
import { noPolicy } from '#contract/policy.ts';
import type { Gate } from '#contract/proposal.ts';
import { checkResult, checkSide, fileChange } from '../../testing/documents.ts';
import type { SecretReport } from '#contract/patch.ts';
import { judgeGates, type GateFacts } from './gates.ts';
import { assessRisk } from './risk.ts';

const facts: GateFacts = {
  isDraft: false,
  checks: [checkResult()],
  risk: { level: 'low', reasons: [] },
  policy: noPolicy,
  forbiddenPaths: [],
  formatter: null,
};
const failed = checkSide({ conclusion: 'failure', exitCode: 1, failing: ['x'] });

function gate(name: string, more: Partial<GateFacts>): Gate | undefined {
  return judgeGates({ ...facts, ...more }).find((other) => other.name === name);
}

describe('the gates before GO', () => {
  it('are all open for a patch that applies and whose checks pass', () => {
    expect(judgeGates(facts).map((one) => [one.name, one.verdict])).toEqual([
      ['applies', 'open'],
      ['proof', 'open'],
    ]);
  });

  it.each<[string, Partial<GateFacts>, Gate['verdict'], RegExp]>([
    [
      'closed for a Draft, which proves nothing',
      { isDraft: true, checks: [] },
      'closed',
      /^This is a Draft: nothing was proved/,
    ],
    [
      'closed by one new failure, which it names',
      { checks: [checkResult({ after: failed, newFailures: ['x'] })] },
      'closed',
      /^1 new failure: x$/,
    ],
    [
      'closed by many, of which it names three',
      { checks: [checkResult({ newFailures: ['a', 'b', 'c', 'd'] })] },
      'closed',
      /^4 new failures: a, b, c, …$/,
    ],
    [
      'closed by a new failure of the built-in check too',
      { checks: [checkResult({ source: 'built_in', newFailures: ['tree'] })] },
      'closed',
      /tree/,
    ],
    [
      'warned when tests that passed before were deleted',
      { checks: [checkResult({ vanished: { count: 2, names: ['a', 'b'] } })] },
      'warned',
      /^1 of 1 checks pass, 0 new failures, but 2 tests that passed before were not seen to run after it$/,
    ],
    [
      'warned when a run that succeeds shows fewer tests than before',
      { checks: [checkResult({ before: checkSide({ passed: 12 }), after: checkSide({ passed: 11 }) })] },
      'warned',
      /but 1 test that passed before was not seen/,
    ],
    [
      'warned when a run that succeeds shows no test at all any more',
      { checks: [checkResult({ before: checkSide({ passed: 12 }), after: checkSide({ passed: null }) })] },
      'warned',
      /but 12 tests/,
    ],
    [
      'warned about failures that were there before',
      { checks: [checkResult({ before: failed, after: failed }), checkResult()] },
      'warned',
      /^1 of 2 checks fail, as they did before/,
    ],
    [
      'warned when nothing was tested',
      { checks: [checkResult({ source: 'built_in' })] },
      'warned',
      /nothing was tested/,
    ],
    ['open with the number of checks', { checks: [checkResult(), checkResult()] }, 'open', /^2 of 2 checks pass/],
  ])('proof: %s', (_what, more, verdict, reason) => {
    expect(gate('proof', more)).toMatchObject({ verdict, reason: expect.stringMatching(reason) });
  });

  it('warn about an unreliable test, a formatter that is not content, and say when it is', () => {
    expect(gate('flaky', { checks: [checkResult({ flaky: ['t'] })] })).toMatchObject({ verdict: 'warned' });
    expect(gate('format', { formatter: { command: 'fmt', clean: false } })).toMatchObject({ verdict: 'warned' });
    expect(gate('format', { formatter: { command: 'fmt', clean: true } })).toMatchObject({ verdict: 'open' });
    expect(gate('format', {})).toBeUndefined();
  });

  it('are closed by a policy that cannot be read and by a path that it forbids', () => {
    expect(gate('policy', { policy: { ...noPolicy, found: true, mistakes: ['x.'] } })).toMatchObject({
      verdict: 'closed',
    });
    expect(gate('forbidden', { forbiddenPaths: ['a'] })).toMatchObject({
      verdict: 'closed',
      reason: expect.stringContaining('a'),
    });
  });

  it.each([
    ['ci', '.github/workflows/ci.yml'],
    ['owners', '.github/CODEOWNERS'],
    ['own_policy', '.patchgit.yml'],
    ['attributes', '.gitattributes'],
  ])('warn about what protects the project: %s', (name, path) => {
    const risk = assessRisk({
      files: [fileChange(path)],
      addedLines: [],
      mended: 0,
      ownRepository: false,
      protectedPaths: [],
    });
    expect(gate(name, { risk })).toMatchObject({ verdict: 'warned', reason: expect.stringContaining(path) });
  });

  it('warn about secrets with their kind and place, and when nothing is known about them', () => {
    const place = { path: 'a.env', kind: 'npm token', line: 3, lastLine: 3, column: 4, columnEnd: 44 };
    const of = (secrets: SecretReport) =>
      assessRisk({ files: [], addedLines: [], mended: 0, ownRepository: false, protectedPaths: [], secrets });
    expect(gate('secret', { risk: of({ known: true, why: null, found: [place] }) })).toMatchObject({
      verdict: 'warned',
      reason: expect.stringMatching(/npm token in "a.env" line 3$/),
    });
    expect(gate('secrets_unknown', { risk: of({ known: false, why: 'It took too long.', found: [] }) })).toMatchObject({
      verdict: 'warned',
      reason: expect.stringMatching(/not, or not all, known. It took too long\.$/),
    });
  });

  it('show a name that cannot be seen as what it is', () => {
    const files = [fileChange('.github/workflows/a\u202Eb.yml')];
    const risk = assessRisk({ files, addedLines: [], mended: 0, ownRepository: false, protectedPaths: [] });
    expect(gate('ci', { risk })?.reason).toContain('a\\u{202e}b.yml');
  });
});

describe('the gate of patchgit itself', () => {
  const own = {
    level: 'high' as const,
    reasons: [{ code: 'own_repository', level: 'high' as const, message: 'x', paths: ['.'] }],
  };
  const verdict = (checks: GateFacts['checks']): string | undefined =>
    gate('own_tests', { risk: own, checks })?.verdict;

  it.each<[string, GateFacts['checks'], string | undefined]>([
    ['stays away while all checks pass', [checkResult(), checkResult({ name: 'lint' })], undefined],
    ['is closed without a check', [], 'closed'],
    ['is closed with nothing but the built-in check', [checkResult({ source: 'built_in' })], 'closed'],
    [
      'is closed by a failure that was there before',
      [checkResult(), checkResult({ before: failed, after: failed })],
      'closed',
    ],
    ['is closed by a check that did not run', [checkResult({ after: checkSide({ conclusion: 'skipped' }) })], 'closed'],
  ])('%s', (_, checks, expected) => expect(verdict(checks)).toBe(expected));

  it('asks for the PIN in any case, and is not there for other repositories', () => {
    expect(gate('own_repository', { risk: own })?.asksPin).toBe(true);
    expect(gate('own_tests', { checks: [checkResult({ before: failed, after: failed })] })).toBeUndefined();
  });
});
