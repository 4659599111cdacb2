import {
  deviceLifeMs,
  freeTries,
  sessionIdleMs,
  sessionLifeMs,
  waitMsMax,
  type DoorState,
  type Throttle,
} from './states.ts';

export type TryStep =
  | { readonly step: 'try'; readonly counted: Throttle }
  | { readonly step: 'wait'; readonly waitMs: number };

/**
 * May a secret be tried now? If so, `counted` is the throttle with this try already counted as wrong: it is written before
 * the secret is looked at, so that fifty tries at once are fifty counted tries (OWASP, "Slow Down Online Guessing Attacks
 * with Device Cookies").
 */
export function decideTry(throttle: Throttle, nowMs: number): TryStep {
  const waitMs = waitLeftMs(throttle, nowMs);
  if (waitMs > 0) return { step: 'wait', waitMs };
  const failures = throttle.failures + 1;
  return { step: 'try', counted: { failures, blockedUntilMs: nowMs + waitAfterMs(failures) } };
}

/** Milliseconds until the next try. A clock that was set back never makes it longer than the longest wait. */
export function waitLeftMs(throttle: Throttle, nowMs: number): number {
  return Math.min(Math.max(throttle.blockedUntilMs - nowMs, 0), waitAfterMs(throttle.failures));
}

/** The wait after so many wrong tries in a row: none for the first four, then 2 s, 4 s … up to 15 minutes. */
function waitAfterMs(failures: number): number {
  if (failures < freeTries) return 0;
  const doublings = Math.min(failures - freeTries + 1, 20);
  return Math.min(2 ** doublings * 1000, waitMsMax);
}

export interface SessionTimes {
  readonly openedAtMs: number;
  readonly seenAtMs: number;
  readonly endedAtMs: number | null;
}

/** Open means: not ended, used within 30 minutes, and opened within 12 hours. */
export function sessionIsOpen(session: SessionTimes, nowMs: number): boolean {
  return (
    session.endedAtMs === null && nowMs < session.seenAtMs + sessionIdleMs && nowMs < session.openedAtMs + sessionLifeMs
  );
}

export interface DeviceTimes {
  readonly enrolledAtMs: number;
  readonly lastSeenAtMs: number | null;
  readonly revokedAtMs: number | null;
}

export function deviceIsGood(device: DeviceTimes, nowMs: number): boolean {
  return device.revokedAtMs === null && nowMs < (device.lastSeenAtMs ?? device.enrolledAtMs) + deviceLifeMs;
}

export interface DoorFacts {
  /** null: no device cookie, or one we do not accept. */
  readonly device: { readonly mayChoosePin: boolean } | null;
  readonly pinIsSet: boolean;
  readonly sessionIsOpen: boolean;
}

/**
 * Without a PIN only a device that was enrolled since the last reset may choose one: a reset answers a lost PIN or a lost
 * device, and the lost device must not win the race to the new PIN.
 */
export function decideDoor(facts: DoorFacts): DoorState {
  if (facts.device === null) return 'unknown_device';
  if (!facts.pinIsSet) return facts.device.mayChoosePin ? 'choose_pin' : 'unknown_device';
  return facts.sessionIsOpen ? 'open' : 'locked';
}
