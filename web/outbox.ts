import type { Problem } from '#contract/problem.ts';

/** How far a message of the owner got, while the server has not confirmed it. From `accepted` on, the server says. */
export type Delivery = 'sending' | 'checking' | 'not_sent' | 'refused';

export interface OutboxEntry {
  /** Made here, so that sending it again is the same message (notes 3.4). */
  readonly id: string;
  readonly threadId: string;
  /** Set when the thread itself must be made first. */
  readonly newThreadTitle: string | null;
  readonly text: string;
  readonly repository: string | null;
  readonly patchBase64: string | null;
  readonly patchBytes: number | null;
  readonly retryOf: string | null;
  readonly createdAtMs: number;
  readonly delivery: Delivery;
  /** It is sent again by itself once, when the link is live again; after that the owner decides. */
  readonly sentAgain: boolean;
  readonly problem: Problem | null;
}

export type OutboxEvent =
  | { readonly type: 'written'; readonly entry: OutboxEntry }
  | { readonly type: 'sending'; readonly id: string; readonly again: boolean }
  /** The server has it on disk. */
  | { readonly type: 'accepted'; readonly id: string }
  /** The request got no answer: it may have arrived. */
  | { readonly type: 'unanswered'; readonly id: string }
  /** The server says it never came, or cannot be asked. */
  | { readonly type: 'absent'; readonly id: string }
  | { readonly type: 'refused'; readonly id: string; readonly problem: Problem }
  | { readonly type: 'removed'; readonly id: string };

/** The outbox after an event. An event for a message that is not in it changes nothing. */
export function reduce(entries: readonly OutboxEntry[], event: OutboxEvent): readonly OutboxEntry[] {
  switch (event.type) {
    case 'written':
      return [...entries.filter((entry) => entry.id !== event.entry.id), event.entry];
    case 'accepted':
    case 'removed':
      return entries.filter((entry) => entry.id !== event.id);
    case 'sending':
      return change(entries, event.id, (entry) => ({
        delivery: 'sending',
        problem: null,
        sentAgain: entry.sentAgain || event.again,
      }));
    case 'unanswered':
      return change(entries, event.id, () => ({ delivery: 'checking' }));
    case 'absent':
      return change(entries, event.id, () => ({ delivery: 'not_sent' }));
    case 'refused':
      return change(entries, event.id, () => ({ delivery: 'refused', problem: event.problem }));
  }
}

function change(
  entries: readonly OutboxEntry[],
  id: string,
  next: (entry: OutboxEntry) => Partial<OutboxEntry>,
): readonly OutboxEntry[] {
  return entries.map((entry) => (entry.id === id ? { ...entry, ...next(entry) } : entry));
}

/** What the outbox must do now that the link is live: ask about the unsure, send the unsent once more. */
export function dueOnLive(entries: readonly OutboxEntry[]): { readonly check: string[]; readonly send: string[] } {
  return {
    check: entries.filter((entry) => entry.delivery === 'checking').map((entry) => entry.id),
    send: entries.filter((entry) => entry.delivery === 'not_sent' && !entry.sentAgain).map((entry) => entry.id),
  };
}

/**
 * The outbox as a former page left it. What was being sent then may have arrived. Text that is not an outbox of ours
 * gives an empty one: it is only this browser's copy.
 */
export function restore(stored: string | null): readonly OutboxEntry[] {
  if (stored === null || !stored.startsWith('[')) return [];
  // Written by this page; the members the page relies on are checked.
  const entries = JSON.parse(stored) as readonly OutboxEntry[];
  return entries
    .filter((entry) => typeof entry.id === 'string' && typeof entry.text === 'string')
    .map((entry) => (entry.delivery === 'sending' ? { ...entry, delivery: 'checking' as const } : entry));
}

/** The line under a message that the server has not confirmed. */
export function deliveryText(delivery: Delivery, problem: Problem | null): string {
  if (delivery === 'sending') return 'Sending…';
  if (delivery === 'checking') return 'Not sure it arrived. Checking…';
  if (delivery === 'not_sent') return 'Not sent. No connection.';
  return `Not sent. ${problem?.message ?? 'The server refused it.'}`;
}
