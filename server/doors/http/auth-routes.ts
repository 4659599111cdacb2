import { Enrol, Pin, PinChange, type EnrolLink } from '#contract/door.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { Door } from '../auth/door.ts';
import type { Entered } from '../auth/parts.ts';
import { jsonReply, type Reply } from './reply.ts';
import { publicRoute, route, type Routes } from './route.ts';

/** The door's own routes; see the table in contract/api.ts. */
export function authRoutes(door: Door): Routes {
  return (table) => {
    publicRoute(table, 'get', '/api/hello', {}, ({ cookies, fromSocket }) =>
      ok(door.hello(fromSocket ? { state: 'open', retryAfterMs: 0 } : door.whoIs(cookies, 'look'))),
    );
    publicRoute(table, 'post', '/api/enrol', { body: Enrol }, ({ cookies, body }) =>
      entered(door.enrol(cookies, body.token, body.deviceName)),
    );
    publicRoute(table, 'post', '/api/pin', { body: Pin }, async ({ cookies, body }) =>
      entered(await door.choosePin(cookies, body.pin)),
    );
    publicRoute(table, 'post', '/api/unlock', { body: Pin }, async ({ cookies, body }) =>
      entered(await door.unlock(cookies, body.pin)),
    );
    publicRoute(table, 'post', '/api/lock', {}, ({ cookies }) => entered(ok(door.lock(cookies))));
    publicRoute(table, 'post', '/api/pin/change', { body: PinChange }, async ({ cookies, body }) =>
      entered(await door.changePin(cookies, body)),
    );

    route(table, 'get', '/api/devices', {}, ({ owner }) => ok({ devices: door.listDevices(owner.deviceId) }));
    route(table, 'post', '/api/devices/links', {}, ({ owner }) => ok(door.makeEnrolLink(owner.by) satisfies EnrolLink));
    route(table, 'delete', '/api/devices/:id', {}, ({ owner, params }) => {
      const revoked = door.revokeDevice(params.id, owner.by);
      return revoked.ok ? ok({ devices: door.listDevices(owner.deviceId) }) : revoked;
    });

    route(table, 'post', '/api/local/pin-reset', { socketOnly: true }, ({ owner }) => ok(door.resetPin(owner.by)));
    route(table, 'post', '/api/local/device-link', { socketOnly: true }, ({ owner }) =>
      ok(door.makeEnrolLink(owner.by)),
    );
  };
}

function entered(outcome: Result<Entered, Problem>): Result<Reply, Problem> {
  return outcome.ok ? ok(jsonReply(outcome.value.hello, outcome.value.setCookies)) : outcome;
}
