/** Does one step of an image in the making: writes it, with its ledger entry. */
import type { BudgetFile } from '#contract/budget.ts';
import { BakeId } from '#contract/lease.ts';
import type { LedgerKind } from '#contract/ledger.ts';
import { usdFromMicros, usdText } from '#contract/money.ts';
import type { ReservationId } from '#contract/spend.ts';
import { assert } from '../../lib/assert.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import type { CloudSizeOffer } from '../../ports-cloud.ts';
import { helperMicros } from '../budget/price.ts';
import { nextBake, type BakeEvent, type BakeRow } from './bake-states.ts';
import type { Bakes } from './bake-store.ts';
import { snapshotName } from './names.ts';
import type { LeaseParts } from './perform.ts';

export interface BakeParts extends LeaseParts {
  readonly bakes: Bakes;
}

/** Booting and being ready takes about a minute from an image. */
const probeMinutes = 15;

export interface BakeOrder {
  readonly row: BakeRow;
  readonly builder: Order;
  readonly probe: Order;
}
export interface Order {
  readonly size: string;
  readonly usdPerHour: number;
  readonly reservationId: ReservationId;
  /** Of the money. */
  readonly deadlineAtMs: number;
  /** What it is set aside for, from the POST on. */
  readonly forMs: number;
}

/**
 * Sets aside what the two helpers can cost at most, and writes the row: all in one transaction, so that no crash leaves the one without
 * the other. `why` is a sentence: nothing was ordered.
 */
export function beginBake(parts: BakeParts, offer: CloudSizeOffer): Result<BakeOrder, string> {
  const { helper } = parts.settings();
  const [smallest] = helper.sizes;
  const probePrice = smallest === undefined ? null : parts.priceOf(smallest.slug);
  if (smallest === undefined || probePrice === null)
    return no('The price of the smallest helper is not known, and an unknown price is not free.');
  return parts.db.transaction(() => {
    if (parts.bakes.live() !== null) return no('An image is being made already.');
    if (parts.leases.live() !== null) return no(inUse);
    const minutes = { builder: helper.lifetimeMinutesMax, probe: Math.min(probeMinutes, helper.lifetimeMinutesMax) };
    const builder = worst(parts, helper, offer.slug, offer.usdPerHour, minutes.builder, 0);
    // It begins when the builder is gone, which is by its deadline at the latest and takes a while.
    const probe = worst(parts, helper, smallest.slug, probePrice, minutes.probe, minutes.builder + 2 * probeMinutes);
    const leftMicros = parts.till.leftMicros();
    if (builder.micros + probe.micros > leftMicros)
      return no(
        `An image can cost ${usdText(usdFromMicros(builder.micros + probe.micros))}, and ${usdText(usdFromMicros(leftMicros))} are left under the caps. Nothing was ordered. Wait until the hour or the day eases, or raise the caps in budget.json.`,
      );
    const orders = { builder: setAside(parts, builder, 'makes'), probe: setAside(parts, probe, 'tries') };
    const id = BakeId.parse(`bake_${parts.random.bytes(6).toString('hex')}`);
    const startedAtMs = parts.clock.nowMs();
    parts.bakes.add({
      id,
      name: snapshotName(parts.install, startedAtMs),
      builderReservationId: orders.builder.reservationId,
      probeReservationId: orders.probe.reservationId,
      startedAtMs,
    });
    const row = parts.bakes.bake(id);
    assert(row !== null, 'what was just written is there');
    note(parts, 'bake.started', row);
    return ok({ row, ...orders });
  });
}

export const inUse = 'A helper exists now, and there is never a second one. Make the image when it is gone.';

interface Worst {
  readonly size: string;
  readonly usdPerHour: number;
  readonly minutes: number;
  readonly micros: number;
  readonly deadlineAtMs: number;
}

function worst(
  { clock }: BakeParts,
  { billing }: BudgetFile['helper'],
  size: string,
  usdPerHour: number,
  minutes: number,
  afterMinutes: number,
): Worst {
  const micros = helperMicros({ usdPerHour }, billing, minutes * 60);
  return { size, usdPerHour, minutes, micros, deadlineAtMs: clock.nowMs() + (afterMinutes + minutes) * 60_000 };
}

/** The caller has looked at the caps in the same transaction: there is no approval for an image, so there is nothing past them. */
function setAside({ till, ledger, clock }: BakeParts, worstCase: Worst, does: string): Order {
  const { size, usdPerHour, minutes, micros, deadlineAtMs } = worstCase;
  const purpose = `helper ${size} that ${does} an image, at most ${minutes} minutes`;
  const reservationId = till.reservations.addReservation({
    category: 'helper',
    purpose,
    jobId: null,
    proposalId: null,
    reservedMicros: micros,
    approvalId: null,
    atMs: clock.nowMs(),
    deadlineAtMs,
  });
  const body = { category: 'helper', purpose, proposalId: null, usd: usdFromMicros(micros), approvalId: null };
  ledger.append({ kind: 'spend.reserved', actor: 'system', subject: reservationId, body: { ...body, deadlineAtMs } });
  return { size, usdPerHour, reservationId, deadlineAtMs, forMs: minutes * 60_000 };
}

const kinds = {
  ask: 'bake.snapshot_asked',
  find: null,
  pass: 'bake.good',
  fail: 'bake.failed',
} as const satisfies Record<BakeEvent, LedgerKind | null>;

type Found = Partial<Pick<BakeRow, 'region' | 'snapshotId' | 'sizeGiB' | 'trouble'>>;

/** The row after it, or null when another process has moved it: then nothing was written. */
export function moveBake(parts: BakeParts, row: BakeRow, event: BakeEvent, found: Found = {}): BakeRow | null {
  const state = nextBake(row.state, event);
  assert(state !== null, `a bake that is ${row.state} can ${event}`);
  const endedAtMs = event === 'pass' || event === 'fail' ? parts.clock.nowMs() : null;
  const changed: BakeRow = { ...row, ...found, state, endedAtMs };
  return parts.db.transaction(() => {
    if (!parts.bakes.save(row, changed)) return null;
    const kind = kinds[event];
    if (kind !== null) note(parts, kind, changed);
    if (endedAtMs !== null) for (const id of [row.builderReservationId, row.probeReservationId]) giveBack(parts, id);
    return changed;
  });
}

/** What no lease was made for is nobody's to settle any more. */
function giveBack({ leases, till }: BakeParts, id: ReservationId): void {
  const isUnused = leases.ofReservation(id) === null && till.reservations.reservation(id)?.state === 'pending';
  if (isUnused) till.void(id, 'The image was not made as far as this.');
}

function note({ ledger }: BakeParts, kind: LedgerKind, row: BakeRow): void {
  const { id, name, region, snapshotId, sizeGiB, trouble } = row;
  const why = trouble === null ? {} : { why: trouble };
  ledger.append({ kind, actor: 'system', subject: id, body: { name, region, snapshotId, sizeGiB, ...why } });
}
