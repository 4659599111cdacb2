import type { Budget } from '#contract/budget.ts';
import type { Reservation } from '#contract/spend.ts';
import { call } from '../api.ts';
import { clock, usd } from '../format.ts';
import { Alert, Button, Empty, Section, Text, Time, useAct } from './bits.tsx';

const words = { pending: 'reserved', posted: 'spent', voided: 'given back' } as const;

/** Money set aside and what became of it, with the job it was for. */
export function Reservations({ budget }: { readonly budget: Budget }) {
  const { reservations } = budget;
  return (
    <Section
      id="reservations"
      title="Reservations"
      aside={
        <a href="/api/budget/export" download>
          CSV
        </a>
      }
    >
      {reservations.length === 0 ? (
        <Empty>Nothing has been reserved or spent.</Empty>
      ) : (
        <ul class="spends">
          {reservations.map((one) => (
            <Row key={one.id} one={one} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Row({ one }: { readonly one: Reservation }) {
  const over = one.postedUsd !== null && one.postedUsd > one.reservedUsd;
  return (
    <li class={one.state}>
      <span class="spend-what">
        <Text value={one.purpose} />
        <span class="muted num">
          {words[one.state]} <Time atMs={one.settledAtMs ?? one.atMs} />
          {one.state === 'pending' ? `, at most until ${clock(one.deadlineAtMs)}` : ''}
          {one.approvalId === null ? '' : ', with your approval'}
          {one.jobId ? (
            <>
              {' · '}
              <a href={`/jobs/${one.jobId}`}>job</a>
            </>
          ) : null}
        </span>
        {over ? <span class="reason stop">The cloud billed more than was set aside.</span> : null}
      </span>
      <span class="num">
        {usd(one.postedUsd ?? (one.state === 'voided' ? 0 : one.reservedUsd))}
        {one.state === 'pending' ? <span class="muted"> at most</span> : null}
      </span>
    </li>
  );
}

/** What was approved and not used yet can be taken back. */
export function Approvals({ budget }: { readonly budget: Budget }) {
  const { busy, said, act } = useAct();
  if (budget.approvals.length === 0) return null;
  return (
    <Section id="approvals" title="Approved extra spend">
      <ul class="spends">
        {budget.approvals.map((one) => (
          <li key={one.id}>
            <span class="spend-what">
              <Text value={one.purpose} />
              <span class="muted num">
                by <Text value={one.by} />, until {clock(one.expiresAtMs)}
              </span>
            </span>
            <span class="num">{usd(one.usd)}</span>
            <Button
              enabled={!busy}
              onPress={() => act(async () => void (await call<Budget>('DELETE', `/api/approvals/${one.id}`)))}
            >
              Withdraw
            </Button>
          </li>
        ))}
      </ul>
      <Alert>{said}</Alert>
    </Section>
  );
}
