/** A lease and a view of it for tests, with only what a test is about said. */
import { HelperView, Lease } from '#contract/lease.ts';

/** 2026-11-21 14:03:02 UTC, when the helper was asked for. */
export const askedAtMs = Date.UTC(2026, 10, 21, 14, 3, 2);

type Written<T> = { readonly [Key in keyof T]?: unknown };

export function aLease(more: Written<Lease> = {}): Lease {
  return Lease.parse({
    id: 'lease_0123456789ab',
    name: 'patchgit-1f2e-lease_0123456789ab-1795271582',
    state: 'ready',
    region: 'fra1',
    size: 's-1vcpu-2gb',
    image: 'debian-13-x64',
    jobId: 'job_0123456789ab',
    reservationId: 'res_0123456789ab',
    machineId: 512_001,
    address: '203.0.113.7',
    usdPerHour: 0.018,
    costUsd: 0,
    askedAtMs,
    readyAtMs: askedAtMs + 50_000,
    destroyAskedAtMs: null,
    goneAtMs: null,
    deadlineAtMs: askedAtMs + 30 * 60_000,
    checkedAtMs: askedAtMs + 128_000,
    trouble: null,
    ...more,
  });
}

export function aView(more: Written<HelperView> = {}): HelperView {
  return HelperView.parse({ unavailable: null, current: null, past: [], strays: [], asOfMs: askedAtMs, ...more });
}
