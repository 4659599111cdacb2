/** What stands in for a memory cgroup where none can be had: looking, ten times a second, and killing above the limit. */
import { readdirSync, readFileSync } from 'node:fs';
import { isSystemError } from './host.ts';

export const watchEveryMs = 100;

/**
 * Anonymous memory, in bytes, of `root` and everything that descends from it. A process of the sandbox that loses its
 * parent is taken in by the sandbox's own init, so it stays a descendant.
 */
export function memoryOfTree(root: number): number {
  const parents = new Map<number, { parent: number; bytes: number }>();
  for (const name of readdirSync('/proc')) {
    const status = /^\d+$/.test(name) ? readStatus(`/proc/${name}/status`) : null;
    if (status !== null) {
      parents.set(Number(name), { parent: field(status, 'PPid'), bytes: field(status, 'RssAnon') * 1024 });
    }
  }
  let total = 0;
  for (const [pid, { bytes }] of parents) {
    if (descends(pid, root, parents)) total += bytes;
  }
  return total;
}

function descends(pid: number, root: number, parents: ReadonlyMap<number, { parent: number }>): boolean {
  // Bounded by the number of processes: two looks at a changing table could make a circle.
  let at: number | undefined = pid;
  for (let steps = 0; at !== undefined && steps <= parents.size; steps += 1) {
    if (at === root) return true;
    at = parents.get(at)?.parent;
  }
  return false;
}

/** Null when the process ended in between. */
function readStatus(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return null;
    throw error;
  }
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}
