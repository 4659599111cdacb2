import type { Job } from '#contract/job.ts';
import { call } from '../api.ts';
import { count, short } from '../format.ts';
import { put } from '../resource.ts';
import { useView } from '../store.ts';
import { Alert, Button, ProblemNote, Text, useAct } from './bits.tsx';
import { pullWords } from './outcome.tsx';
import { StageRail, stageNames } from './rail.tsx';

/** The state of a job in words, with what waits and for what. */
export function jobStateText(job: Pick<Job, 'state' | 'stage' | 'ahead'>): string {
  switch (job.state) {
    case 'queued':
      return job.ahead > 0 ? `Queued, ${job.ahead} ahead` : 'Queued, next';
    case 'running':
      return `Running, stage ${['plan', 'patch', 'prove'].indexOf(job.stage) + 1} of 3: ${stageNames[job.stage]}`;
    case 'cancelling':
      return 'Stopping…';
    case 'stopped_at_cap':
      return 'Stopped at the cap';
    case 'proposed':
      return 'Proposal ready';
    case 'refused':
      return `Refused in ${stageNames[job.stage]}`;
    case 'failed':
      return `Failed in ${stageNames[job.stage]}`;
    case 'cancelled':
      return 'Stopped by you';
  }
}

export function isOver(job: Pick<Job, 'state'>): boolean {
  return !['queued', 'running', 'cancelling'].includes(job.state);
}

/** What became of its proposal at the forge, in a few words; null before that. */
export function usePullWords({ proposalId }: Pick<Job, 'proposalId'>): string | null {
  const row = useView().state?.proposals.find(({ id }) => id === proposalId);
  return row ? pullWords(row) : null;
}

/** Stopping is one tap, never confirmed twice: it spends nothing and publishes nothing. */
export function StopJob({ job }: { readonly job: Job }) {
  const { busy, said, act } = useAct();
  if (job.state !== 'queued' && job.state !== 'running') return null;
  const stop = (): void =>
    act(async () => {
      put(`/api/jobs/${job.id}`, await call<Job>('POST', `/api/jobs/${job.id}/cancel`));
    });
  return (
    <>
      <Button kind="stop" enabled={!busy} onPress={stop}>
        {busy ? 'Stopping…' : 'Stop job'}
      </Button>
      <Alert>{said}</Alert>
    </>
  );
}

/** A job inside the chat: where it is, what it found, what to do next. */
export function JobCard({ job }: { readonly job: Job }) {
  const published = usePullWords(job);
  return (
    <article class={`card job-card ${job.state}`} aria-label={`Job: ${job.title}`}>
      <header class="card-head">
        <h3>
          <a href={`/jobs/${job.id}`}>
            <Text value={job.title} />
          </a>
        </h3>
        <p class="muted">
          {job.repository} · {job.base.ref}
          {job.base.sha ? (
            <>
              {' @ '}
              <code>{short(job.base.sha)}</code>
            </>
          ) : null}
        </p>
      </header>
      <StageRail job={job} />
      {job.problem ? <ProblemNote problem={job.problem} /> : null}
      {job.problem && isOver(job) ? <p class="muted">Nothing was published.</p> : null}
      <footer class="card-foot">
        {job.proposalId ? (
          <a class="button primary" href={`/proposals/${job.proposalId}`}>
            Open proposal
          </a>
        ) : null}
        {published === null ? null : <span class="num">{published}</span>}
        <StopJob job={job} />
        {job.state === 'running' && job.stage === 'prove' ? (
          <span class="muted num">
            {count(job.progress.filter((check) => check.status === 'completed').length, 'check run')} done
          </span>
        ) : null}
      </footer>
    </article>
  );
}
