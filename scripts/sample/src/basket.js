/** A basket is a list of lines; each has a name, a price in cents and a count. */
export function addLine(basket, name, cents, count = 1) {
  if (!Number.isInteger(count) || count < 1) throw new RangeError('count must be a whole number above zero');
  return [...basket, { name, cents, count }];
}

export function total(basket) {
  return basket.reduce((sum, line) => sum + line.cents * line.count, 0);
}

export function cheapest(basket) {
  return basket.toSorted((a, b) => a.cents - b.cents)[0] ?? null;
}
