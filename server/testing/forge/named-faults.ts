/** The faults that a client of a forge must live with, by name. What must hold then is for the test that uses them to say. */
import type { Does, Operation, Says } from './faults.ts';
import type { FakeGitHub } from './forge.ts';
import type { Conditions } from './world.ts';

type Plant = (forge: FakeGitHub) => void;

const nothing: Does = { kind: 'nothing' };
const lost: Says = { kind: 'nothing' };

/** Each of these may befall any one call. */
const ofCalls = {
  lost_after: { says: lost },
  lost_before: { does: nothing, says: lost },
  lands_late: { does: { kind: 'late', afterMs: 20_000 }, says: lost },
  page_502_after: { says: { kind: 'page', status: 502 } },
  page_502_before: { does: nothing, says: { kind: 'page', status: 502 } },
  error_500_after: { says: { kind: 'error', status: 500, message: 'Server Error' } },
  error_503_before: { does: nothing, says: { kind: 'error', status: 503, message: 'Service unavailable' } },
  truncated: { says: { kind: 'truncated' } },
  slow: { says: { kind: 'slow', delayMs: 300 } },
  hangs_after: { says: { kind: 'hangs' } },
  hangs_before: { does: nothing, says: { kind: 'hangs' } },
  revoked_after: { revokes: true },
  primary_limit: { says: { kind: 'primary_limit', status: 403 } },
  secondary_limit: { says: { kind: 'secondary_limit', status: 403, retrySeconds: 60 } },
  secondary_limit_429: { says: { kind: 'secondary_limit', status: 429, retrySeconds: 60 } },
  secondary_limit_silent: { says: { kind: 'secondary_limit', status: 403, retrySeconds: null } },
} as const satisfies Record<string, { readonly does?: Does; readonly says?: Says; readonly revokes?: boolean }>;

/** The calls of GO, Undo and the look-ups between them. */
export const faultyCalls = [
  'repos/get',
  'repos/get-branch',
  'git/get-ref',
  'git/delete-ref',
  'pulls/list',
  'pulls/create',
  'pulls/get',
  'pulls/update',
  'issues/create-comment',
  'issues/list-comments',
  'issues/add-labels',
  'issues/list-for-repo',
  'issues/list-comments-for-repo',
  'repos/create-commit-status',
  'checks/create',
  'checks/update',
  'checks/list-for-ref',
  'repos/get-combined-status-for-ref',
  'apps/create-installation-access-token',
  'git/fetch-refs',
  'git/fetch',
  'git/push-refs',
  'git/push',
] as const satisfies readonly Operation[];

function condition(change: Partial<Conditions>): Plant {
  return (forge) => void Object.assign(forge.conditions, change);
}

const ofTheForge = {
  list_lags: condition({ listLagMs: 30_000 }),
  mergeable_late: condition({ mergeableLagMs: 10_000 }),
  mergeable_never: condition({ mergeableLagMs: null }),
  clock_ahead: condition({ skewMs: 120_000 }),
  clock_behind: condition({ skewMs: -120_000 }),
  webhooks_twice: condition({ webhooks: 'twice' }),
  webhooks_held: condition({ webhooks: 'held' }),
  quota_small: condition({ requestsPerHourMax: 5 }),
  renamed: (forge: FakeGitHub) => {
    for (const { owner, name } of forge.world.repositories) forge.rename(`${owner}/${name}`, `${name}-renamed`);
  },
} as const satisfies Record<string, Plant>;

export type FaultName = `${(typeof faultyCalls)[number]}:${keyof typeof ofCalls}` | keyof typeof ofTheForge;

export function faultNames(): FaultName[] {
  const kinds = Object.keys(ofCalls) as (keyof typeof ofCalls)[];
  return [
    ...faultyCalls.flatMap((call) => kinds.map((kind) => `${call}:${kind}` as const)),
    ...(Object.keys(ofTheForge) as (keyof typeof ofTheForge)[]),
  ];
}

export function plantFault(forge: FakeGitHub, name: FaultName): void {
  const [call, kind] = name.split(':') as [Operation | keyof typeof ofTheForge, keyof typeof ofCalls | undefined];
  if (kind === undefined) ofTheForge[call as keyof typeof ofTheForge](forge);
  else forge.faults.add({ on: call as Operation, ...ofCalls[kind] });
}

/** Up to `countMax` faults that depend on the seed alone; returns their names, for the report of a run that failed. */
export function plantFaults(forge: FakeGitHub, seed: number, countMax: number): FaultName[] {
  const names = faultNames();
  let state = seed >>> 0;
  // A linear congruential generator with the constants of Numerical Recipes: equal seeds give equal faults everywhere.
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  // The first numbers of neighbouring seeds are neighbours.
  for (let round = 0; round < 8; round += 1) next(2);
  const chosen = Array.from({ length: next(countMax + 1) }, () => names[next(names.length)]).filter(
    (name) => name !== undefined,
  );
  for (const name of chosen) plantFault(forge, name);
  return chosen;
}
