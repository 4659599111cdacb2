/** The conversation with a helper that runs on another machine. */
import type { Log } from '../ports.ts';
import type { HelperConnection } from '../ports-cloud.ts';
import { frameReader } from './base-sandbox-frames.ts';
import type { Conversation } from './base-sandbox-frames.ts';
import { cancelled, lostLink } from './remote-sandbox-ask.ts';

const complaintBytesMax = 8 * 1024;

/**
 * Hands over the assignment and listens to the end. Null once everything was said; or the sentence that says what went wrong.
 * Either way the helper over there has ended when this resolves. When that cannot be seen, the connection is closed, so that
 * nobody takes the machine for one that is idle.
 */
export async function converse(
  connection: HelperConnection,
  command: readonly string[],
  talk: Conversation,
  log: Log,
): Promise<string | null> {
  let why: string | null = null;
  let end = (): void => undefined;
  const stop = (reason: string): void => {
    why ??= reason;
    end();
  };
  const read = frameReader(talk, stop);
  const complaints: Buffer[] = [];
  let complaintBytes = 0;
  const started = await connection.start(command, {
    onOutput: (chunk) => {
      if (why !== null) return;
      read(chunk);
      if (talk.order.isComplete) end();
    },
    onErrors: (chunk) => {
      if (complaintBytes < complaintBytesMax) complaints.push(chunk);
      complaintBytes += chunk.length;
    },
  });
  if (!started.ok) return started.why;
  const program = started.value;
  end = () => program.stop();
  const cancel = (): void => stop(cancelled);
  const deadline = setTimeout(() => stop('The sandbox helper did not finish in time.'), talk.deadlineMs);
  talk.signal.addEventListener('abort', cancel, { once: true });
  if (talk.signal.aborted) cancel();
  // It may have said something wrong before there was anything to stop.
  else if (why !== null) end();
  else if (talk.line.length > 0) program.input.write(talk.line);
  const ended = await program.ended;
  clearTimeout(deadline);
  talk.signal.removeEventListener('abort', cancel);
  const exit = ended.signal ?? `exit code ${ended.code}`;
  const stderr = Buffer.concat(complaints).subarray(0, complaintBytesMax).toString('utf8');
  if (stderr !== '') log.warn({ exit, stderr }, 'the sandbox helper complained');
  if (ended.code === null && ended.signal === null) {
    const isLost = !connection.isOpen();
    await connection.close();
    if (talk.order.isComplete && why === null) return null;
    return isLost && why === null ? lostLink : `${why ?? ''} The helper machine did not confirm its end.`.trim();
  }
  if (why !== null || talk.order.isComplete) return why;
  return `The sandbox helper ended before it was done (${exit}).`;
}
