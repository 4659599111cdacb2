/** What to do about a lease: its row and the facts in, the step out (DESIGN section 8). A missing fact is `wait`. */
import { assert, never } from '../../lib/assert.ts';
import type { CloudFailure, CloudMachine } from '../../ports-cloud.ts';
import type { LeaseRow, Reason } from './states.ts';

export type ListFact =
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'failed'; readonly failure: CloudFailure }
  /** Complete, and asked for at `askedAtMs`: it says nothing about what came later. */
  | { readonly kind: 'complete'; readonly askedAtMs: number; readonly machines: readonly CloudMachine[] };

export type FindFact =
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'failed'; readonly failure: CloudFailure }
  | { readonly kind: 'absent' }
  | { readonly kind: 'found'; readonly machine: CloudMachine };

export interface Facts {
  readonly nowMs: number;
  readonly list: ListFact;
  /** The machine by the id that the row holds; the same token as the list's, in the same pass. */
  readonly find: FindFact;
  /** Only the process that made the keys can reach the machine. */
  readonly keysInMemory: boolean;
  /** Its job still wants it. */
  readonly wanted: boolean;
  /** It powers itself off when its image is ready to be taken. */
  readonly mayBeOff: boolean;
  /** Size, price, image and account were looked at: the POST may go out. */
  readonly cleared: boolean;
  /** Its reservation is pending. */
  readonly funded: boolean;
  /** Machines of ours in the list, or not confirmed gone yet, that are not this lease's. */
  readonly othersThere: boolean;
}

export type Step =
  | { readonly step: 'wait'; readonly failure?: CloudFailure }
  /** Nothing was ever asked of the cloud. */
  | { readonly step: 'drop'; readonly why: Reason; readonly failure?: CloudFailure }
  /** Writes that the POST is sent, then sends it, once. */
  | { readonly step: 'ask' }
  | { readonly step: 'lose' }
  | { readonly step: 'see'; readonly machine: CloudMachine }
  | { readonly step: 'note_absent' }
  | { readonly step: 'destroy'; readonly why: Reason; readonly machineId: number }
  | { readonly step: 'delete'; readonly machineId: number }
  | { readonly step: 'end'; readonly cost: 'none' | 'by_time'; readonly why: Reason };

/** A lost create may still land, and a list may lag behind: for so long after the POST, not seen is not gone. */
export const landingMsMax = 10 * 60_000;
/** Between the two looks that must both find nothing. */
export const absentGapMs = 30_000;
/** Creating from a snapshot takes about a minute; a machine that has not answered by then will not. */
export const bootMsMax = 6 * 60_000;
/** A job does not wait longer for a cloud that does not answer before anything was asked of it. */
const planMsMax = 3 * 60_000;
/** What would have to be destroyed before it has booted is not ordered. */
const lifeMsMin = 30_000;
const destroyEveryMs = { first: 5_000, last: 60_000 } as const;

export function decide(lease: LeaseRow, facts: Facts): Step {
  switch (lease.state) {
    case 'planned':
      return decidePlanned(lease, facts);
    case 'creating':
      return lease.refusedAtMs === null ? { step: 'lose' } : decideRefused(lease, lease.refusedAtMs, facts);
    case 'unknown':
      return decideUnknown(lease, facts);
    case 'booting':
    case 'ready':
      return decideLiving(lease, facts);
    case 'destroying':
      return decideDestroying(lease, facts);
    case 'gone':
      return { step: 'wait' };
    default:
      return never(lease.state);
  }
}

function decidePlanned(lease: LeaseRow, facts: Facts): Step {
  const { list, nowMs } = facts;
  const waitedMs = nowMs - lease.plannedAtMs;
  const waitedLong = waitedMs >= planMsMax;
  if (!facts.keysInMemory) return { step: 'drop', why: 'restarted' };
  if (!facts.wanted) return { step: 'drop', why: 'not_asked' };
  if (!facts.funded) return { step: 'drop', why: 'not_funded' };
  if (nowMs + lifeMsMin >= lease.deadlineAtMs) return { step: 'drop', why: 'overdue' };
  if (list.kind === 'failed') {
    const { failure } = list;
    return waitedLong || failure.kind === 'unauthorized'
      ? { step: 'drop', why: 'cloud_silent', failure }
      : { step: 'wait', failure };
  }
  if (waitedMs >= 2 * planMsMax) return { step: 'drop', why: 'cloud_silent' };
  if (list.kind === 'not_asked' || !facts.cleared) return { step: 'wait' };
  if (facts.othersThere) return waitedLong ? { step: 'drop', why: 'one_still_there' } : { step: 'wait' };
  return { step: 'ask' };
}

/** The cloud said no. Its list must say so too, and be asked for after the no. */
function decideRefused(lease: LeaseRow, refusedAtMs: number, { list }: Facts): Step {
  if (list.kind !== 'complete' || list.askedAtMs < refusedAtMs) return waitFor(list);
  const there = list.machines.find(({ name }) => name === lease.name);
  if (there !== undefined) return { step: 'destroy', why: 'refused_but_there', machineId: there.id };
  return { step: 'end', cost: 'none', why: 'refused' };
}

/** A machine that comes to light is never used: nobody knows how it came about, and its job has gone on. */
function decideUnknown(lease: LeaseRow, { list, nowMs }: Facts): Step {
  assert(lease.postSentAtMs !== null, 'what is unknown was sent');
  if (list.kind !== 'complete') return waitFor(list);
  const there = list.machines.find(({ name }) => name === lease.name);
  if (there !== undefined) return { step: 'destroy', why: 'lost_but_there', machineId: there.id };
  if (list.askedAtMs - lease.postSentAtMs < landingMsMax) return { step: 'wait' };
  if (lease.absentSeenAtMs === null) return { step: 'note_absent' };
  return nowMs - lease.absentSeenAtMs < absentGapMs
    ? { step: 'wait' }
    : { step: 'end', cost: 'none', why: 'never_came' };
}

function decideLiving(lease: LeaseRow, facts: Facts): Step {
  const { nowMs } = facts;
  assert(lease.machineId !== null && lease.postSentAtMs !== null, 'a living machine has an id');
  const { machineId } = lease;
  const destroy = (why: Reason): Step => ({ step: 'destroy', why, machineId });
  if (!facts.keysInMemory) return destroy('restarted');
  if (!facts.wanted) return destroy('done');
  if (nowMs >= lease.deadlineAtMs) return destroy('overdue');
  if (lease.state === 'booting' && nowMs - lease.postSentAtMs >= bootMsMax) return destroy('boot_too_long');
  const sight = look(lease, machineId, facts);
  if (sight.kind === 'unknown') return waitFor(facts.list);
  if (sight.kind === 'renamed') return destroy('renamed');
  if (sight.kind === 'there') {
    const { machine } = sight;
    const isOff = machine.status === 'off' && !facts.mayBeOff;
    if (isOff || machine.status === 'archive') return destroy('powered_off');
    const isNews = lease.seenAtMs === null || lease.absentSeenAtMs !== null || lease.address !== addressOf(machine);
    return isNews ? { step: 'see', machine } : { step: 'wait' };
  }
  // Right after a create, neither the list nor the id need show it yet.
  if (lease.seenAtMs === null) return { step: 'wait' };
  if (lease.absentSeenAtMs === null) return { step: 'note_absent' };
  return nowMs - lease.absentSeenAtMs < absentGapMs ? { step: 'wait' } : destroy('vanished');
}

function decideDestroying(lease: LeaseRow, facts: Facts): Step {
  assert(lease.machineId !== null && lease.postSentAtMs !== null, 'what is destroyed has an id');
  const { machineId } = lease;
  const sight = look(lease, machineId, facts);
  const step = decideRemoval({ ...lease, machineId }, sight, facts.nowMs);
  const mayLand = lease.seenAtMs === null && facts.nowMs - lease.postSentAtMs < landingMsMax;
  if (step === 'see' && sight.kind === 'there') return { step: 'see', machine: sight.machine };
  if (step === 'delete') return { step: 'delete', machineId };
  if (mayLand || step === 'wait') return waitFor(facts.list);
  return step === 'end' ? { step: 'end', cost: 'by_time', why: 'done' } : { step: 'note_absent' };
}

export interface Removal {
  readonly machineId: number;
  readonly seenAtMs: number | null;
  readonly destroyAskedAtMs: number | null;
  readonly destroySentAtMs: number | null;
  readonly absentSeenAtMs: number | null;
}

export type Sight =
  | { readonly kind: 'there'; readonly machine: CloudMachine }
  | { readonly kind: 'absent' }
  /** Its id carries another name: then it is none of ours, whatever the row says. */
  | { readonly kind: 'renamed' }
  | { readonly kind: 'unknown' };

/**
 * The same for a lease's machine and for a stray: asked for again until nothing is there, twice, and for ever. `see`: it is there
 * although it was not before, or is seen for the first time.
 */
export function decideRemoval(
  removal: Removal,
  sight: Sight,
  nowMs: number,
): 'delete' | 'see' | 'note_absent' | 'end' | 'wait' {
  switch (sight.kind) {
    // Not without having seen that the name is still ours.
    case 'unknown':
    case 'renamed':
      return 'wait';
    case 'absent':
      if (removal.absentSeenAtMs === null) return 'note_absent';
      return nowMs - removal.absentSeenAtMs < absentGapMs ? 'wait' : 'end';
    case 'there': {
      if (removal.absentSeenAtMs !== null || removal.seenAtMs === null) return 'see';
      if (removal.destroySentAtMs === null) return 'delete';
      // A clock that was set back must not keep it alive.
      const sinceMs = Math.abs(nowMs - removal.destroySentAtMs);
      return sinceMs >= destroyGapMs(removal, nowMs) ? 'delete' : 'wait';
    }
    default:
      return never(sight);
  }
}

/** Denser at first, then once a minute. */
function destroyGapMs({ destroyAskedAtMs }: Removal, nowMs: number): number {
  const triedMs = destroyAskedAtMs === null ? 0 : Math.abs(nowMs - destroyAskedAtMs);
  return Math.min(destroyEveryMs.last, Math.max(destroyEveryMs.first, triedMs / 2));
}

/** 404 alone may be a token that was revoked: a machine is absent when a complete list lacks it too. */
export function look(
  { name }: { readonly name: string },
  machineId: number,
  { list, find }: Pick<Facts, 'list' | 'find'>,
): Sight {
  const listed = list.kind === 'complete' ? list.machines.find(({ id }) => id === machineId) : undefined;
  const machine = listed ?? (find.kind === 'found' ? find.machine : undefined);
  if (machine !== undefined) return machine.name === name ? { kind: 'there', machine } : { kind: 'renamed' };
  return list.kind === 'complete' && find.kind === 'absent' ? { kind: 'absent' } : { kind: 'unknown' };
}

/** Whether the next pass must come sooner than the minute, in milliseconds; null when it need not. */
export function nextLookMs(lease: LeaseRow, nowMs: number): number | null {
  switch (lease.state) {
    case 'planned':
    case 'creating':
      return 5_000;
    case 'unknown': {
      const sinceMs = Math.abs(nowMs - (lease.postSentAtMs ?? nowMs));
      return lease.absentSeenAtMs === null ? Math.min(60_000, Math.max(5_000, sinceMs)) : absentGapMs;
    }
    case 'booting':
      return 3_000;
    case 'destroying':
      return nextRemovalLookMs({ ...lease, machineId: lease.machineId ?? 0 }, nowMs);
    case 'ready':
    case 'gone':
      return null;
    default:
      return never(lease.state);
  }
}

export function nextRemovalLookMs(removal: Removal, nowMs: number): number {
  return removal.absentSeenAtMs === null
    ? destroyGapMs(removal, nowMs)
    : Math.max(1_000, absentGapMs - (nowMs - removal.absentSeenAtMs));
}

function addressOf(machine: CloudMachine): string | null {
  return machine.status === 'active' ? machine.address : null;
}

function waitFor(list: ListFact): Step {
  return list.kind === 'failed' ? { step: 'wait', failure: list.failure } : { step: 'wait' };
}
