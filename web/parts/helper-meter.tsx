import type { HelperView, Lease } from '#contract/lease.ts';
import { call } from '../api.ts';
import { count } from '../format.ts';
import { put } from '../resource.ts';
import { readStateSoon, serverNow, useView } from '../store.ts';
import { Alert, Button, useAct, useTick } from './bits.tsx';

/** How long a provider may take to confirm that a machine is gone before the page says that nobody knows. */
const confirmWithinMs = 60_000;
/** A figure of this age from a page that has lost its server is dimmed; the chip says as of when. */
const oldAfterMs = 30_000;
const hourMs = 3_600_000;

/** What the owner must know of a lease. `unanswered` and `unconfirmed`: nobody knows, and it may cost money. */
export type Phase = 'planned' | 'unanswered' | 'starting' | 'ready' | 'stopping' | 'unconfirmed' | 'gone';

export function phaseOf({ state, destroyAskedAtMs }: Pick<Lease, 'state' | 'destroyAskedAtMs'>, nowMs: number): Phase {
  switch (state) {
    case 'planned':
    case 'ready':
    case 'gone':
      return state;
    case 'unknown':
      return 'unanswered';
    case 'creating':
    case 'booting':
      return 'starting';
    case 'destroying':
      return destroyAskedAtMs !== null && nowMs - destroyAskedAtMs > confirmWithinMs ? 'unconfirmed' : 'stopping';
  }
}

/**
 * Dollars that a lease has cost: what was booked once it is gone; until then at least its price by time since the provider was
 * asked, which is never later than the provider's own start. An estimate, because nothing is booked between two looks.
 */
export function costSoFarUsd(
  { state, costUsd, usdPerHour, askedAtMs }: Pick<Lease, 'state' | 'costUsd' | 'usdPerHour' | 'askedAtMs'>,
  nowMs: number,
): number {
  if (state === 'gone' || askedAtMs === null) return costUsd;
  return Math.max(costUsd, (usdPerHour * Math.max(0, nowMs - askedAtMs)) / hourMs);
}

/** "$0.018": tenths of a cent, because a helper costs some cents an hour. What began to cost is never shown as free. */
export function fineUsd(amount: number): string {
  if (amount === 0) return '$0.00';
  return amount < 0.001 ? `$${(Math.ceil(amount * 10_000) / 10_000).toFixed(4)}` : `$${amount.toFixed(3)}`;
}

const leads: Record<Phase, string> = {
  planned: '1 helper planned',
  unanswered: 'Helper not confirmed',
  starting: '1 helper',
  ready: '1 helper',
  stopping: 'Stopping helper',
  unconfirmed: 'Helper not confirmed gone',
  gone: 'Helper gone',
};

/** "1 helper · $0.018/h · $0.004 so far". */
export function meterText(lease: Lease, nowMs: number): string {
  const cost = costSoFarUsd(lease, nowMs);
  return `${leads[phaseOf(lease, nowMs)]} · ${fineUsd(lease.usdPerHour)}/h · ${fineUsd(cost)} so far`;
}

/** What is read out when it changes. Without the cost, which changes all the time. */
const announced: Record<Phase, string> = {
  planned: 'A helper is planned.',
  unanswered: 'The provider has not answered. A helper may exist and cost money.',
  starting: 'A helper is starting and costs money.',
  ready: 'A helper is running and costs money.',
  stopping: 'The helper is being stopped.',
  unconfirmed: 'The provider has not confirmed that the helper is gone. It may still cost money.',
  gone: 'The helper is gone.',
};

/** On every page while a helper exists or may exist (DESIGN section 1.5). A server that says nothing of helpers has none. */
export function HelperMeter() {
  const { state } = useView();
  const helper = state?.helper;
  if (!helper) return null;
  const { current, strays } = helper;
  if (current !== null && current.state !== 'gone') return <Meter lease={current} />;
  if (strays.length === 0) return null;
  return (
    <div class="helper-meter doubt" role="group" aria-label="Helper">
      <a href="/helper">{count(strays.length, 'stray machine')}, being destroyed</a>
    </div>
  );
}

function Meter({ lease }: { readonly lease: Lease }) {
  useTick(1000);
  const { link, asOfMs } = useView();
  const nowMs = serverNow();
  const phase = phaseOf(lease, nowMs);
  const doubt = phase === 'unanswered' || phase === 'unconfirmed';
  const followed = link === 'live' || link === 'polling';
  const old = !followed && (asOfMs === null || nowMs - asOfMs > oldAfterMs);
  return (
    <div class={`helper-meter ${doubt ? 'doubt' : ''}`} role="group" aria-label="Helper">
      <a href="/helper" class={`num ${old ? 'old' : ''}`}>
        {meterText(lease, nowMs)}
      </a>
      <span role="status" class="sr">
        {announced[phase]}
      </span>
      <StopHelper phase={phase} short />
    </div>
  );
}

/** Stopping spend is one tap, never confirmed twice. Asking again is as safe as asking. */
export function StopHelper({ phase, short = false }: { readonly phase: Phase; readonly short?: boolean }) {
  const { busy, said, act } = useAct();
  if (phase === 'gone') return null;
  const stop = (): void =>
    act(async () => {
      put('/api/helper', await call<HelperView>('POST', '/api/helper/destroy'));
      readStateSoon();
    });
  return (
    <>
      {phase === 'stopping' ? null : (
        <Button kind="stop" enabled={!busy} onPress={stop}>
          {busy ? 'Stopping…' : <StopWords again={phase === 'unconfirmed'} short={short} />}
        </Button>
      )}
      <Alert>{said}</Alert>
    </>
  );
}

function StopWords({ again, short }: { readonly again: boolean; readonly short: boolean }) {
  if (again) return <>Ask again{short ? <span class="sr"> to stop the helper</span> : null}</>;
  if (!short) return <>Stop helper now</>;
  return (
    <>
      STOP<span class="sr"> helper now</span>
    </>
  );
}
