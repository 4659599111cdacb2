import { clock, usd } from '../format.ts';
import { Empty, Section } from '../parts/bits.tsx';
import { Meter } from '../parts/meter.tsx';
import { isCurrent, Page } from '../parts/page.tsx';
import { useView } from '../store.ts';

/** What was spent, what is reserved, what is left. The caps are hard. */
export function BudgetPage() {
  const view = useView();
  const budget = view.state?.budget;
  if (!budget) return <Page title="Budget">{null}</Page>;
  const { hour, day, timeZone, asOfMs } = budget;
  const nothing = hour.spentUsd + day.spentUsd + hour.pendingUsd + day.pendingUsd === 0;
  return (
    <Page title="Budget" class="budget">
      <div class="meters card">
        <Meter name="This hour" window={hour} />
        <Meter name="Today" window={day} />
      </div>
      <p class={`muted num ${isCurrent(view) ? '' : 'old'}`}>
        {isCurrent(view) ? 'Verified' : 'As of'} {clock(asOfMs)}.
      </p>
      {nothing ? <Empty>Nothing has been spent. Cap {usd(hour.capUsd)} per hour.</Empty> : null}
      <Section id="caps" title="Caps">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">Window</th>
              <th scope="col">Spent</th>
              <th scope="col">Reserved</th>
              <th scope="col">Left</th>
              <th scope="col">Cap</th>
            </tr>
          </thead>
          <tbody>
            {[
              { name: 'Last 60 minutes', figures: hour },
              { name: 'Today', figures: day },
            ].map(({ name, figures }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{usd(figures.spentUsd)}</td>
                <td>{usd(figures.pendingUsd)}</td>
                <td>{usd(figures.leftUsd)}</td>
                <td>{usd(figures.capUsd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="muted">
          A day begins at midnight in {timeZone}. Caps and time zone are set in <code>budget.json</code> on the machine,
          and read when patchgit starts. Proving a pasted diff on this machine costs nothing.
        </p>
      </Section>
    </Page>
  );
}
