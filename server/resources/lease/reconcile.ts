/** Compares the cloud's list with the rows, and does what follows. It takes no hint about what changed. */
import { usdFromMicros } from '#contract/money.ts';
import type { CloudFailure, CloudImage, CloudMachine } from '../../ports-cloud.ts';
import { helperMicros } from '../budget/price.ts';
import {
  decide,
  decideRemoval,
  look,
  nextLookMs,
  nextRemovalLookMs,
  type Facts,
  type FindFact,
  type ListFact,
} from './decide.ts';
import { isOurs, type Owner } from './names.ts';
import { perform, type Held, type LeaseParts } from './perform.ts';
import type { LeaseRow } from './states.ts';
import type { StrayRow } from './stray-store.ts';

export interface Memory {
  held: Held | null;
  /** When the last complete list was asked for; null before the first. */
  listedAtMs: number | null;
  /** The failure of the last list, or null when it was complete. */
  failure: CloudFailure | null;
  /** The cloud wants to be left alone until then: only what is known and must be destroyed is asked of it. */
  quietUntilMs: number;
  /** An image is being made: its helpers come before those of jobs. */
  isBaking: boolean;
  /** The snapshots of the last complete list; empty before the first. */
  images: readonly CloudImage[];
  /** The database may be closed: whoever was waiting for the cloud leaves the rest to the next start. */
  isEnded: boolean;
}

/** A pass that goes on for longer than this has met a decision that changes nothing. */
const stepsMax = 12;
const quietMsDefault = 60_000;
const notAsked = { kind: 'not_asked' } as const;

/**
 * One pass, in this order: destroy what is known to be unwanted, list, destroy what nobody owns, then whatever else is due, such
 * as a create. Resolves to the milliseconds until the next one, when it must come before its time. Never rejects for one item.
 */
export async function reconcile(parts: LeaseParts, memory: Memory): Promise<number | null> {
  await guarded(parts, 'destroy the helper first', () => destroyFirst(parts, memory));
  const list = await listed(parts, memory);
  await destroyStrays(parts, list);
  await guarded(parts, 'go on with the helper', () => goOn(parts, memory, list));
  return nextPassMs(parts);
}

async function destroyFirst(parts: LeaseParts, memory: Memory): Promise<void> {
  const lease = parts.leases.live();
  if (lease === null || lease.machineId === null) return;
  const held = heldOf(memory, lease);
  if (lease.state !== 'destroying' && held?.wanted === true) return;
  const find = await found(parts, lease.machineId);
  await steps(parts, memory, notAsked, () => find);
}

async function goOn(parts: LeaseParts, memory: Memory, list: ListFact): Promise<void> {
  const lease = parts.leases.live();
  const id = lease?.machineId ?? null;
  const isShown = list.kind === 'complete' && list.machines.some((machine) => machine.id === id);
  const find = id === null || isShown || list.kind === 'not_asked' ? notAsked : await found(parts, id);
  // Made in this pass, it has another id: what was found says nothing about it.
  await steps(parts, memory, list, (now) => (now.machineId === id ? find : notAsked));
}

async function steps(
  parts: LeaseParts,
  memory: Memory,
  list: ListFact,
  find: (lease: LeaseRow) => FindFact,
): Promise<void> {
  for (let count = 0; count < stepsMax; count += 1) {
    const lease = parts.leases.live();
    if (lease === null) return;
    const step = decide(lease, factsOf(parts, memory, lease, list, find(lease)));
    const isMoved = await perform(parts, lease, step, heldOf(memory, lease));
    if (!isMoved) return;
    const to = parts.leases.lease(lease.id)?.state;
    parts.log.info({ leaseId: lease.id, step: step.step, from: lease.state, to }, 'lease moved');
  }
}

function factsOf(parts: LeaseParts, memory: Memory, lease: LeaseRow, list: ListFact, find: FindFact): Facts {
  const held = heldOf(memory, lease);
  const nowMs = parts.clock.nowMs();
  const owner = ownerOf(parts);
  const others =
    list.kind === 'complete'
      ? list.machines.filter(({ id, name }) => id !== lease.machineId && isOurs(name, owner, nowMs))
      : [];
  const reservation = lease.reservationId === null ? null : parts.till.reservations.reservation(lease.reservationId);
  return {
    nowMs,
    list,
    find,
    keysInMemory: held !== null,
    wanted: held?.wanted === true,
    mayBeOff: held !== null && lease.kind === 'bake',
    cleared: held?.cleared === true,
    funded: reservation?.state === 'pending',
    othersThere: others.length > 0 || parts.strays.there().length > 0,
  };
}

function heldOf({ held }: Memory, lease: LeaseRow): Held | null {
  return held?.leaseId === lease.id ? held : null;
}

async function listed(parts: LeaseParts, memory: Memory): Promise<ListFact> {
  const askedAtMs = parts.clock.nowMs();
  if (askedAtMs < memory.quietUntilMs) return notAsked;
  const answer = await parts.cloud.list();
  if (answer.ok) {
    memory.listedAtMs = askedAtMs;
    memory.failure = null;
    return { kind: 'complete', askedAtMs, machines: answer.value };
  }
  memory.failure = answer.why;
  if (answer.why.kind === 'rate_limited')
    memory.quietUntilMs =
      parts.clock.nowMs() + Math.min(answer.why.retryAfterMs ?? quietMsDefault, 10 * quietMsDefault);
  return { kind: 'failed', failure: answer.why };
}

async function found({ cloud }: LeaseParts, id: number): Promise<FindFact> {
  const answer = await cloud.find(id);
  if (answer.ok) return { kind: 'found', machine: answer.value };
  return answer.why.kind === 'not_found' ? { kind: 'absent' } : { kind: 'failed', failure: answer.why };
}

function ownerOf({ install, leases }: LeaseParts): Owner {
  const live = leases.live();
  return {
    install,
    liveNames: new Set(live === null ? [] : [live.name]),
    earlierInstalls: new Set(leases.installs()),
  };
}

/** Each on its own: one that cannot be destroyed must not protect the others. */
async function destroyStrays(parts: LeaseParts, list: ListFact): Promise<void> {
  if (list.kind === 'complete')
    for (const machine of list.machines) await guarded(parts, 'note a stray', () => noteStray(parts, machine));
  for (const stray of parts.strays.there())
    await guarded(parts, 'destroy a stray', () => destroyStray(parts, stray, list));
}

function noteStray(parts: LeaseParts, machine: CloudMachine): void {
  const nowMs = parts.clock.nowMs();
  if (!isOurs(machine.name, ownerOf(parts), nowMs)) return;
  const { id: machineId, name, size } = machine;
  const live = parts.leases.live();
  // While its lease does not know an id, the first with its name is the one; the lease itself destroys it.
  if (live?.name === name && (live.machineId === null || live.machineId === machineId)) return;
  if (parts.strays.there().some((stray) => stray.machineId === machineId)) return;
  const bookedUntilMs = parts.leases.pastOfMachine(machineId)?.goneAtMs ?? parts.strays.goneAtMs(machineId);
  const billedFromMs = bookedUntilMs ?? Math.min(machine.createdAtMs, nowMs);
  parts.db.transaction(() => {
    parts.strays.add({ machineId, name, size, billedFromMs, seenAtMs: nowMs });
    parts.ledger.append({ kind: 'lease.stray', actor: 'system', body: { machineId, name, size } });
  });
  parts.log.warn({ machineId, machineName: name }, 'a machine of ours has no owner and is destroyed');
}

async function destroyStray(parts: LeaseParts, stray: StrayRow, list: ListFact): Promise<void> {
  const isShown = list.kind === 'complete' && list.machines.some(({ id }) => id === stray.machineId);
  const find = isShown ? notAsked : await found(parts, stray.machineId);
  const sight = look(stray, stray.machineId, { list, find });
  const nowMs = parts.clock.nowMs();
  const step = decideRemoval({ ...stray, destroyAskedAtMs: stray.seenAtMs }, sight, nowMs);
  const { destroySentAtMs } = stray;
  switch (step) {
    case 'wait':
      return;
    case 'see':
      return parts.strays.mark(stray, { destroySentAtMs, absentSeenAtMs: null });
    case 'note_absent':
      return parts.strays.mark(stray, { destroySentAtMs, absentSeenAtMs: nowMs });
    case 'end':
      return endStray(parts, stray);
    case 'delete': {
      parts.strays.mark(stray, { destroySentAtMs: nowMs, absentSeenAtMs: null });
      const answer = await parts.cloud.destroy(stray.machineId);
      if (!answer.ok)
        parts.log.warn({ machineId: stray.machineId, failure: answer.why }, 'a stray could not be destroyed yet');
    }
  }
}

/** Nobody has set money aside for it, and it was billed all the same: it is booked past every cap, so that it counts. */
function endStray(parts: LeaseParts, stray: StrayRow): void {
  const { till, clock } = parts;
  const atMs = clock.nowMs();
  const usdPerHour = parts.priceOf(stray.size);
  const seconds = (atMs - stray.billedFromMs) / 1000;
  const micros = usdPerHour === null ? null : helperMicros({ usdPerHour }, parts.settings().helper.billing, seconds);
  parts.db.transaction(() => {
    if (!parts.strays.end(stray.machineId, atMs, micros)) return;
    if (micros !== null) {
      const reservation = {
        category: 'helper' as const,
        purpose: `the machine ${stray.name}, which no job owned`,
        jobId: null,
        proposalId: null,
        reservedMicros: micros,
        approvalId: null,
        atMs,
        deadlineAtMs: atMs,
      };
      till.post(till.reservations.addReservation(reservation), micros);
    }
    const { machineId, name } = stray;
    const usd = micros === null ? null : usdFromMicros(micros);
    parts.ledger.append({ kind: 'lease.stray_gone', actor: 'system', body: { machineId, name, usd } });
  });
}

function nextPassMs({ leases, strays, clock }: LeaseParts): number | null {
  const nowMs = clock.nowMs();
  const live = leases.live();
  const all = [
    live === null ? null : nextLookMs(live, nowMs),
    ...strays.there().map((stray) => nextRemovalLookMs({ ...stray, destroyAskedAtMs: stray.seenAtMs }, nowMs)),
  ].filter((ms) => ms !== null);
  return all.length === 0 ? null : Math.max(1_000, Math.min(...all));
}

/** A pass is for every item: what goes wrong with one is logged, and the pass goes on. Our own mistakes still end the process. */
async function guarded(parts: LeaseParts, doing: string, work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'PortError') throw error;
    parts.log.error({ error, doing }, 'a part of looking after helpers failed and is tried again');
  }
}
