/** `GIT binary patch`: bounded before git unpacks it (security note T16), passed on, or written for a deletion. */
import { inflateSync } from 'node:zlib';
import { type Problem, problem } from '#contract/problem.ts';
import { showPath } from './bytes.ts';
import type { Sheet } from './desk.ts';
import { binaryBytesMax } from './limits.ts';
import type { BinaryPart, FilePatch } from './shape.ts';
import { type Change, writeHead } from './write.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
const digits = new Map(alphabet.split('').map((character, value) => [character, value]));

/** Largest bytes one part makes git hold, or why it is refused. */
export function judgeBinary(
  path: string,
  parts: readonly BinaryPart[],
  file: Pick<FilePatch, 'at' | 'header'>,
): { bytes: number } | Problem {
  const where = { file: showPath(path), line: file.at };
  const { index } = file.header;
  // git leaves such a part out, without a word when nothing else stands in its header.
  if (index === null || index.new.length < 40 || index.old.length < 40) {
    const message = `The binary part for "${showPath(path)}" has no "index" line with both full names. Make the diff with "git diff --binary".`;
    return problem('patch_corrupt', message, where);
  }
  if (parts.length === 0) {
    const message = `"${showPath(path)}" announces binary data, but none follows. Make the diff with "git diff --binary".`;
    return problem('patch_binary_without_data', message, where);
  }
  let bytes = 0;
  for (const part of parts) {
    bytes += part.size;
    if (bytes > binaryBytesMax) return tooLarge(path, part.at);
    const unpacked = unpack(part);
    if (!unpacked) {
      return problem('patch_corrupt', `The binary data of "${showPath(path)}" is damaged.`, {
        ...where,
        line: part.at,
      });
    }
    if (part.kind === 'delta') bytes += deltaTarget(unpacked);
    if (bytes > binaryBytesMax) return tooLarge(path, part.at);
  }
  return { bytes };
}

function tooLarge(path: string, line: number): Problem {
  const message = `The binary data of "${showPath(path)}" unpacks to more than ${binaryBytesMax / 1024 / 1024} MiB.`;
  return problem('patch_too_large', message, { file: showPath(path), line });
}

/** The bytes of a part, if they are whole: git itself goes on after a damaged part without failing. */
function unpack(part: BinaryPart): Buffer | null {
  const packed = decodeLines(part.lines);
  const unpacked = packed && inflateWithin(packed, part.size);
  return unpacked?.length === part.size ? unpacked : null;
}

/** Bytes that a delta says it builds: its second number (after the size of its source), seven bits to a byte. */
function deltaTarget(delta: Buffer): number {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; at < delta.length; scale *= 128) {
      const byte = delta[at] ?? 0;
      at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  next();
  return next();
}

function inflateWithin(packed: Buffer, bytesMax: number): Buffer | null {
  try {
    return inflateSync(packed, { maxOutputLength: Math.max(bytesMax, 1) });
  } catch (error) {
    // Damaged or longer than announced: the caller refuses the patch, which is what this means.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/** Base 85 as git writes it: the first character of a line is its length, A to Z for 1 to 26, a to z for 27 to 52. */
function decodeLines(lines: readonly string[]): Buffer | null {
  const parts: Buffer[] = [];
  for (const line of lines) {
    const first = line.charCodeAt(0);
    const length = first >= 97 ? first - 97 + 27 : first - 65 + 1;
    const groups = (line.length - 1) / 5;
    if (!Number.isInteger(groups) || length > groups * 4) return null;
    const bytes = Buffer.alloc(groups * 4);
    for (let group = 0; group < groups; group += 1) {
      let value = 0;
      for (let at = 0; at < 5; at += 1) {
        const digit = digits.get(line[1 + group * 5 + at] ?? '');
        if (digit === undefined) return null;
        value = value * 85 + digit;
      }
      if (value > 0xffffffff) return null;
      bytes.writeUInt32BE(value, group * 4);
    }
    parts.push(bytes.subarray(0, length));
  }
  return Buffer.concat(parts);
}

/** The section of a binary file, written anew from its parts. */
export function writeBinary(file: FilePatch, parts: readonly BinaryPart[], change: Change): string {
  const index = file.header.index ? `index ${file.header.index.old}..${file.header.index.new}\n` : '';
  const body = parts.map((part) => `${part.kind} ${part.size}\n${part.lines.map((line) => `${line}\n`).join('')}\n`);
  return `${writeHead(change)}${index}GIT binary patch\n${body.join('')}`;
}

/** Deletes a file of any content: its blob is named in full, so that git takes it only from exactly this base. */
export function writeDeletion(change: Change, before: Sheet): string {
  if (before.content === '' || before.oid === null) return writeHead(change);
  // "HcmV?d00001" is the empty content, packed and in base 85.
  const empty = 'literal 0\nHcmV?d00001\n\n';
  return `${writeHead(change)}index ${before.oid}..${'0'.repeat(before.oid.length)}\nGIT binary patch\n${empty}`;
}
