/**
 * Paths are text where they are UTF-8, and keep other bytes as lone surrogates U+DC80..U+DCFF (the scheme of Python's
 * PEP 383), so that one string names exactly one file. A byte string has one character per byte (latin1).
 */
import { isUtf8 } from 'node:buffer';

const surrogateBase = 0xdc00;

/** Byte string to path. */
export function pathFromBytes(bytes: string): string {
  if (!/[\u0080-\u00ff]/.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let path = '';
  for (let at = 0; at < buffer.length;) {
    const length = utf8LengthAt(buffer, at);
    if (length === 0) path += String.fromCharCode(surrogateBase + (buffer[at] ?? 0));
    else path += buffer.toString('utf8', at, at + length);
    at += Math.max(length, 1);
  }
  return path;
}

/** Path to the bytes git knows it by. */
export function pathToBytes(path: string): Buffer {
  if (!/[\udc80-\udcff]/.test(path) || path.isWellFormed()) return Buffer.from(path, 'utf8');
  const parts: Buffer[] = [];
  for (const character of path) {
    const code = character.codePointAt(0) ?? 0;
    const lone = code >= 0xdc80 && code <= 0xdcff;
    parts.push(lone ? Buffer.from([code - surrogateBase]) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** Bytes of the valid UTF-8 sequence at `at`, or 0. */
function utf8LengthAt(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length += 1) {
    if (isUtf8(buffer.subarray(at, at + length))) return length;
  }
  return 0;
}
