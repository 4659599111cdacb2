/** What the owner sees while a step runs. It is a view with a bounded rate and size; the log in the outcome is the record. */
const flushEveryMs = 100;
const chunkBytesMax = 16 * 1024;
const totalBytesMax = 1024 * 1024;

export interface LiveOutput {
  readonly push: (chunk: Buffer) => void;
  /** Sends what waits and stops the clock. */
  readonly end: () => void;
}

/**
 * Sends at most 16 KiB ten times a second and 1 MiB in all. Of a burst the newest bytes are shown. Bytes are passed on as
 * they are: whoever shows them must neutralise escape sequences.
 */
export function liveOutput(send: (bytes: Buffer) => void): LiveOutput {
  // Filled in place: a flood of output must not leave garbage behind.
  const waiting = Buffer.alloc(chunkBytesMax);
  let waitingBytes = 0;
  let sentBytes = 0;
  const flush = (): void => {
    if (waitingBytes === 0 || sentBytes >= totalBytesMax) return;
    sentBytes += waitingBytes;
    send(waiting.subarray(0, waitingBytes));
    waitingBytes = 0;
  };
  const timer = setInterval(flush, flushEveryMs);
  return {
    push: (chunk) => {
      const kept = chunk.subarray(Math.max(0, chunk.length - chunkBytesMax));
      const tooMany = Math.max(0, waitingBytes + kept.length - chunkBytesMax);
      waiting.copyWithin(0, tooMany, waitingBytes);
      kept.copy(waiting, waitingBytes - tooMany);
      waitingBytes += kept.length - tooMany;
    },
    end: () => {
      clearInterval(timer);
      flush();
    },
  };
}
