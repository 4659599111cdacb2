import { useState } from 'preact/hooks';
import type { PriceTable } from '#contract/budget.ts';
import type { ApproveSpend } from '#contract/spend.ts';
import { fieldsOf, typed } from '../form.ts';
import { usd } from '../format.ts';
import { never, useResource } from '../resource.ts';
import { useView } from '../store.ts';
import { Alert, Submit, Text } from './bits.tsx';

export interface Spend {
  /** Never above this. */
  readonly worstUsd: number;
  /** What needs a yes first, in words; empty: the caps cover it. */
  readonly reasons: readonly string[];
}

/** The amount that is approved: the worst that it can cost, rounded up to a whole cent. */
export function amountFor(worstUsd: number): number {
  return Math.ceil(worstUsd * 100 - 1e-9) / 100;
}

/**
 * A button that spends, with its figures. What needs approval has the toggle above it, which is off each time and is never
 * remembered; above an amount the owner sets, the PIN is typed again.
 */
export function SpendForm(props: {
  readonly spend: Spend;
  /** "Prove it on a helper". */
  readonly verb: string;
  readonly busy: boolean;
  readonly said: string | null;
  readonly onSpend: (approve: Omit<ApproveSpend, 'id'> | null) => void;
}) {
  const { spend, verb, busy, said, onSpend } = props;
  const [approved, setApproved] = useState(false);
  const needed = spend.reasons.length > 0;
  const amount = amountFor(spend.worstUsd);
  const pinAbove = useResource<PriceTable>('/api/budget/prices', never).value?.policy.askPinAboveUsd ?? 0;
  const asksPin = needed && approved && amount > pinAbove;
  const ready = !busy && (!needed || approved);
  return (
    <form
      class="stack spend"
      onSubmit={(event) => {
        const pin = typed(fieldsOf(event), 'pin');
        if (!ready) return;
        onSpend(needed ? { usd: amount, ...(pin === '' ? {} : { pin }) } : null);
        // One yes is for one time.
        setApproved(false);
      }}
    >
      {needed ? (
        <>
          <ul class="reasons">
            {spend.reasons.map((reason) => (
              <li key={reason}>
                <Text value={reason} />
              </li>
            ))}
          </ul>
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              checked={approved}
              onChange={(event) => setApproved(event.currentTarget.checked)}
            />
            <span>
              <strong>Approve extra spend</strong>, up to {usd(amount)}, this once
            </span>
          </label>
        </>
      ) : null}
      {asksPin ? (
        <label class="field">
          <span>Your PIN, because it is more than {usd(pinAbove)}</span>
          <input name="pin" type="password" inputMode="numeric" autocomplete="current-password" required />
        </label>
      ) : null}
      <SpendFigures worstUsd={spend.worstUsd} />
      <Submit busy={!ready}>
        {verb}, spend up to {usd(amount)}
      </Submit>
      <Alert>{said}</Alert>
    </form>
  );
}

/** Spent this hour and today, what this may cost, and what is left after it. */
function SpendFigures({ worstUsd }: { readonly worstUsd: number }) {
  const budget = useView().state?.budget;
  if (!budget) return null;
  const { hour, day } = budget;
  const after = (left: number): string => usd(Math.max(0, left - worstUsd));
  return (
    <p class="money num">
      <span>
        Spent: hour {usd(hour.spentUsd + hour.pendingUsd)} · today {usd(day.spentUsd + day.pendingUsd)}
      </span>
      <span>
        Left after it: hour {after(hour.leftUsd)} · today {after(day.leftUsd)}
      </span>
    </p>
  );
}
