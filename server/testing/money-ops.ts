/** What can happen to money, as values that fast-check can make and shrink. */
import * as fc from 'fast-check';
import type { Need } from '#contract/spend.ts';
import { oddZones, type PlacedZone } from './money-model.ts';

export type MoneyOp =
  | {
      readonly op: 'reserve' | 'torn';
      readonly job: number;
      readonly proposal: number | null;
      readonly micros: number;
      readonly needs: readonly Need[];
      readonly external: boolean;
      readonly lastsMs: number;
    }
  | { readonly op: 'post'; readonly which: number; readonly share: number }
  | { readonly op: 'void' | 'withdraw'; readonly which: number }
  | { readonly op: 'approve'; readonly subject: number; readonly micros: number; readonly needs: readonly Need[] }
  | { readonly op: 'clock'; readonly byMs: number }
  /** Right before, at, or right after a moment at which something changes. */
  | { readonly op: 'edge'; readonly of: 'hour' | 'day' | 'expiry'; readonly offsetMs: number; readonly which: number }
  | { readonly op: 'caps'; readonly hour: number; readonly day: number }
  | { readonly op: 'zone'; readonly zone: string }
  | { readonly op: 'reconcile'; readonly isHeld: boolean }
  | { readonly op: 'crash' };

/** The second says which of two tills on the one file does it. */
export type MoneyStep = readonly [MoneyOp, 0 | 1];

/** Around what caps of $0.25 and $0.40 let through. */
const amounts = fc.constantFrom(1, 50_000, 125_000, 125_001, 200_000, 249_999, 250_000, 250_001, 400_000, 400_001);
const minuteMs = 60_000;
const hour = 60 * minuteMs;

/** Mostly what a cap needs, so that approvals fit often. */
const yesNeeds = fc.oneof(
  { weight: 6, arbitrary: fc.constant<readonly Need[]>(['over_hour_cap', 'over_day_cap']) },
  { weight: 1, arbitrary: fc.constant<readonly Need[]>(['over_hour_cap']) },
  {
    weight: 2,
    arbitrary: fc.constant<readonly Need[]>(['over_hour_cap', 'over_day_cap', 'larger_helper', 'external_api']),
  },
  { weight: 1, arbitrary: fc.subarray<Need>(['over_hour_cap', 'over_day_cap', 'larger_helper', 'second_helper']) },
);
const askNeeds = fc.oneof(
  { weight: 8, arbitrary: fc.constant<readonly Need[]>([]) },
  { weight: 1, arbitrary: fc.constant<readonly Need[]>(['larger_helper']) },
);

const which = fc.nat({ max: 20 });
const reserve = (op: 'reserve' | 'torn'): fc.Arbitrary<MoneyOp> =>
  fc.record({
    op: fc.constant(op),
    job: fc.nat({ max: 1 }),
    proposal: fc.constantFrom<(number | null)[]>(null, 0, 1),
    micros: amounts,
    needs: askNeeds,
    external: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    lastsMs: fc.constantFrom(-hour, 0, 10 * minuteMs, hour, 26 * hour),
  });

const operation = fc.oneof<fc.MaybeWeightedArbitrary<MoneyOp>[]>(
  { weight: 12, arbitrary: reserve('reserve') },
  { weight: 1, arbitrary: reserve('torn') },
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('post'), which, share: fc.constantFrom(0, 0.4, 1, 1, 1, 1.5) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('void', 'withdraw'), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('approve'),
      subject: fc.nat({ max: 3 }),
      micros: fc.oneof({ weight: 3, arbitrary: fc.constant(400_001) }, { weight: 1, arbitrary: amounts }),
      needs: yesNeeds,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('clock'),
      byMs: fc.constantFrom(
        1,
        29 * minuteMs,
        30 * minuteMs,
        59 * minuteMs,
        hour,
        5 * hour,
        24 * hour,
        -1,
        -minuteMs,
        -hour,
        -24 * hour,
      ),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      op: fc.constant('edge'),
      of: fc.constantFrom('hour', 'day', 'expiry'),
      offsetMs: fc.constantFrom(-1, 0, 0, 1),
      which,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { op: 'caps', hour: 250_000, day: 400_000 },
      { op: 'caps', hour: 400_000, day: 400_000 },
      { op: 'caps', hour: 50_000, day: 50_000 },
      { op: 'caps', hour: 0, day: 1 },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(...oddZones).map(({ zone }): MoneyOp => ({ op: 'zone', zone })) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reconcile'), isHeld: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ op: 'crash' }) },
);

export const moneyRuns: fc.Arbitrary<readonly [PlacedZone, MoneyStep[]]> = fc.tuple(
  fc.constantFrom(...oddZones),
  fc.array(fc.tuple(operation, fc.constantFrom<0 | 1>(0, 1)), { minLength: 1, maxLength: 40, size: 'max' }),
);
