import type { Lock } from '#contract/api.ts';
import type { JobId, ProposalId } from '#contract/ids.ts';
import type { CheckProgress } from '#contract/job.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { PortError, type Log } from '../../ports.ts';
import { emptyQuarantine } from '../../resources/repo/quarantine.ts';
import { performPublication } from '../publish/perform.ts';
import type { PublishParts } from '../publish/rest.ts';
import type { SerialLock } from './lock.ts';
import { confirmStopped, performJob, type JobParts } from './perform.ts';
import type { JobRow } from './store.ts';

/** How often a publication that could not finish is tried again. */
export const publishAgainMs = 30_000;

const progressKeptMax = 50;

export interface Runner {
  /** Goes on with everything the tables say is under way. Called once at start. */
  readonly resume: () => Promise<void>;
  /** Puts an accepted job in the queue of the lock. */
  readonly enqueue: (id: JobId) => void;
  /** Publishes or undoes, when the lock is free; the owner's decisions go before new jobs. */
  readonly publish: (id: ProposalId, title: string) => void;
  /** Stops a job: at once while it is queued, and a running sandbox really dies. */
  readonly cancel: (job: JobRow) => Result<null, Problem>;
  readonly progress: (id: string) => readonly CheckProgress[];
  readonly lock: () => Lock;
  /** Lets what runs stop where it can be resumed, and waits for it. */
  readonly stop: () => Promise<void>;
  /** Resolves when nothing runs or waits. */
  readonly idle: () => Promise<void>;
}

type Parts = Omit<JobParts, 'onProgress'> &
  PublishParts & { readonly lock: SerialLock; readonly log: Log; readonly crash: (error: unknown) => void };

/** Runs jobs and publications one at a time. A thrown error is our own bug or a failing world that no row can express: it ends the process. */
export function runner(parts: Parts): Runner {
  const progress = new Map<string, CheckProgress[]>();
  const running = new Map<string, AbortController>();
  let stopping = false;

  const onProgress = (id: JobId, step: CheckProgress): void => {
    const others = (progress.get(id) ?? []).filter((other) => other.name !== step.name || other.side !== step.side);
    progress.set(id, [...others, step]);
  };

  const runOne = async (id: JobId): Promise<void> => {
    if (stopping || parts.jobs.get(id).state !== 'queued') return;
    const abort = new AbortController();
    running.set(id, abort);
    parts.jobs.take(id, 'start', { kind: 'job.started' });
    try {
      await performJob({ ...parts, onProgress }, id, abort.signal);
    } catch (error) {
      failOf(parts, id, error, abort.signal);
    } finally {
      running.delete(id);
      forgetOldest(progress);
    }
  };

  const locked = (
    holder: { kind: 'job' | 'publication'; id: string; title: string },
    work: () => Promise<void>,
  ): void => {
    parts.lock.run(holder, work).catch(parts.crash);
  };
  const enqueue = (id: JobId): void => locked({ kind: 'job', id, title: parts.jobs.get(id).title }, () => runOne(id));
  const waiting = new Set<ProposalId>();
  const publish = (id: ProposalId, title: string): void => {
    if (waiting.has(id)) return;
    waiting.add(id);
    locked({ kind: 'publication', id, title }, async () => {
      waiting.delete(id);
      if (!stopping) await publishOne(parts, id);
    });
  };
  // What is under way outside is never left alone: the same code as after a restart, on a timer.
  const publishAgain = (): void => {
    for (const { document } of parts.proposals.underWay()) publish(document.id, document.title);
  };
  const stopTimer = parts.clock.every(publishAgainMs, publishAgain);

  return {
    enqueue,
    publish,
    resume: () => resume(parts, enqueue, publish),
    cancel: (job) => cancel(parts, job, running.get(job.id)),
    progress: (id) => progress.get(id) ?? [],
    lock: parts.lock.now,
    idle: parts.lock.idle,
    stop: async () => {
      stopping = true;
      stopTimer();
      parts.lock.clear();
      // Not a cancellation: the rows stay "running", and the next start goes on from the last finished stage.
      for (const abort of running.values()) abort.abort();
      await parts.lock.idle();
    },
  };
}

/** What ended is shown for a while; the frozen result is in the proposal. */
function forgetOldest(progress: Map<string, readonly CheckProgress[]>): void {
  for (const id of progress.keys()) {
    if (progress.size <= progressKeptMax) return;
    progress.delete(id);
  }
}

/** The world failed in a way no stage expected: said on the job. Anything else is our bug, and ends the process. */
function failOf(parts: Parts, id: JobId, error: unknown, signal: AbortSignal): void {
  if (!(error instanceof PortError)) throw error;
  const { state } = parts.jobs.get(id);
  // What was being ended failed because of that: a stop by the owner is a stop, and a stop of the daemon leaves the row as it is.
  if (state === 'cancelling') return confirmStopped(parts.jobs, id);
  if (signal.aborted || state !== 'running') return;
  parts.log.error({ jobId: id, err: error }, 'job failed');
  const why = error.cause instanceof Error ? `${error.message}: ${error.cause.message.trim()}` : error.message;
  parts.jobs.take(
    id,
    'fail',
    { kind: 'job.failed' },
    {
      problem: problem(
        'internal',
        `${why}. Nothing was published. Try again; "patchgit doctor" says what is missing on this machine.`,
      ),
    },
  );
}

async function publishOne(parts: Parts, id: ProposalId): Promise<void> {
  try {
    await performPublication(parts, id);
  } catch (error) {
    // The rows still say how far it got, so the timer tries again from there.
    if (!(error instanceof PortError)) throw error;
    parts.log.error({ proposalId: id, err: error }, 'publication interrupted');
  }
}

async function resume(parts: Parts, enqueue: Runner['enqueue'], publish: Runner['publish']): Promise<void> {
  await emptyQuarantine(parts.quarantineFolder);
  for (const { document } of parts.proposals.underWay()) publish(document.id, document.title);
  for (const job of parts.jobs.open()) {
    if (job.state === 'cancelling') {
      confirmStopped(parts.jobs, job.id);
    } else {
      if (job.state === 'running')
        parts.jobs.take(job.id, 'requeue', { kind: 'job.resumed', body: { stage: job.stage } });
      enqueue(job.id);
    }
  }
}

function cancel(parts: Parts, job: JobRow, abort: AbortController | undefined): Result<null, Problem> {
  if (job.state === 'queued' || job.state === 'stopped_at_cap') {
    const when = job.state === 'queued' ? 'before it started' : 'where it stood at the cap';
    parts.jobs.take(
      job.id,
      'cancel',
      { kind: 'job.cancelled', actor: 'owner' },
      { problem: problem('job_cancelled', `You stopped this job ${when}. Nothing was published.`) },
    );
    return ok(null);
  }
  if (job.state === 'cancelling') return ok(null);
  if (job.state !== 'running') {
    return no(problem('job_not_cancellable', `This job is ${job.state} already, so there is nothing to stop.`));
  }
  parts.jobs.take(job.id, 'cancel', { kind: 'job.cancel_asked', actor: 'owner' });
  abort?.abort();
  return ok(null);
}
