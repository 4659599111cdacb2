/** What prices must hold, computed with exact fractions: never less than it costs, and never a whole micro-dollar more. */
import * as fc from 'fast-check';
import type { ModelPrice } from '#contract/budget.ts';
import type { helperMicros, modelMicros } from '../resources/budget/price.ts';
import { must } from './money-suite.ts';

export interface PriceFunctions {
  readonly helperMicros: typeof helperMicros;
  readonly modelMicros: typeof modelMicros;
}

/** An amount as its owner writes it: units of a millionth of a micro-dollar, so that no binary fraction is in the way. */
interface Written {
  readonly usd: number;
  readonly tiny: bigint;
}

/** Up to seven decimals: one more than a micro-dollar has. */
const written: fc.Arbitrary<Written> = fc
  .tuple(fc.nat({ max: 200 }), fc.nat({ max: 9_999_999 }))
  .map(([whole, part]) => ({
    usd: Number(`${whole}.${part.toString().padStart(7, '0')}`),
    tiny: BigInt(whole) * 1_000_000_000_000n + BigInt(part) * 100_000n,
  }));

/** The smallest whole number that is not below `top / bottom`. */
const up = (top: bigint, bottom: bigint): bigint => top / bottom + (top % bottom === 0n ? 0n : 1n);
const wholeMicros = ({ tiny }: Written): bigint => up(tiny, 1_000_000n);

export function checkPrices({ helperMicros, modelMicros }: PriceFunctions, count: number): void {
  const seconds = fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 90_000 }));
  fc.assert(
    fc.property(
      written,
      written,
      seconds,
      fc.constantFrom(1, 60, 3600),
      fc.constantFrom(0, 60),
      (hour, least, at, step, minimum) => {
        const billing = { stepSeconds: step, minimumSeconds: minimum, minimumUsd: least.usd };
        const steps = up(BigInt(at), BigInt(step)) * BigInt(step);
        const billed = steps < BigInt(minimum) ? BigInt(minimum) : steps;
        const byTime = up(wholeMicros(hour) * billed, 3600n);
        const expected = byTime < wholeMicros(least) ? wholeMicros(least) : byTime;
        const real = helperMicros({ usdPerHour: hour.usd }, billing, at);
        must(BigInt(real) === expected, 'a machine costs every second that was begun', {
          real,
          expected: `${expected}`,
        });
      },
    ),
    { numRuns: count },
  );
  const tokens = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 3_000_000 }));
  fc.assert(
    fc.property(
      fc.tuple(written, written, fc.option(written), fc.option(written)),
      fc.tuple(tokens, tokens, tokens, tokens),
      ([inputPrice, outputPrice, readPrice, writePrice], [input, output, cacheRead, cacheWrite]) => {
        const price: ModelPrice = {
          model: 'some/model',
          inputUsd: inputPrice.usd,
          outputUsd: outputPrice.usd,
          cacheReadUsd: readPrice?.usd ?? null,
          cacheWriteUsd: writePrice?.usd ?? null,
          pricedOn: '2026-11-20',
        };
        const total =
          wholeMicros(inputPrice) * BigInt(input) +
          wholeMicros(outputPrice) * BigInt(output) +
          wholeMicros(readPrice ?? inputPrice) * BigInt(cacheRead) +
          wholeMicros(writePrice ?? inputPrice) * BigInt(cacheWrite);
        const real = modelMicros(price, { input, output, cacheRead, cacheWrite });
        must(BigInt(real) === up(total, 1_000_000n), 'a call costs every token', { real, total: `${total}` });
      },
    ),
    { numRuns: count },
  );
}
