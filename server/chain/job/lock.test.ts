import { describe, expect, it } from 'vitest';
import { fakeClock } from '../../testing/fake-clock.ts';
import { serialLock, type Holder } from './lock.ts';

const holder = (kind: Holder['kind'], id: string): Holder => ({ kind, id, title: id });

/** Work that ends when the test says so. */
function task(log: string[], id: string) {
  const ended = Promise.withResolvers<void>();
  const work = async (): Promise<void> => {
    log.push(`${id} starts`);
    await ended.promise;
    log.push(`${id} ends`);
  };
  return { work, end: ended.resolve, fail: ended.reject };
}

describe('the serialization lock', () => {
  it('runs one at a time, in order, and the decisions of the owner before waiting jobs', async () => {
    const log: string[] = [];
    const lock = serialLock(fakeClock(5));
    const tasks = ['one', 'two', 'go'].map((id) => task(log, id));
    const [one, two, go] = tasks;
    if (!one || !two || !go) throw new Error('three tasks');
    const all = [
      lock.run(holder('job', 'one'), one.work),
      lock.run(holder('job', 'two'), two.work),
      lock.run(holder('publication', 'go'), go.work),
    ];
    expect(lock.now()).toEqual({ holder: { ...holder('job', 'one'), sinceMs: 5 }, waiting: 2 });
    for (const each of tasks) each.end();
    await Promise.all(all);
    expect(log).toEqual(['one starts', 'one ends', 'go starts', 'go ends', 'two starts', 'two ends']);
    expect(lock.now()).toEqual({ holder: null, waiting: 0 });
  });

  it('is free again after work that failed, and gives the failure to who asked', async () => {
    const lock = serialLock(fakeClock());
    await expect(lock.run(holder('job', 'one'), () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const log: string[] = [];
    const next = task(log, 'next');
    next.end();
    await lock.run(holder('job', 'next'), next.work);
    expect(log).toEqual(['next starts', 'next ends']);
  });

  it('drops what waits without an error when it is cleared, and lets what runs go on', async () => {
    const log: string[] = [];
    const lock = serialLock(fakeClock());
    const [running, waiting] = [task(log, 'running'), task(log, 'waiting')];
    const first = lock.run(holder('job', 'running'), running.work);
    const second = lock.run(holder('job', 'waiting'), waiting.work);
    lock.clear();
    await second;
    running.end();
    await first;
    await lock.idle();
    expect(log).toEqual(['running starts', 'running ends']);
  });
});
