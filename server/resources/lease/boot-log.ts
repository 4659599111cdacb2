/** What a helper printed while it set itself up, for the owner to read: fetched once, over the connection that is there anyway. */
import type { LeaseId } from '#contract/lease.ts';
import { assert } from '../../lib/assert.ts';
import { redactLog, type KnownSecret } from '../../lib/redact.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock } from '../../ports.ts';
import type { HelperConnection, HelperKeys } from '../../ports-cloud.ts';
import type { Artifacts, ArtifactRow } from '../../record/artifact/store.ts';
import { places } from './cloud-init-places.ts';
import type { Move } from './moves.ts';
import { save, type LeaseParts } from './perform.ts';

export const bootLogBytesMax = 256 * 1024;
/** Fetched beyond that and never kept: where the far side cut, half a credential may stand. The longest, a private key, has 8 KiB. */
const marginBytes = 16 * 1024;
const fetchedBytesMax = bootLogBytesMax + marginBytes;
const wallMs = 5_000;
const cutLine = Buffer.from('[patchgit keeps the last 256 KiB of this; its beginning is left out]\n');
/** Shorter ones are in every other text. */
const keyLineCharactersMin = 16;

interface BootLogParts extends LeaseParts {
  readonly memory: { readonly isEnded: boolean };
}

/**
 * Fetches, masks and keeps it, and writes into the lease's row what came of it. Takes at most `wallMs` and the time to write a file; a
 * log that cannot be had is a sentence in the row and nothing else: no lease and no job fails for it.
 */
export async function keepBootLog(
  parts: BootLogParts,
  leaseId: LeaseId,
  connection: Pick<HelperConnection, 'start'>,
  { hostPrivateKey }: Pick<HelperKeys, 'hostPrivateKey'>,
): Promise<void> {
  const fetched = await fetchBootLog(connection, parts.clock);
  const known = [...parts.known, ...linesOf(hostPrivateKey)];
  const kept = fetched.ok ? await keep(parts.artifacts, shownBootLog(fetched.value, known)) : fetched;
  if (kept.ok) note(parts, leaseId, { move: 'keep_log', log: kept.value });
  else missBootLog(parts, leaseId, kept.why);
}

/** Writes why there is none. `why` is a sentence. */
export function missBootLog(parts: BootLogParts, leaseId: LeaseId, why: string): void {
  parts.log.info({ leaseId, why }, 'what a helper printed was not fetched');
  note(parts, leaseId, { move: 'miss_log', trouble: why });
}

function note(parts: BootLogParts, leaseId: LeaseId, move: Move): void {
  // The next start finds a lease whose keys are gone, and says so in its row.
  if (parts.memory.isEnded) return;
  const lease = parts.leases.lease(leaseId);
  assert(lease !== null, 'a lease is never deleted');
  // When another process has taken the lease over, it has said what there is to say.
  save(parts, lease, move, null);
}

/** The last bytes of it, at most `fetchedBytesMax`. `why` is a sentence of ours: nothing in it was said by the machine. */
export async function fetchBootLog(
  connection: Pick<HelperConnection, 'start'>,
  clock: Pick<Clock, 'after'>,
): Promise<Result<Buffer, string>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const answer = Promise.withResolvers<Result<Buffer, string>>();
  const stopTimer = clock.after(wallMs, () => answer.resolve(no('The machine did not send it in time.')));
  const starting = connection.start(['tail', '-c', `${fetchedBytesMax}`, places.bootLog], {
    onOutput: (chunk) => {
      bytes += chunk.length;
      if (bytes <= fetchedBytesMax) chunks.push(chunk);
      else answer.resolve(no('The machine sent more than was asked for.'));
    },
  });
  void starting.then(async (started) => {
    if (!started.ok) return answer.resolve(started);
    started.value.input.end();
    const { code } = await started.value.ended;
    if (code === null) return answer.resolve(no('The connection to the machine ended before it was all here.'));
    if (code !== 0) return answer.resolve(no('The machine has no output of cloud-init that can be read.'));
    answer.resolve(bytes === 0 ? no('cloud-init had not printed anything.') : ok(Buffer.concat(chunks)));
  });
  const fetched = await answer.promise;
  stopTimer();
  // Whatever is still on its way over there; nobody waits for that.
  void starting.then((started) => started.ok && started.value.stop());
  return fetched;
}

/**
 * What of the fetched bytes is kept: credentials masked, then the last whole lines of it, at most `bootLogBytesMax` bytes. Pure.
 * Masked before it is cut, so that no cut of ours can hide from us what a credential is.
 */
export function shownBootLog(fetched: Buffer, known: readonly KnownSecret[]): Buffer {
  const masked = redactLog(fetched, known);
  const isCutThere = fetched.length >= fetchedBytesMax;
  if (!isCutThere && masked.length <= bootLogBytesMax) return masked;
  const from = Math.max(masked.length - (bootLogBytesMax - cutLine.length), isCutThere ? marginBytes : 0);
  const lineEnd = masked.indexOf('\n', from);
  // Progress bars make lines without an end.
  const first = lineEnd === -1 || lineEnd === masked.length - 1 ? from : lineEnd + 1;
  return Buffer.concat([cutLine, masked.subarray(first)]);
}

/** Each line by itself: a key that was cut, or that stands in JSON, has no shape that is known. */
function linesOf(hostPrivateKey: string): KnownSecret[] {
  return hostPrivateKey
    .split('\n')
    .filter((line) => line.length >= keyLineCharactersMin && !line.startsWith('-----'))
    .map((value) => ({ name: 'host key', value }));
}

/** A full disk is the trouble of whoever needs it, and this does not. */
async function keep(artifacts: Artifacts, bytes: Buffer): Promise<Result<ArtifactRow, string>> {
  try {
    return ok(await artifacts.keep(bytes, 'text/plain'));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return no(`It could not be written here (${String(error.code)}).`);
  }
}
