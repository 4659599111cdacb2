import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BudgetFile } from '#contract/budget.ts';
import type { LedgerEntry } from '#contract/ledger.ts';
import { parseBudget } from '../../config.ts';
import type { Log } from '../../ports.ts';
import { testBudget } from '../../testing/budget.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { until } from '../../testing/wait.ts';
import { budgetSettings, differences, type BudgetSettings } from './settings.ts';

let folder = '';
let file = '';
let record: TestRecord;
let settings: BudgetSettings | null = null;
let warnings: object[] = [];
/** What waits for the file to be quiet: the test says when it has been. */
let waiting: (() => void) | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-settings-'));
  file = join(folder, 'budget.json');
  record = testRecord();
  warnings = [];
  save(testBudget);
});
afterEach(() => {
  settings?.close();
  record.close();
  rmSync(folder, { recursive: true, force: true });
});

const withCap = (hourUsd: number): BudgetFile => ({ ...testBudget, caps: { ...testBudget.caps, hourUsd } });
const save = (budget: unknown): void => writeFileSync(file, JSON.stringify(budget));
const quiet = (): void => undefined;
const log: Log = { debug: quiet, info: quiet, error: quiet, warn: (fields) => warnings.push(fields) };

function start(initial: BudgetFile = testBudget): BudgetSettings {
  const { db, ledger, clock } = record;
  const after = (_delayMs: number, run: () => void): (() => void) => {
    waiting = run;
    return () => {
      waiting = null;
    };
  };
  settings = budgetSettings({ file, initial, parse: parseBudget, db, ledger, log, clock: { ...clock, after } });
  return settings;
}

/** Waits until the watcher has seen the change, and lets the time of quiet pass. */
async function settle(): Promise<void> {
  await until('the watcher has seen the change', () => waiting);
  const run = waiting;
  waiting = null;
  run?.();
}

const told = (kind: LedgerEntry['kind']): LedgerEntry[] => record.ledger.list({ limit: 100, kind }).entries;

describe('budget.json while patchgit runs', () => {
  it('counts as soon as an editor has replaced it', async () => {
    const { current } = start();
    writeFileSync(join(folder, 'budget.json~'), JSON.stringify(withCap(0.5)));
    renameSync(join(folder, 'budget.json~'), file);
    await settle();
    expect(current().caps).toEqual({ hourUsd: 0.5, dayUsd: 1 });
    expect(told('budget.changed').map(({ actor, body }) => ({ actor, body }))).toEqual([
      {
        actor: 'owner',
        body: {
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          caps: { hourUsd: 0.5, dayUsd: 1 },
          capsBefore: testBudget.caps,
          changes: ['caps.hourUsd was 0.25 and is 0.5'],
        },
      },
    ]);
    // The replaced file is watched as well as the first one.
    save(withCap(0.1));
    await settle();
    expect(current().caps.hourUsd).toBe(0.1);
  });

  it('that is written in two halves is refused at most once and then taken', async () => {
    const { current } = start();
    const text = JSON.stringify(withCap(0.5));
    writeFileSync(file, text.slice(0, 40));
    await settle();
    expect(current()).toEqual(testBudget);
    appendFileSync(file, text.slice(40));
    await settle();
    expect(current().caps.hourUsd).toBe(0.5);
    expect(told('budget.refused')).toHaveLength(1);
    expect(told('budget.changed')).toHaveLength(1);
  });

  it('that is wrong leaves the last right one in force, and says every mistake once', async () => {
    const { current, mistakes } = start();
    expect(mistakes()).toEqual([]);
    save({ ...testBudget, caps: { hourUsd: -1, dayUsd: 1 }, colour: 'red' });
    await settle();
    save({ ...testBudget, caps: { hourUsd: -1, dayUsd: 1 }, colour: 'red' });
    await settle();
    expect(current()).toEqual(testBudget);
    const [{ body } = { body: {} }, ...others] = told('budget.refused');
    expect(others).toEqual([]);
    expect(JSON.stringify(body)).toMatch(/caps\.hourUsd.*colour/);
    expect(warnings).toHaveLength(1);
    expect(mistakes().join(' ')).toMatch(/caps\.hourUsd.*colour/);
    // Right again, and wrong in the same way again: that is news.
    save(testBudget);
    await settle();
    expect(mistakes()).toEqual([]);
    expect(told('budget.loaded')).toHaveLength(2);
    save({ ...testBudget, caps: { hourUsd: -1, dayUsd: 1 }, colour: 'red' });
    await settle();
    expect(told('budget.refused')).toHaveLength(2);
    expect(told('budget.changed')).toEqual([]);
  });

  it('that is deleted leaves the last one in force until it is back', async () => {
    const { current } = start();
    rmSync(file);
    await settle();
    expect(current()).toEqual(testBudget);
    expect(told('budget.refused')[0]?.body['mistakes']).toEqual([expect.stringContaining('cannot be read')]);
    save(withCap(0.3));
    await settle();
    expect(current().caps.hourUsd).toBe(0.3);
  });

  it('is one entry for each content, not for each start', async () => {
    start().close();
    start().close();
    expect(told('budget.loaded')).toMatchObject([{ body: { caps: testBudget.caps, timeZone: 'UTC' } }]);
    start();
    save(withCap(0.5));
    await settle();
    settings?.close();
    start().close();
    expect(told('budget.loaded')).toHaveLength(1);
    save(withCap(0.6));
    expect(start().current().caps.hourUsd).toBe(0.6);
    expect(told('budget.loaded')).toHaveLength(2);
  });

  it('counts as the file says also when the start has read an older one', () => {
    expect(start(withCap(0.9)).current()).toEqual(testBudget);
    settings?.close();
    rmSync(file);
    expect(start(withCap(0.9)).current()).toEqual(withCap(0.9));
  });
});

describe('what has changed', () => {
  it('is said with its place, what was there and what is', () => {
    const { helper, policy } = testBudget;
    const after: BudgetFile = {
      ...testBudget,
      helper: { ...helper, sizes: helper.sizes.slice(0, 2) },
      policy: { ...policy, externalApi: 'never' },
    };
    expect(differences(testBudget, testBudget)).toEqual([]);
    expect(differences(testBudget, after)).toEqual([
      'helper.sizes.2.slug is gone: it was "s-4vcpu-8gb"',
      'helper.sizes.2.memoryMiB is gone: it was 8192',
      'helper.sizes.2.cpus is gone: it was 4',
      'helper.sizes.2.usdPerHour is gone: it was 0.072',
      'policy.externalApi was "ask" and is "never"',
    ]);
  });
});
