/** Looking at the machine's processes the way `ps` does, to see that a test leaves none behind. */
import { readdirSync, readFileSync } from 'node:fs';

export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks since boot: with the pid it names one process for ever. */
  readonly startedAt: string;
  readonly isZombie: boolean;
  readonly command: string;
}

/** Text of a file of /proc, or null when the process ended in between (or belongs to somebody else). */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

export function lookAt(pid: number): SeenProcess | null {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // proc(5): the name is in parentheses and may hold spaces; state, parent and, as the 22nd field, the start follow it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    startedAt: fields[19] ?? '',
    isZombie: fields[0] === 'Z',
    command: (readProc(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim(),
  };
}

function listProcesses(): SeenProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => lookAt(Number(name)) ?? []);
}

/** Everything that descends from `root`, without `root` itself. */
export function descendantsOf(root: number): SeenProcess[] {
  const all = listProcesses();
  const found = new Map<number, SeenProcess>();
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const seen of all) if (seen.parent === root || found.has(seen.parent)) found.set(seen.pid, seen);
  }
  return [...found.values()];
}

/** Whether this very process still runs. A zombie does not: it only waits for its parent to look. */
export function stillRuns(seen: SeenProcess): boolean {
  const now = lookAt(seen.pid);
  return now !== null && now.startedAt === seen.startedAt && !now.isZombie;
}

/** Running processes that name `folder` in their command line, environment or working folder, except this one. */
export function processesOf(folder: string): SeenProcess[] {
  return listProcesses().filter(
    (seen) =>
      seen.pid !== process.pid &&
      !seen.isZombie &&
      (seen.command.includes(folder) || (readProc(`/proc/${seen.pid}/environ`) ?? '').includes(folder)),
  );
}
