import { clock, usd } from '../format.ts';
import { Alert, Section } from '../parts/bits.tsx';
import { Meter } from '../parts/meter.tsx';
import { isCurrent, Page } from '../parts/page.tsx';
import { Prices } from '../parts/prices.tsx';
import { Approvals, Reservations } from '../parts/reservations.tsx';
import { SpendPlot } from '../parts/spend-plot.tsx';
import { useView } from '../store.ts';

/** What was spent, what is reserved, what is left. The caps are hard. */
export function BudgetPage() {
  const view = useView();
  const budget = view.state?.budget;
  if (!budget) return <Page title="Budget">{null}</Page>;
  const { hour, day, timeZone, asOfMs, hourEasesAtMs, dayEndsAtMs } = budget;
  return (
    <Page title="Budget" class="budget">
      {budget.mistakes?.length ? (
        <Alert>{`What is saved in budget.json is not in force. ${budget.mistakes.join(' ')}`}</Alert>
      ) : null}
      <div class="meters card">
        <Meter name="This hour" window={hour} />
        <Meter name="Today" window={day} />
      </div>
      <p class={`muted num ${isCurrent(view) ? '' : 'old'}`}>
        {isCurrent(view) ? 'Verified' : 'As of'} {clock(asOfMs)}.{' '}
        {hourEasesAtMs === null ? '' : `More is left this hour from ${clock(hourEasesAtMs)}. `}
        The day ends at {clock(dayEndsAtMs)} here ({timeZone}).
      </p>
      <Approvals budget={budget} />
      <SpendPlot />
      <Reservations budget={budget} />
      <Prices />
      <Section id="caps" title="Caps">
        <p class="num">
          {usd(hour.capUsd)} in any 60 minutes, {usd(day.capUsd)} a day. Nothing goes past them without your approval,
          each time.
        </p>
        <p class="muted">
          Caps, sizes, prices and policy are set in <code>budget.json</code> on the machine; a change counts as soon as
          it is saved. Proving a pasted diff on this machine costs nothing.
        </p>
      </Section>
    </Page>
  );
}
