import type { Job } from '#contract/job.ts';
import { clock, duration } from '../format.ts';
import { Empty, Text, Time, useTick } from '../parts/bits.tsx';
import { isOver, jobStateText, StopJob, usePullWords } from '../parts/job-card.tsx';
import { Page } from '../parts/page.tsx';
import { StageRail } from '../parts/rail.tsx';
import { serverNow, useView } from '../store.ts';

/** What runs, what waits, what ended. One job at a time. */
export function JobsPage() {
  const { state, asOfMs } = useView();
  const jobs = state?.jobs ?? [];
  const costs = Boolean(state?.helper?.current) || (state?.helper?.strays.length ?? 0) > 0;
  const active = jobs
    .filter((job) => !isOver(job))
    .toSorted((a, b) => a.ahead - b.ahead || a.createdAtMs - b.createdAtMs);
  const over = jobs.filter((job) => isOver(job)).toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  return (
    <Page title="Jobs">
      {active.length === 0 ? (
        <>
          <LockLine />
          <Empty>
            Nothing is running. {costs ? '' : 'Nothing is costing money. '}
            <span class="num">({asOfMs === null ? '' : clock(asOfMs)})</span>
          </Empty>
        </>
      ) : (
        <>
          <LockLine />
          <ul class="cards">
            {active.map((job) => (
              <li key={job.id}>
                <ActiveJob job={job} />
              </li>
            ))}
          </ul>
        </>
      )}
      {over.length > 0 ? (
        <section class="section" aria-labelledby="ended">
          <h2 id="ended">Ended</h2>
          <ul class="ledger">
            {over.map((job) => (
              <li key={job.id}>
                <EndedJob job={job} />
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </Page>
  );
}

/** Who holds the lock: everything else waits for it. */
function LockLine() {
  const { state } = useView();
  const holder = state?.lock.holder;
  useTick(holder ? 1000 : null);
  if (!state || !holder || holder.kind === 'job') return null;
  return (
    <p class="notice num">
      Publishing “<Text value={holder.title} />” for {duration(serverNow() - holder.sinceMs)}; {state.lock.waiting}{' '}
      waiting. <a href={`/proposals/${holder.id}`}>Watch it</a>
    </p>
  );
}

function ActiveJob({ job }: { readonly job: Job }) {
  return (
    <article class="card job-card" aria-label={`Job: ${job.title}`}>
      <header class="card-head">
        <h2>
          <a href={`/jobs/${job.id}`}>
            <Text value={job.title} />
          </a>
        </h2>
        <p class="muted">
          {job.repository} · {job.base.ref} · asked <Time atMs={job.createdAtMs} />
        </p>
      </header>
      {job.state === 'queued' ? null : <StageRail job={job} />}
      <p class="card-state">{jobStateText(job)}</p>
      <footer class="card-foot">
        <a class="button" href={`/jobs/${job.id}`}>
          Watch
        </a>
        <StopJob job={job} />
      </footer>
    </article>
  );
}

function EndedJob({ job }: { readonly job: Job }) {
  const bad = job.state === 'refused' || job.state === 'failed';
  const published = usePullWords(job);
  const tookMs = job.endedAtMs !== null && job.startedAtMs !== null ? job.endedAtMs - job.startedAtMs : null;
  return (
    <a class="line" href={`/jobs/${job.id}`}>
      <span class="line-main">
        <span class="line-title">
          <Text value={job.title} />
        </span>
        <span class="line-sub">
          {job.repository} · {job.base.ref}
          {job.problem ? (
            <>
              {' · '}
              <Text value={job.problem.message} />
            </>
          ) : null}
        </span>
      </span>
      <span class="line-end">
        <span class={`line-state ${bad ? 'bad-text' : ''}`}>
          {bad ? '× ' : job.state === 'proposed' ? (published === null ? '✓ ' : '') : '– '}
          {published ?? jobStateText(job)}
        </span>
        <span class="line-sub num">
          {tookMs === null ? '' : `${duration(tookMs)} · `}
          <Time atMs={job.createdAtMs} />
        </span>
      </span>
    </a>
  );
}
