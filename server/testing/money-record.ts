/** A database file with what reservations refer to, to be opened as often and by as many as a test wants. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobId, ProposalId } from '#contract/ids.ts';
import { openDatabase, type Database } from '../record/db/open.ts';
import { migrationsFolder } from './record.ts';

const numbered = (count: number): string => count.toString(16).padStart(12, '0');

export const testJobs = [1, 2, 3].map((count) => JobId.parse(`job_${numbered(count)}`));
export const testProposals = [1, 2].map((count) => ProposalId.parse(`prop_${numbered(count)}`));

export function testJob(at: number): JobId {
  const job = testJobs[at % testJobs.length];
  if (job === undefined) throw new Error('there are jobs');
  return job;
}

/** One job and what it refers to, in the columns that every schema has. */
export function addTestJob({ sqlite }: Pick<Database, 'sqlite'>, id: string, state = 'running'): void {
  const sha = 'a'.repeat(64);
  sqlite
    .prepare('insert or ignore into artifact (sha256, bytes, media_type, kept_at_ms) values (?, 1, ?, 1)')
    .run(sha, 'text/x-diff');
  sqlite
    .prepare(
      `insert or ignore into repository (id, name, url, forge, default_branch, detected_checks, added_at_ms)
       values ('repo_000000000001', 'r', '/r', 'local', 'main', '[]', 1)`,
    )
    .run();
  sqlite
    .prepare(
      `insert into job (id, request_id, request_digest, repository_id, title, state, stage, base_ref, received_sha256, queue_order, created_at_ms)
       values (@id, @id, 'd', 'repo_000000000001', @id, @state, 'plan', 'main', @sha, 1, 1)`,
    )
    .run({ id, state, sha });
}

export interface MoneyFolder {
  /** Another file with the schema and the jobs in it. */
  readonly newFile: () => string;
  readonly remove: () => void;
}

/** `migrations`: the schema's folder, so that a test can plant a fault in it. */
export function moneyFolder(migrations = migrationsFolder): MoneyFolder {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-money-'));
  const first = join(folder, 'first.db');
  const db = openDatabase(first, migrations);
  for (const id of testJobs) addTestJob(db, id);
  db.sqlite.pragma('wal_checkpoint(truncate)');
  db.close();
  let files = 0;
  return {
    newFile: () => {
      files += 1;
      const file = join(folder, `${files}.db`);
      copyFileSync(first, file);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
