import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, type Repository, tryPatch } from './testing/repository.ts';

let repository: Repository;
beforeAll(() => {
  repository = makeRepository();
});
afterAll(() => repository.remove());

/** Blocks that differ in nothing. */
const block = ['{', '  one();', '  two();', '  three();', '}', ''];
const blocks = Array.from({ length: 9 }, () => block).flat();

function changed(...ofBlocks: readonly number[]): string {
  const lines = [...blocks];
  for (const at of ofBlocks) lines[at * block.length + 2] = '  2();';
  return `${lines.join('\n')}\n`;
}

/** The diff with line numbers that name no place. */
function lost(...ofBlocks: readonly number[]): { base: ReturnType<Repository['commit']>; goal: string; diff: string } {
  const [base, after] = repository.commits({ 'a.js': changed() }, { 'a.js': changed(...ofBlocks) });
  if (!base || !after) throw new Error('two commits were made');
  const diff = repository.diff(base, after, '-U2').toString();
  const off = diff.replace(/^@@ -(\d+)(,\d+) \+(\d+)/gm, (_, old: string, count: string, fresh: string) => {
    return `@@ -${Number(old) + 2}${count} +${Number(fresh) + 2}`;
  });
  return { base, goal: repository.treeOf(after), diff: off };
}

describe('hunks that fit at several places', () => {
  it('go where the index line says, one or several of them', async () => {
    for (const ofBlocks of [[4], [0, 7], [8]]) {
      const { base, goal, diff } = lost(...ofBlocks);
      expect(await tryPatch(repository, base, diff)).toMatchObject({ ok: true, value: { tree: goal } });
    }
  });

  it('are ambiguous when no index line says where, or it says something else', async () => {
    const { base, diff } = lost(4);
    const [old = '', fresh = ''] = /index (\w+)\.\.(\w+)/.exec(diff)?.slice(1) ?? [];
    const ambiguous = { ok: false, why: { code: 'patch_ambiguous' } };
    for (const other of [
      diff.replace(/^index .*\n/m, ''),
      diff.replace(
        fresh,
        fresh.replace(/^./, (digit) => (digit === 'a' ? 'b' : 'a')),
      ),
      diff.replace(old, '1234567'),
    ]) {
      expect(other).not.toBe(diff);
      expect(await tryPatch(repository, base, other)).toMatchObject(ambiguous);
    }
  });
});
