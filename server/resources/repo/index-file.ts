/**
 * git's index file, version 2 (git's Documentation/gitformat-index): header, sorted entries, hash of all before it.
 * Written by us so that an index of ten paths costs no process, and read back after git's apply has changed it.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { pathFromBytes, pathToBytes } from '../../lib/path-bytes.ts';
import { PortError } from '../../ports.ts';

export interface IndexEntry {
  readonly mode: string;
  readonly oid: string;
}

const headerBytes = 12;
/** Times, device, inode, mode, owner and size: all zero but the mode, because there is no working tree to compare with. */
const statBytes = 40;

/** Writes an index that holds exactly these files. `oidBytes`: 20 for SHA-1 repositories, 32 for SHA-256. */
export async function writeIndex(
  file: string,
  entries: ReadonlyMap<string, IndexEntry>,
  oidBytes: number,
): Promise<void> {
  const sorted = [...entries]
    .map(([path, entry]) => ({ name: pathToBytes(path), entry }))
    .toSorted((one, other) => Buffer.compare(one.name, other.name));
  const header = Buffer.alloc(headerBytes);
  header.write('DIRC');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(sorted.length, 8);
  const body = Buffer.concat([header, ...sorted.map(({ name, entry }) => indexEntry(name, entry, oidBytes))]);
  const hash = createHash(oidBytes === 20 ? 'sha1' : 'sha256')
    .update(body)
    .digest();
  await writeFile(file, Buffer.concat([body, hash]));
}

function indexEntry(name: Buffer, entry: IndexEntry, oidBytes: number): Buffer {
  const used = statBytes + oidBytes + 2 + name.length;
  const bytes = Buffer.alloc(Math.floor((used + 8) / 8) * 8);
  bytes.writeUInt32BE(canonicalMode(entry.mode), 24);
  bytes.write(entry.oid, statBytes, 'hex');
  bytes.writeUInt16BE(Math.min(name.length, 0xfff), statBytes + oidBytes);
  name.copy(bytes, statBytes + oidBytes + 2);
  return bytes;
}

/** Old trees hold modes like 100664; an index only knows the canonical ones. */
function canonicalMode(mode: string): number {
  const bits = Number.parseInt(mode, 8);
  const isFile = bits >> 12 === 0o10;
  return isFile ? 0o100644 | (bits & 0o100 ? 0o111 : 0) : bits;
}

/** Reads every entry of an index of version 2 or 3. Rejects with PortError for any other. */
export async function readIndex(file: string, oidBytes: number): Promise<Map<string, IndexEntry>> {
  const bytes = await readFile(file);
  const version = bytes.length > headerBytes ? bytes.readUInt32BE(4) : 0;
  if (bytes.toString('latin1', 0, 4) !== 'DIRC' || (version !== 2 && version !== 3)) {
    throw new PortError('git', `read an index of version ${version}`);
  }
  const entries = new Map<string, IndexEntry>();
  let at = headerBytes;
  for (let count = bytes.readUInt32BE(8); count > 0; count -= 1) {
    const flagsAt = at + statBytes + oidBytes;
    const isExtended = (bytes.readUInt16BE(flagsAt) & 0x4000) !== 0;
    const nameAt = flagsAt + (isExtended ? 4 : 2);
    const nameEnd = bytes.indexOf(0, nameAt);
    entries.set(pathFromBytes(bytes.toString('latin1', nameAt, nameEnd)), {
      mode: bytes
        .readUInt32BE(at + 24)
        .toString(8)
        .padStart(6, '0'),
      oid: bytes.toString('hex', at + statBytes, flagsAt),
    });
    at += Math.floor((nameEnd - at + 8) / 8) * 8;
  }
  return entries;
}
