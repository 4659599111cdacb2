/** Looks from outside at how full the writable places of a sandbox are, also when the sandbox itself is gone. */
import { closeSync, constants, openSync, statfsSync } from 'node:fs';
import type { StatsFs } from 'node:fs';
import { isSystemError } from './host.ts';

/** Less than this left means that a write has met, or was about to meet, the end of the room. */
const nearlyFullBytes = 64 * 1024;

export interface Places {
  /** Whether one of them has no room for another page, or no more file. */
  readonly areFull: () => boolean;
  readonly usedBytes: () => number;
  /** The number of files in the one that holds most. */
  readonly mostFiles: () => number;
  readonly close: () => void;
}

/**
 * Opens the places through the sandbox's init, while nothing untrusted runs that could put something else there. Null
 * when the sandbox is gone already. Where the host does not let us look there are no places: that costs the name of the
 * limit that was met, but not the limit.
 */
export function openPlaces(initPid: number, paths: readonly string[]): Places | null {
  const open: number[] = [];
  const close = (): void => open.forEach((place) => closeSync(place));
  try {
    for (const path of paths) {
      open.push(openSync(`/proc/${initPid}/root${path}`, constants.O_RDONLY | constants.O_DIRECTORY));
    }
  } catch (error) {
    close();
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return null;
    if (!isSystemError(error, 'EACCES', 'EPERM')) throw error;
    open.length = 0;
  }
  // An open folder keeps its file system, and this name leads to it when every other is gone.
  const look = (): StatsFs[] => open.map((place) => statfsSync(`/proc/self/fd/${place}`));
  return {
    areFull: () =>
      look().some(({ bavail, bsize, files, ffree }) => bavail * bsize < nearlyFullBytes || (files > 0 && ffree === 0)),
    usedBytes: () => look().reduce((sum, { blocks, bfree, bsize }) => sum + (blocks - bfree) * bsize, 0),
    mostFiles: () => Math.max(0, ...look().map(({ files, ffree }) => files - ffree)),
    close,
  };
}
