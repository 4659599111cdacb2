import type { ReservationState } from '#contract/spend.ts';

/** Every state of a reservation, what may happen in it, and whether it counts against the caps. */
export const reservationStates = {
  pending: { counts: 'reserved', on: { post: 'posted', void: 'voided' } },
  posted: { counts: 'posted', on: {} },
  voided: { counts: 'nothing', on: {} },
} as const satisfies Record<
  ReservationState,
  { counts: 'reserved' | 'posted' | 'nothing'; on: Readonly<Record<string, ReservationState>> }
>;

export type ReservationEvent = { [S in ReservationState]: keyof (typeof reservationStates)[S]['on'] }[ReservationState];

/** The state after `event`, or null when it cannot happen in `state`. */
export function next(state: ReservationState, event: ReservationEvent): ReservationState | null {
  const on: Readonly<Record<string, ReservationState>> = reservationStates[state].on;
  return on[event] ?? null;
}
