import { ObjectId } from '#contract/ids.ts';
import { PortError, type Clock, type Git, type Log } from '../../ports.ts';
import type { Checkouts } from './checkout.ts';
import type { Mirrors } from './mirror.ts';
import type { Repositories } from './store.ts';

/** After a branch moved, and after everything was busy: whoever just fetched has probably something better to do. */
export const followAfterMs = 15_000;
/** Of so many repositories, the last fetched, a checkout is kept ready; the rest of the cache is for jobs. */
const followedMax = 4;

export interface Follower {
  /** A branch may have moved, a repository may have been added: look at all of them, a little later. */
  readonly nudge: () => void;
  /** Ends what runs (`Checkouts.stop` ends the export in it) and waits for it. */
  readonly stop: () => Promise<void>;
  /** Resolves when nothing runs. */
  readonly idle: () => Promise<void>;
}

interface Parts {
  readonly git: Git;
  readonly clock: Clock;
  readonly log: Log;
  readonly checkouts: Pick<Checkouts, 'prepare'>;
  readonly mirrors: Pick<Mirrors, 'gitDir'>;
  readonly repositories: Pick<Repositories, 'list'>;
  /** A job runs or waits: the machine is its own. */
  readonly isBusy: () => boolean;
}

/**
 * Keeps a checkout of each default branch ready in the background, one at a time, so that a job finds its base cached. It
 * looks at everything whenever it is nudged, gives way to jobs, and is only ever late, never wrong: jobs do without it.
 */
export function follower(parts: Parts): Follower {
  let cancelTimer: (() => void) | null = null;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  const nudge = (): void => {
    if (isStopped || cancelTimer !== null) return;
    cancelTimer = parts.clock.after(followAfterMs, () => {
      cancelTimer = null;
      running = running.then(async () => {
        if (isStopped) return;
        if (!(await followAll(parts, () => isStopped))) nudge();
      });
    });
  };
  return {
    nudge,
    stop: async () => {
      isStopped = true;
      cancelTimer?.();
      await running;
    },
    idle: () => running,
  };
}

/** False: a job came first, so this has to be done again. */
async function followAll(parts: Parts, isStopped: () => boolean): Promise<boolean> {
  const newest = parts.repositories
    .list()
    .toSorted((one, other) => (other.fetchedAtMs ?? 0) - (one.fetchedAtMs ?? 0))
    .slice(0, followedMax);
  for (const { id, name, head } of newest) {
    if (head === null) continue;
    if (isStopped() || parts.isBusy()) return false;
    const gitDir = parts.mirrors.gitDir(id);
    try {
      const tree = await treeOf(parts.git, gitDir, head);
      const prepared = await parts.checkouts.prepare(gitDir, tree);
      if (prepared === 'yielded') return false;
      if (prepared === 'no_room')
        parts.log.warn({ repository: name }, 'the disk has no room to keep a checkout of this repository ready');
    } catch (error) {
      // The next nudge tries again, and a job that needs the checkout says what is wrong.
      if (!(error instanceof PortError)) throw error;
      parts.log.warn({ repository: name, err: error }, 'a checkout could not be prepared');
    }
  }
  return true;
}

async function treeOf(git: Git, gitDir: string, commit: ObjectId): Promise<ObjectId> {
  const found = await git.run({ gitDir, args: ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`] });
  if (found.code !== 0) throw new PortError('git', 'find the tree of a branch', { cause: new Error(found.stderr) });
  return ObjectId.parse(found.stdout.toString('utf8').trim());
}
