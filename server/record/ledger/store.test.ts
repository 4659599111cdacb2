import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testRecord, type TestRecord } from '../../testing/record.ts';

let record: TestRecord;

function append(count: number): void {
  for (let index = 1; index <= count; index += 1) {
    record.db.transaction(() =>
      record.ledger.append({ kind: 'job.queued', actor: 'owner', subject: `job_${index}`, body: { index } }),
    );
  }
}

/** What somebody with the file can do: drop the guards, then write. */
function tamper(sql: string): void {
  for (const trigger of ['ledger_no_update', 'ledger_no_delete', 'ledger_next_link'])
    record.db.sqlite.exec(`drop trigger ${trigger}`);
  record.db.sqlite.exec(sql);
}

beforeEach(() => {
  record = testRecord();
});
afterEach(() => record.close());

describe('the ledger', () => {
  it('holds together as it was written, and gives entries after a sequence number', async () => {
    append(25);
    expect(await record.ledger.verify()).toMatchObject({ ok: true, entries: 25 });
    expect(record.ledger.after(20, 3).map((entry) => entry.seq)).toEqual([21, 22, 23]);
    expect(record.ledger.list({ limit: 2 })).toMatchObject({ entries: [{ seq: 25 }, { seq: 24 }], more: true });
    expect(record.ledger.list({ limit: 5, subject: 'job_7' }).entries).toMatchObject([{ seq: 7, body: { index: 7 } }]);
    expect([...record.ledger.lines()]).toHaveLength(25);
  });

  it('cannot be updated, deleted from, replaced or continued with a gap by a bug of ours', () => {
    append(3);
    const { sqlite } = record.db;
    expect(() => sqlite.exec(`update ledger set body = '{}' where seq = 2`)).toThrow(/append-only/);
    expect(() => sqlite.exec('delete from ledger where seq = 3')).toThrow(/append-only/);
    const row = `'job.queued', 'owner', null, null, '{}'`;
    expect(() => sqlite.exec(`insert into ledger values (5, 0, ${row}, '', 'x')`)).toThrow(/must follow/);
    expect(() => sqlite.exec(`insert or replace into ledger values (3, 0, ${row}, '', 'x')`)).toThrow(
      /must follow|append-only/,
    );
  });

  it('is only written inside the transaction of the state it describes', () => {
    expect(() => record.ledger.append({ kind: 'job.queued', actor: 'owner' })).toThrow(/transaction/);
  });

  it.each([
    ['a changed body', `update ledger set body = '{"index":99}' where seq = 4`, 4],
    ['a changed time', 'update ledger set at_ms = at_ms + 1 where seq = 6', 6],
    ['a removed entry', 'delete from ledger where seq = 5', 5],
    ['a removed first entry', 'delete from ledger where seq = 1', 1],
    ['a cut tail', 'delete from ledger where seq >= 9', 9],
    [
      'two entries that changed places',
      'update ledger set seq = 100 where seq = 3; update ledger set seq = 3 where seq = 4; update ledger set seq = 4 where seq = 100',
      3,
    ],
    ['an entry with a recomputed-looking hash', `update ledger set hash = '${'0'.repeat(64)}' where seq = 7`, 7],
  ])('finds %s and says where', async (_what, sql, seq) => {
    append(10);
    tamper(sql);
    expect(await record.ledger.verify()).toMatchObject({ ok: false, firstBad: { seq } });
  });

  it('tells listeners after the commit, and not about work that was rolled back', () => {
    const seen: number[] = [];
    record.ledger.onAppended(() => seen.push(record.ledger.head()));
    expect(() =>
      record.db.transaction(() => {
        record.ledger.append({ kind: 'job.queued', actor: 'owner' });
        throw new Error('rolled back');
      }),
    ).toThrow('rolled back');
    append(2);
    expect(seen).toEqual([1, 2]);
  });
});

describe('artifacts', () => {
  it('keeps bytes under their digest, once, and gives them back exactly', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    const kept = await record.artifacts.keep(bytes, 'application/octet-stream');
    expect(await record.artifacts.keep(bytes, 'application/octet-stream')).toEqual(kept);
    expect(await record.artifacts.read(kept.sha256)).toEqual(bytes);
    expect(await record.artifacts.read('0'.repeat(64))).toBeNull();
  });
});
