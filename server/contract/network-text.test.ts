import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notRun, setUpResult, takenFromBase, takenFromEarlier } from '../chain/prove/set-up.ts';
import type { Ran } from '../chain/prove/sides.ts';
import { checkResult, checkSide } from '../testing/documents.ts';
import { testRecord, type TestRecord } from '../testing/record.ts';
import { networkText } from './network-text.ts';
import type { SetUpDefinition } from './check.ts';

const setUp: SetUpDefinition = {
  command: 'npm ci',
  source: 'detected',
  hosts: ['registry.npmjs.org', 'registry.yarnpkg.com'],
  lacks: [],
  inputs: [],
};
const proof = { formatter: null };
const skipped = checkSide({ conclusion: 'skipped', durationMs: 0 });

let record: TestRecord;
beforeEach(() => {
  record = testRecord();
});
afterEach(() => record.close());

/** As the proof makes them. */
const taken = (why: string): Promise<Ran> => notRun(record.artifacts, 'success', why);
const left = (): Promise<Ran> => notRun(record.artifacts, 'skipped', 'Not run.');
const ran = async (conclusion: 'success' | 'failure' = 'success'): Promise<Ran> => {
  const { facts, ...rest } = await taken('Added 3 packages.');
  return { ...rest, facts: { ...facts, conclusion, durationMs: 900 } };
};

describe('what a proof could reach', () => {
  it('is nothing, when there was no set-up', () => {
    expect(networkText({ checks: [checkResult()], plan: {}, proof })).toBe('the checks ran without a network');
    // A plan may name a set-up that this option did without.
    expect(networkText({ checks: [checkResult()], plan: { setUp }, proof })).toBe('the checks ran without a network');
  });

  it('is what the set-up of this proposal had a door to, and nothing for the checks', async () => {
    const result = setUpResult(setUp, await ran(), await taken(takenFromBase));
    const one = { ...setUp, hosts: ['pypi.org'] };
    expect(networkText({ checks: [result, checkResult()], plan: { setUp }, proof })).toBe(
      'the set-up ran with a door to 2 named hosts and to nothing else; the checks ran without a network',
    );
    expect(networkText({ checks: [result, checkResult()], plan: { setUp: one }, proof })).toMatch(/ 1 named host and /);
    expect(networkText({ checks: [result, checkResult()], plan: { setUp: { ...setUp, hosts: [] } }, proof })).toBe(
      'the set-up ran without a network; the checks ran without a network',
    );
    expect(
      networkText({ checks: [result], plan: { setUp }, proof: { formatter: { command: 'fmt', clean: true } } }),
    ).toMatch(/; the checks ran without a network$/);
  });

  it('is told from a set-up that did not run for it, because an earlier one had left what it needs', async () => {
    const result = setUpResult(setUp, await taken(takenFromEarlier), await taken(takenFromBase));
    expect(networkText({ checks: [result, checkResult()], plan: { setUp }, proof })).toBe(
      'the set-up was taken from an earlier job, where it ran with a door to 2 named hosts and to nothing else; the checks ran without a network',
    );
    // The patch changes a lock file: that side is made anew.
    const half = setUpResult(setUp, await taken(takenFromEarlier), await ran());
    expect(networkText({ checks: [half, checkResult()], plan: { setUp }, proof })).toMatch(
      /^the set-up ran with a door/,
    );
  });

  it('says that no check ran when the set-up failed', async () => {
    const result = setUpResult(setUp, await ran('failure'), await left());
    const check = checkResult({ before: skipped, after: skipped });
    expect(networkText({ checks: [result, check], plan: { setUp }, proof })).toBe(
      'the set-up ran with a door to 2 named hosts and to nothing else; no check ran',
    );
  });
});
