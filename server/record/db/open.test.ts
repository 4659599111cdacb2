import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addTestJob } from '../../testing/money-record.ts';
import { migrationsFolder } from '../../testing/record.ts';
import { DatabaseTooNewError, openDatabase, type Database } from './open.ts';

let folder = '';
/** A folder with the first migration only. */
let firstOnly = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchgit-open-'));
  firstOnly = join(folder, 'first');
  mkdirSync(firstOnly);
  copyFileSync(join(migrationsFolder, '0001_initial.sql'), join(firstOnly, '0001_initial.sql'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const jobs = ['queued', 'running', 'cancelling', 'proposed', 'refused', 'failed', 'cancelled'].map((state, at) => ({
  id: `job_${at.toString(16).padStart(12, '0')}`,
  state,
}));

/** What the first release left behind: a job in every state, and rows in every table that refers to one. */
function oldDatabase(name: string): string {
  const file = join(folder, name);
  const db = openDatabase(file, firstOnly);
  const { sqlite } = db;
  for (const { id, state } of jobs) addTestJob(db, id, state);
  sqlite.exec(`
    insert into thread (id, title, created_at_ms) values ('t', 'T', 1);
    insert into message (seq, id, thread_id, author, text, request_digest, job_id, created_at_ms)
      select row_number() over (), id, 't', 'owner', 'x', 'd', id, 1 from job;
    insert into proposal (id, job_id, repository_id, digest, document, state, created_at_ms)
      select 'prop_' || substr(id, 5), id, 'repo_000000000001', 'd', '{}', 'open', 1 from job;
    insert into decision (proposal_id, kind, digest, by, at_ms) select id, 'go', 'd', 'socket', 1 from proposal;
    insert into publication (proposal_id, branch, tree, step, decided_at_ms) select id, id, 't', 'decided', 1 from proposal;
  `);
  db.close();
  return file;
}

type Row = Readonly<Record<string, unknown>>;
type Content = Readonly<Record<string, readonly Row[]>>;

/** Every row of the tables that both schemas have; with `like`, only in the columns that its rows have. */
function content({ sqlite }: Database, like: Content = {}): Content {
  const tables = ['job', 'message', 'proposal', 'decision', 'publication', 'artifact', 'repository', 'thread'];
  const of = (table: string): Row[] => {
    const names = Object.keys(like[table]?.[0] ?? { '*': null });
    return sqlite.prepare<[], Row>(`select ${names.join(', ')} from ${table} order by 1`).all();
  };
  return Object.fromEntries(tables.map((table) => [table, of(table)]));
}

function read<T>(file: string, migrations: string, look: (db: Database) => T): T {
  const db = openDatabase(file, migrations);
  try {
    return look(db);
  } finally {
    db.close();
  }
}

/** The database is at the newest schema, with every row that was in it, and its references hold. */
function expectUpgraded(file: string, before: Content): void {
  read(file, migrationsFolder, (db) => {
    const { sqlite } = db;
    expect(content(db, before)).toEqual(before);
    expect(sqlite.pragma('user_version', { simple: true })).toBe(readdirSync(migrationsFolder).length);
    expect(sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(sqlite.pragma('foreign_key_check')).toEqual([]);
    expect(sqlite.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(sqlite.prepare('select id, state from job order by id').all()).toEqual(jobs);
    // What refers to a job refers to the new table: it cannot be taken from under it, and nothing can refer to no job.
    expect(() => sqlite.prepare(`delete from job where id = ?`).run(jobs[0]?.id)).toThrow(/FOREIGN KEY/);
    expect(() => sqlite.prepare(`update proposal set job_id = 'job_none'`).run()).toThrow(/FOREIGN KEY/);
    expect(sqlite.prepare(`update job set state = 'stopped_at_cap' where id = ?`).run(jobs[0]?.id).changes).toBe(1);
    expect(() => sqlite.prepare(`update job set state = 'lost' where id = ?`).run(jobs[0]?.id)).toThrow(/CHECK/);
    sqlite.prepare(`update job set state = 'queued' where id = ?`).run(jobs[0]?.id);
    const indexes = sqlite.prepare(`select name from sqlite_schema where type = 'index' and tbl_name = 'job'`).pluck();
    expect(indexes.all()).toContain('job_open');
  });
}

describe('a database of the first release', () => {
  it('is brought up to date with every row in it, and the references between them', () => {
    const file = oldDatabase('old.db');
    const before = read(file, firstOnly, (db) => content(db));
    expect(before['proposal']).toHaveLength(jobs.length);
    expectUpgraded(file, before);
    // Opening it again changes nothing.
    expectUpgraded(file, before);
  });

  it('has the same schema as a new one', () => {
    const schema = (db: Database): unknown[] =>
      db.sqlite.prepare(`select type, name, sql from sqlite_schema where sql is not null order by type, name`).all();
    const upgraded = oldDatabase('old.db');
    expect(read(upgraded, migrationsFolder, schema)).toEqual(read(join(folder, 'new.db'), migrationsFolder, schema));
  });

  it.each([1, 3, 6, 9])(
    'is as it was when the upgrade is killed after its statement %i, and can be upgraded then',
    async (at) => {
      const file = oldDatabase('old.db');
      const before = read(file, firstOnly, (db) => content(db));
      const program = `
      import Sqlite from 'better-sqlite3';
      import { readFileSync } from 'node:fs';
      const sqlite = new Sqlite(process.argv[1]);
      sqlite.pragma('foreign_keys = off');
      // So little memory for pages that they are written to the file before the end.
      sqlite.pragma('cache_size = 1');
      sqlite.exec('begin exclusive');
      const statements = readFileSync(process.argv[2], 'utf8').split(/;\\n/);
      for (const statement of statements.slice(0, Number(process.argv[3]))) sqlite.exec(statement + ';');
      process.kill(process.pid, 'SIGKILL');
    `;
      const migration = join(migrationsFolder, '0002_money.sql');
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, file, migration, `${at}`], {
        stdio: 'inherit',
        cwd: new URL('../../..', import.meta.url).pathname,
      });
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
      expect(read(file, firstOnly, (db) => content(db))).toEqual(before);
      expectUpgraded(file, before);
    },
  );

  it('stays as it was when a migration would leave a reference without its row', () => {
    const file = oldDatabase('old.db');
    const before = read(file, firstOnly, (db) => content(db));
    const wrong = join(folder, 'wrong');
    cpSync(firstOnly, wrong, { recursive: true });
    writeFileSync(join(wrong, '0002_wrong.sql'), `delete from job where state = 'failed';`);
    expect(() => openDatabase(file, wrong)).toThrow(/leaves every reference whole/);
    expect(read(file, firstOnly, (db) => content(db))).toEqual(before);
  });
});

describe('a database that a newer patchgit wrote', () => {
  it('is refused with what to do', () => {
    const file = join(folder, 'new.db');
    openDatabase(file, migrationsFolder).close();
    expect(() => openDatabase(file, firstOnly)).toThrow(DatabaseTooNewError);
    expect(() => openDatabase(file, firstOnly)).toThrow(/schema \d+, this one knows 1.*restore a backup/);
  });
});
