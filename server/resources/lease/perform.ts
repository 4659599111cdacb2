/** Does one step about a lease: writes it, with its ledger entry, and calls the cloud. */
import type { BudgetFile } from '#contract/budget.ts';
import type { LedgerKind } from '#contract/ledger.ts';
import { LeaseId } from '#contract/lease.ts';
import { usdFromMicros } from '#contract/money.ts';
import { assert, never } from '../../lib/assert.ts';
import type { KnownSecret } from '../../lib/redact.ts';
import type { Result } from '../../lib/result.ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Cloud, CloudFailure, CloudMachine, HelperKeys, HelperLink } from '../../ports-cloud.ts';
import type { Artifacts } from '../../record/artifact/store.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';
import type { Till } from '../budget/perform.ts';
import { helperMicros } from '../budget/price.ts';
import type { Step } from './decide.ts';
import { after, type Move } from './moves.ts';
import { machineName, machineTag } from './names.ts';
import type { Form, Place } from './preflight.ts';
import { blindText, logMissedText, lostText, reasonText, refusalOf, refusalText, stuckText } from './sentences.ts';
import type { LeaseRow } from './states.ts';
import type { Leases } from './store.ts';
import type { Strays } from './stray-store.ts';

export interface CloudInitOrder {
  readonly form: Form;
  readonly hostname: string;
  readonly keys: HelperKeys;
  readonly deadlineAtMs: number;
}

export interface LeaseTools {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly artifacts: Artifacts;
  /** Credentials of ours, to be masked wherever they come up. */
  readonly known: readonly KnownSecret[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly cloud: Cloud;
  readonly link: Pick<HelperLink, 'makeKeys'>;
  readonly till: Pick<Till, 'post' | 'void' | 'reservations' | 'leftMicros'>;
  readonly settings: () => BudgetFile;
  readonly priceOf: (slug: string) => number | null;
  /** 12 hex digits (record/install.ts). */
  readonly install: string;
  readonly cloudInit: (order: CloudInitOrder) => string;
}

export interface LeaseParts extends LeaseTools {
  readonly leases: Leases;
  readonly strays: Strays;
}

/** What this process alone knows about the lease it has made. Lost with it, and then the helper is destroyed. */
export interface Held {
  leaseId: LeaseId;
  keys: HelperKeys | null;
  wanted: boolean;
  cleared: boolean;
  /** Why it is not wanted any more, when that is not simply done. */
  trouble: string | null;
  /** What it is made of; known with the first place. */
  place: Place | null;
  /** Where to try next when there is no capacity. */
  placesLeft: readonly Place[];
  refusal: CloudFailure | null;
}

const stuckAfterMs = 5 * 60_000;

/** True when the row is another one now, so that the next step can be decided at once. */
export async function perform(parts: LeaseParts, lease: LeaseRow, step: Step, held: Held | null): Promise<boolean> {
  switch (step.step) {
    case 'wait':
      return step.failure !== undefined && tellBlind(parts, lease, step.failure);
    case 'ask':
      assert(held !== null, 'only the process that planned a helper orders it');
      return ask(parts, lease, held);
    case 'drop': {
      const trouble = held?.trouble ?? reasonText(step.why, lease, step.failure);
      return end(parts, lease, 0, trouble);
    }
    case 'lose':
      return save(parts, lease, { move: 'lose', trouble: lostText }, 'lease.unknown');
    case 'see':
      return save(parts, lease, { move: 'see', machine: step.machine }, null);
    case 'note_absent':
      return save(parts, lease, { move: 'note_absent' }, null);
    case 'destroy': {
      const trouble = (step.why === 'done' ? held?.trouble : null) ?? reasonText(step.why, lease);
      const { machineId } = step;
      const more = step.why === 'restarted' ? { logTrouble: logMissedText } : {};
      return save(parts, lease, { move: 'destroy', machineId, trouble, ...more }, 'lease.destroying');
    }
    case 'delete':
      return destroy(parts, lease, step.machineId);
    case 'end': {
      const micros = step.cost === 'none' ? 0 : costSoFar(parts, lease, parts.clock.nowMs());
      const isNextTried = step.why === 'refused' && held !== null && handOver(parts, lease, held);
      return isNextTried || end(parts, lease, micros, reasonText(step.why, lease));
    }
    default:
      return never(step);
  }
}

/**
 * What the cloud will bill for it, in micro-dollars: from the moment the POST was sent, although the machine is made later, to
 * `untilMs`. 0 while nothing was sent.
 */
export function costSoFar({ settings }: Pick<LeaseTools, 'settings'>, lease: LeaseRow, untilMs: number): number {
  if (lease.postSentAtMs === null) return 0;
  return helperMicros(lease, settings().helper.billing, (untilMs - lease.postSentAtMs) / 1000);
}

/** The row says that the POST is sent before it is, so that no crash and no second process ever sends it again. */
async function ask(parts: LeaseParts, lease: LeaseRow, held: Held): Promise<boolean> {
  const { place } = held;
  assert(place !== null, 'what is ordered has a place');
  const keys = await parts.link.makeKeys();
  const { name, region, size, deadlineAtMs } = lease;
  const userData = parts.cloudInit({ hostname: name, keys, deadlineAtMs, form: place.form });
  if (!save(parts, lease, { move: 'ask' }, 'lease.asked')) return false;
  held.keys = keys;
  const order = { name, region, size, image: place.image, tag: machineTag(parts.install), userData };
  const answer = await parts.cloud.create(order);
  const sent = parts.leases.lease(lease.id);
  assert(sent !== null, 'a lease is never deleted');
  return answered(parts, sent, answer, held);
}

function answered(parts: LeaseParts, lease: LeaseRow, answer: Result<CloudMachine, CloudFailure>, held: Held): boolean {
  if (answer.ok && answer.value.name === lease.name) {
    const machine = answer.value;
    if (lease.state === 'creating') return save(parts, lease, { move: 'answer', machine }, 'lease.booting');
    // Another process has taken this one for dead. The id is not lost: it says what to destroy.
    const trouble = reasonText('lost_but_there', lease);
    return (
      lease.state === 'unknown' &&
      save(parts, lease, { move: 'destroy', machineId: machine.id, trouble }, 'lease.destroying')
    );
  }
  if (lease.state !== 'creating') return false;
  if (answer.ok || answer.why.kind === 'unknown')
    return save(parts, lease, { move: 'lose', trouble: lostText }, 'lease.unknown');
  held.refusal = answer.why;
  return save(parts, lease, { move: 'refuse', trouble: refusalText(answer.why, lease) }, 'lease.refused');
}

async function destroy(parts: LeaseParts, lease: LeaseRow, machineId: number): Promise<boolean> {
  if (!save(parts, lease, { move: 'delete' }, null)) return false;
  const answer = await parts.cloud.destroy(machineId);
  const sent = parts.leases.lease(lease.id);
  const triedMs = parts.clock.nowMs() - (lease.destroyAskedAtMs ?? parts.clock.nowMs());
  if (sent?.state !== 'destroying') return false;
  if (!answer.ok) parts.log.warn({ leaseId: lease.id, failure: answer.why }, 'a helper could not be destroyed yet');
  if (triedMs >= stuckAfterMs)
    tell(parts, sent, stuckText(Math.floor(triedMs / 60_000), answer.ok ? null : answer.why));
  return false;
}

/** The owner must know when nobody can see what is billed; a call that failed once is none of their business. */
function tellBlind(parts: LeaseParts, lease: LeaseRow, failure: CloudFailure): boolean {
  if (failure.kind === 'unauthorized' || failure.kind === 'not_found') tell(parts, lease, blindText(failure));
  return false;
}

function tell(parts: LeaseParts, lease: LeaseRow, trouble: string): void {
  if (lease.trouble !== trouble) save(parts, lease, { move: 'tell', trouble }, 'lease.trouble');
}

/** Written with its money in one transaction: whoever writes `gone` settles, and nobody else can. */
function end(parts: LeaseParts, lease: LeaseRow, costMicros: number, trouble: string | null): boolean {
  return parts.db.transaction(() => {
    if (!save(parts, lease, { move: 'end', costMicros, trouble }, 'lease.gone')) return false;
    assert(lease.reservationId !== null, 'a live lease holds a reservation');
    // A backup may hold a lease whose money its till has given up already.
    if (parts.till.reservations.reservation(lease.reservationId)?.state !== 'pending') return true;
    if (costMicros > 0) parts.till.post(lease.reservationId, costMicros);
    else parts.till.void(lease.reservationId, trouble ?? lease.trouble ?? 'No machine was made.');
    return true;
  });
}

/** No capacity here: the next region is a lease of its own, so that each sends one POST, and the money goes with it. */
function handOver(parts: LeaseParts, lease: LeaseRow, held: Held): boolean {
  const [there, ...rest] = held.placesLeft;
  const isFull = held.refusal !== null && refusalOf(held.refusal) === 'capacity';
  if (held.leaseId !== lease.id || !held.wanted || !isFull || there === undefined) return false;
  const { reservationId } = lease;
  assert(reservationId !== null, 'a live lease holds a reservation');
  const planned = parts.db.transaction(() => {
    const handed: LeaseRow = { ...lease, reservationId: null };
    const gone = after(handed, { move: 'end', costMicros: 0, trouble: null }, parts.clock.nowMs());
    if (!parts.leases.save(lease, gone)) return null;
    note(parts, 'lease.gone', gone);
    return plan(parts, { ...lease, ...rowOf(there), reservationId });
  });
  if (planned === null) return false;
  Object.assign(held, { leaseId: planned, keys: null, place: there, placesLeft: rest, refusal: null });
  return true;
}

/** What a row says of a place. */
export function rowOf({ region, usdPerHour, image }: Place): Pick<LeaseRow, 'region' | 'usdPerHour' | 'image'> {
  return { region, usdPerHour, image: String(image) };
}

export type Plan = Pick<LeaseRow, 'kind' | 'region' | 'size' | 'image' | 'usdPerHour' | 'deadlineAtMs'> & {
  readonly reservationId: NonNullable<LeaseRow['reservationId']>;
};

/** Writes the row of a new lease, in the transaction that the caller has open. */
export function plan(parts: LeaseParts, order: Plan): LeaseId {
  const { kind, region, size, image, usdPerHour, deadlineAtMs, reservationId } = order;
  const id = LeaseId.parse(`lease_${parts.random.bytes(6).toString('hex')}`);
  const name = machineName({ install: parts.install, leaseId: id, deadlineAtMs });
  const plannedAtMs = parts.clock.nowMs();
  parts.leases.add({ id, kind, name, region, size, image, usdPerHour, plannedAtMs, deadlineAtMs, reservationId });
  const row = parts.leases.lease(id);
  assert(row !== null, 'what was just written is there');
  note(parts, 'lease.planned', row);
  return id;
}

/** Whether the move was written; false when another process has moved the lease meanwhile. */
export function save(parts: LeaseParts, lease: LeaseRow, move: Move, kind: LedgerKind | null): boolean {
  return parts.db.transaction(() => {
    const changed = after(lease, move, parts.clock.nowMs());
    if (!parts.leases.save(lease, changed)) return false;
    if (kind !== null) note(parts, kind, changed);
    return true;
  });
}

function note({ ledger, leases }: LeaseParts, kind: LedgerKind, lease: LeaseRow): void {
  const { id, kind: purpose, name, region, size, machineId, deadlineAtMs, reservationId, trouble, costMicros } = lease;
  const { bootLogSha256 } = lease;
  const jobId = leases.jobOf(lease);
  ledger.append({
    kind,
    actor: 'system',
    subject: id,
    ...(jobId === null ? {} : { jobId }),
    body: {
      ...(purpose === 'work' ? {} : { purpose }),
      name,
      region,
      size,
      machineId,
      deadlineAtMs,
      reservationId,
      ...(trouble === null ? {} : { why: trouble }),
      ...(costMicros === null ? {} : { usd: usdFromMicros(costMicros) }),
      ...(bootLogSha256 === null ? {} : { bootLogSha256 }),
    },
  });
}
