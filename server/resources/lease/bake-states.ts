import type { BakeId, BakeState } from '#contract/lease.ts';
import type { ReservationId } from '#contract/spend.ts';

/** Every state of an image in the making, and what may happen in it. What costs money meanwhile are its helpers, by their leases. */
export const bakeStates = {
  building: { isOver: false, on: { ask: 'snapshotting', fail: 'failed' } },
  snapshotting: { isOver: false, on: { find: 'probing', fail: 'failed' } },
  probing: { isOver: false, on: { pass: 'good', fail: 'failed' } },
  good: { isOver: true, on: {} },
  failed: { isOver: true, on: {} },
} as const satisfies Record<BakeState, { readonly isOver: boolean; readonly on: Readonly<Record<string, BakeState>> }>;

export type BakeEvent = 'ask' | 'find' | 'pass' | 'fail';

/** The state after `event`, or null when it cannot happen in `state`. */
export function nextBake(state: BakeState, event: BakeEvent): BakeState | null {
  const on: Readonly<Record<string, BakeState>> = bakeStates[state].on;
  return on[event] ?? null;
}

/** One row. Times in milliseconds since 1970, null while it has not happened. */
export interface BakeRow {
  readonly id: BakeId;
  readonly state: BakeState;
  readonly name: string;
  readonly region: string | null;
  readonly snapshotId: number | null;
  readonly sizeGiB: number | null;
  readonly builderReservationId: ReservationId;
  readonly probeReservationId: ReservationId;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly trouble: string | null;
}
