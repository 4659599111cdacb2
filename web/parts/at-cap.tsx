import type { Job } from '#contract/job.ts';
import { call } from '../api.ts';
import { usd } from '../format.ts';
import { put } from '../resource.ts';
import { useView } from '../store.ts';
import { SpendForm } from './approve.tsx';
import { Alert, Button, Section, useAct } from './bits.tsx';

/** A job that was stopped at the cap: the cheaper plan and the stop are one tap, going on as before is a spend like any other. */
export function AtCap({ job }: { readonly job: Job }) {
  const same = useAct();
  const other = useAct();
  const budget = useView().state?.budget;
  if (job.state !== 'stopped_at_cap' || !budget) return null;
  const worstUsd = job.plan?.option.worstUsd ?? 0;
  const path = `/api/jobs/${job.id}`;
  const overs = [
    ...(worstUsd > budget.hour.leftUsd
      ? [`It may go past this hour's cap by ${usd(worstUsd - budget.hour.leftUsd)}.`]
      : []),
    ...(worstUsd > budget.day.leftUsd ? [`It may go past today's cap by ${usd(worstUsd - budget.day.leftUsd)}.`] : []),
  ];
  const spent = budget.reservations
    .filter(({ jobId }) => jobId === job.id)
    .reduce((sum, one) => sum + (one.postedUsd ?? one.reservedUsd), 0);
  return (
    <Section id="at-cap" title="How it goes on" class="spend-card">
      <p class="num">
        This job has cost <strong>{usd(spent)}</strong>. Its plan and its patch are kept. It spends nothing more unless
        you say so.
      </p>
      <div class="row-buttons">
        <Button
          kind="primary"
          enabled={!other.busy}
          onPress={() =>
            other.act(async () => put(path, await call<Job>('POST', `${path}/continue`, { plan: 'cheaper' })))
          }
        >
          Take the cheaper plan, {usd(0)}
        </Button>
        <Button
          kind="stop"
          enabled={!other.busy}
          onPress={() => other.act(async () => put(path, await call<Job>('POST', `${path}/cancel`)))}
        >
          Stop
        </Button>
      </div>
      <Alert>{other.said}</Alert>
      <SpendForm
        key={job.id}
        spend={{ worstUsd, reasons: overs }}
        verb="Go on with the same plan"
        busy={same.busy}
        said={same.said}
        onSpend={(approve) =>
          same.act(async () => {
            const yes = approve === null ? {} : { approve: { id: crypto.randomUUID(), ...approve } };
            put(path, await call<Job>('POST', `${path}/continue`, { plan: 'same', ...yes }));
          })
        }
      />
    </Section>
  );
}
