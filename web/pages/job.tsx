import { useEffect, useRef } from 'preact/hooks';
import type { AuditPage } from '#contract/api.ts';
import type { Job } from '#contract/job.ts';
import type { Problem } from '#contract/problem.ts';
import { bytesText, clock, duration, ends, short } from '../format.ts';
import { lazy } from '../lazy.tsx';
import { sentenceOf } from '../ledger-text.ts';
import { useTail } from '../output.ts';
import { AtCap } from '../parts/at-cap.tsx';
import { Loading, ProblemNote, Section, Text, Time } from '../parts/bits.tsx';
import { isOver, jobStateText, StopJob, usePullWords } from '../parts/job-card.tsx';
import { Page } from '../parts/page.tsx';
import { StageRail } from '../parts/rail.tsx';
import { concernsKinds, never, useResource } from '../resource.ts';

const Log = lazy(async () => (await import('../parts/log.tsx')).Log, '');

/** One job from the request to the proposal: stages, checks, what it prints, what went wrong. */
export function JobPage({ id }: { readonly id: string }) {
  const { value: job, error } = useResource<Job>(
    `/api/jobs/${id}`,
    concernsKinds('job', 'check', 'proposal', 'publication'),
  );
  const back = { href: '/jobs', label: 'Jobs' };
  if (!job) {
    return (
      <Page title="Job" back={back}>
        <Loading error={error} what="the job" />
      </Page>
    );
  }
  return (
    <Page title={job.title} back={back} class="job">
      <p class={`state-word job-${job.state}`} role="status">
        {jobStateText(job)}
        <PullState job={job} />
      </p>
      <p class="route">
        <strong>{job.repository}</strong> {job.base.ref}
        {job.base.sha ? (
          <>
            {' @ '}
            <code title={job.base.sha}>{short(job.base.sha)}</code>
          </>
        ) : null}
      </p>
      <div class="job-main card">
        <StageRail job={job} />
        <footer class="card-foot">
          {job.proposalId ? (
            <a class="button primary" href={`/proposals/${job.proposalId}`}>
              Open proposal
            </a>
          ) : null}
          <StopJob job={job} />
          <span class="muted num">{timesOf(job)}</span>
        </footer>
      </div>
      <AtCap job={job} />
      {job.problem ? <Trouble job={job} problem={job.problem} /> : null}
      <Progress job={job} />
      {isOver(job) ? null : <Tail job={job} />}
      <About job={job} />
      <History jobId={job.id} />
    </Page>
  );
}

function PullState({ job }: { readonly job: Job }) {
  const words = usePullWords(job);
  return words === null ? null : <span class="num"> · {words}</span>;
}

function timesOf(job: Job): string {
  if (job.startedAtMs === null) return `Asked ${clock(job.createdAtMs)}`;
  if (job.endedAtMs === null) return `Started ${clock(job.startedAtMs)}`;
  return `${clock(job.startedAtMs)} to ${clock(job.endedAtMs)}, ${duration(job.endedAtMs - job.startedAtMs)}`;
}

function troubleTitle({ state }: Job): string {
  if (state === 'refused') return 'Why it was refused';
  return state === 'stopped_at_cap' ? 'Why it was stopped' : 'What went wrong';
}

function Trouble({ job, problem }: { readonly job: Job; readonly problem: Problem }) {
  return (
    <Section id="problem" title={troubleTitle(job)}>
      <ProblemNote problem={problem} />
      {problem.line === undefined ? null : <Excerpt sha256={job.received.sha256} line={problem.line} />}
      <p>
        Nothing was published. <a href="/proposals?paste">Paste another diff</a>
      </p>
    </Section>
  );
}

/** The lines around the one that was refused, from the bytes as they arrived. */
function Excerpt({ sha256, line }: { readonly sha256: string; readonly line: number }) {
  const { value } = useResource<string>(`/api/artifacts/${sha256}`, never);
  if (value === null) return null;
  const from = Math.max(0, line - 4);
  const lines = value.split('\n').slice(from, line + 3);
  return (
    <pre class="rows excerpt" tabIndex={0} role="group" aria-label="The lines around it, as you pasted them">
      {lines.map((text, index) => (
        <span key={index} class={`row ${from + index + 1 === line ? 'wrong' : 'same'}`} data-n={from + index + 1}>
          <Text value={text.slice(0, 400)} />
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

const shapes = { queued: '○', running: '●', completed: '✓' } as const;

function Progress({ job }: { readonly job: Job }) {
  const names = [...new Set(job.progress.map((check) => check.name))];
  if (names.length === 0) return null;
  return (
    <Section id="checks" title="Checks">
      <table class="checks">
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">
                <Text value={name} />
              </th>
              <td>
                <Cell job={job} name={name} side="before" />
              </td>
              <td>
                <Cell job={job} name={name} side="after" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function Cell({ job, name, side }: { readonly job: Job; readonly name: string; readonly side: 'before' | 'after' }) {
  const run = job.progress.find((one) => one.name === name && one.side === side);
  if (!run) return <span class="muted">–</span>;
  const bad = run.conclusion !== null && run.conclusion !== 'success' && run.conclusion !== 'skipped';
  const word = run.conclusion === null ? run.status : run.conclusion.replace('_', ' ');
  return (
    <span class={`cell ${run.status} ${bad ? 'bad-text' : ''}`}>
      <span aria-hidden="true">{bad ? '×' : shapes[run.status]}</span> {word}
    </span>
  );
}

/** What the running check prints, following its end until the reader scrolls up. */
function Tail({ job }: { readonly job: Job }) {
  const tail = useTail(job.id);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const log = box.current?.querySelector('.log');
    if (log && log.scrollHeight - log.scrollTop - log.clientHeight < 120) log.scrollTo(0, log.scrollHeight);
  }, [tail?.text]);
  if (!tail) return null;
  return (
    <Section
      id="output"
      title={`Output of ${tail.check}`}
      aside={tail.side === 'before' ? 'on the base' : 'with the change'}
    >
      <div ref={box}>
        <Log text={tail.text} label="Live output" tail />
      </div>
    </Section>
  );
}

function About({ job }: { readonly job: Job }) {
  return (
    <Section id="about" title="Request">
      <p class="muted num">
        {bytesText(job.received.bytes)} received, sha256{' '}
        <code title={job.received.sha256}>{ends(job.received.sha256)}</code>.{' '}
        <a href={`/api/artifacts/${job.received.sha256}?exact=1`} target="_blank" rel="noreferrer">
          The bytes as they arrived
        </a>
        {job.attempts > 1 ? ` Attempt ${job.attempts}.` : ''}
      </p>
      {job.plan ? (
        <p>
          <Text value={job.plan.goal} />
        </p>
      ) : null}
    </Section>
  );
}

function History({ jobId }: { readonly jobId: string }) {
  const { value } = useResource<AuditPage>(
    `/api/audit?job=${jobId}&limit=100`,
    concernsKinds('job', 'check', 'proposal', 'publication', 'decision', 'outcome'),
  );
  if (!value || value.entries.length === 0) return null;
  return (
    <Section id="history" title="History" aside={<a href={`/audit?job=${jobId}`}>Open in the audit</a>}>
      <ol class="history">
        {value.entries.toReversed().map((entry) => (
          <li key={entry.seq}>
            <span class="num muted">
              <Time atMs={entry.atMs} />
            </span>
            <span>
              <Text value={sentenceOf(entry)} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
