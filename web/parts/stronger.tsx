import type { Job } from '#contract/job.ts';
import type { Proposal } from '#contract/proposal.ts';
import { call } from '../api.ts';
import { usd } from '../format.ts';
import { navigate } from '../router.ts';
import { amountFor, SpendForm } from './approve.tsx';
import { Section, Text, useAct } from './bits.tsx';

/** A stronger proof than this one: why, what it costs, what it brings, and the button that spends. GO stays as it is beside it. */
export function Stronger({ shown }: { readonly shown: Proposal }) {
  const { busy, said, act } = useAct();
  const { escalation, id, digest } = shown.document;
  if (!escalation || shown.state !== 'open') return null;
  const { worstUsd, estimateUsd, expectedMinutes, title, why, confidenceGain, reasons } = escalation;
  return (
    <Section id="stronger" title="A stronger proof" class="spend-card">
      <dl class="facts">
        <dt>Why</dt>
        <dd>
          <Text value={why} />
        </dd>
        <dt>What</dt>
        <dd>
          <Text value={title} />, about {Math.max(1, Math.round(expectedMinutes))} min
        </dd>
        <dt>Cost</dt>
        <dd class="num">
          {worstUsd === null
            ? 'The price is not known, and an unknown price is not free.'
            : `about ${usd(estimateUsd ?? worstUsd)}, never above ${usd(amountFor(worstUsd))} (estimate)`}
        </dd>
        <dt>Gain</dt>
        <dd class="num">
          <Text value={confidenceGain} />
        </dd>
      </dl>
      {worstUsd === null ? (
        <p>
          <a class="button" href="/budget">
            Type the price
          </a>
        </p>
      ) : (
        <SpendForm
          key={digest}
          spend={{ worstUsd, reasons }}
          verb="Prove it again"
          busy={busy}
          said={said}
          onSpend={(approve) =>
            act(async () => {
              const yes = approve === null ? {} : { approve: { id: crypto.randomUUID(), ...approve } };
              const job = await call<Job>('POST', `/api/proposals/${id}/escalate`, { digest, ...yes });
              navigate(`/jobs/${job.id}`);
            })
          }
        />
      )}
      <p class="muted">Or decide on what was shown here: that costs nothing more.</p>
    </Section>
  );
}
