import { describe, expect, it } from 'vitest';
import { deliveryText, dueOnLive, reduce, restore } from './outbox.ts';
import type { OutboxEntry, OutboxEvent } from './outbox.ts';

const entry: OutboxEntry = {
  id: 'm1',
  threadId: 't1',
  newThreadTitle: null,
  text: 'Retry uploads',
  repository: 'sample',
  patchBase64: null,
  patchBytes: null,
  retryOf: null,
  createdAtMs: 1,
  delivery: 'sending',
  sentAgain: false,
  problem: null,
};

const after = (...events: readonly OutboxEvent[]): readonly OutboxEntry[] =>
  events.reduce<readonly OutboxEntry[]>(reduce, reduce([], { type: 'written', entry }));

describe('the outbox', () => {
  it('lets go of a message only when the server has it, or the owner removes it', () => {
    expect(after({ type: 'accepted', id: 'm1' })).toEqual([]);
    expect(after({ type: 'removed', id: 'm1' })).toEqual([]);
    for (const type of ['unanswered', 'absent'] as const) expect(after({ type, id: 'm1' })).toHaveLength(1);
  });

  it('is not sure after a lost answer, and says not sent once the server does not know it', () => {
    expect(after({ type: 'unanswered', id: 'm1' })[0]?.delivery).toBe('checking');
    expect(after({ type: 'unanswered', id: 'm1' }, { type: 'absent', id: 'm1' })[0]?.delivery).toBe('not_sent');
  });

  it('keeps what the server said when it refused, and forgets it when it is sent again', () => {
    const refused = after({
      type: 'refused',
      id: 'm1',
      problem: { code: 'queue_full', message: 'The queue is full.' },
    });
    expect(deliveryText('refused', refused[0]?.problem ?? null)).toBe('Not sent. The queue is full.');
    expect(reduce(refused, { type: 'sending', id: 'm1', again: true })[0]).toMatchObject({
      delivery: 'sending',
      problem: null,
    });
  });

  it('sends by itself once when the link is live again, and leaves the second time to the owner', () => {
    const unsent = after({ type: 'absent', id: 'm1' });
    expect(dueOnLive(unsent)).toEqual({ check: [], send: ['m1'] });
    const twice = [{ type: 'sending', id: 'm1', again: true } as const, { type: 'absent', id: 'm1' } as const].reduce<
      readonly OutboxEntry[]
    >(reduce, unsent);
    expect(dueOnLive(twice)).toEqual({ check: [], send: [] });
  });

  it('asks about what it is not sure of before it sends anything', () => {
    expect(dueOnLive(after({ type: 'unanswered', id: 'm1' }))).toEqual({ check: ['m1'], send: [] });
  });

  it('writes the same message once, however often it is handed in', () => {
    expect(after({ type: 'written', entry: { ...entry, text: 'again' } }).map((one) => one.text)).toEqual(['again']);
  });

  it('does nothing for a message it does not have', () => {
    const entries = after();
    expect(reduce(entries, { type: 'absent', id: 'other' })).toEqual(entries);
  });

  it('finds after a reload what was on its way, and is not sure whether it arrived', () => {
    expect(restore(JSON.stringify(after()))[0]?.delivery).toBe('checking');
    expect(restore(null)).toEqual([]);
    expect(restore('something else')).toEqual([]);
    expect(restore('[{"no":"message"}]')).toEqual([]);
  });
});
