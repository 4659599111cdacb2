import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelPrice, PriceTable, type BudgetFile } from '#contract/budget.ts';
import { testBudget } from '../../testing/budget.ts';
import { testRecord, type TestRecord } from '../../testing/record.ts';
import { modelPrices, modelPricesOn } from './model-prices.ts';
import { priceDesk, type PriceDesk } from './prices.ts';

let record: TestRecord;
let budget: BudgetFile;
let desk: PriceDesk;
beforeEach(() => {
  record = testRecord();
  budget = testBudget;
  desk = priceDesk({ ...record, settings: () => budget });
});
afterEach(() => record.close());

const taken = () =>
  record.ledger.list({ limit: 100, kind: 'price.taken' }).entries.map(({ actor, body }) => ({ actor, body }));
const cloud = (slug: string, usdPerHour: unknown) => ({ slug, usdPerHour, memoryMiB: 2048, cpus: 1 });
const typedModel = {
  kind: 'model' as const,
  model: 'acme/coder',
  inputUsd: 1,
  outputUsd: 2,
  cacheReadUsd: null,
  cacheWriteUsd: null,
};

describe('the price of a helper size', () => {
  it('is what budget.json says until the cloud says more', () => {
    expect(desk.size('s-1vcpu-2gb')).toEqual({ usdPerHour: 0.018, source: 'budget_file', pricedOn: '2026-11-20' });
    desk.takeFromCloud([cloud('s-1vcpu-2gb', 0.02), cloud('s-2vcpu-4gb', 0.03), cloud('s-4vcpu-8gb', 0.072)]);
    expect(desk.size('s-1vcpu-2gb')).toEqual({ usdPerHour: 0.02, source: 'cloud', pricedOn: '2027-01-15' });
    expect(desk.size('s-2vcpu-4gb')).toEqual({ usdPerHour: 0.036, source: 'budget_file', pricedOn: '2026-11-20' });
    expect(desk.size('s-4vcpu-8gb')?.source).toBe('cloud');
  });

  it('is what the owner typed only while nobody else knows it', () => {
    expect(desk.size('c-2')).toBeNull();
    expect(desk.take({ kind: 'size', slug: 'c-2', usdPerHour: 0.05 }, 'laptop')).toEqual({ ok: true, value: null });
    expect(desk.size('c-2')).toMatchObject({ usdPerHour: 0.05, source: 'owner' });
    desk.takeFromCloud([cloud('c-2', 0.0625)]);
    expect(desk.size('c-2')).toMatchObject({ usdPerHour: 0.0625, source: 'cloud' });
    const again = desk.take({ kind: 'size', slug: 'c-2', usdPerHour: 0.01 }, 'laptop');
    expect(again).toMatchObject({
      ok: false,
      why: { code: 'id_conflict', message: expect.stringContaining('$0.0625') },
    });
    expect(desk.take({ kind: 'size', slug: 's-1vcpu-2gb', usdPerHour: 0.001 }, 'laptop').ok).toBe(false);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '0.02', null, undefined])('is never %j', (usdPerHour) => {
    desk.takeFromCloud([cloud('c-2', usdPerHour), null, 'x', {}]);
    expect(desk.size('c-2')).toBeNull();
    expect(taken()).toEqual([]);
  });

  it('is told when it changes, and not each time the list is read', () => {
    desk.takeFromCloud([cloud('s-1vcpu-2gb', 0.02), cloud('c-2', 0.06)]);
    desk.takeFromCloud([cloud('s-1vcpu-2gb', 0.02)]);
    record.clock.advance(48 * 60 * 60_000);
    desk.takeFromCloud([cloud('s-1vcpu-2gb', 0.02)]);
    expect(desk.size('s-1vcpu-2gb')?.pricedOn).toBe('2027-01-17');
    desk.takeFromCloud([cloud('s-1vcpu-2gb', 0.021)]);
    const change = (usdPerHour: number, wasUsdPerHour: number | null) => ({
      actor: 'system',
      body: { from: 'cloud', sizes: [{ slug: 's-1vcpu-2gb', usdPerHour, wasUsdPerHour }] },
    });
    expect(taken()).toEqual([change(0.021, 0.02), change(0.02, null)]);
  });
});

describe('the price of a model', () => {
  it('is null when nobody knows it, never 0', () => {
    expect(desk.model('acme/coder')).toBeNull();
    expect(desk.model('anthropic/no-such-model')).toBeNull();
    expect(desk.model('ollama/gpt-oss:120b-cloud')).toBeNull();
    expect(desk.model('')).toBeNull();
  });

  it('is nothing for a model that runs on our own machine', () => {
    expect(desk.model('ollama/qwen3:4b')).toMatchObject({ inputUsd: 0, outputUsd: 0 });
  });

  it('is from budget.json, then what was typed, then the built-in table', () => {
    expect(desk.take(typedModel, 'laptop').ok).toBe(true);
    expect(desk.model('acme/coder')).toMatchObject({ inputUsd: 1, pricedOn: '2027-01-15' });
    const { kind: _, ...price } = typedModel;
    budget = { ...testBudget, models: { prices: [{ ...price, inputUsd: 3, pricedOn: '2026-11-01' }] } };
    expect(desk.model('acme/coder')?.inputUsd).toBe(3);
    expect(desk.take(typedModel, 'laptop')).toMatchObject({ ok: false, why: { code: 'id_conflict' } });
    const [[name] = ['']] = modelPrices;
    const built = desk.model(name);
    expect(desk.take({ ...typedModel, model: name, inputUsd: 99 }, 'laptop').ok).toBe(true);
    expect(desk.model(name)).toMatchObject({ inputUsd: 99 });
    expect(built?.inputUsd).not.toBe(99);
    expect(taken()[1]).toMatchObject({ actor: 'owner', body: { from: 'owner', by: 'laptop', model: 'acme/coder' } });
  });
});

describe('the price table', () => {
  it('has the shape of the contract, each model once, and says what is old and what needs approval', () => {
    desk.take(typedModel, 'laptop');
    const table = desk.table();
    expect(PriceTable.parse(table)).toEqual(table);
    const names = table.models.map(({ model }) => model);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(modelPrices.length + 1);
    expect(table.sizes.map(({ slug, needsApproval }) => [slug, needsApproval])).toEqual([
      ['s-1vcpu-2gb', false],
      ['s-2vcpu-4gb', false],
      ['s-4vcpu-8gb', true],
    ]);
    expect(table.models.find(({ model }) => model === 'acme/coder')).toMatchObject({ source: 'owner', old: false });
    expect(table.models.find(({ source }) => source === 'built_in')?.old).toBe(true);
  });
});

describe('the built-in table', () => {
  it('holds whole prices in the shape of the contract', () => {
    expect(modelPrices.length).toBeGreaterThanOrEqual(30);
    for (const [model, inputUsd, outputUsd, cacheReadUsd, cacheWriteUsd] of modelPrices) {
      ModelPrice.parse({ model, inputUsd, outputUsd, cacheReadUsd, cacheWriteUsd, pricedOn: modelPricesOn });
      expect(Math.min(inputUsd, outputUsd), model).toBeGreaterThan(0);
    }
  });

  it('is what the package says, so nobody edits it by hand', async (context) => {
    const installed = new URL('../../../node_modules/@pydantic/genai-prices', import.meta.url);
    if (!existsSync(installed)) return context.skip('@pydantic/genai-prices is not installed');
    const { priceTableFile, priceTableText } = await import('../../../scripts/prices.ts');
    expect(readFileSync(priceTableFile, 'utf8')).toBe(priceTableText());
  });
});
