import type { Random } from '../../ports.ts';

/** A name for one request, in its problem and in the log, so that the owner can quote it: 16 hex digits. */
export function requestId(random: Random): string {
  return random.bytes(8).toString('hex');
}
