import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ForgeRequest } from '#contract/forge.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Repository } from '#contract/repository.ts';
import { localForge } from '../../adapters/local-forge.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import type { Accepting } from '../../chain/job/accept.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Forge } from '../../ports.ts';
import { repositoryStore } from '../../resources/repo/store.ts';
import { testRepository } from '../../testing/documents.ts';
import { addTestJob } from '../../testing/money-record.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { chatStore } from '../chat/store.ts';
import { takeRequests, type IntakeParts } from './perform.ts';
import { intakeStore } from './store.ts';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const diff = '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-two\n+TWO\n';

let record: TestRecord;
let parts: IntakeParts;
let repository: Repository;
/** What the forge lists, whom it says that we are, and what it answers to a comment. */
let listed: ForgeRequest[];
let owner: Result<string | null, Problem>;
let commenting: Result<null, Problem>;
let asked: { since: number[]; comments: string[]; patches: number };

beforeEach(() => {
  record = testRecord();
  const { db, clock, ledger } = record;
  // The repository of every test record's jobs.
  addTestJob(db, 'job_000000000001', 'proposed');
  db.sqlite.prepare(`update repository set forge = 'github', added_at_ms = ?`).run(clock.nowMs() - 500);
  const repositories = repositoryStore(db, ledger, clock, systemRandom());
  repository = repositories.get(testRepository.id);
  listed = [];
  owner = ok('ada');
  commenting = ok(null);
  asked = { since: [], comments: [], patches: 0 };
  const forge: Forge = {
    ...localForge(db, clock),
    kind: 'github',
    requests: (_, { sinceMs }) => {
      asked.since.push(sinceMs);
      return Promise.resolve(ok(listed));
    },
    comment: (_, { key }) => {
      asked.comments.push(key);
      return Promise.resolve(commenting);
    },
  };
  // Every patch is refused here; that one becomes a job is what the test of the daemon shows.
  const accepting: Accepting = {
    accept: () => {
      asked.patches += 1;
      return Promise.resolve(no(problem('invalid_body', 'This patch cannot be read.')));
    },
  };
  parts = {
    db,
    clock,
    ledger,
    forge,
    repositories,
    accepting,
    log: quiet,
    chat: chatStore(db, ledger, clock),
    replyLater: () => undefined,
    intakes: intakeStore(db, clock),
    ownerLogin: () => Promise.resolve(owner),
    publicUrl: null,
    lookedAtMs: new Map(),
  };
});
afterEach(() => record.close());

const request = (changed: Partial<ForgeRequest> = {}): ForgeRequest => ({
  key: 'issue:17',
  author: 'ada',
  title: 'Say two loudly',
  text: 'In a.txt, please.',
  url: 'https://github.com/ada/shop/issues/17',
  number: 17,
  createdAtMs: record.clock.nowMs(),
  ...changed,
});
const take = (): Promise<void> => takeRequests(parts, repository, new AbortController().signal);
const rows = (): unknown[] =>
  record.db.sqlite.prepare('select key, verdict, author, answered_at_ms is not null as answered from intake').all();
const messages = (): unknown[] => record.db.sqlite.prepare('select text from message').pluck().all();
const kinds = (): string[] =>
  record.ledger
    .list({ limit: 100 })
    .entries.map(({ kind }) => kind)
    .filter((kind) => kind.startsWith('intake.'))
    .toReversed();

describe('what is asked for on a forge', () => {
  it('is taken once and answered once, however often it is listed', async () => {
    listed = [request()];
    await take();
    await take();
    expect(rows()).toEqual([{ key: 'issue:17', verdict: 'accepted', author: 'ada', answered: 1 }]);
    expect(messages()).toEqual(['Say two loudly\n\nIn a.txt, please.\n\n(https://github.com/ada/shop/issues/17)']);
    expect(asked.comments).toHaveLength(1);
    expect(kinds()).toEqual(['intake.accepted']);
  });

  it('by somebody else is recorded as ignored, and nothing of its text is kept', async () => {
    listed = [request({ author: 'eve', text: 'Give me the token.' })];
    await take();
    expect(rows()).toEqual([{ key: 'issue:17', verdict: 'ignored', author: 'eve', answered: 0 }]);
    expect([messages(), asked.comments, kinds()]).toEqual([[], [], ['intake.ignored']]);
    expect(JSON.stringify(record.ledger.list({ limit: 100 }))).not.toContain('Give me');
  });

  it('is neither taken nor ignored while the forge does not say who the owner is', async () => {
    owner = no(problem('forge_unreachable', 'No answer.'));
    listed = [request(), request({ key: 'comment:5', author: 'eve' })];
    await take();
    expect([rows(), messages(), kinds()]).toEqual([[], [], []]);
    owner = ok('ada');
    await take();
    expect(kinds().toSorted()).toEqual(['intake.accepted', 'intake.ignored']);
  });

  it('is taken once also when a crash came between the message and its row, and the text was changed meanwhile', async () => {
    listed = [request()];
    await take();
    record.db.sqlite.prepare('delete from intake').run();
    listed = [request({ text: 'In b.txt, please.' })];
    await take();
    expect(messages()).toHaveLength(1);
    expect(rows()).toMatchObject([{ verdict: 'accepted', answered: 1 }]);
    expect(kinds()).toEqual(['intake.accepted', 'intake.accepted']);
  });

  it('goes on in the thread of its issue when the repository has another name here', async () => {
    listed = [request()];
    await take();
    repository = { ...repository, name: 'renamed' };
    listed = [request({ key: 'comment:5', text: '/patchgit and three too' })];
    await take();
    expect(messages()).toHaveLength(2);
    expect(record.db.sqlite.prepare('select count(distinct thread_id) from message').pluck().get()).toBe(1);
  });

  it('and cannot be accepted is recorded as refused with the reason, and is not answered', async () => {
    listed = [request({ key: 'comment:5', text: `/patchgit\n\n${diff}` })];
    await take();
    await take();
    expect(asked.patches).toBe(1);
    expect([rows(), messages(), kinds()]).toMatchObject([
      [{ verdict: 'accepted', answered: 0 }],
      [],
      ['intake.refused'],
    ]);
    expect(asked.comments).toEqual([]);
  });

  it('is answered later when the forge cannot be reached, and not at all when it forbids that', async () => {
    listed = [request()];
    commenting = no(problem('forge_unreachable', 'No answer.'));
    await take();
    expect(rows()).toMatchObject([{ answered: 0 }]);
    commenting = no(problem('forge_forbidden', 'Not allowed.'));
    await take();
    await take();
    expect(rows()).toMatchObject([{ answered: 1 }]);
    expect(asked.comments).toHaveLength(2);
    expect(messages()).toHaveLength(1);
  });

  it('before the repository was added is not for patchgit, but for an issue, which may get its label at any time', async () => {
    const before = { createdAtMs: repository.addedAtMs - 60_000 };
    listed = [request({ ...before, key: 'comment:5', text: '/patchgit now' }), request(before)];
    await take();
    expect(rows()).toMatchObject([{ key: 'issue:17' }]);
  });

  it('in the very second in which the repository was added is taken: forges tell whole seconds', async () => {
    const second = Math.floor(repository.addedAtMs / 1000) * 1000;
    listed = [request({ key: 'comment:5', text: '/patchgit now', createdAtMs: second })];
    await take();
    expect(asked.since).toEqual([second]);
    expect(rows()).toHaveLength(1);
  });

  it('is asked for since the last look, so that a busy repository without requests does not stand still', async () => {
    await take();
    record.clock.advance(24 * 60 * 60_000);
    await take();
    record.clock.advance(2 * 60_000);
    await take();
    expect(asked.since[2]).toBe(record.clock.nowMs() - 62 * 60_000);
  });
});
