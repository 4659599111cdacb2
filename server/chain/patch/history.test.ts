import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { applyPatch, applyPatchFully } from './apply.ts';
import { damage, headerDamage } from './testing/damage.ts';
import { moving, series, step } from './testing/history.ts';
import { git, makeQuarantine, makeRepository, type Repository, tryPatch } from './testing/repository.ts';

// Enough for every run of the suite; ten thousand and more are run by hand, with other seeds (scripts/vitest.setup.ts).
const runs = 60 * Number(process.env['PATCHGIT_TEST_TIMES'] ?? 1);
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
  ['-B', '-M'],
] as const;

/** What the damage reaches: moved files have headers of their own to lose. */
const arrived: readonly (readonly string[])[] = [['--no-renames'], ['-M'], ['-C', '--find-copies-harder']];

/** As people paste them: abbreviated index lines, no binary data, other contexts and prefixes. */
const pasted: readonly (readonly string[])[] = [
  [],
  ['-M'],
  ['-U0'],
  ['-U1', '--no-renames'],
  ['-U10'],
  ['--function-context'],
  ['--no-prefix'],
  ['--src-prefix=i/', '--dst-prefix=w/'],
  ['--src-prefix=works.orig/', '--dst-prefix=works/'],
  ['--minimal'],
  ['--histogram', '-C'],
  ['--inter-hunk-context=3'],
];

const mailHead = Buffer.from(
  'From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: o <o@o>\nSubject: [PATCH] x\n\n---\n a.txt | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n',
);

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
      fc.asyncProperty(step, damage, fc.constantFrom(...arrived), async ({ before, after }, damaged, shape) => {
        // A name that loses its last blank is another name, and nothing says so.
        fc.pre(!Object.keys({ ...before, ...after }).some((path) => path.endsWith(' ')));
        // One change of a file that is there makes git's index lines believable, so that they decide (seal.ts).
        const [base = never, goal = never] = repository.commits(
          { ...before, 'anchor.txt': anchor },
          { ...after, 'anchor.txt': anchored },
        );
        const diff = repository.diff(base, goal, '--binary', '--full-index', ...shape).toString('latin1');
        const patch = Buffer.from(damaged(diff), 'latin1');
        const tried = await tryPatch(repository, base, patch);
        if (tried.ok && tried.value.tree !== repository.treeOf(goal)) {
          throw new Error(`a third tree, mended ${tried.value.mends.join()}\n${patch.toString()}\nINSTEAD OF\n${diff}`);
        }
      }),
      { numRuns: runs },
    );
  });

  it('give that tree or a refusal after damage to the header of a moved or copied file', async () => {
    await fc.assert(
      fc.asyncProperty(
        moving,
        headerDamage,
        fc.constantFrom(...arrived.slice(1)),
        fc.constantFrom<readonly string[]>(['--binary', '--full-index'], []),
        async ({ before, after }, damaged, shape, index) => {
          fc.pre(!Object.keys({ ...before, ...after }).some((path) => path.endsWith(' ')));
          const [base = never, goal = never] = repository.commits(
            { ...before, 'anchor.txt': 'anchor one\nanchor two\n' },
            { ...after, 'anchor.txt': 'anchor one\nanchor 2\n' },
          );
          const diff = repository.diff(base, goal, ...index, ...shape).toString('latin1');
          const patch = Buffer.from(damaged(diff), 'latin1');
          const tried = await tryPatch(repository, base, patch);
          if (tried.ok && tried.value.tree !== repository.treeOf(goal)) {
            throw new Error(
              `a third tree, mended ${tried.value.mends.join()}\n${patch.toString()}\nINSTEAD OF\n${diff}`,
            );
          }
        },
      ),
      { numRuns: runs * 2 },
    );
  });

  it('give that tree in every shape people paste, or say that binary data is missing', async () => {
    await fc.assert(
      fc.asyncProperty(step, fc.constantFrom(...pasted), async ({ before, after }, shape) => {
        const [base = never, goal = never] = repository.commits(before, after);
        const diff = repository.diff(base, goal, ...shape);
        if (diff.length === 0) return;
        const tried = await tryPatch(repository, base, diff);
        if (tried.ok) {
          if (tried.value.tree !== repository.treeOf(goal))
            throw new Error(`a third tree, mended ${tried.value.mends.join()}, ${shape.join(' ')}\n${diff.toString()}`);
          return;
        }
        const files = Object.keys({ ...before, ...after });
        const request = { gitDir: repository.gitDir, base, patch: diff, files, ...makeQuarantine(repository) };
        const alone = await applyPatchFully(git, request);
        if (alone.ok && alone.value.tree === repository.treeOf(goal) && tried.why.code !== 'patch_binary_without_data')
          throw new Error(`git alone takes it: ${tried.why.code} ${tried.why.message}\n${diff.toString()}`);
      }),
      { numRuns: runs },
    );
  });

  it('give the last tree of a series when they stand one after the other, or a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        series,
        fc.constantFrom<readonly string[]>(['--no-renames'], ['-M'], ['-C', '--find-copies-harder']),
        fc.boolean(),
        async ({ before, middle, after }, shape, wrapped) => {
          // Without mails around them nothing tells a copy in one diff from one in a later patch.
          const mails = wrapped || shape.includes('-C');
          const [base = never, between = never, goal = never] = repository.commits(before, middle, after);
          const parts = [
            repository.diff(base, between, '--binary', '--full-index', ...shape),
            repository.diff(between, goal, '--binary', '--full-index', ...shape),
          ].map((part) =>
            mails && part.length > 0 ? Buffer.concat([mailHead, part, Buffer.from('-- \n2.39.5\n\n')]) : part,
          );
          const patch = Buffer.concat(parts);
          const tried = await tryPatch(repository, base, patch);
          if (tried.ok && tried.value.tree !== repository.treeOf(goal))
            throw new Error(`a third tree, mended ${tried.value.mends.join()}\n${patch.toString()}`);
        },
      ),
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
