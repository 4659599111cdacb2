import type { LiveFrame } from '#contract/live.ts';
import { useChanges } from './changes.ts';
import { outputTailMax } from './limits.ts';

type Output = Extract<LiveFrame, { type: 'output' }>;

export interface Tail {
  readonly check: string;
  readonly side: 'before' | 'after';
  readonly text: string;
}

const tails = new Map<string, Tail>();
const listeners = new Set<() => void>();

/** Keeps the end of what a running check prints. It is not in the ledger: a reload loses it, the evidence has all of it. */
export function addOutput(frame: Output): void {
  const known = tails.get(frame.jobId);
  const same = known?.check === frame.check && known.side === frame.side;
  const text = ((same ? known.text : '') + frame.text).slice(-outputTailMax);
  tails.set(frame.jobId, { check: frame.check, side: frame.side, text });
  for (const listener of listeners) listener();
}

export function useTail(jobId: string): Tail | null {
  useChanges(listeners, () => tails.get(jobId));
  return tails.get(jobId) ?? null;
}
