import type { DeviceId } from '#contract/ids.ts';
import { sha256 } from '../../lib/digest.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { DoorCookies } from './cookies.ts';
import { decideDoor, deviceIsGood, sessionIsOpen, waitLeftMs } from './decide.ts';
import { seenEveryMs, type DoorState } from './states.ts';
import type { DeviceRow, DoorStore, SessionRow } from './store.ts';

/** Who stands at the door, as the cookies prove. */
export interface Visitor {
  readonly state: DoorState;
  /** The enrolled device; null whenever the state is `unknown_device`. */
  readonly device: { readonly id: DeviceId; readonly name: string } | null;
  /** As `device`, also when a PIN reset took away its right to come in. */
  readonly enrolled: { readonly id: DeviceId; readonly name: string } | null;
  /** When the PIN of the open session was typed; null in every other state. */
  readonly sessionPinAtMs: number | null;
  /** How long this device waits before its next try. */
  readonly retryAfterMs: number;
}

export function visitors(options: {
  readonly db: Database;
  readonly store: DoorStore;
  readonly clock: Clock;
  readonly cookieJar: DoorCookies;
}): (cookies: string | undefined, purpose: 'use' | 'look') => Visitor {
  const { db, store, clock, cookieJar } = options;
  return (cookies, purpose) => {
    const nowMs = clock.nowMs();
    const secrets = cookieJar.read(cookies);
    const found = secrets.device === null ? null : store.findDevice(sha256(secrets.device));
    const enrolled = found !== null && deviceIsGood(found, nowMs) ? found : null;
    const session =
      secrets.session === null || enrolled === null ? null : openSession(secrets.session, enrolled, nowMs);
    const state = decideDoor({
      device: enrolled,
      pinIsSet: store.pinHash() !== null,
      sessionIsOpen: session !== null,
    });
    if (purpose === 'use' && state === 'open' && session && enrolled) keepAlive(session, enrolled, nowMs);
    return {
      state,
      device: state === 'unknown_device' ? null : enrolled,
      enrolled,
      sessionPinAtMs: state === 'open' && session !== null ? session.pinAtMs : null,
      retryAfterMs: enrolled === null ? 0 : waitLeftMs(enrolled.throttle, nowMs),
    };
  };

  /** A session belongs to the device it was opened on: one cookie without the other opens nothing. */
  function openSession(secret: string, device: DeviceRow, nowMs: number): SessionRow | null {
    const session = store.findSession(sha256(secret));
    return session !== null && session.deviceId === device.id && sessionIsOpen(session, nowMs) ? session : null;
  }

  function keepAlive(session: SessionRow, device: DeviceRow, nowMs: number): void {
    if (nowMs < session.seenAtMs + seenEveryMs) return;
    db.transaction(() => {
      store.setSessionSeen(session.tokenHash, nowMs);
      store.setDeviceSeen(device.id, nowMs);
    });
  }
}
