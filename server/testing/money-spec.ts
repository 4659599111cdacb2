/** Money as a model of few states: what can be booked, approved and settled, in units of which the cap of the hour is two. */
import type { Move, Model } from './model.ts';

export interface Booked {
  readonly asked: 1 | 2;
  readonly state: 'pending' | 'late' | 'posted' | 'old' | 'voided';
  /** What was billed, once that is known. */
  readonly billed: number;
  /** The approval it used. */
  readonly under: number | null;
  /** The approval was past its time already. */
  readonly isLapsed: boolean;
}

export interface MoneySpec {
  readonly bookings: readonly Booked[];
  readonly approvals: readonly ('open' | 'used' | 'expired')[];
}

/** Each can be switched off, to see that a promise then breaks. */
export interface MoneyRules {
  readonly countsPending: boolean;
  readonly usesOnce: boolean;
  readonly expiryHolds: boolean;
}

export const cap = 2;
export const noMoney: MoneySpec = { bookings: [], approvals: [] };
export const allMoneyRules: MoneyRules = { countsPending: true, usesOnce: true, expiryHolds: true };

const isPending = ({ state }: Booked): boolean => state === 'pending' || state === 'late';
const counts = (one: Booked): number => (isPending(one) ? one.asked : one.state === 'posted' ? one.billed : 0);
const sum = (all: readonly Booked[], of: (one: Booked) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

/** The state after asking for `asked` units; null when it is refused. */
export function book(money: MoneySpec, asked: 1 | 2, rules: MoneyRules): MoneySpec | null {
  const against = sum(money.bookings, (one) => (isPending(one) && !rules.countsPending ? 0 : counts(one)));
  const add = (under: number | null): Booked => ({
    asked,
    state: 'pending',
    billed: 0,
    under,
    isLapsed: under !== null && money.approvals[under] === 'expired',
  });
  if (against + asked <= cap) return { ...money, bookings: [...money.bookings, add(null)] };
  const usable = ['open', ...(rules.usesOnce ? [] : ['used']), ...(rules.expiryHolds ? [] : ['expired'])];
  const under = money.approvals.findLastIndex((state) => usable.includes(state));
  if (under === -1) return null;
  return {
    bookings: [...money.bookings, add(under)],
    approvals: money.approvals.map((state, at) => (at === under ? 'used' : state)),
  };
}

export function settle(money: MoneySpec, at: number, state: 'posted' | 'voided', billed: number): MoneySpec {
  return { ...money, bookings: money.bookings.map((one, index) => (index === at ? { ...one, state, billed } : one)) };
}

export const expire = (money: MoneySpec): MoneySpec => ({
  ...money,
  approvals: money.approvals.map((state) => (state === 'open' ? 'expired' : state)),
});

/** What was posted leaves the hour, and what is pending has passed its deadline. */
export const passHour = (money: MoneySpec): MoneySpec => ({
  ...expire(money),
  bookings: money.bookings.map((one) => ({
    ...one,
    state: one.state === 'posted' ? 'old' : one.state === 'pending' ? 'late' : one.state,
  })),
});

/** What nobody holds and is late counts as spent in full. */
export const reconcile = (money: MoneySpec): MoneySpec => ({
  ...money,
  bookings: money.bookings.map((one) =>
    one.state === 'late' ? { ...one, state: 'posted' as const, billed: one.asked } : one,
  ),
});

export const moneyPromises = {
  'booked is above the cap only by what was approved or billed beyond what was asked': ({ bookings }: MoneySpec) =>
    sum(bookings, (one) => (one.under === null ? Math.min(counts(one), one.asked) : 0)) <= cap,
  'an approval is used once': ({ bookings }: MoneySpec) => {
    const used = bookings.flatMap(({ under }) => under ?? []);
    return new Set(used).size === used.length;
  },
  'no expired approval is used': ({ bookings }: MoneySpec) => bookings.every(({ isLapsed }) => !isLapsed),
} as const;

/** Money alone, for replaying on the till: three bookings and two approvals at most. */
export function moneyModel(rules: MoneyRules = allMoneyRules): Model<MoneySpec> {
  return {
    start: noMoney,
    moves: (money) => {
      const moves: Move<MoneySpec>[] = [];
      if (money.bookings.length < 3)
        for (const asked of [1, 2] as const)
          moves.push({ name: `book ${asked}`, to: book(money, asked, rules) ?? money });
      if (money.approvals.length < 2)
        moves.push({ name: 'approve', to: { ...money, approvals: [...money.approvals, 'open'] } });
      money.bookings.forEach((one, at) => {
        if (!isPending(one)) return;
        moves.push({ name: `post ${at}`, to: settle(money, at, 'posted', one.asked) });
        moves.push({ name: `overrun ${at}`, to: settle(money, at, 'posted', one.asked + 1) });
        moves.push({ name: `void ${at}`, to: settle(money, at, 'voided', 0) });
      });
      moves.push({ name: 'expire', to: expire(money) }, { name: 'hour', to: passHour(money) });
      moves.push({ name: 'kill', to: money }, { name: 'reconcile', to: reconcile(money) });
      return moves;
    },
    promises: moneyPromises,
  };
}
