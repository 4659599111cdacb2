/** What came back from a git that read a stranger's patch: an archive that is taken apart here, and objects that are looked at. */
import { createHash } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflate } from 'node:zlib';
import { PortError } from '../ports.ts';

const blockBytes = 512;
/** Of one object: as much as git itself was allowed to hold. */
const objectBytesMax = 512 * 1024 * 1024;

/**
 * The plain files of a POSIX "ustar" archive (pax(1), "ustar Interchange Format": blocks of 512 bytes; name at 0, size in octal at
 * 124, type at 156). Names are not judged here. Throws PortError for anything else than files and folders, and for one cut short.
 */
export function readArchive(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; ;) {
    const header = archive.subarray(at, at + blockBytes);
    if (header.length < blockBytes) throw broken('the archive is cut short');
    // Its end is a block of zeros.
    if (header[0] === 0) return files;
    const name = text(header.subarray(0, 100));
    const size = text(header.subarray(124, 136)).trim();
    const type = text(header.subarray(156, 157));
    if (!/^[0-7]{1,11}$/.test(size)) throw broken('a size in the archive is none');
    const bytes = Number.parseInt(size, 8);
    const content = archive.subarray(at + blockBytes, at + blockBytes + bytes);
    if (content.length !== bytes) throw broken('the archive is cut short');
    if (type === '0' || type === '') files.set(name, content);
    else if (type !== '5') throw broken('there is more than files and folders in the archive');
    at += blockBytes + Math.ceil(bytes / blockBytes) * blockBytes;
  }
}

/**
 * Writes a loose object into `objectsDir` when it is what its name says: the hash of its inflated bytes, "type size", NUL, content
 * (gitformat-loose). Throws PortError otherwise. One that is there already stays.
 */
export async function takeObject(objectsDir: string, oid: string, content: Buffer): Promise<void> {
  const hash = createHash(oid.length === 40 ? 'sha1' : 'sha256');
  let bytes = 0;
  try {
    await pipeline([content], createInflate(), async (inflated: AsyncIterable<Buffer>) => {
      for await (const chunk of inflated) {
        bytes += chunk.length;
        if (bytes > objectBytesMax) throw new Error('it is too large');
        hash.update(chunk);
      }
    });
  } catch (error) {
    throw new PortError('git', `take the object ${oid}`, { cause: error });
  }
  if (hash.digest('hex') !== oid) throw broken(`the object ${oid} has another name`);
  const folder = join(objectsDir, oid.slice(0, 2));
  const file = join(folder, oid.slice(2));
  await mkdir(folder, { recursive: true });
  if (await isThere(file)) return;
  await writeFile(`${file}.part`, content, { mode: 0o444, flag: 'wx' });
  await rename(`${file}.part`, file);
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Up to the first NUL. */
function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? field.length : end).toString('latin1');
}

function broken(why: string): PortError {
  return new PortError('git', 'take what a patch has made', { cause: new Error(why) });
}
