import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { assert } from '../../lib/assert.ts';

export interface Database {
  readonly sqlite: Sqlite.Database;
  /**
   * Runs `work` in one transaction, or inside the one that is open. State and its ledger entry are written together or not
   * at all (DESIGN section 4). `work` must not wait: SQLite is synchronous and so is this.
   */
  readonly transaction: <T>(work: () => T) => T;
  /** Called after each outermost commit, never for work that was rolled back. */
  readonly onCommit: (listener: () => void) => void;
  readonly close: () => void;
}

export class DatabaseTooNewError extends Error {
  override readonly name = 'DatabaseTooNewError';
}

/** Opens (or makes) the database file and brings its schema up to date. `migrations`: folder of NNNN_name.sql files. */
export function openDatabase(file: string, migrations: string): Database {
  const sqlite = new Sqlite(file);
  sqlite.pragma('journal_mode = wal');
  // An acknowledged decision must survive the power going (notes/testing.md 4.3: NORMAL loses acknowledged commits).
  sqlite.pragma('synchronous = full');
  sqlite.pragma('foreign_keys = on');
  sqlite.pragma('busy_timeout = 5000');
  sqlite.pragma('trusted_schema = off');
  migrate(sqlite, migrations);
  const listeners: (() => void)[] = [];
  return {
    sqlite,
    transaction: (work) => {
      if (sqlite.inTransaction) return work();
      const value = sqlite.transaction(work).immediate();
      for (const listener of listeners) listener();
      return value;
    },
    onCommit: (listener) => {
      listeners.push(listener);
    },
    close: () => sqlite.close(),
  };
}

function migrate(sqlite: Sqlite.Database, folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .toSorted();
  const done = Number(sqlite.pragma('user_version', { simple: true }));
  if (done > files.length) {
    throw new DatabaseTooNewError(
      `The database was written by a newer patchgit (schema ${done}, this one knows ${files.length}). Run that version, or restore a backup made before the update.`,
    );
  }
  files.forEach((name, index) => {
    const version = index + 1;
    assert(
      Number(name.slice(0, 4)) === version,
      `migrations are numbered without gaps, and ${name} is the ${version}. file`,
    );
    if (version <= done) return;
    const sql = readFileSync(join(folder, name), 'utf8');
    // Making a table anew drops the old one, which would take the rows that refer to it along; this cannot be switched off
    // inside a transaction (sqlite.org/lang_altertable.html, section 7). What the rows refer to is checked before the commit.
    sqlite.pragma('foreign_keys = off');
    sqlite
      .transaction(() => {
        // Another process may have been faster while this one waited for its turn.
        if (Number(sqlite.pragma('user_version', { simple: true })) >= version) return;
        sqlite.exec(sql);
        const broken = sqlite.pragma('foreign_key_check');
        assert(Array.isArray(broken) && broken.length === 0, `${name} leaves every reference whole`);
        sqlite.pragma(`user_version = ${version}`);
      })
      .exclusive();
    sqlite.pragma('foreign_keys = on');
  });
}
