import { ok } from '../lib/result.ts';
import type { Clock, PaidSandbox, Sandbox } from '../ports.ts';
import { helperMicros, type HelperBilling } from '../resources/budget/price.ts';

interface Terms {
  readonly clock: Clock;
  readonly usdPerHour: number;
  readonly billing: HelperBilling;
}

/** The sandbox of this machine, had for money: a helper whose cloud is a clock and a price. */
export function rentedSandbox(base: Sandbox, { clock, usdPerHour, billing }: Terms): PaidSandbox {
  const held = new Set<string>();
  return {
    available: () => ok(null),
    bootMinutes: () => 1,
    holds: (id) => held.has(id),
    rent: async ({ reservationId }, use, signal) => {
      held.add(reservationId);
      const sinceMs = clock.nowMs();
      try {
        const value = await use({ ...base, placement: 'helper' }, signal);
        const seconds = (clock.nowMs() - sinceMs) / 1000;
        return { outcome: ok(value), costMicros: helperMicros({ usdPerHour }, billing, seconds) };
      } finally {
        held.delete(reservationId);
      }
    },
  };
}
