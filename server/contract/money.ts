/** "$0.25"; below one cent four digits, so that a small cost is not shown as free. */
export function usdText(usd: number): string {
  return usd !== 0 && Math.abs(usd) < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
