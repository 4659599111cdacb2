import type { DeviceId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { DoorParts, Entered } from './parts.ts';
import { changedMeanwhile, checkPin } from './pin-check.ts';
import { pinTrouble } from './pin-rules.ts';
import { pinAlreadySet, refused, tooManyAtOnce } from './sentences.ts';

type Cookies = string | undefined;
type Entering = Promise<Result<Entered, Problem>>;

/** Everything that looks at a PIN. Hashing takes time, so whatever was true before it is asked again after it. */
export interface PinDesk {
  /** First run, or after a reset: `pin_already_set`, `device_unknown`, `pin_too_short`, `pin_too_common`, `throttled`. */
  readonly choosePin: (cookies: Cookies, pin: string) => Entering;
  /** Opens a session under a new id: `wrong_pin`, `throttled`, `device_unknown`, `pin_required`. */
  readonly unlock: (cookies: Cookies, pin: string) => Entering;
  /** Is it the owner's PIN? For a step that asks for it again: `wrong_pin`, `throttled`. The session stays as it is. */
  readonly confirmPin: (id: DeviceId, pin: string) => Promise<Result<null, Problem>>;
  /** Asks for the current PIN again, and ends every other session. */
  readonly changePin: (cookies: Cookies, pins: { readonly current: string; readonly next: string }) => Entering;
}

export function pinDesk(parts: DoorParts): PinDesk {
  const { db, store, ledger, clock, hasher, sessions, whoIs } = parts;
  return {
    choosePin: async (cookies, pin) => {
      const visitor = whoIs(cookies, 'look');
      if (!visitor.device) return no(refused('unknown_device'));
      if (visitor.state !== 'choose_pin') return no(pinAlreadySet());
      const trouble = pinTrouble(pin);
      if (trouble) return no(trouble);
      const hashed = await hasher.hash(pin);
      if (!hashed.ok) return no(tooManyAtOnce());
      return db.transaction(() => {
        const now = whoIs(cookies, 'look');
        if (!now.device) return no(refused('unknown_device'));
        if (now.state !== 'choose_pin') return no(pinAlreadySet());
        store.setPin(hashed.value, clock.nowMs());
        ledger.append({ kind: 'pin.chosen', actor: 'owner', subject: now.device.id });
        return ok(open(parts, cookies, now.device.id, 'pin_chosen'));
      });
    },
    unlock: async (cookies, pin) => {
      const { device } = whoIs(cookies, 'look');
      if (!device) {
        parts.refusals.note('session.refused', { reason: 'unknown_device' });
        return no(refused('unknown_device'));
      }
      const checked = await checkPin(parts, device.id, pin);
      if (!checked.ok) return checked;
      return db.transaction(() => {
        const changed = changedMeanwhile(parts, device.id, checked.value);
        return changed ? no(changed) : ok(open(parts, cookies, device.id, 'unlock'));
      });
    },
    confirmPin: async (id, pin) => {
      const checked = await checkPin(parts, id, pin);
      if (!checked.ok) return checked;
      const changed = changedMeanwhile(parts, id, checked.value);
      return changed ? no(changed) : ok(null);
    },
    changePin: async (cookies, { current, next }) => {
      const { device, state } = whoIs(cookies, 'use');
      if (state !== 'open') return no(refused(state));
      assert(device !== null, 'an open door has a device');
      const trouble = pinTrouble(next);
      if (trouble) return no(trouble);
      const checked = await checkPin(parts, device.id, current);
      if (!checked.ok) return checked;
      if (current === next) return no(problem('invalid_body', 'The new PIN is the old one. Choose another one.'));
      const hashed = await hasher.hash(next);
      if (!hashed.ok) return no(tooManyAtOnce());
      return db.transaction(() => {
        const changed = changedMeanwhile(parts, device.id, checked.value);
        if (changed) return no(changed);
        store.setPin(hashed.value, clock.nowMs());
        ledger.append({ kind: 'pin.changed', actor: 'owner', subject: device.id });
        sessions.endAll('pin_changed');
        return ok(open(parts, cookies, device.id, 'pin_changed'));
      });
    },
  };
}

/** Opens the session and renews the device cookie for another 180 days. */
function open(
  { sessions, cookieJar, hello }: DoorParts,
  cookies: Cookies,
  id: DeviceId,
  reason: 'unlock' | 'pin_chosen' | 'pin_changed',
): Entered {
  const session = sessions.open(id, reason);
  const { device } = cookieJar.read(cookies);
  return {
    hello: hello({ state: 'open', retryAfterMs: 0 }),
    setCookies: [...(device === null ? [] : [cookieJar.setDevice(device)]), cookieJar.setSession(session)],
  };
}
