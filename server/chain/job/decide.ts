import type { JobState } from '#contract/job.ts';
import { never } from '../../lib/assert.ts';

/** What is known of a job when its turn comes. Values only: the same facts always give the same step. */
export interface JobFacts {
  readonly state: JobState;
  readonly planned: boolean;
  readonly patched: boolean;
  /** How often it was started; it counts up before each start. */
  readonly attempts: number;
}

export type JobStep = 'plan' | 'patch' | 'prove' | 'give_up' | 'confirm_cancelled' | 'nothing';

/** A job that took the daemon down with it this often is not tried again. */
export const attemptsMax = 3;

/** The next stage of a job: what is already on record is not done again, so a crash costs one stage at most. */
export function decide(job: JobFacts): JobStep {
  switch (job.state) {
    case 'queued':
      return 'nothing';
    case 'cancelling':
      return 'confirm_cancelled';
    case 'running':
      if (job.attempts > attemptsMax) return 'give_up';
      if (!job.planned) return 'plan';
      return job.patched ? 'prove' : 'patch';
    case 'stopped_at_cap':
    case 'proposed':
    case 'refused':
    case 'failed':
    case 'cancelled':
      return 'nothing';
    default:
      return never(job.state);
  }
}
