/** What a row is after something happened. Pure: the store writes exactly this, and the model of the tests uses it too. */
import type { Sha256 } from '#contract/ids.ts';
import { assert } from '../../lib/assert.ts';
import type { CloudMachine } from '../../ports-cloud.ts';
import { next, type LeaseEvent, type LeaseRow } from './states.ts';

export type Move =
  | { readonly move: 'ask' }
  | { readonly move: 'answer'; readonly machine: CloudMachine }
  | { readonly move: 'refuse'; readonly trouble: string }
  | { readonly move: 'lose'; readonly trouble: string }
  | { readonly move: 'see'; readonly machine: CloudMachine }
  | { readonly move: 'note_absent' }
  | { readonly move: 'connect' }
  /** `logTrouble`: why what it printed will not be fetched, when that is known by now. */
  | {
      readonly move: 'destroy';
      readonly machineId: number;
      readonly trouble: string | null;
      readonly logTrouble?: string;
    }
  | { readonly move: 'delete' }
  | { readonly move: 'tell'; readonly trouble: string }
  | { readonly move: 'keep_log'; readonly log: { readonly sha256: Sha256; readonly bytes: number } }
  | { readonly move: 'miss_log'; readonly trouble: string }
  | { readonly move: 'end'; readonly costMicros: number; readonly trouble: string | null };

export function after(lease: LeaseRow, move: Move, nowMs: number): LeaseRow {
  return { ...lease, ...changeOf(lease, move, nowMs), version: lease.version + 1 };
}

function changeOf(lease: LeaseRow, move: Move, nowMs: number): Partial<LeaseRow> {
  switch (move.move) {
    case 'ask':
      return { state: to(lease, 'ask'), postSentAtMs: nowMs };
    case 'answer':
      return { state: to(lease, 'answer'), machineId: move.machine.id, createdAtMs: nowMs, checkedAtMs: nowMs };
    case 'refuse':
      assert(lease.state === 'creating', 'only what was asked is refused');
      return { refusedAtMs: nowMs, trouble: move.trouble };
    case 'lose':
      return { state: to(lease, 'lose'), trouble: move.trouble };
    case 'see': {
      const { status, address } = move.machine;
      return {
        seenAtMs: lease.seenAtMs ?? nowMs,
        absentSeenAtMs: null,
        checkedAtMs: nowMs,
        address: status === 'active' ? address : null,
      };
    }
    case 'note_absent':
      return { absentSeenAtMs: nowMs, checkedAtMs: nowMs };
    case 'connect':
      return { state: to(lease, 'connect'), readyAtMs: nowMs };
    case 'destroy': {
      // Found by its name in a list, when its id was not known: that is the first sight of it.
      const seenAtMs = lease.machineId === null ? nowMs : lease.seenAtMs;
      const { machineId, trouble, logTrouble } = move;
      const why = trouble ?? lease.trouble;
      const isLogMissed = logTrouble !== undefined && lease.bootLogSha256 === null && lease.bootLogTrouble === null;
      return {
        state: to(lease, 'destroy'),
        machineId,
        seenAtMs,
        destroyAskedAtMs: nowMs,
        absentSeenAtMs: null,
        trouble: why,
        ...(isLogMissed ? { bootLogTrouble: logTrouble } : {}),
      };
    }
    case 'delete':
      assert(lease.state === 'destroying', 'what is deleted was decided to be destroyed');
      return { destroySentAtMs: nowMs };
    case 'tell':
      return { trouble: move.trouble };
    case 'keep_log':
      return { bootLogSha256: move.log.sha256, bootLogBytes: move.log.bytes, bootLogTrouble: null };
    case 'miss_log':
      return { bootLogTrouble: move.trouble };
    case 'end':
      return {
        state: to(lease, 'end'),
        goneAtMs: nowMs,
        checkedAtMs: nowMs,
        costMicros: move.costMicros,
        trouble: move.trouble ?? lease.trouble,
      };
  }
}

function to(lease: LeaseRow, event: LeaseEvent): LeaseRow['state'] {
  const state = next(lease.state, event);
  assert(state !== null, `a lease that is ${lease.state} can ${event}`);
  return state;
}
