/** git's answer is held against what the paste was understood to say. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectId } from '#contract/ids.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { readPatch, type ReadPatch } from './read.ts';
import { git, makeQuarantine, makeRepository, type Repository } from './testing/repository.ts';
import { good, sample } from './testing/sample.ts';

let repository: Repository;
let base: ObjectId;
beforeAll(() => {
  repository = makeRepository();
  base = repository.commit(sample);
});
afterAll(() => repository.remove());

const more =
  'diff --git a/run.sh b/run.sh\nold mode 100755\nnew mode 100644\ndiff --git a/docs/a name.txt b/docs/other.txt\nsimilarity index 100%\nrename from docs/a name.txt\nrename to docs/other.txt\ndiff --git a/empty.txt b/empty.txt\ndeleted file mode 100644\n';

async function answer(change: (read: ReadPatch) => Partial<ReadPatch>): Promise<string> {
  const read = await readPatch(Buffer.from(good + more), gitBaseReader(git, repository.gitDir, base));
  if (!read.ok) throw new Error(read.why.message);
  const { bytes, files, results } = { ...read.value, ...change(read.value) };
  const request = { gitDir: repository.gitDir, base, ...makeQuarantine(repository), patch: bytes, files, results };
  const applied = await applyPatch(git, request);
  return applied.ok ? 'applied' : `${applied.why.code} ${applied.why.file}`;
}

const without = (text: string) => (read: ReadPatch) => ({
  bytes: Buffer.from(read.bytes.toString('latin1').replace(text, ''), 'latin1'),
});

describe('what git made of a patch', () => {
  it('is taken when it is what the parts say', async () => {
    expect(await answer(() => ({}))).toBe('applied');
  });

  it.each([
    ['a part', good, 'src/queue.js'],
    ['a mode', 'diff --git a/run.sh b/run.sh\nold mode 100755\nnew mode 100644\n', 'run.sh'],
    ['a deletion', 'diff --git a/empty.txt b/empty.txt\ndeleted file mode 100644\n', 'empty.txt'],
  ])('is refused when it leaves out %s', async (_, text, path) => {
    expect(await answer(without(text))).toBe(`patch_corrupt ${path}`);
  });

  it('is refused when a line came out otherwise', async () => {
    const other = (read: ReadPatch) => ({ bytes: Buffer.from(read.bytes.toString().replace('RangeError', 'Error2')) });
    expect(await answer(other)).toBe('patch_corrupt src/queue.js');
  });
});
