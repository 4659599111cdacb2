import { afterEach, describe, expect, it } from 'vitest';
import { hardenedGit } from '../../adapters/git.ts';
import { ObjectId } from '#contract/ids.ts';
import { freshEnough } from '#contract/proposal.ts';
import { makeRepository, removeRepositories } from '../../testing/repository.ts';
import { documentOf } from '../../testing/documents.ts';
import { gatherFreshness, judgeFreshness, type FreshnessFacts } from './freshness.ts';

const [then, now] = [ObjectId.parse('a'.repeat(40)), ObjectId.parse('b'.repeat(40))];
const moved: FreshnessFacts = {
  ref: 'main',
  baseThen: then,
  baseNow: now,
  trouble: null,
  descends: true,
  commitsSince: 3,
  changedSince: new Set(['docs/x.md']),
  touched: ['src/a.ts'],
  appliesNow: true,
};

describe('how a base stands', () => {
  it.each<[string, Partial<FreshnessFacts>, string, RegExp]>([
    ['is where it was', { baseNow: then }, 'current', /^Based on main at aaaaaaa, which is its tip now\.$/],
    [
      'moved elsewhere',
      {},
      'moved_apart',
      /^main moved 3 commits to bbbbbbb; none of them touches these files\. The checks ran on aaaaaaa\.$/,
    ],
    ['moved by one commit', { commitsSince: 1 }, 'moved_apart', /^main moved 1 commit to/],
    [
      'moved in a file of the patch',
      { changedSince: new Set(['src/a.ts']) },
      'moved_overlap',
      /changed src\/a\.ts, which this patch changes too\.$/,
    ],
    [
      'moved so that the patch does not apply',
      { appliesNow: false },
      'no_longer_applies',
      /no longer applies there\.$/,
    ],
    ['was rewritten', { descends: false }, 'moved_overlap', /^main was rewritten/],
    [
      'was rewritten and does not apply',
      { descends: false, appliesNow: false },
      'moved_overlap',
      /^main was rewritten/,
    ],
    ['cannot be seen', { baseNow: null, trouble: 'It does not answer.' }, 'unknown', /^It does not answer\.$/],
    ['cannot be seen, and nobody said why', { baseNow: null }, 'unknown', /^It is not known where main is now\.$/],
  ])('when it %s', (_what, facts, verdict, message) => {
    const judged = judgeFreshness({ ...moved, ...facts }, 7);
    expect(judged).toMatchObject({ verdict, checkedAtMs: 7, message: expect.stringMatching(message) });
  });

  it('names at most three of the files that overlap, and lists all of them', () => {
    const touched = ['a', 'b', 'c', 'd'];
    const judged = judgeFreshness({ ...moved, touched, changedSince: new Set(touched) }, 0);
    expect(judged.overlapping).toEqual(touched);
    expect(judged.message).toContain('changed a, b, c, …, which');
  });

  it('lets GO through in two cases only', () => {
    expect(freshEnough).toEqual(['current', 'moved_apart']);
  });
});

describe('the facts about a base', () => {
  afterEach(removeRepositories);
  const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
  const gather = async (origin: string, base: string, baseNow: string | null) =>
    await gatherFreshness(
      git,
      origin,
      documentOf({ base: { ref: 'main', sha: ObjectId.parse(base) }, paths: [['b.txt', 'a.txt']] }),
      baseNow === null ? null : ObjectId.parse(baseNow),
      baseNow === null ? 'gone' : null,
      async () => true,
    );

  it('come from git itself: commits, files changed, and whether the old base is still in the history', async () => {
    const repository = makeRepository({ 'a.txt': '1\n', 'c.txt': '1\n' });
    const base = repository.git('rev-parse', 'main');
    repository.commit({ 'c.txt': '2\n' });
    const tip = repository.commit({ 'ä b.txt': 'new\n' });
    expect(await gather(repository.origin, base, tip)).toMatchObject({
      descends: true,
      commitsSince: 2,
      changedSince: new Set(['c.txt', 'ä b.txt']),
      touched: ['b.txt', 'a.txt'],
    });
    const rewritten = repository.commit({ 'c.txt': '3\n' }, { amend: true });
    expect(await gather(repository.origin, tip, rewritten)).toMatchObject({ descends: false });
  });

  it('need no git when the base did not move, or is not known', async () => {
    const base = 'a'.repeat(40);
    expect(await gather('/nowhere', base, base)).toMatchObject({ commitsSince: 0, appliesNow: true });
    expect(await gather('/nowhere', base, null)).toMatchObject({ baseNow: null, trouble: 'gone' });
  });
});
