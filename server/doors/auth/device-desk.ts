import type { Device, EnrolLink } from '#contract/door.ts';
import { DeviceId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { sha256 } from '../../lib/digest.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { decideTry } from './decide.ts';
import type { DoorParts, Entered } from './parts.ts';
import { linkInvalid, tooManyLinks } from './sentences.ts';
import { firstLinkLifeMs, linkLifeMs } from './states.ts';

/** One-time links and the devices they enrol. */
export interface DeviceDesk {
  /**
   * Earlier links stay good until they are used or 15 minutes old (60 before the first device). The token is in the
   * fragment, which reaches no server log and no Referer.
   */
  readonly makeEnrolLink: (by: string) => EnrolLink;
  /** Uses the link up. `enrol_link_invalid`, or `throttled` when unknown devices have tried too many wrong ones. */
  readonly enrol: (cookies: string | undefined, token: string, deviceName: string) => Result<Entered, Problem>;
  /** For whoever holds the machine: forgets the PIN, ends every session, and only a newly enrolled device may choose. */
  readonly resetPin: (by: string) => EnrolLink;
  readonly listDevices: (current: DeviceId | null) => Device[];
  /** `not_found` for an id that never was; a revoked device stays revoked. */
  readonly revokeDevice: (id: string, by: string) => Result<null, Problem>;
}

export function deviceDesk(parts: DoorParts): DeviceDesk {
  const { db, store, ledger, clock, random, cookieJar, sessions } = parts;
  return {
    makeEnrolLink: (by) => db.transaction(() => makeLink(parts, by)),
    resetPin: (by) =>
      db.transaction(() => {
        store.forgetPin();
        ledger.append({ kind: 'pin.reset', actor: 'owner', body: { by } });
        sessions.endAll('pin_reset');
        return makeLink(parts, by);
      }),
    enrol: (cookies, token, name) =>
      db.transaction(() => {
        const nowMs = clock.nowMs();
        const tokenHash = sha256(token);
        if (!store.useLink(tokenHash, nowMs)) return no(refuseLink(parts, tokenHash));
        const earlier = parts.whoIs(cookies, 'look').enrolled;
        if (earlier) revoke(parts, earlier, earlier.name, 'enrolled_again');
        const id = DeviceId.parse(`dev_${random.bytes(6).toString('hex')}`);
        const secret = random.bytes(32).toString('base64url');
        store.addDevice({ id, name, secretHash: sha256(secret), nowMs });
        store.setStrangerThrottle({ failures: 0, blockedUntilMs: 0 });
        ledger.append({ kind: 'device.enrolled', actor: 'owner', subject: id, body: { name } });
        const state = store.pinHash() === null ? 'choose_pin' : 'locked';
        const setCookies = [cookieJar.setDevice(secret), cookieJar.dropSession()];
        return ok({ hello: parts.hello({ state, retryAfterMs: 0 }), setCookies });
      }),
    listDevices: (current) =>
      store.listDevices().map(({ id, name, enrolledAtMs, lastSeenAtMs, revokedAtMs }) => ({
        id,
        name,
        enrolledAtMs,
        lastSeenAtMs,
        revokedAtMs,
        current: id === current,
      })),
    revokeDevice: (id, by) =>
      db.transaction(() => {
        const device = store.findDeviceById(id);
        if (!device) return no(problem('not_found', 'There is no such device.'));
        if (device.revokedAtMs === null) revoke(parts, device, by, 'asked');
        return ok(null);
      }),
  };
}

function makeLink({ store, ledger, clock, random, linkOrigin }: DoorParts, by: string): EnrolLink {
  const nowMs = clock.nowMs();
  const expiresAtMs = nowMs + (store.listDevices().length === 0 ? firstLinkLifeMs : linkLifeMs);
  const token = random.bytes(32).toString('base64url');
  store.addLink(sha256(token), nowMs, expiresAtMs);
  ledger.append({ kind: 'enrol_link.made', actor: 'owner', body: { by, expiresAtMs } });
  return { url: `${linkOrigin}/enrol#${token}`, expiresAtMs };
}

function revoke(parts: DoorParts, device: Pick<Device, 'id' | 'name'>, by: string, reason: string): void {
  parts.store.revokeDevice(device.id, parts.clock.nowMs());
  const body = { name: device.name, by, reason };
  parts.ledger.append({ kind: 'device.revoked', actor: 'owner', subject: device.id, body });
  parts.sessions.end(device.id, 'revoked');
}

/** A good link is never throttled: nobody can guess 256 bits, and strangers must not shut out the owner's next device. */
function refuseLink({ store, clock, refusals }: DoorParts, tokenHash: string): Problem {
  const step = decideTry(store.strangerThrottle(), clock.nowMs());
  if (step.step === 'wait') {
    refusals.note('enrol_link.refused', { reason: 'throttled' });
    return tooManyLinks(step.waitMs);
  }
  store.setStrangerThrottle(step.counted);
  const link = store.findLink(tokenHash);
  const reason = link === null ? 'unknown' : link.usedAtMs === null ? 'expired' : 'used';
  refusals.note('enrol_link.refused', { reason });
  return linkInvalid();
}
