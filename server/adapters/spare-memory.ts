import type { Clock } from '../ports.ts';

/** Long enough for the first page to be served, so that one collection covers both. */
const firstAfterMs = 2_000;
/** How often it is looked whether a collection is worth its few dozen milliseconds. */
const lookEveryMs = 15_000;
const grownBytesMin = 1024 * 1024;

/**
 * Gives memory that was needed for a while back to the machine: once after the start, and later whenever the heap has
 * grown by `grownBytesMin`. V8 by itself keeps what starting took for as long as nothing more is asked of it. Does nothing
 * without `--expose-gc` (cli/daemon-command.ts). The returned function ends it.
 */
export function giveBackMemory(clock: Clock): () => void {
  let keptBytes = 0;
  const look = (): void => {
    if (heapBytes() < keptBytes + grownBytesMin) return;
    // The last-resort flavour also forgets compiled functions that are not in use, and shrinks the heap.
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    keptBytes = heapBytes();
  };
  const stopFirst = clock.after(firstAfterMs, look);
  const stopLooking = clock.every(lookEveryMs, look);
  return () => {
    stopFirst();
    stopLooking();
  };
}

function heapBytes(): number {
  return process.memoryUsage().heapTotal;
}
