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
  let waiting: Buffer = Buffer.alloc(0);
  let sentBytes = 0;
  const flush = (): void => {
    if (waiting.length === 0 || sentBytes >= totalBytesMax) return;
    sentBytes += waiting.length;
    send(waiting);
    waiting = Buffer.alloc(0);
  };
  const timer = setInterval(flush, flushEveryMs);
  return {
    push: (chunk) => {
      if (sentBytes >= totalBytesMax) return;
      const both = Buffer.concat([waiting, chunk.subarray(Math.max(0, chunk.length - chunkBytesMax))]);
      // Copied, because a view would keep the whole read buffer of a flood alive.
      waiting = Buffer.from(both.subarray(Math.max(0, both.length - chunkBytesMax)));
    },
    end: () => {
      clearInterval(timer);
      flush();
    },
  };
}
