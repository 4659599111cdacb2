import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Repository } from '#contract/repository.ts';
import { hardenedGit } from '../../adapters/git.ts';
import { pinoLog } from '../../adapters/pino-log.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { fakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { makeRepository, removeRepositories, type TestRepository } from '../../testing/repository.ts';
import { checkouts, type Checkouts } from './checkout.ts';
import { follower, followAfterMs, type Follower } from './follow.ts';
import { mirrors, type Mirrors } from './mirror.ts';
import { repositoryStore } from './store.ts';
import { trashIsEmpty } from './trash.ts';

const git = hardenedGit({ path: process.env['PATH'] ?? '/usr/bin:/bin' });
const ignore = (): void => undefined;
let record: TestRecord;
let origin: TestRepository;
let clock: FakeClock;
let mirror: Mirrors;
let cache: Checkouts;
let following: Follower;
let isBusy: boolean;
let folder: string;
beforeEach(() => {
  record = testRecord();
  origin = makeRepository();
  clock = fakeClock();
  isBusy = false;
  folder = join(record.folder, 'checkouts');
  for (const name of ['checkouts', 'mirrors']) mkdirSync(join(record.folder, name));
  const repositories = repositoryStore(record.db, record.ledger, clock, systemRandom());
  const mirrorsFolder = join(record.folder, 'mirrors');
  mirror = mirrors({ git, folder: mirrorsFolder, repositories, clock, onMoved: () => following.nudge() });
  cache = checkouts({
    git,
    folder,
    clock,
    random: systemRandom(),
    runUser: null,
    log: pinoLog({ level: 'silent', fileDescriptor: 2 }),
  });
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  following = follower({ git, clock, log, checkouts: cache, mirrors: mirror, repositories, isBusy: () => isBusy });
});
afterEach(async () => {
  await cache.stop();
  await following.stop();
  await trashIsEmpty();
  record.close();
  removeRepositories();
});

async function added(): Promise<Repository> {
  const answer = await mirror.add({ name: 'r', url: origin.origin });
  if (!answer.ok) throw new Error(answer.why.message);
  return answer.value;
}

async function later(): Promise<void> {
  clock.advance(followAfterMs);
  await following.idle();
}

const isThere = (): boolean => existsSync(join(folder, origin.git('rev-parse', 'main^{tree}')));

describe('the background', () => {
  it('makes a checkout of a new repository, and of a branch that went far, and leaves a branch that moved a little', async () => {
    const repository = await added();
    expect(isThere()).toBe(false);
    await later();
    expect(isThere()).toBe(true);
    origin.commit({ 'a.txt': 'a little\n' });
    await mirror.fetch(repository);
    await later();
    expect(isThere()).toBe(false);
    origin.commit(Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`many/${at}`, ''])));
    await mirror.fetch(repository);
    await later();
    expect(isThere()).toBe(true);
  });

  it('waits while a job runs, and does it afterwards', async () => {
    await added();
    isBusy = true;
    await later();
    await later();
    expect(isThere()).toBe(false);
    isBusy = false;
    await later();
    expect(isThere()).toBe(true);
  });

  it('does nothing any more when it was stopped', async () => {
    await added();
    await following.stop();
    await later();
    following.nudge();
    await later();
    expect(isThere()).toBe(false);
  });
});
