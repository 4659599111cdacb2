import type { Sha256 } from '#contract/ids.ts';
import type { LeaseId, LeaseKind, LeaseState } from '#contract/lease.ts';
import type { ReservationId } from '#contract/spend.ts';

/** Every state of a lease, what may happen in it, and whether a machine may be billed meanwhile. */
export const leaseStates = {
  planned: { costs: false, on: { ask: 'creating', end: 'gone' } },
  creating: { costs: true, on: { answer: 'booting', lose: 'unknown', destroy: 'destroying', end: 'gone' } },
  unknown: { costs: true, on: { destroy: 'destroying', end: 'gone' } },
  booting: { costs: true, on: { connect: 'ready', destroy: 'destroying' } },
  ready: { costs: true, on: { destroy: 'destroying' } },
  destroying: { costs: true, on: { end: 'gone' } },
  gone: { costs: false, on: {} },
} as const satisfies Record<LeaseState, { readonly costs: boolean; readonly on: Readonly<Record<string, LeaseState>> }>;

export type LeaseEvent = 'ask' | 'answer' | 'lose' | 'connect' | 'destroy' | 'end';

/** The state after `event`, or null when it cannot happen in `state`. */
export function next(state: LeaseState, event: LeaseEvent): LeaseState | null {
  const on: Readonly<Record<string, LeaseState>> = leaseStates[state].on;
  return on[event] ?? null;
}

/** One row. Times in milliseconds since 1970, null while it has not happened. */
export interface LeaseRow {
  readonly id: LeaseId;
  readonly kind: LeaseKind;
  readonly name: string;
  readonly state: LeaseState;
  readonly version: number;
  readonly region: string;
  readonly size: string;
  readonly image: string;
  readonly usdPerHour: number;
  readonly reservationId: ReservationId | null;
  readonly plannedAtMs: number;
  readonly deadlineAtMs: number;
  readonly postSentAtMs: number | null;
  readonly refusedAtMs: number | null;
  readonly machineId: number | null;
  /** When the answer to the POST came. */
  readonly createdAtMs: number | null;
  readonly seenAtMs: number | null;
  readonly address: string | null;
  readonly readyAtMs: number | null;
  readonly destroyAskedAtMs: number | null;
  readonly destroySentAtMs: number | null;
  readonly absentSeenAtMs: number | null;
  readonly checkedAtMs: number | null;
  readonly goneAtMs: number | null;
  readonly costMicros: number | null;
  readonly trouble: string | null;
  /** The artifact with what it printed while it set itself up. */
  readonly bootLogSha256: Sha256 | null;
  readonly bootLogBytes: number | null;
  /** Why there is none of a machine that has answered. */
  readonly bootLogTrouble: string | null;
}

/** Why a helper is given up, as far as the facts say. The sentence for the owner is in sentences.ts. */
export type Reason =
  | 'done'
  | 'restarted'
  | 'overdue'
  | 'powered_off'
  | 'vanished'
  | 'renamed'
  | 'boot_too_long'
  | 'lost_but_there'
  | 'refused_but_there'
  | 'refused'
  | 'never_came'
  | 'not_asked'
  | 'not_funded'
  | 'cloud_silent'
  | 'one_still_there';
