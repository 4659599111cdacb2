import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Sha256 } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import { sha256 } from '../../lib/digest.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Database } from '../db/open.ts';

export interface ArtifactRow {
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly mediaType: string;
}

/** Evidence as files named by their own digest, plus a row each. Keeping the same bytes twice keeps them once. */
export interface Artifacts {
  /** On disk for good (file and folder synced) when it resolves. */
  readonly keep: (bytes: Uint8Array | string, mediaType: string) => Promise<ArtifactRow>;
  readonly find: (digest: string) => ArtifactRow | null;
  /** The bytes, verified against their name; null when there is no such artifact. */
  readonly read: (digest: string) => Promise<Buffer | null>;
}

export function artifactStore(db: Database, folder: string, clock: Clock, random: Random): Artifacts {
  const select = db.sqlite.prepare<[string], { sha256: string; bytes: number; media_type: string }>(
    'select sha256, bytes, media_type from artifact where sha256 = ?',
  );
  const insert = db.sqlite.prepare(
    'insert or ignore into artifact (sha256, bytes, media_type, kept_at_ms) values (?, ?, ?, ?)',
  );
  const find = (digest: string): ArtifactRow | null => {
    const row = select.get(digest);
    return row ? { sha256: Sha256.parse(row.sha256), bytes: row.bytes, mediaType: row.media_type } : null;
  };
  return {
    find,
    keep: async (content, mediaType) => {
      const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
      const digest = Sha256.parse(sha256(bytes));
      if (!find(digest)) {
        await writeDurably(folder, digest, bytes, random);
        insert.run(digest, bytes.length, mediaType, clock.nowMs());
      }
      return { sha256: digest, bytes: bytes.length, mediaType };
    },
    read: async (digest) => {
      if (!find(digest)) return null;
      const bytes = await readFile(pathOf(folder, digest));
      assert(sha256(bytes) === digest, `artifact ${digest} still has the bytes it is named after`);
      return bytes;
    },
  };
}

function pathOf(folder: string, digest: string): string {
  return join(folder, digest.slice(0, 2), digest);
}

/** Write, sync, rename, sync the folder: a crash leaves either nothing or the whole file under its name. */
async function writeDurably(folder: string, digest: string, bytes: Uint8Array, random: Random): Promise<void> {
  const target = pathOf(folder, digest);
  const home = join(folder, digest.slice(0, 2));
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (existsSync(target)) return;
  const temporary = `${target}.${random.bytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, target);
  const directory = await open(home, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
