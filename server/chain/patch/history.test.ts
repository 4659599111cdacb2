import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { applyPatch, applyPatchFully } from './apply.ts';
import { step } from './testing/history.ts';
import { git, makeQuarantine, makeRepository, type Repository, tryPatch } from './testing/repository.ts';

// Enough for every run of the suite; ten thousand were run by hand when this was written.
const runs = 60;
let repository: Repository;
const never = ObjectId.parse('0'.repeat(40));

beforeAll(() => {
  repository = makeRepository();
});
afterAll(() => repository.remove());

const shapes = [
  [],
  ['-M'],
  ['-C', '--find-copies-harder'],
  ['--no-renames', '-U1'],
  ['-M', '-U8', '--patience'],
  ['--no-renames', '--irreversible-delete'],
] as const;

describe('diffs that git made of random changes', () => {
  it('give exactly the tree they were made from, without any repair', async () => {
    await fc.assert(
      fc.asyncProperty(step, fc.constantFrom(...shapes), async ({ before, after }, shape) => {
        const [base = never, goal = never] = repository.commits(before, after);
        const diff = repository.diff(base, goal, '--binary', '--full-index', ...shape);
        if (diff.length === 0) return;
        const tried = await tryPatch(repository, base, diff);
        if (!tried.ok) {
          // Some diffs git itself cannot apply: a symlink that moves away while a folder takes its name.
          const files = Object.keys({ ...before, ...after });
          const request = { gitDir: repository.gitDir, base, patch: diff, files, ...makeQuarantine(repository) };
          const alone = await applyPatchFully(git, request);
          if (alone.ok) throw new Error(`${tried.why.code} ${tried.why.message}\n${diff.toString()}`);
          return;
        }
        expect(tried.value.tree).toBe(repository.treeOf(goal));
        if (!shape.includes('--irreversible-delete' as never)) expect(tried.value.handed).toBe(diff.toString('latin1'));
      }),
      { numRuns: runs },
    );
  });

  it('give that tree or a refusal after any damage, never a third one', async () => {
    const anchor = { mode: '100644', content: Buffer.from('anchor one\nanchor two\n') } as const;
    const anchored = { mode: '100644', content: Buffer.from('anchor one\nanchor 2\n') } as const;
    await fc.assert(
      fc.asyncProperty(step, damage, async ({ before, after }, damaged) => {
        // A name that loses its last blank is another name, and nothing says so.
        fc.pre(!Object.keys({ ...before, ...after }).some((path) => path.endsWith(' ')));
        // One change of a file that is there makes git's index lines believable, so that they decide (seal.ts).
        const [base = never, goal = never] = repository.commits(
          { ...before, 'anchor.txt': anchor },
          { ...after, 'anchor.txt': anchored },
        );
        const diff = repository.diff(base, goal, '--no-renames', '--binary', '--full-index').toString('latin1');
        const patch = Buffer.from(damaged(diff), 'latin1');
        const tried = await tryPatch(repository, base, patch);
        if (tried.ok && tried.value.tree !== repository.treeOf(goal)) {
          throw new Error(`a third tree, mended ${tried.value.mends.join()}\n${patch.toString()}`);
        }
      }),
      { numRuns: runs },
    );
  });

  it('are refused when a removed blank line at the end of a file was lost on the way', async () => {
    const before = { 'a.txt': { mode: '100644', content: Buffer.from('\n\n\n\n') } } as const;
    const after = { 'a.txt': { mode: '100644', content: Buffer.from('\n\n> quoted\n\none\n') } } as const;
    const [base = never, goal = never] = repository.commits(before, after);
    const diff = repository.diff(base, goal, '--full-index').toString('latin1');
    expect(diff).toMatch(/^-$/m);
    const tried = await tryPatch(repository, base, Buffer.from(diff.replace(/^-\n/m, ''), 'latin1'));
    expect(tried).toMatchObject({ ok: false, why: { code: 'patch_corrupt' } });
  });

  it('give the same from the touched paths as from the whole index, even when a path is forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(
        step,
        fc.constantFrom(...shapes.slice(0, 4)),
        fc.nat(),
        async ({ before, after }, shape, forget) => {
          const otherFiles = { ...before, 'a.txt': 'other\n', 'anchor.txt': 'y\n' };
          const [base = never, other = never, goal = never] = repository.commits(before, otherFiles, after);
          const patch = repository.diff(base, goal, '--binary', '--full-index', ...shape);
          const touched = Object.keys({ ...before, ...after });
          const files = touched.filter((_, at) => at !== forget % (touched.length * 2));
          for (const onto of [base, other]) {
            const request = { gitDir: repository.gitDir, base: onto, patch, files };
            const quick = await applyPatch(git, { ...request, ...makeQuarantine(repository) });
            const slow = await applyPatchFully(git, { ...request, ...makeQuarantine(repository) });
            expect(quick).toEqual(slow);
          }
        },
      ),
      { numRuns: runs / 2 },
    );
  });
});

/** What mails, chats, editors and models do to a diff. The number chooses a line. */
const damage: fc.Arbitrary<(diff: string) => string> = fc.oneof(
  fc.constant((diff: string) => diff.replaceAll('\r', '')),
  fc.constant((diff: string) => diff.replaceAll('\r\n', '\n').replaceAll('\n', '\r\n')),
  fc.constant((diff: string) => diff.replace(/[ \t]+$/gm, '')),
  fc.constant((diff: string) => diff.trimEnd()),
  fc.constant((diff: string) => diff.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')),
  fc.constant((diff: string) => diff.replace(/^/gm, '> ')),
  fc.constant((diff: string) => diff.replaceAll('\t', '    ')),
  fc.constant((diff: string) => diff.replace(/^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@/gm, '@@ ... @@')),
  fc
    .nat()
    .map(
      (by) => (diff: string) =>
        diff.replace(
          /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@/gm,
          (_, a, b, c, d) => `@@ -${Number(a) + (by % 9)},${b} +${c},${Number(d) + (by % 3)} @@`,
        ),
    ),
  fc.nat().map((by) => (diff: string) => cutInside(diff, by)),
  fc.tuple(fc.nat(), fc.constantFrom('drop', 'twice', 'swap', 'shift')).map(
    ([by, how]) =>
      (diff: string) =>
        changeLine(diff, by, how),
  ),
);

/** Cut within the anchor's part: between two parts nothing tells that there was more. */
function cutInside(diff: string, by: number): string {
  const start = diff.indexOf('diff --git a/anchor.txt') + 'diff --git '.length;
  const end = diff.indexOf('+anchor 2') + '+anchor 2'.length;
  return diff.slice(0, start + (by % (end - start)));
}

function changeLine(diff: string, by: number, how: string): string {
  const lines = diff.split('\n');
  const inHunks = lines.flatMap((line, at) => (/^[-+ ](?!--? |\+\+ )/.test(line) ? [at] : []));
  const at = inHunks[by % Math.max(inHunks.length, 1)];
  if (at === undefined) return diff;
  const line = lines[at] ?? '';
  if (how === 'drop') lines.splice(at, 1);
  if (how === 'twice') lines.splice(at, 0, line);
  if (how === 'swap') lines.splice(at, 2, lines[at + 1] ?? '', line);
  if (how === 'shift') lines[at] = `${line.slice(0, 1)}  ${line.slice(1)}`;
  return lines.join('\n');
}
