import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Database } from './db/open.ts';
import type { Ledger } from './ledger/store.ts';

/** What a backup holds beside the database: evidence, and the repositories of the local forge. Mirrors can be fetched again. */
const foldersKept = ['artifacts', 'forge'];

/**
 * Copies a consistent database (SQLite's online backup) and the files it points at into a new folder. Artifacts are written
 * before their rows, so every row in the copy finds its file.
 */
export async function makeBackup(
  parts: { readonly db: Database; readonly ledger: Ledger; readonly home: string },
  folder: string,
): Promise<Result<{ folder: string; bytes: number }, Problem>> {
  if (!isAbsolute(folder)) return no(problem('invalid_body', 'Give the backup folder as an absolute path.'));
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    return no(
      problem(
        'invalid_body',
        `The folder ${folder} cannot be made (${error instanceof Error ? error.message : String(error)}). Name one that does not exist yet.`,
      ),
    );
  }
  const head = parts.ledger.head();
  await parts.db.sqlite.backup(join(folder, 'patchgit.db'));
  for (const name of foldersKept) {
    await cp(join(parts.home, name), join(folder, name), { recursive: true, errorOnExist: true, force: false });
  }
  parts.db.transaction(() =>
    parts.ledger.append({ kind: 'backup.made', actor: 'owner', body: { folder, throughSeq: head } }),
  );
  return ok({ folder, bytes: await sizeOf(folder) });
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

/** Puts a backup into an empty data folder. It becomes an installation of its own: open pages must load everything anew. */
export async function restoreBackup(
  folder: string,
  home: string,
): Promise<Result<{ folder: string; home: string }, Problem>> {
  const database = join(folder, 'patchgit.db');
  if (!existsSync(database)) return no(problem('not_found', `${folder} is no backup: there is no patchgit.db in it.`));
  if (existsSync(join(home, 'patchgit.db'))) {
    return no(
      problem(
        'repository_exists',
        `${home} holds an installation already. Move it away, or set PATCHGIT_HOME to an empty folder.`,
      ),
    );
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  for (const name of foldersKept) await cp(join(folder, name), join(home, name), { recursive: true });
  await cp(database, join(home, 'patchgit.db'));
  const sqlite = new Sqlite(join(home, 'patchgit.db'));
  try {
    sqlite.prepare('update install set id = lower(hex(randomblob(6)))').run();
  } finally {
    sqlite.close();
  }
  return ok({ folder, home });
}
