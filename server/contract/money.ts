import { z } from 'zod';

/** What an owner may write as an amount, in dollars. */
export const Usd = z.number().min(0).max(1_000_000);

/**
 * Dollars as written to whole micro-dollars, the nearest. Money is whole micro-dollars inside (DESIGN section 7): sums are exact,
 * and a fraction of a cent is not lost.
 */
export function microsFromUsd(usd: number): number {
  return Math.round(usd * 1_000_000);
}

export function usdFromMicros(micros: number): number {
  return micros / 1_000_000;
}

/** "$0.25"; below one cent four digits, so that a small cost is not shown as free. */
export function usdText(usd: number): string {
  return usd !== 0 && Math.abs(usd) < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
