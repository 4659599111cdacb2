import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '../adapters/system-random.ts';
import { artifactStore, type Artifacts } from '../record/artifact/store.ts';
import { openDatabase, type Database } from '../record/db/open.ts';
import { ledgerStore, type Ledger } from '../record/ledger/store.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';

export const migrationsFolder = new URL('../record/db/migrations', import.meta.url).pathname;

export interface TestRecord {
  readonly folder: string;
  readonly db: Database;
  readonly clock: FakeClock;
  readonly ledger: Ledger;
  readonly artifacts: Artifacts;
  readonly close: () => void;
}

/** A real database on disk in a folder of its own, with a clock in the test's hand. */
export function testRecord(): TestRecord {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-record-'));
  const db = openDatabase(join(folder, 'patchgit.db'), migrationsFolder);
  const clock = fakeClock();
  return {
    folder,
    db,
    clock,
    ledger: ledgerStore(db, clock),
    artifacts: artifactStore(db, join(folder, 'artifacts'), clock, systemRandom()),
    close: () => {
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
