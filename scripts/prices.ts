/**
 * Writes server/resources/budget/model-prices.ts from @pydantic/genai-prices, which is only here while building: the daemon
 * carries a small table instead of two megabytes of rules. Run after the package was updated: `node scripts/prices.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { findProvider, type ConditionalPrice, type ModelPrice } from '@pydantic/genai-prices';

/** When the version that is installed was published: its prices are not younger. */
const publishedOn: Readonly<Record<string, string>> = { '0.1.8': '2026-09-23' };

/** What somebody who lets a model write patches may want: the current models, and open-weight coders by way of OpenRouter. */
const wanted: Readonly<Record<string, string>> = {
  anthropic: `
    claude-fable-5-1 claude-opus-5-5 claude-opus-5 claude-opus-4-8 claude-sonnet-5 claude-sonnet-4-6
    claude-sonnet-4-5 claude-haiku-4-5
  `,
  openai: `
    gpt-6-sol gpt-6-luna gpt-6-astra gpt-5.6-sol gpt-5.6-luna gpt-5.6-terra gpt-5.5 gpt-5.4 gpt-5.4-mini
    gpt-5.4-nano gpt-5.3-codex gpt-5-mini gpt-4.1 gpt-4.1-mini o4-mini
  `,
  google: `
    gemini-3.8-flash gemini-3.7-flash gemini-3.5-flash gemini-3.5-flash-lite gemini-3.1-pro-preview
    gemini-2.5-pro gemini-2.5-flash
  `,
  mistral: `
    devstral-2512 codestral-2508 mistral-large-2512 mistral-medium-3-5 mistral-small-2603
  `,
  deepseek: `
    deepseek-v4-pro deepseek-v4-flash deepseek-v3.2
  `,
  'x-ai': `
    grok-4.6 grok-4.5 grok-build-0.1 grok-code-fast-1
  `,
  openrouter: `
    qwen/qwen3-coder qwen/qwen3-coder-next qwen/qwen3-coder-plus qwen/qwen3.6-27b qwen/qwen3.7-max
    z-ai/glm-5.3 z-ai/glm-5.3-flash moonshotai/kimi-k3 moonshotai/kimi-k2.7-code minimax/minimax-m3
    deepseek/deepseek-v4-pro deepseek/deepseek-v4-flash mistralai/devstral-2512 openai/gpt-oss-120b
    google/gemma-4-31b-it xiaomi/mimo-v2.5-pro
  `,
};

/** The text of the table. Throws for a model that the package does not know, or has no whole price for. */
export function priceTableText(): string {
  const on = publishedOn[installedVersion()];
  if (on === undefined) throw new Error(`say in scripts/prices.ts when version ${installedVersion()} was published`);
  const rows = Object.entries(wanted).flatMap(([provider, models]) =>
    models
      .trim()
      .split(/\s+/)
      .map((model) => `  [${[`'${provider}/${model}'`, ...priceOf(provider, model, on).map(String)].join(', ')}],`),
  );
  return `/**
 * Made by scripts/prices.ts from @pydantic/genai-prices ${installedVersion()}; never edited by hand (a test compares).
 * Where a price rises with the length of the input or with the hour of the day, this is the highest one: the caps must hold in
 * the worst case, so a short call is booked at no less than it costs.
 */
export const modelPricesOn = '${on}';

/** "provider/model", then dollars per million tokens: input, output, cache read, cache write (null: not sold apart). */
export const modelPrices: readonly (readonly [string, number, number, number | null, number | null])[] = [
${rows.join('\n')}
];
`;
}

export const priceTableFile = new URL('../server/resources/budget/model-prices.ts', import.meta.url).pathname;

function installedVersion(): string {
  const file = new URL('../node_modules/@pydantic/genai-prices/package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

function priceOf(provider: string, model: string, on: string): (number | null)[] {
  const found = findProvider({ providerId: provider })?.models.find(({ id }) => id === model);
  if (found === undefined) throw new Error(`${provider}/${model} is not in the package any more: take it off the list`);
  const prices = Array.isArray(found.prices) ? possible(found.prices, on) : [found.prices];
  const highest = (key: string): number | null => {
    const all = prices.flatMap((price) => amounts(price, key));
    return all.length === 0 ? null : Math.max(...all);
  };
  const [input, output] = [highest('input_mtok'), highest('output_mtok')];
  if (input === null || output === null) throw new Error(`${provider}/${model} has no price for input or output`);
  // Anthropic's cache of one hour costs more to write; we only ever ask for the one of five minutes.
  return [input, output, highest('cache_read_mtok'), highest('cache_write_mtok')];
}

/** What may be asked from the day of the table on: a price that a later one has replaced by then is left out. */
function possible(prices: readonly ConditionalPrice[], on: string): ModelPrice[] {
  const started = ({ constraint }: ConditionalPrice): boolean =>
    constraint === undefined || (constraint.type === 'start_date' && constraint.start_date <= on);
  const last = prices.findLast(started);
  return prices.filter((one) => one === last || !started(one)).map((one) => one.prices);
}

function amounts(price: ModelPrice, key: string): number[] {
  const value = price[key];
  if (value === undefined) return [];
  return typeof value === 'object' ? [value.base, ...value.tiers.map((tier) => tier.price)] : [value];
}

if (process.argv[1] === import.meta.filename) writeFileSync(priceTableFile, priceTableText());
