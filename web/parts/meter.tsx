import type { Budget } from '#contract/budget.ts';
import { usd } from '../format.ts';

type Window = Budget['hour'];

/** Spent solid, reserved hatched, up to the cap; the figures stand beside it, so colour and length are never alone. */
export function Meter({
  name,
  window: { spentUsd, pendingUsd, capUsd, leftUsd },
}: {
  readonly name: string;
  readonly window: Window;
}) {
  const share = (amount: number): number => (capUsd > 0 ? Math.min(100, (amount / capUsd) * 100) : 0);
  const spent = share(spentUsd);
  return (
    <div class="meter">
      <div class="meter-head">
        <span class="meter-name">{name}</span>
        <span class="num">
          {usd(spentUsd)} of {usd(capUsd)}
        </span>
      </div>
      <svg
        viewBox="0 0 100 6"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${usd(spentUsd)} spent, ${usd(pendingUsd)} reserved, ${usd(leftUsd)} left of ${usd(capUsd)}`}
      >
        <rect class="meter-cap" width="100" height="6" />
        <rect class="meter-spent" width={spent} height="6" />
        <rect class="meter-pending" x={spent} width={Math.min(100 - spent, share(pendingUsd))} height="6" />
      </svg>
      <p class="meter-left num">
        {usd(leftUsd)} left{pendingUsd > 0 ? `, ${usd(pendingUsd)} reserved` : ''}
      </p>
    </div>
  );
}
