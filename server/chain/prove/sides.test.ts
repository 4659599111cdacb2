import { describe, expect, it } from 'vitest';
import type { CheckDefinition } from '#contract/check.ts';
import { CheckResult } from '#contract/check.ts';
import { StepOutcome, type Limits } from '#contract/helper-wire.ts';
import { canonicalJson, sha256 } from '../../lib/digest.ts';
import { Sha256 } from '#contract/ids.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import { checkResult, checkSide } from '../../testing/documents.ts';
import { notProved } from './not-proved.ts';
import { compare, settleFlaky, toRan, type Ran } from './sides.ts';

const limits: Limits = {
  wallMs: 1000,
  cpuPercent: 100,
  memoryBytes: 1024 * 1024,
  processes: 10,
  diskBytes: 1024 * 1024,
  tmpBytes: 1024 * 1024,
  logBytes: 1024,
  outputBytes: 1024 * 1024,
};
const check: CheckDefinition = { name: 'test', command: 'x', source: 'policy', reports: ['r.xml'] };

/** The far end: a place where bytes are kept. */
const artifacts = {
  keep: async (content: Uint8Array | string) => ({ sha256: Sha256.parse(sha256(content)), bytes: content.length }),
} as unknown as Artifacts; // Only `keep` is used.

interface Left {
  readonly code?: number;
  readonly log?: string;
  readonly report?: string;
  readonly cut?: boolean;
  readonly omitted?: number;
  /** Files of the tree where reports are looked for. */
  readonly committed?: string[];
}

const ran = ({ code = 0, log = '', report = '', cut = false, omitted = 0, committed = [] }: Left): Promise<Ran> =>
  toRan(
    artifacts,
    limits,
    check,
    StepOutcome.parse({
      name: 'test',
      exitCode: code,
      signal: null,
      limit: null,
      durationMs: 1,
      logBase64: Buffer.from(log).toString('base64'),
      omittedBytes: omitted,
      reportsBase64: Buffer.from(report).toString('base64'),
      reportsCut: cut,
    }),
    [],
    committed,
  );
const xml = (...cases: string[]): string =>
  `<testsuite>${cases.map((text) => (text.startsWith('-') ? `<testcase name="${text.slice(1)}"><failure/></testcase>` : `<testcase name="${text}"/>`)).join('')}</testsuite>`;
const compared = async (before: Left, after: Left) => compare(check, await ran(before), await ran(after));

describe('a check on both sides', () => {
  it('is compared by its reports when both sides left one', async () => {
    const result = await compared(
      { code: 1, report: xml('-a', 'b', 'c'), log: '✖ x' },
      { code: 1, report: xml('-a', '-b', 'c'), log: '✖ y' },
    );
    expect(result).toMatchObject({
      before: { failing: ['a'], passed: 2, skipped: 0 },
      after: { failing: ['a', 'b'], passed: 1 },
      newFailures: ['b'],
    });
    expect(result.after.notes).toBeUndefined();
  });

  it('is compared by its logs when a report is missing or cannot be read, and says so', async () => {
    const log = 'FAILED t.py::test_a - no\n1 failed, 2 passed in 0.10s\n';
    for (const report of ['', '<testsuite><testcase']) {
      const result = await compared({ code: 1, report: xml('-t > test_a', 'b', 'c'), log }, { code: 1, report, log });
      expect(result.newFailures).toEqual([]);
      expect(result.after.failing).toEqual(['t.py::test_a']);
      expect(result.after.notes?.join(' ')).toMatch(/results are taken from the log/);
      expect(notProved([result], null).join(' ')).toMatch(/test: .*results are taken from the log/);
    }
  });

  it('is a new failure when tests were reported before and nothing is known after', async () => {
    const result = await compared({ code: 1, report: xml('-a', 'b') }, { code: 1, log: 'it does not compile' });
    expect(result.newFailures).toEqual(['test (its tests were not run)']);
  });

  it('is what the exit code says, whatever a report claims', async () => {
    expect(await compared({ report: xml('a') }, { code: 1, report: xml('a') })).toMatchObject({
      newFailures: ['test'],
      after: { conclusion: 'failure', failing: ['test'] },
    });
    expect(await compared({ report: xml('a') }, { report: xml('-a') })).toMatchObject({
      newFailures: [],
      after: { conclusion: 'success', failing: [] },
    });
  });

  it('is compared by its logs when a report names no failure of a run that failed', async () => {
    const stale = xml('a', 'b');
    const result = await compared(
      { code: 1, report: stale, log: 'FAILED t.py::test_a - no\n' },
      { code: 1, report: stale, log: 'FAILED t.py::test_a - no\nFAILED t.py::test_b - no\n' },
    );
    expect(result.newFailures).toEqual(['t.py::test_b']);
  });

  it('says which tests vanished, with at most 20 names in the proposal', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `t${index}`);
    const result = await compared({ report: xml('stays', ...names) }, { report: xml('stays') });
    expect(result.vanished).toMatchObject({ count: 30 });
    expect(result.vanished?.names).toHaveLength(20);
    expect(notProved([result], null)).toContain(
      'test: 30 tests that passed before were not run after: t0, t1, t2 and 27 more.',
    );
    expect(notProved([result], null).join(' ')).not.toMatch(/fewer/);
  });

  it('says nothing of checks that did not run', async () => {
    const result = await compared({ report: xml('a') }, { report: xml('a') });
    const skipped = { ...result, after: { ...result.after, conclusion: 'skipped' as const } };
    expect(notProved([result], null).join(' ')).toMatch(/^The checks ran without network/);
    expect(notProved([skipped], null).join(' ')).not.toMatch(/The checks ran/);
  });

  it('says that tests are left out now', async () => {
    const result = await compared(
      { report: xml('a', 'b') },
      { report: '<testsuite><testcase name="a"><skipped/></testcase><testcase name="b"/></testsuite>' },
    );
    expect(result.leftOut).toEqual({ count: 1, names: ['a'] });
    expect(notProved([result], null)).toContain('test: 1 test that passed before was left out (skipped) after: a.');
  });

  it('claims nothing about tests it may not have seen', async () => {
    const result = await compared(
      { report: xml('a', 'b', 'c') },
      { report: `${xml('a')}<testsuite><testcase name="b"/><test`, cut: true },
    );
    expect(result.vanished).toBeUndefined();
    expect(result.after.notes?.join(' ')).toMatch(/longer than 2 MiB/);
    const log = await compared({ log: '2 passing' }, { log: '  1 passing', omitted: 5 });
    expect(log.after.notes?.join(' ')).toMatch(/middle of the log/);
  });

  it('that names more than the proposal keeps is compared by all of it', async () => {
    const names = Array.from({ length: 600 }, (_, index) => `-t${index}`);
    const result = await compared({ code: 1, report: xml(...names) }, { code: 1, report: xml(...names.toReversed()) });
    expect(result.newFailures).toEqual([]);
    expect(result.after.failing).toHaveLength(500);
  });

  it('that passes when run again is flaky by name', async () => {
    const before = await ran({ report: xml('a', 'b') });
    const first = compare(check, before, await ran({ code: 1, report: xml('-a', '-b') }));
    const second = compare(check, before, await ran({ code: 1, report: xml('a', '-b') }));
    expect(settleFlaky(first, second)).toMatchObject({
      newFailures: ['b'],
      flaky: ['a'],
      // Both runs took a millisecond.
      after: { failing: ['b'], durationMs: 2 },
    });
  });

  it('that fails again in another way is flaky in no test, and was not reliable in none', async () => {
    const before = await ran({ report: xml('a', 'b') });
    const first = compare(check, before, await ran({ code: 139, log: 'Segmentation fault' }));
    const second = compare(check, before, await ran({ code: 1, report: xml('a', '-b') }));
    expect(first.newFailures).toEqual(['test']);
    expect(settleFlaky(first, second)).toMatchObject({ newFailures: ['b'], flaky: [] });
    expect(settleFlaky(first, compare(check, before, before))).toMatchObject({ newFailures: [], flaky: ['test'] });
  });

  it('fits its contract, and a result frozen before there were names of vanished tests stays byte for byte', async () => {
    const result = await compared({ report: xml('a') }, { report: xml('b') });
    expect(canonicalJson(CheckResult.parse(result))).toBe(canonicalJson(result));
    const old = checkResult({ before: checkSide({ passed: 3 }) });
    expect(canonicalJson(CheckResult.parse(JSON.parse(JSON.stringify(old))))).toBe(canonicalJson(old));
  });
});

describe('a green that is none', () => {
  it('is named when the results say that tests failed that did not fail before', async () => {
    const result = await compared({ report: xml('a', '-old') }, { report: xml('-a', '-old') });
    expect(result).toMatchObject({ newFailures: [], after: { conclusion: 'success', failing: [] } });
    expect(notProved([result], null).join(' ')).toMatch(/ended with exit code 0, although .* did not fail before: a\./);
    const retried = await compared({ report: xml('a') }, { report: xml('-a', 'a') });
    expect(retried.after.notes).toBeUndefined();
    // A line that only looks like a failing test is no result.
    const printed = await compared({ log: 'fine' }, { log: '✖ a word of warning' });
    expect(printed.after.notes?.join(' ')).not.toMatch(/exit code 0/);
  });

  it('is named when tests passed before and nothing tells of any now', async () => {
    const result = await compared({ log: '  2 passing (6ms)\n' }, { log: 'noise\n' });
    expect(notProved([result], null)).toContain(
      'test: before the patch 2 tests passed, and now nothing shows that any test was run.',
    );
    const without = await compared({ report: xml('a') }, { log: 'noise\n' });
    expect(notProved([without], null)).toContain(
      'test: before the patch 1 test passed, and now nothing shows that any test was run.',
    );
  });

  it('is named when it ran no test', async () => {
    const log = 'Ran 0 tests in 0.000s\n\nOK\n';
    const said = notProved([await compared({ log: 'Ran 3 tests in 0.001s\n\nOK\n' }, { log })], null);
    expect(said).toContain('test: 3 fewer tests passed than before the patch.');
    expect(said).toContain('test: it succeeded, and no test passed in it.');
    expect(notProved([await compared({ log }, { log })], null)).toContain(
      'test: it succeeded, and no test passed in it.',
    );
  });

  it('takes no word from a report that the tree itself brings', async () => {
    const fake = { report: xml('a', 'b', 'c'), committed: ['r.xml'] };
    const result = await compared({ report: xml('a', 'b', 'c') }, fake);
    expect(result.after).toMatchObject({ conclusion: 'success', passed: null });
    const said = notProved([result], null).join(' ');
    expect(said).toMatch(/The tree itself has a file where test reports are looked for \(r\.xml\)/);
    expect(said).toMatch(/before the patch 3 tests passed, and now nothing shows that any test was run/);
    const failing = await compared(
      { report: xml('a', '-old'), code: 1 },
      { ...fake, report: xml('a', '-old'), code: 1 },
    );
    expect(failing.newFailures).toEqual(['test (its tests were not run)']);
  });
});

describe('a red that was red before', () => {
  it('is a new failure when its reports are the old ones, but the log says that something did not compile', async () => {
    const report = xml('-old', 'b');
    const log = '[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0\n';
    expect((await compared({ code: 1, report, log }, { code: 1, report, log })).newFailures).toEqual([]);
    for (const sign of ['[ERROR] COMPILATION ERROR : ', '[ERROR] Crashed tests:']) {
      const result = await compared({ code: 1, report, log }, { code: 1, report, log: `${log}${sign}\n` });
      expect(result.newFailures).toEqual(['test (its tests did not all run)']);
    }
  });

  it('is a new failure when one package of several cannot even begin its tests', async () => {
    const one = '> a@1.0.0 test\n> node --test\n✖ old (1ms)\nℹ pass 3\nℹ fail 1\n';
    const other = '> b@1.0.0 test\n> vitest run\n';
    const before = { code: 1, log: `${one}${other} Test Files  1 passed (1)\n      Tests  2 passed (2)\n` };
    const after = { code: 1, log: `${one}${other}failed to load the configuration\n` };
    expect((await compared(before, before)).newFailures).toEqual([]);
    expect((await compared(before, after)).newFailures).toEqual(['test (its tests did not all run)']);
  });

  it('is a new failure when fewer tests pass and the names may stand in what was not kept', async () => {
    const log = (passed: number): string => `FAILED t.py::test_old - no\n1 failed, ${passed} passed in 0.10s\n`;
    const [before, cut] = [
      { code: 1, log: log(5) },
      { code: 1, omitted: 9 },
    ];
    expect((await compared(before, { ...cut, log: log(4) })).newFailures).toEqual(['test (1 fewer tests pass)']);
    expect((await compared(before, { ...cut, log: log(5) })).newFailures).toEqual([]);
  });
});
