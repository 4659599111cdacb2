import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeHouses, startHouse, type House } from './testing/daemon.ts';
import { addRepository, propose } from './testing/owner.ts';
import { descendantsOf } from './testing/processes.ts';
import { makeRepository, removeRepositories, type Files, type TestRepository } from './testing/repository.ts';
import { until } from './testing/wait.ts';

let house: House;
let count = 0;

beforeAll(async () => {
  house = await startHouse();
});
afterAll(closeHouses);
afterEach(removeRepositories);

/** A program that prints what `node --test` prints, so that the sandbox needs nothing but a shell. */
const suite = (...tests: readonly string[]): string =>
  `echo 'TAP version 13'; code=0; number=0
run() { number=$((number + 1)); if sh -c "$2"; then echo "ok $number - $1"; else echo "not ok $number - $1"; code=1; fi; }
${tests.join('\n')}
echo "1..$number"; exit $code
`;

async function prove(files: Files, change: Files, checks = [{ name: 'test', command: 'sh ./test.sh' }]) {
  count += 1;
  const repository: TestRepository = makeRepository(files);
  const name = `results${count}`;
  await addRepository(house.client, { name, url: repository.origin, ...(checks.length === 0 ? {} : { checks }) });
  const { document } = await propose(house.client, { repository: name, patch: repository.diff(change) });
  const [check] = document.checks;
  if (!check) throw new Error('one check ran');
  return { document, check };
}

const till = {
  'total.txt': '3\n',
  'test.sh': suite(`run 'the till adds up' 'grep -q 3 total.txt'`, `run 'the door opens' true`),
};

describe('the results of tests in the sandbox', () => {
  it('name the test that fails anew', async () => {
    const { document, check } = await prove(till, { 'total.txt': '4\n' });
    expect(check).toMatchObject({
      before: { passed: 2, failing: [], skipped: 0 },
      after: { passed: 1, failing: ['the till adds up'] },
      newFailures: ['the till adds up'],
      flaky: [],
    });
    expect(document.gates.find((gate) => gate.name === 'proof')).toMatchObject({
      verdict: 'closed',
      reason: '1 new failure: the till adds up',
    });
  });

  it('name a test that is not reliable, and do not blame the patch', async () => {
    // It sleeps until somebody ends it, and passes when that was done with SIGUSR1: what differs from run to run is up to us.
    const lamp = suite(`run 'the door opens' true`, `run 'the lamp burns' 'sleep 7777; [ $? -eq 138 ]'`);
    const asked = prove(till, { 'test.sh': lamp });
    const ended = new Set<number>();
    for (const signal of ['SIGTERM', 'SIGUSR1'] as const) {
      const pid = await until('the lamp is lit', () => {
        const lit = descendantsOf(house.pid()).find((seen) => seen.command === 'sleep 7777' && !ended.has(seen.pid));
        return lit?.pid ?? null;
      });
      ended.add(pid);
      process.kill(pid, signal);
    }
    const { document, check } = await asked;
    expect(check).toMatchObject({ flaky: ['the lamp burns'], newFailures: [], after: { conclusion: 'success' } });
    expect(document.gates.find((gate) => gate.name === 'flaky')?.reason).toMatch(/the lamp burns/);
  });

  it('say which test is gone, although everything passes', async () => {
    const { document, check } = await prove(till, { 'test.sh': suite(`run 'the till adds up' 'grep -q 3 total.txt'`) });
    expect(check).toMatchObject({ newFailures: [], vanished: { count: 1, names: ['the door opens'] } });
    expect(document.proof.notProved).toContain('test: 1 test that passed before was not run after: the door opens.');
  });

  it('are taken from the reports that the policy of the base names, in words that the log does not have', async () => {
    const policy = `checks:\n  - { name: report, command: sh ./report.sh, reports: ['out/**/*.xml'] }\n`;
    const report = `mkdir -p out/a out/b
echo '<testsuite><testcase classname="shop.Till" name="adds"/></testsuite>' > out/a/1.xml
grep -q 3 total.txt && { echo '<testsuite><testcase classname="shop.Till" name="rounds"/></testsuite>' > out/b/2.xml; exit 0; }
echo '<?xml version="1.0"?><testsuite><testcase classname="shop.Till" name="rounds"><failure/></testcase></testsuite>' > out/b/2.xml
exit 1
`;
    const files = { 'total.txt': '3\n', 'report.sh': report, '.patchgit.yml': policy };
    const { check } = await prove(files, { 'total.txt': '4\n' }, []);
    expect(check).toMatchObject({
      before: { passed: 2, failing: [] },
      after: { passed: 1, failing: ['shop.Till > rounds'] },
      newFailures: ['shop.Till > rounds'],
    });
  });
});
