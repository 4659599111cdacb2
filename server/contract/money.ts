import { z } from 'zod';

/** Whole micro-dollars: 1 USD = 1,000,000. Never a float inside (DESIGN section 7). */
export const UsdMicros = z.int().min(0).brand<'UsdMicros'>();
export type UsdMicros = z.infer<typeof UsdMicros>;

export const MICROS_PER_USD = 1_000_000;

/** Dollars for a person or a script to read, for example 250000 -> 0.25. */
export function toUsd(micros: UsdMicros): number {
  return micros / MICROS_PER_USD;
}

/** Dollars as written in budget.json to micro-dollars, rounded up: a cost is never understated. */
export function fromUsd(usd: number): UsdMicros {
  return UsdMicros.parse(Math.ceil(Math.round(usd * 1e9) / 1e3));
}

/** "$0.25"; below one cent four digits, so that a small cost is not shown as free. */
export function usdText(usd: number): string {
  return usd !== 0 && Math.abs(usd) < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
