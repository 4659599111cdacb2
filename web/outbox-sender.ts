import type { Message } from '#contract/chat.ts';
import { call, NoAnswer, Refusal } from './api.ts';
import { useChanges } from './changes.ts';
import { dueOnLive, reduce, restore } from './outbox.ts';
import type { OutboxEntry, OutboxEvent } from './outbox.ts';
import { current, onLive, readStateSoon } from './store.ts';

const storageName = 'patchgit.outbox';
let entries: readonly OutboxEntry[] = [];
/** A large diff may not fit into the browser's storage: then the message is kept by this page only, and it says so. */
let kept = true;
const listeners = new Set<() => void>();
const arrivals = new Set<(message: Message) => void>();

function happen(event: OutboxEvent): void {
  entries = reduce(entries, event);
  try {
    localStorage.setItem(storageName, JSON.stringify(entries));
    kept = true;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    kept = false;
  }
  for (const listener of listeners) listener();
}

/** Keeps the message on this device first, then sends it. */
export function send(entry: OutboxEntry): void {
  happen({ type: 'written', entry });
  void deliver(entry.id);
}

export function sendAgain(id: string): void {
  happen({ type: 'sending', id, again: true });
  void deliver(id);
}

export function removeFromOutbox(id: string): void {
  happen({ type: 'removed', id });
}

/** Safe to repeat: the thread and the message have ids made here, and the server answers a repeat with the first result. */
async function deliver(id: string): Promise<void> {
  const entry = entries.find((one) => one.id === id);
  if (!entry) return;
  try {
    if (entry.newThreadTitle !== null) {
      await call('POST', '/api/threads', { id: entry.threadId, title: entry.newThreadTitle });
    }
    arrived(await call<Message>('POST', `/api/threads/${entry.threadId}/messages`, bodyOf(entry), { wallMs: 60_000 }));
  } catch (error) {
    if (error instanceof Refusal) happen({ type: 'refused', id, problem: error.problem });
    else if (error instanceof NoAnswer) await findOut(id);
    else throw error;
  }
}

function bodyOf(entry: OutboxEntry): object {
  return {
    id: entry.id,
    text: entry.text,
    repository: entry.repository,
    ...(entry.patchBase64 === null ? {} : { patchBase64: entry.patchBase64 }),
    ...(entry.retryOf === null ? {} : { retryOf: entry.retryOf }),
  };
}

/** The request got no answer. Asks whether it arrived; when that gets no answer either, there is no connection. */
async function findOut(id: string): Promise<void> {
  happen({ type: 'unanswered', id });
  try {
    arrived(await call<Message>('GET', `/api/messages/${id}`, undefined, { wallMs: 8_000 }));
  } catch (error) {
    if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
    happen({ type: 'absent', id });
  }
}

function arrived(message: Message): void {
  for (const listener of arrivals) listener(message);
  happen({ type: 'accepted', id: message.id });
  readStateSoon();
}

/** Takes up what an earlier page left, and goes on whenever the link is live again. */
export function beginOutbox(): void {
  entries = restore(localStorage.getItem(storageName));
  const goOn = (): void => {
    const due = dueOnLive(entries);
    for (const id of due.check) void findOut(id);
    for (const id of due.send) sendAgain(id);
  };
  onLive(goOn);
  if (['live', 'polling'].includes(current().link)) goOn();
}

/** Hears of messages the server has confirmed, so that a page can show them before its next reading. */
export function onArrival(listener: (message: Message) => void): () => void {
  arrivals.add(listener);
  return () => void arrivals.delete(listener);
}

export function useOutbox(): { readonly entries: readonly OutboxEntry[]; readonly kept: boolean } {
  useChanges(listeners, () => entries);
  return { entries, kept };
}
