import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RepositoryChange, type Repository } from '#contract/repository.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { testRepository } from '../../testing/documents.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { repositoryStore, type Repositories } from './store.ts';

let record: TestRecord;
let repositories: Repositories;
let added: Repository;

beforeEach(() => {
  record = testRecord();
  repositories = repositoryStore(record.db, record.ledger, record.clock, systemRandom());
  added = repositories.add({ ...testRepository, forge: 'github' });
});
afterEach(() => record.close());

function change(pulls: unknown): Repository['pulls'] {
  return repositories.change(added.id, RepositoryChange.parse({ pulls })).pulls;
}

describe('how pull requests are opened', () => {
  it('is as patchgit does it until the owner says so, and what is not named stays as it is', () => {
    expect(added.pulls).toBeUndefined();
    expect(change({ isDraft: true })).toEqual({ isDraft: true, labels: [] });
    expect(change({ labels: ['a', 'needs review'] })).toEqual({ isDraft: true, labels: ['a', 'needs review'] });
    expect(repositories.change(added.id, { formatter: 'fmt' }).pulls).toEqual({
      isDraft: true,
      labels: ['a', 'needs review'],
    });
    expect(change({ isDraft: false })).toEqual({ isDraft: false, labels: ['a', 'needs review'] });
    expect(change(null)).toBeUndefined();
  });

  it('is in the ledger with every change of the repository', () => {
    change({ isDraft: true, labels: ['a'] });
    const [entry] = record.ledger.list({ limit: 1, kind: 'repository.changed' }).entries;
    expect(entry?.body).toMatchObject({ pulls: { isDraft: true, labels: ['a'] } });
  });

  it.each([
    ['eleven labels', { labels: Array.from({ length: 11 }, (_, at) => `l${at}`) }],
    ['a label of 51 characters', { labels: ['x'.repeat(51)] }],
    ['a label of nothing', { labels: [' '] }],
    ['a label on two lines', { labels: ['a\nb'] }],
    ['a label that is not seen', { labels: ['a\u200Bb'] }],
    ['a label twice', { labels: ['Bug', 'bug'] }],
    ['something else', { isDraft: true, merge: true }],
  ])('refuses %s', (_name, pulls) => {
    expect(RepositoryChange.safeParse({ pulls }).success).toBe(false);
  });
});
