/**
 * The faults that are known from the field, by name (notes/helper-fleet.md 3.3; the number is the one there). Each is put into a
 * cloud before or in the middle of a lease. What must hold then is for the test that uses them to say.
 */
import type { FakeCloud } from './cloud.ts';
import type { Does, Operation, Says } from './faults.ts';

type Plant = (cloud: FakeCloud) => void;

const minutes = 60_000;
const badGateway: Says = { kind: 'page', status: 502 };
const unavailable: Says = { kind: 'error', status: 503, id: 'service_unavailable', message: 'Server Error' };
const refusal = (message: string): Says => ({ kind: 'error', status: 422, id: 'unprocessable_entity', message });

function fault(on: Operation | 'any', parts: { does?: Does; says?: Says; times?: number; skip?: number }): Plant {
  return (cloud) => cloud.faults.add({ on, ...parts });
}

function condition(change: Partial<FakeCloud['conditions']>): Plant {
  return (cloud) => Object.assign(cloud.conditions, change);
}

export const namedFaults = {
  create_answer_lost: fault('create', { says: { kind: 'nothing' } }), // F1
  create_hangs_and_lands_late: fault('create', { does: { kind: 'late', afterMs: 20_000 }, says: { kind: 'nothing' } }), // F2
  create_lands_after_90_minutes: fault('create', {
    does: { kind: 'late', afterMs: 90 * minutes },
    says: { kind: 'nothing' },
  }), // F3
  create_502_page_but_done: fault('create', { says: badGateway }), // F4
  create_500_but_done: fault('create', {
    says: { kind: 'error', status: 500, id: 'server_error', message: 'Unexpected server-side error' },
  }), // F4
  create_503_not_done: fault('create', { does: { kind: 'nothing' }, says: unavailable }), // F5
  create_lost_not_done: fault('create', { does: { kind: 'nothing' }, says: { kind: 'nothing' } }), // F5
  create_truncated: fault('create', { says: { kind: 'truncated' } }), // F6
  create_says_text: fault('create', { says: { kind: 'text', text: '"accepted"' } }), // F6
  create_other_name: fault('create', { says: { kind: 'other_name', name: 'somebody-else' } }), // F6
  create_redirected: fault('create', { says: { kind: 'redirect', status: 302, to: '/v2/droplets' } }), // F7
  create_twice: fault('create', { does: { kind: 'twice' } }), // F8
  find_404_at_first: condition({ findLagMs: 10_000 }), // F9
  placement_fails: fault('create', { does: { kind: 'placement_fails', afterMs: 15_000 } }), // F10
  accepted_and_never_there: fault('create', { does: { kind: 'nothing' } }), // F10
  stays_new_for_ever: fault('create', { does: { kind: 'stays_new', forMs: null } }), // F11
  stays_new_for_20_minutes: fault('create', { does: { kind: 'stays_new', forMs: 20 * minutes } }), // F12
  no_address: fault('create', { does: { kind: 'no_address', but: 'nothing' } }), // F13
  only_private_address: fault('create', { does: { kind: 'no_address', but: 'private' } }), // F13
  list_lags: condition({ listLagMs: 2 * minutes }),
  list_lags_for_3_reads: condition({ listLagCalls: 3 }),
  list_shows_the_gone: condition({ goneLagMs: 2 * minutes }),
  tags_late: condition({ tagsLagMs: 90_000 }), // F16
  tags_never: condition({ tagsLagMs: null }), // F16
  account_limit: fault('create', { says: refusal('creating this/these droplet(s) will exceed your droplet limit') }), // F17
  sold_out: fault('create', { says: refusal('Size is not available in this region.') }), // F18
  region_closed: fault('create', { says: refusal('Region is not available') }), // F18
  image_gone: fault('create', { says: refusal('You specified an invalid image for Droplet creation.') }), // F19
  rate_limited_by_minute: fault('any', { times: 3, says: { kind: 'rate_limited', by: 'minute', seconds: 20 } }), // F21
  rate_limited_by_hour: fault('any', { times: 3, says: { kind: 'rate_limited', by: 'hour', seconds: 600 } }), // F21
  rate_limited_without_a_word: fault('any', { times: 3, says: { kind: 'rate_limited', by: 'nobody', seconds: 0 } }), // F21
  token_revoked: condition({ token: 'answers_401' }), // F22
  token_unknown: condition({ token: 'answers_404' }), // F24
  destroy_forbidden: fault('destroy', {
    times: 3,
    says: { kind: 'error', status: 403, id: 'forbidden', message: 'You are not authorized to perform this operation.' },
  }), // F23
  destroy_pending_event: fault('destroy', { times: 3, says: refusal('Droplet already has a pending event.') }), // F25
  destroy_takes_10_minutes: condition({ destroyMs: 10 * minutes }), // F26
  destroy_ignored_while_new: condition({ destroyWhileNew: 'ignored' }), // F27
  destroy_refused_while_new: condition({ destroyWhileNew: 'refused' }), // F27
  destroy_ignored_once: fault('destroy', { does: { kind: 'nothing' } }), // F27
  destroy_answer_lost: fault('destroy', { says: { kind: 'nothing' } }), // F28
  destroy_500_not_done: fault('destroy', { does: { kind: 'nothing' }, says: unavailable }),
  list_page_fails: fault('list', { says: badGateway }), // F31
  list_total_wrong: fault('list', { says: { kind: 'total', offBy: 1 } }), // F31
  list_truncated: fault('list', { says: { kind: 'truncated' } }), // F31
  list_next_elsewhere: fault('list', { says: { kind: 'next', url: 'https://elsewhere.example/v2/droplets?page=2' } }), // F32
  price_doubled: condition({ priceFactor: 2 }), // F35
  price_zero: fault('sizes', { says: { kind: 'prices', as: 'zero' } }), // F36
  price_absent: fault('sizes', { says: { kind: 'prices', as: 'absent' } }), // F36
  price_text: fault('sizes', { says: { kind: 'prices', as: 'text' } }), // F36
  find_500: fault('find', { times: 2, says: unavailable }),
  snapshot_errored: fault('act', { does: { kind: 'errors' } }), // F40
  snapshot_never_ends: fault('act', { does: { kind: 'nothing' } }), // F40
} as const satisfies Record<string, Plant>;

export type FaultName = keyof typeof namedFaults;

export function faultNames(): FaultName[] {
  return Object.keys(namedFaults) as FaultName[];
}

export function plantFault(cloud: FakeCloud, name: FaultName): void {
  namedFaults[name](cloud);
}

/** Up to `countMax` faults that depend on the seed alone; returns their names, for the report of a run that failed. */
export function plantFaults(cloud: FakeCloud, seed: number, countMax: number): FaultName[] {
  let state = seed >>> 0;
  // mulberry32, a public-domain generator: equal seeds give equal faults on every machine.
  const next = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
  const names = faultNames();
  const chosen = Array.from({ length: next(countMax + 1) }, () => names[next(names.length)]).filter(
    (name) => name !== undefined,
  );
  for (const name of chosen) plantFault(cloud, name);
  return chosen;
}
