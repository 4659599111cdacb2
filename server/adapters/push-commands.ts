import { no, ok, type Result } from '../lib/result.ts';
import type { PushRefusal } from './push-wire.ts';

/** The longest line that can stand before the objects of a push: two object names, a branch, git's own abilities. */
const lineBytesMax = 4096;
const command = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) refs\/heads\/patchgit\/[a-z0-9-]{1,200}$/;
/** What git may ask for beside it. Not among them: options for the forge, and signed pushes, which say it all once more. */
const ability =
  /^(?:report-status|report-status-v2|side-band-64k|quiet|atomic|object-format=sha(?:1|256)|(?:agent|session-id)=[\x21-\x7e]+)$/;

/**
 * The beginning of what git sends to make or delete a branch (gitprotocol-pack(5), "Reference Update Request"). Sound is exactly
 * one command, which makes a branch of ours that is not there or deletes one: nothing is ever moved, no tag, no other branch. Sound
 * is also the question of four bytes that git asks before a large push. `bodyBytes` is the length that was told, if any.
 */
export function judgePush(bytes: Buffer, bodyBytes: number | null): Result<null, PushRefusal> | 'more' {
  if (bytes.length < 4) return 'more';
  const first = lengthAt(bytes, 0);
  if (first === 0) return bodyBytes === 4 && bytes.length === 4 ? ok(null) : no('branch');
  if (!(first > 4 && first <= lineBytesMax)) return no('branch');
  if (bytes.length < first + 4) return 'more';
  if (lengthAt(bytes, first) !== 0) return no('branch');
  const line = bytes.subarray(4, first).toString('latin1').replace(/\n$/, '');
  const [order = '', abilities = '', ...more] = line.split('\0');
  const [, before = '', after = ''] = command.exec(order) ?? [];
  const isMade = /^0+$/.test(before) && /[^0]/.test(after);
  const isDeleted = /[^0]/.test(before) && /^0+$/.test(after);
  const asked = abilities.split(' ').filter((word) => word !== '');
  const isSound = (isMade || isDeleted) && more.length === 0 && asked.every((word) => ability.test(word));
  return isSound ? ok(null) : no('branch');
}

/** NaN where there is no length. */
function lengthAt(bytes: Buffer, at: number): number {
  const text = bytes.subarray(at, at + 4).toString('latin1');
  return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
}
