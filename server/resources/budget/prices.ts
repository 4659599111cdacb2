/** What things cost, and where each price is from. A price that is not known is null, never 0. */
import { z } from 'zod';
import {
  HelperSize,
  ModelPrice,
  type BudgetFile,
  type PriceSource,
  type PriceTable,
  type TypePrice,
} from '#contract/budget.ts';
import { Usd } from '#contract/money.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import { modelPrices, modelPricesOn } from './model-prices.ts';
import { priceStore, type PriceRow } from './price-store.ts';

export interface SizePrice {
  readonly usdPerHour: number;
  readonly source: PriceSource;
  /** "2026-11-20". */
  readonly pricedOn: string;
}

export type CloudSize = z.infer<typeof CloudSize>;

export interface PriceDesk {
  readonly table: () => PriceTable;
  /**
   * The cloud's own list says what will be billed, and budget.json what the owner expects: the higher of the two is reserved.
   * What the owner typed counts only while neither is known.
   */
  readonly size: (slug: string) => SizePrice | null;
  /** budget.json, then what the owner typed, then the built-in table. Models that run on the helper's own cpu cost nothing. */
  readonly model: (name: string) => ModelPrice | null;
  /** `by`: 'socket', or the device's name. `id_conflict` when a price is known that would go before it. */
  readonly take: (typed: TypePrice, by: string) => Result<null, Problem>;
  /** The cloud's list as it came; what is no price in it is left out. */
  readonly takeFromCloud: (sizes: readonly unknown[]) => void;
}

export interface PriceDeskParts {
  readonly settings: () => BudgetFile;
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

const oldAfterDays = 90;
const dayMs = 24 * 60 * 60_000;
/** DigitalOcean sells about 150. */
const cloudSizesMax = 1000;

const CloudSize = HelperSize.pick({ slug: true, usdPerHour: true, memoryMiB: true, cpus: true });
const HourPrice = z.object({ usdPerHour: Usd });

export function priceDesk(parts: PriceDeskParts): PriceDesk {
  const { settings, clock } = parts;
  const store = priceStore(parts.db);
  const size = (slug: string): SizePrice | null => sizePrice(settings(), store.list('size'), slug);
  const models = (): PricedModel[] => allModels(settings(), store.list('model'));
  return {
    size,
    model: (name) => {
      if (isLocal(name)) return { ...nothing, model: name, pricedOn: modelPricesOn };
      const found = models().find(({ price }) => price.model === name);
      return found?.price ?? null;
    },
    table: () => {
      const { helper, policy } = settings();
      const largest = helper.sizes.findIndex(({ slug }) => slug === helper.largestWithoutApproval);
      const rows = store.list('size');
      return {
        sizes: helper.sizes.map((one, at) => ({
          ...one,
          ...(sizePrice(settings(), rows, one.slug) ?? { source: 'budget_file', pricedOn: helper.pricedOn }),
          needsApproval: at > largest,
        })),
        models: models()
          .map(({ price, source }) => ({ ...price, source, old: isOld(price.pricedOn, clock.nowMs()) }))
          .toSorted((a, b) => (a.model < b.model ? -1 : 1)),
        billing: helper.billing,
        policy,
        oldAfterDays,
      };
    },
    take: (typed, by) => parts.db.transaction(() => take(parts, typed, by)),
    takeFromCloud: (sizes) => parts.db.transaction(() => takeFromCloud(parts, sizes)),
  };
}

function sizePrice({ helper }: BudgetFile, rows: readonly PriceRow[], slug: string): SizePrice | null {
  const row = (source: PriceRow['source']): SizePrice[] =>
    rows
      .filter((one) => one.name === slug && one.source === source)
      .map(({ price, takenAtMs }) => {
        const { usdPerHour } = HourPrice.parse(JSON.parse(price));
        return { usdPerHour, source, pricedOn: dayText(takenAtMs) };
      });
  const inFile = helper.sizes
    .filter((one) => one.slug === slug)
    .map(({ usdPerHour }): SizePrice => ({ usdPerHour, source: 'budget_file', pricedOn: helper.pricedOn }));
  // At the same price the cloud's is named: it is the younger one.
  const known = [...row('cloud'), ...inFile].toSorted((a, b) => b.usdPerHour - a.usdPerHour);
  return known[0] ?? row('owner')[0] ?? null;
}

interface PricedModel {
  readonly price: ModelPrice;
  readonly source: PriceSource;
}

/** Each model once, at the price that counts. */
function allModels({ models }: BudgetFile, rows: readonly PriceRow[]): PricedModel[] {
  const all: PricedModel[] = [
    ...models.prices.map((price): PricedModel => ({ price, source: 'budget_file' })),
    ...rows.map(({ price }): PricedModel => ({ price: ModelPrice.parse(JSON.parse(price)), source: 'owner' })),
    ...modelPrices.map(([model, inputUsd, outputUsd, cacheReadUsd, cacheWriteUsd]): PricedModel => ({
      price: { model, inputUsd, outputUsd, cacheReadUsd, cacheWriteUsd, pricedOn: modelPricesOn },
      source: 'built_in',
    })),
  ];
  const names = new Set<string>();
  return all.filter(({ price: { model } }) => !names.has(model) && names.add(model));
}

const nothing = { inputUsd: 0, outputUsd: 0, cacheReadUsd: 0, cacheWriteUsd: 0 };

/** Ollama runs on our own machine, but for names that end in "cloud": those run at a vendor's and are billed there. */
function isLocal(name: string): boolean {
  return /^ollama\/\S+$/.test(name) && !/[:-]cloud$/.test(name);
}

function take({ settings, db, ledger, clock }: PriceDeskParts, typed: TypePrice, by: string): Result<null, Problem> {
  const store = priceStore(db);
  const takenAtMs = clock.nowMs();
  const file = settings();
  if (typed.kind === 'size') {
    const known = sizePrice(file, store.list('size'), typed.slug);
    if (known !== null && known.source !== 'owner') {
      const from = known.source === 'cloud' ? "from the cloud's own list" : 'in budget.json';
      const message = `The price of ${typed.slug} is known already, ${from}: $${known.usdPerHour} per hour. Nothing was changed.`;
      return no(problem('id_conflict', message, { current: known }));
    }
    const price = JSON.stringify({ usdPerHour: typed.usdPerHour });
    store.set('size', { name: typed.slug, source: 'owner', price, takenAtMs });
  } else {
    if (file.models.prices.some(({ model }) => model === typed.model)) {
      const message = `budget.json has a price for ${typed.model}, and that one counts. Change it there. Nothing was changed.`;
      return no(problem('id_conflict', message));
    }
    const { kind: _, ...prices } = typed;
    const price = JSON.stringify({ ...prices, pricedOn: dayText(takenAtMs) });
    store.set('model', { name: typed.model, source: 'owner', price, takenAtMs });
  }
  ledger.append({ kind: 'price.taken', actor: 'owner', body: { from: 'owner', by, ...typed } });
  return ok(null);
}

/** Only what has changed is told, and only of sizes that budget.json names. */
function takeFromCloud({ settings, db, ledger, clock }: PriceDeskParts, sizes: readonly unknown[]): void {
  const store = priceStore(db);
  const before = new Map(
    store
      .list('size')
      .filter(({ source }) => source === 'cloud')
      .map((row) => [row.name, row]),
  );
  const takenAtMs = clock.nowMs();
  const named = new Set(settings().helper.sizes.map(({ slug }) => slug));
  const changed: { slug: string; usdPerHour: number; wasUsdPerHour: number | null }[] = [];
  for (const one of sizes.slice(0, cloudSizesMax)) {
    const read = CloudSize.safeParse(one);
    if (!read.success) continue;
    const { slug, ...price } = read.data;
    const row = before.get(slug);
    const wasUsdPerHour = row === undefined ? null : HourPrice.parse(JSON.parse(row.price)).usdPerHour;
    if (row !== undefined && wasUsdPerHour === price.usdPerHour && takenAtMs - row.takenAtMs < dayMs) continue;
    store.set('size', { name: slug, source: 'cloud', price: JSON.stringify(price), takenAtMs });
    if (wasUsdPerHour !== price.usdPerHour && named.has(slug))
      changed.push({ slug, usdPerHour: price.usdPerHour, wasUsdPerHour });
  }
  if (changed.length > 0)
    ledger.append({ kind: 'price.taken', actor: 'system', body: { from: 'cloud', sizes: changed } });
}

function dayText(atMs: number): string {
  // oxlint-disable-next-line no-restricted-globals -- Writes a time that is known already.
  return new Date(atMs).toISOString().slice(0, 10);
}

function isOld(pricedOn: string, nowMs: number): boolean {
  // oxlint-disable-next-line no-restricted-globals -- Reads a day that is known already.
  return nowMs - Date.parse(pricedOn) > oldAfterDays * dayMs;
}
