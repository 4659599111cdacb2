/** The rows of prices that are not in budget.json: typed by the owner, or taken from the cloud's own list. */
import { z } from 'zod';
import type { Database } from '../../record/db/open.ts';

const PriceRow = z.object({
  name: z.string(),
  source: z.enum(['owner', 'cloud']),
  /** JSON of what it costs. */
  price: z.string(),
  takenAtMs: z.int(),
});
export type PriceRow = z.infer<typeof PriceRow>;

export function priceStore({ sqlite }: Database) {
  return {
    list: (kind: 'size' | 'model'): PriceRow[] =>
      sqlite
        .prepare('select name, source, price, taken_at_ms as takenAtMs from price where kind = ? order by name, source')
        .all(kind)
        .map((row) => PriceRow.parse(row)),
    set: (kind: 'size' | 'model', price: PriceRow): void => {
      sqlite
        .prepare(
          `insert into price (kind, name, source, price, taken_at_ms) values (?, ?, ?, ?, ?)
           on conflict do update set price = excluded.price, taken_at_ms = excluded.taken_at_ms`,
        )
        .run(kind, price.name, price.source, price.price, price.takenAtMs);
    },
  };
}
