/** The shared collection of damaged and hostile patches, where it is at hand; skipped visibly where it is not. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type File, makeRepository, tryPatch } from './testing/repository.ts';

const folder = resolve(import.meta.dirname, '../../../../shared/data/patch-cases');
const cases = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+-/.test(name)) : [];
const Expectation = z.object({
  accept: z.array(z.object({ outcome: z.enum(['applied', 'refused']), tree: z.string().optional() })),
});

const repository = makeRepository();
afterAll(() => repository.remove());

function readFolder(root: string, below = ''): Record<string, File> {
  return Object.fromEntries(
    readdirSync(join(root, below)).flatMap((name) => {
      const path = below === '' ? name : `${below}/${name}`;
      const there = lstatSync(join(root, path));
      if (there.isDirectory()) return Object.entries(readFolder(root, path));
      const mode = there.isSymbolicLink() ? '120000' : there.mode & 0o100 ? '100755' : '100644';
      const content = there.isSymbolicLink()
        ? Buffer.from(readlinkSync(join(root, path)))
        : readFileSync(join(root, path));
      return [[path, { mode, content } satisfies File]];
    }),
  );
}

describe('shared patch cases', () => {
  it.skipIf(cases.length === 0)('are at hand', () => expect(cases.length).toBeGreaterThan(0));

  it.each(cases)('%s ends in an outcome that is accepted', async (name) => {
    const at = join(folder, name);
    const { accept } = Expectation.parse(JSON.parse(readFileSync(join(at, 'expect.json'), 'utf8')));
    const tried = await tryPatch(
      repository,
      repository.commit(readFolder(join(at, 'base'))),
      readFileSync(join(at, 'patch.txt')),
    );
    const trees = accept.flatMap(({ tree }) =>
      tree === undefined ? [] : [repository.treeOf(repository.commit(readFolder(join(at, tree))))],
    );
    if (tried.ok) expect(trees).toContain(tried.value.tree);
    else
      expect(
        accept.map(({ outcome }) => outcome),
        tried.why.message,
      ).toContain('refused');
  });
});
