import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../../ports.ts';
import { discard, emptyTrash, removal } from './trash.ts';

/** A folder for one piece of work on the trusted side: objects that are not in the mirror yet, an index, exported files. */
export interface Quarantine {
  readonly objectsDir: string;
  /** A new index file name each time. */
  readonly indexFile: () => string;
  /** A new folder name each time; the caller makes it. */
  readonly folder: (name: string) => string;
  /** It is gone when this resolves; its bytes are removed in the background (`trashIsEmpty` waits for that). */
  readonly close: () => Promise<void>;
}

export async function openQuarantine(parent: string, random: Random): Promise<Quarantine> {
  const home = join(parent, random.bytes(8).toString('hex'));
  const objectsDir = join(home, 'objects');
  await mkdir(objectsDir, { recursive: true, mode: 0o755 });
  let count = 0;
  const unique = (name: string): string => {
    count += 1;
    return join(home, `${name}-${count}`);
  };
  return {
    objectsDir,
    indexFile: () => unique('index'),
    folder: (name) => unique(name),
    close: () => discard(home, parent, random),
  };
}

/** After a crash: nothing in quarantine is needed again, every stage can make it anew. */
export async function emptyQuarantine(parent: string): Promise<void> {
  await mkdir(parent, { recursive: true, mode: 0o711 });
  for (const name of await readdir(parent)) await rm(join(parent, name), { ...removal });
  await emptyTrash(parent);
}
