import { total } from './basket.js';
import { formatPrice } from './price.js';

export function receipt(basket) {
  const lines = basket.map((line) => `${line.count} x ${line.name} ${formatPrice(line.cents * line.count)}`);
  return [...lines, `Total ${formatPrice(total(basket))}`].join('\n');
}
