/** May this money be set aside? Facts in, verdict out (DESIGN section 7). */
import type { Need } from '#contract/spend.ts';

/** One cap with what already counts against it, in micro-dollars. */
export interface CapFacts {
  readonly capMicros: number;
  /** Posted inside the window. */
  readonly spentMicros: number;
}

export interface MoneyFacts {
  readonly hour: CapFacts;
  readonly day: CapFacts;
  /** Every pending reservation counts in both windows, however old: it may still cost all of it. */
  readonly pendingMicros: number;
}

export interface ApprovalFacts {
  readonly subject: string;
  readonly needs: readonly Need[];
  readonly micros: number;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number;
  readonly isUsed: boolean;
  readonly isWithdrawn: boolean;
  /** Given before this installation was restored from a backup. */
  readonly isRestored: boolean;
}

export interface AskFacts {
  readonly micros: number;
  /** The job or proposal that the money is for. */
  readonly subjects: readonly string[];
  /** What needs the owner's yes whatever it costs (a larger helper, an external call). */
  readonly needs: readonly Need[];
}

export type ReservationStep =
  | { readonly step: 'reserve'; readonly usesApproval: boolean }
  | { readonly step: 'refuse'; readonly needs: readonly Need[]; readonly approval: ApprovalTrouble };

/** Why the approval that is there does not help; `none` when there is none. */
export type ApprovalTrouble =
  | 'none'
  | 'used'
  | 'withdrawn'
  | 'restored'
  | 'expired'
  | 'not_yet'
  | 'other_subject'
  | 'too_small'
  | 'other_needs';

/** What would go past a cap. */
export function overCaps(micros: number, money: MoneyFacts): Need[] {
  const over = ({ capMicros, spentMicros }: CapFacts): boolean =>
    spentMicros + money.pendingMicros + micros > capMicros;
  return [
    ...(over(money.hour) ? (['over_hour_cap'] as const) : []),
    ...(over(money.day) ? (['over_day_cap'] as const) : []),
  ];
}

/**
 * `spent + pending + asked <= cap` for both windows, and no other need: reserved. Anything else only under an approval that is
 * for this subject, unused, unexpired, covers each need, and is at least as much as is asked. An approval is used whole, once.
 */
export function decideReservation(
  ask: AskFacts,
  money: MoneyFacts,
  approval: ApprovalFacts | null,
  nowMs: number,
): ReservationStep {
  const needs = [...new Set([...ask.needs, ...overCaps(ask.micros, money)])];
  if (needs.length === 0) return { step: 'reserve', usesApproval: false };
  const trouble = approval === null ? 'none' : troubleWith(approval, ask, needs, nowMs);
  return trouble === null ? { step: 'reserve', usesApproval: true } : { step: 'refuse', needs, approval: trouble };
}

function troubleWith(
  approval: ApprovalFacts,
  ask: AskFacts,
  needs: readonly Need[],
  nowMs: number,
): Exclude<ApprovalTrouble, 'none'> | null {
  if (approval.isUsed) return 'used';
  if (approval.isWithdrawn) return 'withdrawn';
  if (approval.isRestored) return 'restored';
  // A clock that was set back must not make an approval last longer than it was given for.
  if (nowMs < approval.grantedAtMs) return 'not_yet';
  if (nowMs >= approval.expiresAtMs) return 'expired';
  if (!ask.subjects.includes(approval.subject)) return 'other_subject';
  if (ask.micros > approval.micros) return 'too_small';
  return needs.every((need) => approval.needs.includes(need)) ? null : 'other_needs';
}
