/** Whether a machine that answers is ready for work: what its orders write last says so (cloud-init-places.ts). */
import { z } from 'zod';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock } from '../../ports.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { places } from './cloud-init-places.ts';

const everyMs = 1_000;
const answerBytesMax = 4096;
const notYet = 3;
const gaveUp = 4;
const command = `cat ${places.readyMarker} 2>/dev/null || { cat ${places.failedMarker} 2>/dev/null && exit ${gaveUp}; exit ${notYet}; }`;

const Marker = z.object({ machine: z.string() });

/** Asks until it is ready, has given up, or `signal` aborts. `why` is a sentence. */
export async function whenReady(
  connection: HelperConnection,
  machine: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result<null, string>> {
  while (!signal.aborted) {
    const answer = await said(connection, command);
    if (!answer.ok) return no(`The helper could not be asked whether it is ready. ${answer.why}`);
    const { code, text } = answer.value;
    if (code === gaveUp) return no(`The helper could not set itself up: ${text.trim()}`);
    if (code === null) return no('The connection to the helper was lost before it was ready.');
    if (code === 0)
      return isMarkerOf(text, machine) ? ok(null) : no('Another machine has answered at the address of the helper.');
    await pause(clock, everyMs, signal);
  }
  return no('The helper was not ready in time.');
}

/** What a line of shell answers over there, up to `answerBytesMax`; null: it did not come to an end by itself. */
export async function said(
  connection: HelperConnection,
  line: string,
): Promise<Result<{ readonly code: number | null; readonly text: string }, string>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const started = await connection.start(['sh', '-c', line], {
    onOutput: (chunk) => {
      bytes += chunk.length;
      if (bytes <= answerBytesMax) chunks.push(chunk);
    },
  });
  if (!started.ok) return started;
  started.value.input.end();
  const { code } = await started.value.ended;
  return ok({ code, text: Buffer.concat(chunks).toString('utf8') });
}

function isMarkerOf(text: string, machine: string): boolean {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
  const marker = Marker.safeParse(read);
  return marker.success && marker.data.machine === machine;
}

/** Resolves after so long, or when `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stop();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const stop = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
