import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import type { Git } from '../../ports.ts';
import { fakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import { makeRepository, removeRepositories, type TestRepository } from '../../testing/repository.ts';
import { until } from '../../testing/wait.ts';
import { checkouts, checkoutsMax, type Checkouts } from './checkout.ts';
import { emptyQuarantine, openQuarantine } from './quarantine.ts';
import { trashIsEmpty } from './trash.ts';

const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
let repository: TestRepository;
let folder: string;
let clock: FakeClock;
let warned: string[];
beforeEach(() => {
  repository = makeRepository({ 'a.txt': 'one\n', 'b/c.txt': 'two\n', 'b/d.txt': 'three\n' });
  folder = join(repository.folder, 'checkouts');
  mkdirSync(folder);
  clock = fakeClock(Date.now());
  warned = [];
});
afterEach(async () => {
  await trashIsEmpty();
  removeRepositories();
});

/** As after a start: nothing is known, everything is on disk. */
function started(through: Git = git, runUser: { uid: number; gid: number } | null = null): Checkouts {
  const ignore = (): void => undefined;
  const log = { debug: ignore, info: ignore, error: ignore, warn: (_: object, said: string) => void warned.push(said) };
  return checkouts({ git: through, folder, clock, random: systemRandom(), runUser, log });
}

function treeNow(): ObjectId {
  return ObjectId.parse(repository.git('rev-parse', 'main^{tree}'));
}

function commitMany(count: number, content: string): ObjectId {
  repository.commit(Object.fromEntries(Array.from({ length: count }, (_, at) => [`many/${at}`, content])));
  return treeNow();
}

/** git that tells which commands ran. */
function watched(seen: string[]): Git {
  return {
    ...git,
    run: (request) => {
      seen.push(request.args[0] ?? '');
      return git.run(request);
    },
  };
}

describe('a cached checkout', () => {
  const harms: Record<string, (at: string) => void> = {
    'a file was changed': (at) => appendFileSync(join(at, 'a.txt'), 'more'),
    'a file was changed and kept its size and times': (at) => {
      const { atime, mtime } = lstatSync(join(at, 'a.txt'));
      writeFileSync(join(at, 'a.txt'), 'eno\n');
      utimesSync(join(at, 'a.txt'), atime, mtime);
    },
    'a file is gone': (at) => rmSync(join(at, 'b/c.txt')),
    'a file was added': (at) => writeFileSync(join(at, 'b/new'), ''),
    'a file was hidden in a folder of its own': (at) => {
      mkdirSync(join(at, '.git'));
      writeFileSync(join(at, '.git/config'), '');
    },
    'an empty folder was added': (at) => mkdirSync(join(at, 'b/empty')),
    'a file became a link to the same bytes': (at) => {
      writeFileSync(join(at, '../same'), readFileSync(join(at, 'a.txt')));
      rmSync(join(at, 'a.txt'));
      symlinkSync('../same', join(at, 'a.txt'));
    },
    'a file became executable': (at) => chmodSync(join(at, 'a.txt'), 0o755),
    'a file became writable for everybody': (at) => chmodSync(join(at, 'a.txt'), 0o666),
    'its list of files is gone': (at) => rmSync(join(`${folder}.indexes`, at.slice(folder.length + 1))),
    'its list of files is that of another tree': (at) => {
      repository.git(
        `--work-tree=${at}`,
        'read-tree',
        `--index-output=${folder}.indexes/${at.slice(folder.length + 1)}`,
        'main~1',
      );
    },
  };

  it.each(Object.keys(harms))('is made again after a start when %s', async (harm) => {
    repository.commit({ 'a.txt': 'two\n' });
    repository.commit({ 'a.txt': 'one\n', e: '' });
    const made = await started().whole(repository.origin, treeNow());
    const madeAtMs = lstatSync(join(made.folder, 'a.txt')).ctimeMs;
    // The kernel stamps files by a clock that runs some milliseconds behind.
    const nextSecondMs = (Math.floor(madeAtMs / 1000) + 1) * 1000 + 50;
    await until('git sees another second', () => Date.now() >= nextSecondMs);
    harms[harm]?.(made.folder);
    const again = await started().whole(repository.origin, treeNow());
    expect(again.folder).toBe(made.folder);
    expect(warned).toHaveLength(1);
    expect(readdirSync(again.folder).toSorted()).toEqual(['a.txt', 'b', 'e']);
    expect(readdirSync(join(again.folder, 'b')).toSorted()).toEqual(['c.txt', 'd.txt']);
    expect(readFileSync(join(again.folder, 'a.txt'), 'utf8')).toBe('one\n');
    expect(lstatSync(join(again.folder, 'a.txt')).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  it('is used again after a start when nothing was changed, and when only a time was', async () => {
    const made = await started().whole(repository.origin, treeNow());
    const { ino } = lstatSync(made.folder);
    await started().whole(repository.origin, treeNow());
    utimesSync(join(made.folder, 'a.txt'), 1, 1);
    await started().whole(repository.origin, treeNow());
    expect(lstatSync(made.folder).ino).toBe(ino);
    expect(warned).toEqual([]);
  });

  it('is looked at once by a process, and not for every job', async () => {
    const seen: string[] = [];
    await started().whole(repository.origin, treeNow());
    const again = started(watched(seen));
    await again.nearest(repository.origin, treeNow());
    expect(seen).toContain('diff-files');
    seen.length = 0;
    await again.nearest(repository.origin, treeNow());
    expect(seen).toEqual([]);
  });

  it('stands in for a tree near it, and not for one far away or one of another repository', async () => {
    const cache = started();
    const first = await cache.whole(repository.origin, treeNow());
    repository.commit({ 'a.txt': 'two\n' });
    const near = await cache.nearest(repository.origin, treeNow());
    expect(near.checkout).toBe(first);
    expect(near.changes).toMatchObject({ remove: ['a.txt'], present: [{ path: 'a.txt', mode: '100644' }] });
    const far = commitMany(2_001, 'x');
    expect((await cache.nearest(repository.origin, far)).checkout.tree).toBe(far);
    const other = makeRepository({ 'a.txt': 'three\n' });
    const tree = ObjectId.parse(other.git('rev-parse', 'main^{tree}'));
    expect((await started().nearest(other.origin, tree)).checkout.tree).toBe(tree);
  });

  it('never gives the files behind a link to the user of the sandbox', async () => {
    const outside = join(repository.folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'mine'), '');
    symlinkSync(outside, join(repository.folder, 'clone/link'));
    repository.commit({});
    const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    // As root there is somebody else to give to; without, giving to oneself still must not go through the link.
    const runUser = uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid, gid };
    const { ctimeMs } = lstatSync(join(outside, 'mine'));
    const made = await started(git, runUser).whole(repository.origin, treeNow());
    expect(lstatSync(join(made.folder, 'link')).uid).toBe(runUser.uid);
    expect(lstatSync(join(outside, 'mine'))).toMatchObject({ uid, ctimeMs });
    await started(git, runUser).whole(repository.origin, treeNow());
    expect(warned).toEqual([]);
  });

  it('goes when it is the least recently used of too many, and never while a job stands on it', async () => {
    const cache = started();
    const first = treeNow();
    await cache.nearest(repository.origin, first);
    for (let count = 0; count < checkoutsMax + 1; count += 1) {
      clock.advance(1000);
      const tree = commitMany(1, `${count}`);
      await cache.prepare(repository.origin, tree);
      // Very near trees are not made ahead; what a job asks for whole is.
      expect(existsSync(join(folder, tree))).toBe(false);
      await cache.whole(repository.origin, tree);
    }
    expect(readdirSync(folder)).toHaveLength(checkoutsMax);
    expect(existsSync(join(folder, first))).toBe(false);
    expect(readdirSync(`${folder}.indexes`).toSorted()).toEqual(readdirSync(folder).toSorted());
  });

  it('is made ahead when the base went far, and gives way to a job that needs something else', async () => {
    const near = treeNow();
    const far = commitMany(300, 'x');
    const job: { ask: (() => void) | null } = { ask: null };
    const cache = started({
      ...git,
      run: async (request) => {
        if (request.args[0] === 'checkout-index' && job.ask !== null) job.ask();
        return await git.run(request);
      },
    });
    expect(await cache.prepare(repository.origin, far)).toBe('ready');
    rmSync(join(folder, far), { recursive: true });
    const asked: Promise<unknown>[] = [];
    job.ask = () => {
      job.ask = null;
      asked.push(cache.whole(repository.origin, near));
    };
    expect(await cache.prepare(repository.origin, far)).toBe('yielded');
    await Promise.all(asked);
    expect(readdirSync(folder)).toEqual([near]);
    // Somebody who needs the same tree joins, and then it goes on to its end.
    job.ask = () => {
      job.ask = null;
      asked.push(cache.whole(repository.origin, far));
    };
    expect(await cache.prepare(repository.origin, far)).toBe('ready');
    await Promise.all(asked);
  });

  it('leaves nothing half-written when it is stopped, and what a crash leaves is swept', async () => {
    const cache = started();
    await cache.sweep();
    const making = cache.whole(repository.origin, commitMany(500, 'x'));
    await Promise.all([cache.stop(), expect(making).rejects.toThrow('git: could not')]);
    await trashIsEmpty();
    expect([...readdirSync(folder), ...readdirSync(`${folder}.indexes`)]).toEqual([]);
    const kept = (await started().whole(repository.origin, treeNow())).tree;
    mkdirSync(join(folder, `${kept}.abcdef`));
    mkdirSync(join(folder, 'a'.repeat(40)));
    writeFileSync(join(`${folder}.indexes`, 'b'.repeat(40)), '');
    mkdirSync(join(`${folder}.trash`, 'old'), { recursive: true });
    await started().sweep();
    expect(readdirSync(folder)).toEqual([kept]);
    expect(readdirSync(`${folder}.indexes`)).toEqual([kept]);
    expect(readdirSync(`${folder}.trash`)).toEqual([]);
  });
});

describe('quarantine', () => {
  it('is gone when it is closed, is removed in the background, and what a crash left goes at the next start', async () => {
    const parent = join(repository.folder, 'quarantine');
    await emptyQuarantine(parent);
    const quarantine = await openQuarantine(parent, systemRandom());
    mkdirSync(quarantine.folder('delta'));
    await quarantine.close();
    await quarantine.close();
    expect(readdirSync(parent)).toEqual([]);
    await trashIsEmpty();
    expect(readdirSync(`${parent}.trash`)).toEqual([]);
    mkdirSync(join(parent, 'left'));
    mkdirSync(join(`${parent}.trash`, 'left'));
    await emptyQuarantine(parent);
    expect([...readdirSync(parent), ...readdirSync(`${parent}.trash`)]).toEqual([]);
  });
});
