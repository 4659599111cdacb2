/** What things cost, in whole micro-dollars, always rounded up. Pure. */
import type { BudgetFile, HelperSize, ModelPrice } from '#contract/budget.ts';
import { assert } from '../../lib/assert.ts';

/**
 * Dollars as written to whole micro-dollars that are never less: $0.0000004 is 1, not 0. What is written with up to six
 * decimals is met exactly, although most such numbers are no exact fraction in binary: the nearest integer divided by a
 * million is the very number that was written.
 */
export function costMicros(usd: number): number {
  const nearest = Math.round(usd * 1_000_000);
  return nearest / 1_000_000 < usd ? nearest + 1 : nearest;
}

/** The same for a limit: never more than was written. */
export function capMicros(usd: number): number {
  const nearest = Math.round(usd * 1_000_000);
  return nearest / 1_000_000 > usd ? nearest - 1 : nearest;
}

export type HelperBilling = BudgetFile['helper']['billing'];

/**
 * What a machine costs that is there for `seconds`: whole billing steps, at least the minimum time and the minimum charge
 * (DigitalOcean since 2026: by the second, at least 60 seconds or one cent, whichever is more).
 */
export function helperMicros(size: Pick<HelperSize, 'usdPerHour'>, billing: HelperBilling, seconds: number): number {
  assert(Number.isFinite(seconds), 'a machine whose time is not known has no price');
  const steps = Math.ceil(Math.max(seconds, 0) / billing.stepSeconds);
  const billed = Math.max(steps * billing.stepSeconds, billing.minimumSeconds);
  const byTime = dividedUp(BigInt(costMicros(size.usdPerHour)) * BigInt(billed), 3600n);
  return Math.max(byTime, costMicros(billing.minimumUsd));
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** Integers throughout: a long context times a high price does not fit into 53 bits. */
function dividedUp(total: bigint, by: bigint): number {
  const micros = Number((total + by - 1n) / by);
  assert(Number.isSafeInteger(micros), 'a cost is a whole number of micro-dollars');
  return micros;
}

/** What a call costs. What the vendor does not sell apart is plain input to it (contract `ModelPrice`). */
export function modelMicros(price: ModelPrice, tokens: Tokens): number {
  const perMillion = (usd: number, count: number): bigint => {
    // A negative count in somebody's answer would make the other tokens cheaper.
    assert(Number.isSafeInteger(count) && count >= 0, 'tokens are counted in whole numbers');
    return BigInt(costMicros(usd)) * BigInt(count);
  };
  const total =
    perMillion(price.inputUsd, tokens.input) +
    perMillion(price.outputUsd, tokens.output) +
    perMillion(price.cacheReadUsd ?? price.inputUsd, tokens.cacheRead) +
    perMillion(price.cacheWriteUsd ?? price.inputUsd, tokens.cacheWrite);
  return dividedUp(total, 1_000_000n);
}

/**
 * The most that a call can cost: all output is used, and of plain, cache read and cache write the dearest holds for the
 * whole input. A mix costs no more, because each token of it costs no more.
 */
export function modelWorstMicros(price: ModelPrice, inputTokensMax: number, outputTokensMax: number): number {
  const none = { input: 0, output: outputTokensMax, cacheRead: 0, cacheWrite: 0 };
  return Math.max(
    modelMicros(price, { ...none, input: inputTokensMax }),
    modelMicros(price, { ...none, cacheRead: inputTokensMax }),
    modelMicros(price, { ...none, cacheWrite: inputTokensMax }),
  );
}
