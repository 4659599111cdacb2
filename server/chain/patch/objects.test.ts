import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { PortError, type GitObject, type GitObjects } from '../../ports.ts';
import { applyPatch } from './apply.ts';
import { gitBaseReader } from './base-reader.ts';
import { withObjects } from './objects.ts';
import { git, makeQuarantine, makeRepository, type Repository } from './testing/repository.ts';
import { good, sample } from './testing/sample.ts';

let repository: Repository;
let base: ObjectId;

beforeAll(() => {
  repository = makeRepository();
  base = repository.commit({ ...sample, 'with\nline feed/a': 'odd\n' });
});
afterAll(() => repository.remove());

const file = 'src/queue.js';

function tryApply(through: typeof git): ReturnType<typeof applyPatch> {
  const place = { gitDir: repository.gitDir, base, ...makeQuarantine(repository) };
  return withObjects(through, place, async (objects) => {
    const reader = gitBaseReader(through, place.gitDir, base, undefined, { objects });
    await reader.blobs([file]);
    return await applyPatch(through, { ...place, objects, patch: Buffer.from(good), files: [file] });
  });
}

/** The real git, with what its answers about objects are turned into. */
function turned(contents: (found: (GitObject | null)[], objects: GitObjects) => (GitObject | null)[]): typeof git {
  return {
    ...git,
    openObjects: (request) => {
      const objects = git.openObjects(request);
      return { ...objects, contents: async (oids, max) => contents(await objects.contents(oids, max), objects) };
    },
  };
}

describe('objects of the base', () => {
  it('are the same by commit and by tree, and absent ones are absent', async () => {
    await withObjects(git, repository, async (objects) => {
      const tree = ObjectId.parse(repository.treeOf(base));
      expect(await objects.rootOf(base)).toBe(tree);
      expect(await objects.rootOf(tree)).toBe(tree);
      const folders = ['src', 'none', `${file}/x`, 'none/below'];
      const trees = await objects.trees(base, folders);
      expect(trees).toEqual(await objects.trees(tree, folders));
      expect(trees.get('src')?.get('queue.js')).toMatchObject({ mode: '100644', type: 'blob' });
      expect(trees.get('none/below')).toEqual(new Map());
      expect(trees.get(`${file}/x`)).toEqual(new Map());
    });
  });

  it('are found by names that hold line feeds', async () => {
    const odd = 'with\nline feed/a';
    const found = await gitBaseReader(git, repository.gitDir, base).blobs([odd, 'with', 'line feed/a']);
    expect(Object.fromEntries(found)).toEqual({ [odd]: Buffer.from('odd\n') });
  });

  it.each([
    ['of another type', (found) => found.map((each) => each && { ...each, type: 'blob' as const })],
    ['in another order', (found) => (found.length > 1 ? found.toReversed() : [{ type: 'tree', content: Buffer.of() }])],
    ['short', (found) => found.map((each) => each && { ...each, content: each.content.subarray(1) })],
    ['too few', (found) => found.slice(1)],
    ['missing', (found) => found.map(() => null)],
    [
      'changed in one byte',
      (found) =>
        found.map((each) => each && { ...each, content: Buffer.concat([each.content.subarray(1), Buffer.from('x')]) }),
    ],
  ] satisfies [string, Parameters<typeof turned>[0]][])('end the work when they come %s', async (_, contents) => {
    await expect(tryApply(turned(contents))).rejects.toThrow(PortError);
  });

  it.each([
    ['cut off', '{ head -c 100; kill -9 $$; }'],
    ['taken for files', "sed -u 's/ tree / blob /'"],
    ['changed', "sed -u 's/queue/quewe/'"],
    ['doubled', "sed -u 'p'"],
  ])('end the work when a whole process gives them %s', async (_, filter) => {
    const home = join(repository.folder, `false-${filter.replaceAll(/\W/g, '')}`);
    mkdirSync(home);
    const real = `PATH=/usr/local/bin:/usr/bin:/bin git "$@"`;
    writeFileSync(join(home, 'git'), `#!/bin/sh\ncase "$*" in *cat-file*) ${real} | ${filter} ;; *) ${real} ;; esac\n`);
    chmodSync(join(home, 'git'), 0o755);
    expect((await tryApply(git)).ok).toBe(true);
    await expect(tryApply(hardenedGit({ path: `${home}:/usr/local/bin:/usr/bin:/bin` }))).rejects.toThrow(PortError);
  });

  it('are read once for the base, the trees and the judge', async () => {
    const asked: string[] = [];
    const counting: typeof git = {
      ...git,
      openObjects: (request) => {
        const objects = git.openObjects(request);
        return { ...objects, contents: (oids, max) => (asked.push(...oids), objects.contents(oids, max)) };
      },
    };
    expect((await tryApply(counting)).ok).toBe(true);
    expect(asked.length).toBe(new Set(asked).size);
  });
});
