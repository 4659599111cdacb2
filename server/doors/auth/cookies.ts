import { deviceLifeMs, sessionLifeMs } from './states.ts';

/** The door's two cookies. Both are 256-bit secrets that exist in clear only in the owner's browser. */
export interface DoorCookies {
  readonly read: (header: string | undefined) => { readonly device: string | null; readonly session: string | null };
  readonly setDevice: (secret: string) => string;
  readonly setSession: (secret: string) => string;
  readonly dropSession: () => string;
}

/**
 * `secure` (behind TLS) adds Secure and the `__Host-` prefix, so that no other host name and no plain connection can plant
 * a cookie (RFC 6265bis, 4.1.3.2). Strict, because no link from elsewhere ever needs to arrive signed in.
 */
export function doorCookies(secure: boolean): DoorCookies {
  const prefix = secure ? '__Host-' : '';
  const set = (name: string, value: string, lifeMs: number): string =>
    `${prefix}${name}=${value}; Path=/; Max-Age=${lifeMs / 1000}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return {
    read: (header) => ({
      device: valueOf(header, `${prefix}pg_device`),
      session: valueOf(header, `${prefix}pg_session`),
    }),
    setDevice: (secret) => set('pg_device', secret, deviceLifeMs),
    setSession: (secret) => set('pg_session', secret, sessionLifeMs),
    dropSession: () => set('pg_session', '', 0),
  };
}

/** The first cookie of that name: of two, somebody else planted at least one, and both are only looked up, never trusted. */
function valueOf(header: string | undefined, name: string): string | null {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) {
      const value = pair.slice(at + 1).trim();
      return value === '' ? null : value;
    }
  }
  return null;
}
