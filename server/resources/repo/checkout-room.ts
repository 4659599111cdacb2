import { statfs } from 'node:fs/promises';
import type { ObjectId } from '#contract/ids.ts';
import { PortError, type Git } from '../../ports.ts';

/** Left free for everything else: the database, artifacts, mirrors, the system. The same as `doctor` asks for. */
export const freeBytesMin = 512 * 1024 * 1024;

const blockBytes = 4096;
/** Of the file system's own records, for one file. */
const fileBytes = 512;

/** What a checkout of `tree` takes on the disk, in bytes, rounded up as file systems do. */
export async function bytesOfTree(
  git: Git,
  place: { readonly gitDir: string; readonly objectsDir?: string; readonly signal?: AbortSignal },
  tree: ObjectId,
): Promise<number> {
  const args = ['ls-tree', '-r', '--format=%(objectsize)', tree];
  const listed = await git.run({ ...place, args });
  if (listed.code !== 0)
    throw new PortError('git', 'measure a tree', { cause: new Error(listed.ended ?? listed.stderr) });
  let bytes = 0;
  for (const size of listed.stdout.toString('latin1').split('\n'))
    bytes += Math.ceil(Number(size.replace('-', '0')) / blockBytes) * blockBytes + fileBytes;
  return bytes;
}

/** What may be written below `folder` before the reserve is touched; may be negative. */
export async function roomIn(folder: string): Promise<number> {
  const disk = await statfs(folder);
  return disk.bavail * disk.bsize - freeBytesMin;
}

/** The sentence for a disk that has no room for a checkout, with what is missing. */
export function noRoom(neededBytes: number, roomBytes: number): PortError {
  const text = (bytes: number): string => `${Math.max(1, Math.ceil(bytes / 1024 ** 2))} MiB`;
  return new PortError('disk', 'make room for a checkout', {
    cause: new Error(
      `the tree needs ${text(neededBytes)} in the data folder, beside ${text(freeBytesMin)} that stay free, and ${text(neededBytes - roomBytes)} are missing. Make room there`,
    ),
  });
}
