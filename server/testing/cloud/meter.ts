/** The bill of the fake cloud, by the rules that apply since 2026: per second, at least 60 seconds, at least one cent. */

export interface BillLine {
  readonly id: number;
  readonly name: string;
  readonly size: string;
  readonly createdAtMs: number;
  /** Null while it is there, in whatever state: a machine that is powered off is billed like any other. */
  readonly goneAtMs: number | null;
  readonly seconds: number;
  readonly usdMicros: number;
}

const secondsMin = 60;
const usdMicrosMin = 10_000;

/** What one machine costs that was there between two moments. `usdPerHour` is the price at its creation. Rounded up to a micro-dollar. */
export function meter(usdPerHour: number, fromMs: number, toMs: number): { seconds: number; usdMicros: number } {
  const seconds = Math.ceil((toMs - fromMs) / 1000);
  const billed = Math.max(seconds, secondsMin);
  // A price has at most a few decimals; the tiny subtraction keeps 0.1 + 0.2 from costing a micro-dollar more.
  const byTime = Math.ceil((usdPerHour * 1_000_000 * billed) / 3600 - 1e-6);
  return { seconds, usdMicros: Math.max(byTime, usdMicrosMin) };
}
