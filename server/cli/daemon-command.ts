import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How the daemon is started, in one place: the compile cache is only taken by a process with exactly these flags. */
export interface DaemonCommand {
  /** For `node`: flags, then the entry file. */
  readonly args: readonly string[];
  /** What is added to the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Each was measured against idle memory and the CPU of a start with `npm run bench -- memory` (notes/perf.md 2a). */
const flags = [
  // A small young generation, because one owner makes little garbage at a time; of one size, because growing it at the
  // start costs a collection for each half megabyte.
  '--min-semi-space-size=2',
  '--max-semi-space-size=2',
  // Lets adapters/spare-memory.ts give back what starting and each job have needed.
  '--expose-gc',
  // One owner's daemon has no use for helper threads of the garbage collector, and each holds an arena.
  '--single-threaded-gc',
];

/** `root`: the clone, or a folder laid out like it. The sources run where nothing is built. */
export function daemonCommand(root: string): DaemonCommand {
  const bundle = join(root, 'dist/server.cjs');
  return {
    args: [...flags, existsSync(bundle) ? bundle : join(root, 'server/main.ts')],
    environment: {
      NODE_COMPILE_CACHE: join(root, 'dist/compile-cache'),
      // glibc otherwise keeps one heap for each thread that ever asked for memory.
      MALLOC_ARENA_MAX: '1',
    },
  };
}
