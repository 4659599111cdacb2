/** Prices are whole cents, so that adding them never loses one. */
export function parsePrice(text) {
  const match = /^(\d+)(?:\.(\d{2}))?$/.exec(text.trim());
  if (!match) throw new RangeError(`not a price: ${text}`);
  return Number(match[1]) * 100 + Number(match[2] ?? 0);
}

export function formatPrice(cents) {
  const sign = cents < 0 ? '-' : '';
  const whole = Math.floor(Math.abs(cents) / 100);
  const rest = String(Math.abs(cents) % 100).padStart(2, '0');
  return `${sign}${whole}.${rest}`;
}
