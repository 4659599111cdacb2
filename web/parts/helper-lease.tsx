import type { ComponentChildren } from 'preact';
import type { Lease } from '#contract/lease.ts';
import { clock, duration } from '../format.ts';
import { serverNow, useView } from '../store.ts';
import { Text, Time, useTick } from './bits.tsx';
import { BootLogLink, NoBootLog } from './boot-log.tsx';
import { costSoFarUsd, fineUsd, phaseOf, StopHelper, type Phase } from './helper-meter.tsx';

/** "14:05:10": stopping takes seconds, and the owner watches them. */
export function clockSeconds(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeStyle: 'medium',
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(atMs);
}

/** Fewer helpers than this say nothing about what is usual. */
const samplesMin = 5;

/** From asking for a helper to working on it, as seen so far; null until there are enough. Nearest-rank percentiles, in ms. */
export function usualBoot(
  past: readonly Pick<Lease, 'askedAtMs' | 'readyAtMs'>[],
): { readonly fromMs: number; readonly toMs: number; readonly slowMs: number } | null {
  const took = past
    .flatMap(({ askedAtMs, readyAtMs }) => (askedAtMs === null || readyAtMs === null ? [] : [readyAtMs - askedAtMs]))
    .toSorted((a, b) => a - b);
  if (took.length < samplesMin) return null;
  const rank = (share: number): number => took[Math.ceil(share * took.length) - 1] ?? 0;
  return { fromMs: rank(0.5), toMs: rank(0.9), slowMs: rank(0.95) };
}

interface BootStep {
  readonly name: string;
  readonly state: 'done' | 'running' | 'waiting' | 'stopped';
  readonly fact: string;
}

/** Where a helper is between asking for it and working on it, each step with its time. */
export function bootSteps(lease: Lease, past: readonly Lease[], nowMs: number, timeZone?: string): BootStep[] {
  const { state, askedAtMs, readyAtMs, machineId, jobId } = lease;
  const at = (ms: number): string => clockSeconds(ms, timeZone);
  const asked = askedAtMs !== null;
  const made = machineId !== null || readyAtMs !== null;
  const over = state === 'destroying' || state === 'gone';
  const doneOf = [asked, made, readyAtMs !== null, readyAtMs !== null, false];
  const reached = readyAtMs === null ? doneOf.indexOf(false) : 4;
  const stateOf = (index: number): BootStep['state'] => {
    if (doneOf[index]) return 'done';
    if (index !== reached) return 'waiting';
    if (over) return readyAtMs === null ? 'stopped' : 'done';
    return index === 4 && jobId === null ? 'waiting' : 'running';
  };
  const facts = [
    asked ? at(askedAtMs) : 'not yet: nothing costs money',
    createdFact(lease, made, at),
    made && asked ? bootFact(lease, askedAtMs, past, nowMs) : '',
    readyAtMs === null ? '' : at(readyAtMs),
    readyAtMs !== null && !over ? (jobId === null ? 'no job' : duration(nowMs - readyAtMs)) : '',
  ];
  const names = ['Asked provider', 'Created, billing', 'Booting', 'Connected', 'Working'];
  return names.map((name, index) => ({ name, state: stateOf(index), fact: facts[index] ?? '' }));
}

function createdFact({ askedAtMs, createdAtMs, state }: Lease, made: boolean, at: (ms: number) => string): string {
  if (state === 'unknown') return 'no answer: it may exist';
  // The provider bills from its own start, a moment later: counting from the question is never too little.
  if (!made || askedAtMs === null) return '';
  const counted = `counted from ${at(askedAtMs)}`;
  return createdAtMs === null ? counted : `${at(createdAtMs)}, ${counted}`;
}

function bootFact({ state, readyAtMs }: Lease, askedAtMs: number, past: readonly Lease[], nowMs: number): string {
  if (readyAtMs !== null) return duration(readyAtMs - askedAtMs);
  if (state !== 'booting') return '';
  const elapsedMs = nowMs - askedAtMs;
  const usual = usualBoot(past);
  if (usual === null) return duration(elapsedMs);
  const slow = elapsedMs > usual.slowMs ? 'slower than usual, ' : '';
  return `${duration(elapsedMs)}, ${slow}usually ${duration(usual.fromMs)} to ${duration(usual.toMs)}`;
}

/** What the provider last said, and when. */
export function checkedText({ state, checkedAtMs }: Pick<Lease, 'state' | 'checkedAtMs'>, timeZone?: string): string {
  if (checkedAtMs === null) return 'not checked yet';
  const said = { booting: 'confirmed running', ready: 'confirmed running', gone: 'confirmed gone' };
  return `${state in said ? said[state as keyof typeof said] : 'answered'} ${clockSeconds(checkedAtMs, timeZone)}`;
}

/** How a stop stands, or null while nobody asked for one. */
export function stopText(lease: Lease, nowMs: number, timeZone?: string): string | null {
  switch (phaseOf(lease, nowMs)) {
    case 'stopping':
      return lease.destroyAskedAtMs === null
        ? 'Stopping…'
        : `Stopping… asked ${clockSeconds(lease.destroyAskedAtMs, timeZone)}`;
    case 'unconfirmed':
      return 'We asked the provider to delete it and have no confirmation. It may still cost money.';
    case 'unanswered':
      return 'We asked the provider for it and have no answer. It may exist and cost money.';
    case 'gone':
      return goneText(lease, timeZone);
    case 'planned':
    case 'starting':
    case 'ready':
      return null;
  }
}

function goneText({ goneAtMs, costUsd, machineId, readyAtMs }: Lease, timeZone?: string): string {
  if (machineId === null && readyAtMs === null && costUsd === 0) return 'Never made, nothing was billed';
  const confirmed = goneAtMs === null ? '' : ` ${clockSeconds(goneAtMs, timeZone)}`;
  return `Gone, confirmed by provider${confirmed}, cost ${fineUsd(costUsd)}`;
}

/** A stray machine costs money, although no helper exists. */
export function noHelperText(strays: number): string {
  return strays === 0 ? 'No helper exists. Nothing is costing money.' : 'No helper exists.';
}

const shapes = { done: '✓', running: '●', waiting: '○', stopped: '×' } as const;
const words = { done: 'done', running: 'now', waiting: 'not reached', stopped: 'ended here' } as const;

/** The one helper: what it is, what it costs, where it is, and the way to end it. */
export function CurrentLease({ lease, past }: { readonly lease: Lease; readonly past: readonly Lease[] }) {
  useTick(1000);
  const nowMs = serverNow();
  const phase = phaseOf(lease, nowMs);
  return (
    <article class={`card helper-card ${phase}`} aria-label={`Helper ${lease.name}`}>
      <LeaseFacts lease={lease} nowMs={nowMs} />
      <ol class="rail" aria-label="From asking to working">
        {bootSteps(lease, past, nowMs).map(({ name, state, fact }) => (
          <li key={name} class={state}>
            <span class="shape" aria-hidden="true">
              {shapes[state]}
            </span>
            <span class="rail-name">{name}</span>
            <span class="sr">{words[state]}</span>
            <span class="rail-fact num">{fact}</span>
          </li>
        ))}
      </ol>
      <StopState text={stopText(lease, nowMs)} phase={phase} />
      {lease.trouble === null ? null : (
        <p class="reason warn">
          <Text value={lease.trouble} />
        </p>
      )}
      <NoBootLog lease={lease} />
      <footer class="card-foot">
        <StopHelper phase={phase} />
        {lease.jobId === null || phase === 'stopping' || phase === 'unconfirmed' ? null : (
          <span class="muted">This stops its job. Nothing is published.</span>
        )}
      </footer>
    </article>
  );
}

/** Both slots stay in the page, so that what comes into them is read out. */
function StopState({ text, phase }: { readonly text: string | null; readonly phase: Phase }) {
  const doubt = phase === 'unconfirmed' || phase === 'unanswered';
  return (
    <>
      <div role="alert" class="alert-slot">
        {doubt ? <p class="notice doubt">{text}</p> : null}
      </div>
      <p role="status" class="card-state">
        {doubt ? '' : text}
      </p>
    </>
  );
}

function LeaseFacts({ lease, nowMs }: { readonly lease: Lease; readonly nowMs: number }) {
  const { state } = useView();
  const job = state?.jobs.find(({ id }) => id === lease.jobId);
  return (
    <dl class="helper-facts num">
      <Fact name="Provider id">{lease.machineId ?? 'none yet'}</Fact>
      <Fact name="Name">
        <code>
          <Text value={lease.name} />
        </code>
      </Fact>
      <Fact name="Size">
        <Text value={`${purposes[lease.kind]}${lease.size} in ${lease.region}`} />
      </Fact>
      <Fact name="Price">{fineUsd(lease.usdPerHour)} an hour</Fact>
      <Fact name="Age">{lease.askedAtMs === null ? 'not asked for yet' : duration(nowMs - lease.askedAtMs)}</Fact>
      <Fact name="Cost so far">
        {fineUsd(costSoFarUsd(lease, nowMs))}{' '}
        <span class="muted">{lease.state === 'gone' ? 'booked' : 'estimate until it is gone'}</span>
      </Fact>
      <Fact name="Ends">{clock(lease.deadlineAtMs)} at the latest</Fact>
      <Fact name="Provider">{checkedText(lease)}</Fact>
      <Fact name="Job">
        {lease.jobId === null ? (
          'none'
        ) : (
          <a href={`/jobs/${lease.jobId}`}>{<Text value={job?.title ?? 'its job'} />}</a>
        )}
      </Fact>
      {lease.bootLog === null ? null : (
        <Fact name="Console log">
          <BootLogLink log={lease.bootLog} isNamed />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const purposes = { work: '', bake: 'for an image: ', probe: 'to try an image: ' } as const;

/** One that is over: what it was for, how it ended, what it cost. */
export function PastLease({ lease }: { readonly lease: Lease }) {
  const { askedAtMs, goneAtMs, readyAtMs, kind, size, region, trouble, jobId } = lease;
  const ranMs = askedAtMs !== null && goneAtMs !== null ? goneAtMs - askedAtMs : null;
  const startedAtMs = askedAtMs ?? goneAtMs;
  return (
    <li>
      <span class="spend-what">
        <span>{stopText(lease, lease.goneAtMs ?? 0)}</span>
        {trouble === null ? null : (
          <span class="reason warn">
            <Text value={trouble} />
          </span>
        )}
        <span class="muted num">
          <Text value={`${purposes[kind]}${size} in ${region}`} />
          {ranMs === null ? '' : `, there for ${duration(ranMs)}`}
          {askedAtMs !== null && readyAtMs !== null ? `, ready after ${duration(readyAtMs - askedAtMs)}` : ''}
          {startedAtMs === null ? null : (
            <>
              {', '}
              <Time atMs={startedAtMs} />
            </>
          )}
          {jobId === null ? null : (
            <>
              {' · '}
              <a href={`/jobs/${jobId}`}>job</a>
            </>
          )}
          {lease.bootLog === null ? null : (
            <>
              {' · '}
              <BootLogLink log={lease.bootLog} />
            </>
          )}
        </span>
        <NoBootLog lease={lease} />
      </span>
    </li>
  );
}
