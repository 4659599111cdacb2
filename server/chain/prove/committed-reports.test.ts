import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckDefinition } from '#contract/check.ts';
import { isReport } from './committed-reports.ts';
import { plainSandbox } from './testing/plain-sandbox.ts';
import { proofHouse, type ProofHouse } from './testing/proof-house.ts';

const report = (...names: string[]): string =>
  `<testsuite>${names.map((name) => `<testcase name="${name}"/>`).join('')}</testsuite>`;
const check: CheckDefinition = { name: 'test', command: 'sh test.sh', source: 'detected', reports: ['r.xml'] };
/** Writes the report that belongs to what it does. */
const runs = `echo '${report('adds', 'rounds')}' > r.xml\n`;

let house: ProofHouse;
let base: string;

beforeAll(() => {
  house = proofHouse(plainSandbox);
  base = house.repository.commit({ 'test.sh': runs }, { branch: 'tested' });
});
afterAll(() => house.close());

const prove = async (patch: Record<string, string | null>, from = base) => {
  const plan = { checks: [check], leftOut: ['set-up'] };
  const { checks, proof } = await house.proved({ patch, plan, base: from });
  const [shown] = checks;
  if (!shown) throw new Error('one check ran');
  return { shown, said: proof.notProved.join(' ') };
};

describe('a report that stands in the tree', () => {
  it('is no evidence when the patch brings it, and the check runs nothing', async () => {
    const { shown, said } = await prove({ 'test.sh': 'true\n', 'r.xml': report('adds', 'rounds') });
    expect(shown).toMatchObject({ before: { passed: 2 }, after: { conclusion: 'success', passed: null } });
    expect(said).toMatch(/has a file where test reports are looked for \(r\.xml\)/);
    expect(said).toMatch(/before the patch 2 tests passed, and now nothing shows that any test was run/);
  });

  it('is no evidence when it was there before', async () => {
    const stale = house.repository.commit({ 'test.sh': 'true\n', 'r.xml': report('adds') }, { branch: 'stale' });
    const { shown, said } = await prove({ 'src.txt': 'other' }, stale);
    expect(shown).toMatchObject({ before: { passed: null }, after: { passed: null }, newFailures: [] });
    expect(said).toMatch(/none is believed/);
  });

  it('is believed when the run has made it', async () => {
    const { shown, said } = await prove({ 'src.txt': 'other' });
    expect(shown).toMatchObject({ before: { passed: 2 }, after: { passed: 2 } });
    expect(said).not.toMatch(/test:/);
  });

  it('that is left out by a patch, with every test, is missed by name', async () => {
    const { shown, said } = await prove({ 'test.sh': `echo '<testsuite/>' > r.xml\n` });
    expect(shown.after.conclusion).toBe('success');
    expect(said).toMatch(/2 tests passed, and now nothing shows that any test was run/);
  });
});

describe('a path', () => {
  it.each([
    ['target/surefire-reports/TEST-a.xml', '**/target/surefire-reports/*.xml', true],
    ['a/b/target/surefire-reports/.x.xml', '**/target/surefire-reports/*.xml', true],
    ['target/surefire-reports/sub/x.xml', '**/target/surefire-reports/*.xml', false],
    ['a/build/test-results/test/x.xml', '**/build/test-results/**/*.xml', true],
    ['.patchgit-junit.xml', '.patchgit-junit.xml', true],
    ['xpatchgit-junit.xml', '.patchgit-junit.xml', false],
    ['out/x', 'out/**', true],
    ['r+(1).xml', 'r+(1).xml', true],
    ['a\nb/r.xml', '**/r.xml', true],
  ])('%j is one of %j: %s', (path, pattern, isOne) => {
    expect(isReport(path, [pattern])).toBe(isOne);
  });
});
