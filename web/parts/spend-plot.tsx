import { useState } from 'preact/hooks';
import type { SpendSeries } from '#contract/budget.ts';
import { clock, usd } from '../format.ts';
import { concernsKinds, useResource } from '../resource.ts';
import { Empty, Loading, Section } from './bits.tsx';

type Bucket = SpendSeries['buckets'][number];

const height = 60;
const step = 10;

/** What was spent, bar by bar, with the cap as a line; the same figures as a table, so that nothing hangs on sight or colour. */
export function SpendPlot() {
  const [range, setRange] = useState<SpendSeries['range']>('24h');
  const { value, error } = useResource<SpendSeries>(
    `/api/budget/series?range=${range}`,
    concernsKinds('spend', 'budget'),
  );
  const ranges = [
    ['24h', '24 hours'],
    ['30d', '30 days'],
  ] as const;
  return (
    <Section
      id="spend"
      title="Spent over time"
      aside={
        <fieldset class="chips">
          <legend class="sr">Range</legend>
          {ranges.map(([one, label]) => (
            <label key={one}>
              <input type="radio" name="range" checked={one === range} onChange={() => setRange(one)} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      }
    >
      {value === null ? <Loading error={error} what="what was spent" /> : <Bars series={value} />}
    </Section>
  );
}

function total(bucket: Bucket): number {
  return bucket.helperUsd + bucket.externalApiUsd;
}

function Bars({ series: { buckets, capUsd, range } }: { readonly series: SpendSeries }) {
  const most = Math.max(...buckets.map(total), 0);
  if (most === 0) return <Empty>Nothing was spent in the last {range === '24h' ? '24 hours' : '30 days'}.</Empty>;
  const scale = height / (Math.max(most, capUsd) * 1.05);
  const width = buckets.length * step;
  const sum = buckets.reduce((all, bucket) => all + total(bucket), 0);
  const capY = height - capUsd * scale;
  const label = (atMs: number): string =>
    range === '24h' ? clock(atMs) : new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }).format(atMs);
  return (
    <>
      <svg
        class="plot"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${usd(sum)} in all, at most ${usd(most)} at once; the cap is ${usd(capUsd)}`}
      >
        <rect class="meter-cap" width={width} height={height} />
        {buckets.map((bucket, at) => {
          const helper = bucket.helperUsd * scale;
          const api = bucket.externalApiUsd * scale;
          return (
            <g key={bucket.fromMs}>
              <rect class="meter-spent" x={at * step + 1} y={height - helper} width={step - 2} height={helper} />
              <rect class="plot-api" x={at * step + 1} y={height - helper - api} width={step - 2} height={api} />
            </g>
          );
        })}
        <line class="plot-line" x1="0" x2={width} y1={capY} y2={capY} />
      </svg>
      <p class="plot-ends num muted">
        <span>{range === '24h' ? '24 hours ago' : label(buckets[0]?.fromMs ?? 0)}</span>
        <span>{range === '24h' ? 'now' : 'today'}</span>
      </p>
      <p class="plot-key num muted">
        <span class="key helper" aria-hidden="true" /> helper <span class="key api" aria-hidden="true" /> external API ·
        line: cap {usd(capUsd)}
      </p>
      <details class="quiet">
        <summary>
          <span class="num">{usd(sum)}</span> in all, as a table
        </summary>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">Helper</th>
              <th scope="col">External API</th>
            </tr>
          </thead>
          <tbody>
            {buckets
              .filter((bucket) => total(bucket) > 0)
              .map((bucket) => (
                <tr key={bucket.fromMs}>
                  <th scope="row">{label(bucket.fromMs)}</th>
                  <td>{usd(bucket.helperUsd)}</td>
                  <td>{usd(bucket.externalApiUsd)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
