import type { Problem } from '#contract/problem.ts';
import { deviceDesk, type DeviceDesk } from './device-desk.ts';
import { doorParts, type DoorOptions, type DoorParts, type Entered } from './parts.ts';
import { pinDesk, type PinDesk } from './pin-desk.ts';
import { refused } from './sentences.ts';
import { minuteMs, type DoorState } from './states.ts';

/**
 * How the owner comes in: a device is enrolled by a one-time link, then the PIN opens a session on it. `cookies` is always
 * the Cookie header as it came. `by` names who asked, for the ledger: 'socket' or a device's name.
 */
export interface Door extends DeviceDesk, PinDesk, Pick<DoorParts, 'whoIs' | 'hello' | 'refusals'> {
  readonly lock: (cookies: string | undefined) => Entered;
  /** Ends the timers; called before the database is closed. */
  readonly close: () => void;
}

export function door(options: DoorOptions): Door {
  const parts = doorParts(options);
  const { db, store, clock, sessions, cookieJar, whoIs, hello } = parts;
  const stopSweeping = clock.every(minuteMs, () => {
    db.transaction(() => {
      sessions.expire();
      store.forgetOld(clock.nowMs());
    });
  });
  return {
    whoIs,
    hello,
    refusals: parts.refusals,
    ...deviceDesk(parts),
    ...pinDesk(parts),
    lock: (cookies) =>
      db.transaction(() => {
        const visitor = whoIs(cookies, 'look');
        if (visitor.state === 'open' && visitor.device) sessions.end(visitor.device.id, 'locked');
        return { hello: hello(whoIs(cookies, 'look')), setCookies: [cookieJar.dropSession()] };
      }),
    close: () => {
      stopSweeping();
      parts.refusals.close();
    },
  };
}

/** What asking for more than the door allows is refused with; null when it is open. */
export function refusalOf(state: DoorState): Problem | null {
  return state === 'open' ? null : refused(state);
}
