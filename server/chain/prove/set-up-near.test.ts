import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { baseSandbox, type BaseSandbox } from '../../adapters/base-sandbox.ts';
import { findRunUser } from '../../adapters/base-sandbox-user.ts';
import { proofHouse, silentLog, type ProofHouse } from './testing/proof-house.ts';

let house: ProofHouse;
let sandbox: BaseSandbox;

beforeEach(async () => {
  const make = (folder: string): BaseSandbox => {
    chmodSync(folder, 0o755);
    sandbox = baseSandbox({
      nodePath: process.execPath,
      helperPath: new URL('../../../helper/main.ts', import.meta.url).pathname,
      npmFolder: null,
      log: silentLog,
      layers: { folder: join(folder, 'layers'), keptBytesMax: 1 << 30 },
    });
    return sandbox;
  };
  house = proofHouse(make, await findRunUser());
});
afterEach(async () => {
  await sandbox.close();
  await house.close();
});

/** Layers that are kept, by their keys. */
const kept = (): string[] => {
  const folder = join(house.folder, 'layers');
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name)) : [];
};

describe('a proof with a set-up, in the real sandbox', () => {
  it('runs the checks over what it left in the tree and in the home, and keeps that for the next job', async () => {
    const { checks } = await house.proved({ patch: { 'src.txt': 'better' } });
    expect(checks.map(({ name, before, after }) => [name, before.conclusion, after.conclusion])).toEqual([
      ['set-up', 'success', 'success'],
      ['test', 'success', 'success'],
    ]);
    expect(await house.logOf(checks[1]?.before)).toBe('oneby base');
    expect(kept()).toHaveLength(1);
    const again = await house.proved({ patch: { 'src.txt': 'broken' } });
    expect(again.checks[0]?.before.notes?.join()).toMatch(/earlier job/);
    expect(again.checks[1]).toMatchObject({ newFailures: ['test'], after: { conclusion: 'failure' } });
  });

  it('gives a patched lock file a layer of its own, and keeps nothing of a set-up that failed', async () => {
    const own = await house.proved({ patch: { 'package-lock.json': 'two' } });
    expect(await house.logOf(own.checks[1]?.after)).toBe('twoby base');
    expect(kept()).toHaveLength(2);
    const failed = await house.proved({ patch: { 'src.txt': 'x' }, setUp: { command: 'touch left; echo no; exit 3' } });
    expect(failed.checks[0]?.before).toMatchObject({ conclusion: 'failure', exitCode: 3 });
    expect(failed.checks[1]?.before.conclusion).toBe('skipped');
    expect(kept()).toHaveLength(2);
  });
});
