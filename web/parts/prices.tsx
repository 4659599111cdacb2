import type { PriceTable } from '#contract/budget.ts';
import { call } from '../api.ts';
import { fieldsOf, typed } from '../form.ts';
import { usd } from '../format.ts';
import { concernsKinds, put, useResource } from '../resource.ts';
import { Alert, Loading, Section, Submit, useAct } from './bits.tsx';

const path = '/api/budget/prices';
const sources = {
  built_in: 'built in',
  budget_file: 'budget.json',
  owner: 'typed by you',
  cloud: "the cloud's list",
} as const;

/** What things cost here, where each price is from, and when it was taken. */
export function Prices() {
  const { value, error } = useResource<PriceTable>(path, concernsKinds('price', 'budget'));
  return (
    <Section id="prices" title="Prices">
      {value === null ? <Loading error={error} what="the prices" /> : <Tables table={value} />}
    </Section>
  );
}

function Tables({ table }: { readonly table: PriceTable }) {
  const { billing, models, sizes, oldAfterDays } = table;
  return (
    <>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Helper</th>
            <th scope="col">An hour</th>
            <th scope="col">Price from</th>
          </tr>
        </thead>
        <tbody>
          {sizes.map((size) => (
            <tr key={size.slug}>
              <th scope="row">
                {size.slug}
                <span class="muted">
                  {' '}
                  {Math.round(size.memoryMiB / 1024)} GB{size.needsApproval ? ', needs approval' : ''}
                </span>
              </th>
              <td>${size.usdPerHour.toFixed(5)}</td>
              <td>
                {sources[size.source]}, {size.pricedOn}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted num">
        Billed by {billing.stepSeconds === 1 ? 'the second' : `${billing.stepSeconds} seconds`}, at least{' '}
        {billing.minimumSeconds} s or {usd(billing.minimumUsd)}.
      </p>
      <TypeSize />
      <details class="quiet">
        <summary>Models, {models.length}, in dollars per million tokens</summary>
        <div class="scroll" tabIndex={0} role="group" aria-label="Prices of models">
          <table class="figures">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">In</th>
                <th scope="col">Out</th>
                <th scope="col">Taken</th>
              </tr>
            </thead>
            <tbody>
              {models.map((model) => (
                <tr key={model.model}>
                  <th scope="row">{model.model}</th>
                  <td>{model.inputUsd}</td>
                  <td>{model.outputUsd}</td>
                  <td>
                    {model.pricedOn}
                    {model.old ? ` (older than ${oldAfterDays} days)` : ''}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

/** An unknown price is not free: what nobody knows, the owner types. */
function TypeSize() {
  const { busy, said, act } = useAct();
  return (
    <details class="quiet">
      <summary>Type the price of a size</summary>
      <form
        class="stack"
        onSubmit={(event) => {
          const fields = fieldsOf(event);
          const body = { kind: 'size', slug: typed(fields, 'slug').trim(), usdPerHour: Number(typed(fields, 'usd')) };
          act(async () => put(path, await call<PriceTable>('POST', path, body)));
        }}
      >
        <label class="field">
          <span>Size</span>
          <input name="slug" placeholder="s-1vcpu-2gb" autocomplete="off" required />
        </label>
        <label class="field">
          <span>Dollars an hour</span>
          <input name="usd" inputMode="decimal" placeholder="0.01786" autocomplete="off" required />
        </label>
        <Submit busy={busy}>Take this price</Submit>
        <Alert>{said}</Alert>
      </form>
    </details>
  );
}
