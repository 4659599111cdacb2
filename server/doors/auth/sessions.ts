import type { DeviceId } from '#contract/ids.ts';
import { sha256 } from '../../lib/digest.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { DoorStore } from './store.ts';

export type EndReason = 'locked' | 'replaced' | 'expired' | 'revoked' | 'pin_changed' | 'pin_reset';

/** Sessions with their ledger entries; every call is inside the caller's transaction. */
export interface SessionBook {
  /** Opens a session under a new id, which ends the device's earlier one: an id known before the PIN is worth nothing. */
  readonly open: (deviceId: DeviceId, reason: 'unlock' | 'pin_chosen' | 'pin_changed') => string;
  readonly end: (deviceId: DeviceId, reason: EndReason) => void;
  readonly endAll: (reason: EndReason) => void;
  readonly expire: () => void;
}

export function sessionBook(options: {
  readonly store: DoorStore;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
}): SessionBook {
  const { store, ledger, clock, random } = options;
  const tell = (ended: readonly DeviceId[], reason: EndReason): void => {
    const actor = reason === 'expired' ? 'system' : 'owner';
    for (const subject of ended) ledger.append({ kind: 'session.ended', actor, subject, body: { reason } });
  };
  const end = (deviceId: DeviceId, reason: EndReason): void => tell(store.endSessions(deviceId, clock.nowMs()), reason);
  return {
    open: (deviceId, reason) => {
      const nowMs = clock.nowMs();
      end(deviceId, 'replaced');
      const secret = random.bytes(32).toString('base64url');
      store.addSession(sha256(secret), deviceId, nowMs);
      store.setDeviceSeen(deviceId, nowMs);
      ledger.append({ kind: 'session.opened', actor: 'owner', subject: deviceId, body: { reason } });
      return secret;
    },
    end,
    endAll: (reason) => tell(store.endSessions(null, clock.nowMs()), reason),
    expire: () => tell(store.expireSessions(clock.nowMs()), 'expired'),
  };
}
