import { DeviceId } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import type { Database } from '../../record/db/open.ts';
import type { DeviceTimes, SessionTimes } from './decide.ts';
import { forgottenAfterMs, sessionIdleMs, sessionLifeMs, type Throttle } from './states.ts';

export interface DeviceRow extends DeviceTimes {
  readonly id: DeviceId;
  readonly name: string;
  readonly mayChoosePin: boolean;
  readonly throttle: Throttle;
}

export interface SessionRow extends SessionTimes {
  readonly tokenHash: string;
  readonly deviceId: DeviceId;
  readonly pinAtMs: number;
}

export interface LinkRow {
  readonly expiresAtMs: number;
  readonly usedAtMs: number | null;
}

/** The SQL of the door. Secrets come in already hashed. Writers expect to be inside the caller's transaction. */
export interface DoorStore {
  readonly findDevice: (secretHash: string) => DeviceRow | null;
  readonly findDeviceById: (id: string) => DeviceRow | null;
  readonly listDevices: () => DeviceRow[];
  readonly addDevice: (device: { id: DeviceId; name: string; secretHash: string; nowMs: number }) => void;
  readonly revokeDevice: (id: DeviceId, nowMs: number) => void;
  readonly setDeviceSeen: (id: DeviceId, nowMs: number) => void;
  readonly setDeviceThrottle: (id: DeviceId, throttle: Throttle) => void;
  readonly strangerThrottle: () => Throttle;
  readonly setStrangerThrottle: (throttle: Throttle) => void;
  readonly findLink: (tokenHash: string) => LinkRow | null;
  readonly addLink: (tokenHash: string, nowMs: number, expiresAtMs: number) => void;
  /** True for exactly one caller, and only while the link is fresh. */
  readonly useLink: (tokenHash: string, nowMs: number) => boolean;
  readonly pinHash: () => string | null;
  readonly setPin: (hash: string, nowMs: number) => void;
  /** No PIN, no link made before, and no device made before may choose the next PIN. */
  readonly forgetPin: () => void;
  readonly findSession: (tokenHash: string) => SessionRow | null;
  readonly addSession: (tokenHash: string, deviceId: DeviceId, nowMs: number) => void;
  readonly setSessionSeen: (tokenHash: string, nowMs: number) => void;
  /** Ends open sessions of one device, or of all; gives back whose they were. */
  readonly endSessions: (deviceId: DeviceId | null, nowMs: number) => DeviceId[];
  /** Ends sessions whose time has run out; gives back whose they were. */
  readonly expireSessions: (nowMs: number) => DeviceId[];
  readonly forgetOld: (nowMs: number) => void;
}

export function doorStore({ sqlite }: Database): DoorStore {
  return { ...devices(sqlite), ...links(sqlite), ...pins(sqlite), ...sessions(sqlite) };
}

type Sqlite = Database['sqlite'];

interface RawDevice {
  readonly id: string;
  readonly name: string;
  readonly enrolled_at_ms: number;
  readonly last_seen_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  readonly may_choose_pin: number;
  readonly failures: number;
  readonly blocked_until_ms: number;
}

const deviceColumns =
  'id, name, enrolled_at_ms, last_seen_at_ms, revoked_at_ms, may_choose_pin, failures, blocked_until_ms';

function toDevice(row: RawDevice | undefined): DeviceRow | null {
  if (!row) return null;
  return {
    id: DeviceId.parse(row.id),
    name: row.name,
    enrolledAtMs: row.enrolled_at_ms,
    lastSeenAtMs: row.last_seen_at_ms,
    revokedAtMs: row.revoked_at_ms,
    mayChoosePin: row.may_choose_pin === 1,
    throttle: { failures: row.failures, blockedUntilMs: row.blocked_until_ms },
  };
}

type DeviceStore = Pick<
  DoorStore,
  | 'findDevice'
  | 'findDeviceById'
  | 'listDevices'
  | 'addDevice'
  | 'revokeDevice'
  | 'setDeviceSeen'
  | 'setDeviceThrottle'
  | 'strangerThrottle'
  | 'setStrangerThrottle'
>;

function devices(sqlite: Sqlite): DeviceStore {
  const bySecret = sqlite.prepare<[string], RawDevice>(`select ${deviceColumns} from device where secret_hash = ?`);
  const byId = sqlite.prepare<[string], RawDevice>(`select ${deviceColumns} from device where id = ?`);
  const all = sqlite.prepare<[], RawDevice>(`select ${deviceColumns} from device order by enrolled_at_ms, rowid`);
  const add = sqlite.prepare('insert into device (id, name, secret_hash, enrolled_at_ms) values (?, ?, ?, ?)');
  const revoke = sqlite.prepare('update device set revoked_at_ms = ? where id = ? and revoked_at_ms is null');
  const seen = sqlite.prepare('update device set last_seen_at_ms = ? where id = ? and revoked_at_ms is null');
  const throttle = sqlite.prepare('update device set failures = ?, blocked_until_ms = ? where id = ?');
  const strangers = sqlite.prepare<[], Pick<RawDevice, 'failures' | 'blocked_until_ms'>>(
    'select failures, blocked_until_ms from stranger',
  );
  const setStrangers = sqlite.prepare('update stranger set failures = ?, blocked_until_ms = ?');
  return {
    findDevice: (secretHash) => toDevice(bySecret.get(secretHash)),
    findDeviceById: (id) => toDevice(byId.get(id)),
    listDevices: () => all.all().flatMap((row) => toDevice(row) ?? []),
    addDevice: (device) => {
      add.run(device.id, device.name, device.secretHash, device.nowMs);
    },
    revokeDevice: (id, nowMs) => one(revoke.run(nowMs, id), 'a good device is revoked once'),
    setDeviceSeen: (id, nowMs) => one(seen.run(nowMs, id), 'only a good device is seen'),
    setDeviceThrottle: (id, value) => one(throttle.run(value.failures, value.blockedUntilMs, id), 'the device exists'),
    strangerThrottle: () => {
      const row = strangers.get();
      assert(row, 'the migration made the one row for strangers');
      return { failures: row.failures, blockedUntilMs: row.blocked_until_ms };
    },
    setStrangerThrottle: (value) =>
      one(setStrangers.run(value.failures, value.blockedUntilMs), 'there is one row for all strangers'),
  };
}

function links(sqlite: Sqlite): Pick<DoorStore, 'findLink' | 'addLink' | 'useLink'> {
  const find = sqlite.prepare<[string], { expires_at_ms: number; used_at_ms: number | null }>(
    'select expires_at_ms, used_at_ms from enrol_link where token_hash = ?',
  );
  const add = sqlite.prepare('insert into enrol_link (token_hash, made_at_ms, expires_at_ms) values (?, ?, ?)');
  const use = sqlite.prepare(
    'update enrol_link set used_at_ms = ? where token_hash = ? and used_at_ms is null and expires_at_ms > ?',
  );
  return {
    findLink: (tokenHash) => {
      const row = find.get(tokenHash);
      return row ? { expiresAtMs: row.expires_at_ms, usedAtMs: row.used_at_ms } : null;
    },
    addLink: (tokenHash, nowMs, expiresAtMs) => {
      add.run(tokenHash, nowMs, expiresAtMs);
    },
    useLink: (tokenHash, nowMs) => use.run(nowMs, tokenHash, nowMs).changes === 1,
  };
}

function pins(sqlite: Sqlite): Pick<DoorStore, 'pinHash' | 'setPin' | 'forgetPin'> {
  const find = sqlite.prepare<[], { hash: string }>('select hash from pin');
  const set = sqlite.prepare(
    `insert into pin (one, hash, chosen_at_ms) values (1, ?, ?)
     on conflict (one) do update set hash = excluded.hash, chosen_at_ms = excluded.chosen_at_ms`,
  );
  return {
    pinHash: () => find.get()?.hash ?? null,
    setPin: (hash, nowMs) => {
      set.run(hash, nowMs);
    },
    forgetPin: () => {
      sqlite.exec('delete from pin; delete from enrol_link; update device set may_choose_pin = 0');
    },
  };
}

type SessionStore = Pick<
  DoorStore,
  'findSession' | 'addSession' | 'setSessionSeen' | 'endSessions' | 'expireSessions' | 'forgetOld'
>;

function sessions(sqlite: Sqlite): SessionStore {
  const find = sqlite.prepare<
    [string],
    {
      token_hash: string;
      device_id: string;
      opened_at_ms: number;
      seen_at_ms: number;
      pin_at_ms: number;
      ended_at_ms: number | null;
    }
  >('select token_hash, device_id, opened_at_ms, seen_at_ms, pin_at_ms, ended_at_ms from session where token_hash = ?');
  const add = sqlite.prepare(
    'insert into session (token_hash, device_id, opened_at_ms, seen_at_ms, pin_at_ms) values (?, ?, ?, ?, ?)',
  );
  const seen = sqlite.prepare('update session set seen_at_ms = ? where token_hash = ? and ended_at_ms is null');
  const end = sqlite.prepare<[number, string | null], { device_id: string }>(
    'update session set ended_at_ms = ? where ended_at_ms is null and device_id = coalesce(?, device_id) returning device_id',
  );
  const expire = sqlite.prepare<[number, number, number], { device_id: string }>(
    `update session set ended_at_ms = ? where ended_at_ms is null and (seen_at_ms <= ? or opened_at_ms <= ?)
     returning device_id`,
  );
  const forgetSessions = sqlite.prepare('delete from session where ended_at_ms < ?');
  const forgetLinks = sqlite.prepare('delete from enrol_link where expires_at_ms < ?');
  const ids = (rows: { device_id: string }[]): DeviceId[] => rows.map((row) => DeviceId.parse(row.device_id));
  return {
    findSession: (tokenHash) => {
      const row = find.get(tokenHash);
      if (!row) return null;
      return {
        tokenHash: row.token_hash,
        deviceId: DeviceId.parse(row.device_id),
        openedAtMs: row.opened_at_ms,
        seenAtMs: row.seen_at_ms,
        pinAtMs: row.pin_at_ms,
        endedAtMs: row.ended_at_ms,
      };
    },
    addSession: (tokenHash, deviceId, nowMs) => {
      add.run(tokenHash, deviceId, nowMs, nowMs, nowMs);
    },
    setSessionSeen: (tokenHash, nowMs) => one(seen.run(nowMs, tokenHash), 'only an open session is seen'),
    endSessions: (deviceId, nowMs) => ids(end.all(nowMs, deviceId)),
    expireSessions: (nowMs) => ids(expire.all(nowMs, nowMs - sessionIdleMs, nowMs - sessionLifeMs)),
    forgetOld: (nowMs) => {
      forgetSessions.run(nowMs - forgottenAfterMs);
      forgetLinks.run(nowMs - forgottenAfterMs);
    },
  };
}

function one(result: { readonly changes: number }, why: string): void {
  assert(result.changes === 1, why);
}
