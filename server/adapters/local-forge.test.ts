import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectId } from '#contract/ids.ts';
import { Pull } from '#contract/repository.ts';
import type { Forge, NewPull } from '../ports.ts';
import { testRepository } from '../testing/documents.ts';
import { must } from '../testing/owner.ts';
import { testRecord, type TestRecord } from '../testing/record.ts';
import { repositoryStore } from '../resources/repo/store.ts';
import { localForge } from './local-forge.ts';
import { systemRandom } from './system-random.ts';

let record: TestRecord;
let forge: Forge;
let repository: typeof testRepository;
beforeEach(() => {
  record = testRecord();
  forge = localForge(record.db, record.clock);
  repository = repositoryStore(record.db, record.ledger, record.clock, systemRandom()).add(testRepository);
});
afterEach(() => record.close());

const newPull = (branch: string): NewPull => ({
  title: `About ${branch}`,
  body: 'words',
  branch,
  base: 'main',
  commit: ObjectId.parse('a'.repeat(40)),
  proposalId: 'prop_0123456789ab',
});

describe('the local forge', () => {
  it('opens one pull request for one branch, however often it is asked', async () => {
    const first = must(await forge.openPull(repository, newPull('one')));
    expect(Pull.parse(first)).toMatchObject({
      number: 1,
      state: 'open',
      url: '/pulls/shop/1',
      repository: 'shop',
      closedAtMs: null,
    });
    expect(must(await forge.openPull(repository, { ...newPull('one'), title: 'another title' }))).toEqual(first);
    expect(must(await forge.openPull(repository, newPull('two'))).number).toBe(2);
    expect(must(await forge.listPulls(repository)).map((pull) => pull.number)).toEqual([2, 1]);
  });

  it('finds what it has opened by branch and by number, and says null for what it has not', async () => {
    const opened = must(await forge.openPull(repository, newPull('one')));
    expect(must(await forge.findPull(repository, 'one'))).toEqual(opened);
    expect(must(await forge.getPull(repository, 1))).toEqual(opened);
    expect(must(await forge.findPull(repository, 'other'))).toBeNull();
    expect(must(await forge.getPull(repository, 2))).toBeNull();
    expect(must(await forge.getPull({ ...repository, id: 'repo_00000000ffff' }, 1))).toBeNull();
  });

  it('closes once and remembers when', async () => {
    must(await forge.openPull(repository, newPull('one')));
    record.clock.advance(1000);
    const closed = must(await forge.closePull(repository, 1));
    expect(closed).toMatchObject({ state: 'closed', closedAtMs: record.clock.nowMs() });
    record.clock.advance(1000);
    expect(must(await forge.closePull(repository, 1))).toEqual(closed);
    expect(await forge.closePull(repository, 9)).toMatchObject({ ok: false, why: { code: 'not_found' } });
  });

  it('never gives a number a second time', async () => {
    for (const branch of ['one', 'two']) must(await forge.openPull(repository, newPull(branch)));
    must(await forge.closePull(repository, 2));
    expect(must(await forge.openPull(repository, newPull('three'))).number).toBe(3);
  });
});
