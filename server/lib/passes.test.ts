import { describe, expect, it } from 'vitest';
import { fakeClock } from '../testing/fake-clock.ts';
import { passes } from './passes.ts';

function house() {
  const clock = fakeClock();
  const gates: PromiseWithResolvers<void>[] = [];
  const signals: AbortSignal[] = [];
  const crashes: unknown[] = [];
  const running = passes({
    every: (run) => clock.every(1000, run),
    crash: (error) => crashes.push(error),
    pass: (signal) => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      signals.push(signal);
      return gate.promise;
    },
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, gates, signals, crashes, running, turn };
}

describe('the passes of a reconciler', () => {
  it('run one at a time, and no nudge is lost', async () => {
    const { gates, running, turn } = house();
    running.nudge();
    running.nudge();
    running.nudge();
    expect(gates).toHaveLength(1);
    gates[0]?.resolve();
    await turn();
    expect(gates).toHaveLength(2);
    gates[1]?.resolve();
    await running.idle();
    expect(gates).toHaveLength(2);
  });

  it('run on the timer too', async () => {
    const { clock, gates, running } = house();
    clock.advance(999);
    expect(gates).toHaveLength(0);
    clock.advance(1);
    gates[0]?.resolve();
    await running.idle();
    clock.advance(1000);
    expect(gates).toHaveLength(2);
    gates[1]?.resolve();
    await running.stop();
  });

  it('end with the one that runs, and begin no other, when they are stopped', async () => {
    const { clock, gates, signals, running } = house();
    running.nudge();
    running.nudge();
    const stopped = running.stop();
    expect(signals[0]?.aborted).toBe(true);
    gates[0]?.resolve();
    await stopped;
    running.nudge();
    clock.advance(5000);
    expect(gates).toHaveLength(1);
  });

  it('tell of a bug, and go on at the next nudge', async () => {
    const { crashes, gates, running } = house();
    const bug = new Error('a bug');
    running.nudge();
    gates[0]?.reject(bug);
    await running.idle();
    expect(crashes).toEqual([bug]);
    running.nudge();
    expect(gates).toHaveLength(2);
    gates[1]?.resolve();
    await running.stop();
  });
});
