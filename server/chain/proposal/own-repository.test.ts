import { afterEach, describe, expect, it } from 'vitest';
import { hardenedGit } from '../../adapters/git.ts';
import { ObjectId } from '#contract/ids.ts';
import { makeRepository, removeRepositories } from '../../testing/repository.ts';
import { isOwnRepository } from './own-repository.ts';

const git = hardenedGit({ path: process.env['PATH'] ?? '' });
const marks = { 'helper/main.ts': '', 'server/contract/helper-wire.ts': '', 'systemd/patchgit.service': '' };

afterEach(removeRepositories);

async function isOwn(files: Record<string, string>): Promise<boolean> {
  const { origin } = makeRepository(files);
  const head = await git.run({ gitDir: origin, args: ['rev-parse', 'HEAD'] });
  return await isOwnRepository(git, origin, ObjectId.parse(head.stdout.toString('utf8').trim()));
}

describe('patchgit itself', () => {
  it('is known by what it is made of, whatever it is called', async () => {
    expect(await isOwn({ ...marks, 'README.md': 'a fork' })).toBe(true);
  });

  it.each(Object.keys(marks))('is not what has no %s', async (missing) => {
    const others = Object.fromEntries(Object.entries(marks).filter(([name]) => name !== missing));
    expect(await isOwn({ ...others, 'README.md': 'something else' })).toBe(false);
  });
});
