import { describe, expect, it } from 'vitest';
import { LeaseState } from '#contract/lease.ts';
import { aLease, askedAtMs } from '../../server/testing/helper-views.ts';
import { bootSteps, checkedText, noHelperText, stopText, usualBoot } from './helper-lease.tsx';
import { costSoFarUsd, fineUsd, meterText, phaseOf } from './helper-meter.tsx';

const after = (seconds: number): number => askedAtMs + seconds * 1000;
const booting = { state: 'booting', readyAtMs: null };
const destroying = { state: 'destroying', destroyAskedAtMs: after(120) };
const steps = (lease: ReturnType<typeof aLease>, nowMs: number, past = [] as ReturnType<typeof aLease>[]): string[] =>
  bootSteps(lease, past, nowMs, 'UTC').map(({ name, state, fact }) => `${name}: ${state}${fact ? `, ${fact}` : ''}`);

describe('the meter of the helper', () => {
  it('says price and cost so far in every state but gone', () => {
    const texts = LeaseState.options
      .filter((state) => state !== 'gone')
      .map((state) => meterText(aLease({ state, destroyAskedAtMs: after(790) }), after(800)));
    expect(texts).toEqual([
      '1 helper planned · $0.018/h · $0.004 so far',
      '1 helper · $0.018/h · $0.004 so far',
      'Helper not confirmed · $0.018/h · $0.004 so far',
      '1 helper · $0.018/h · $0.004 so far',
      '1 helper · $0.018/h · $0.004 so far',
      'Stopping helper · $0.018/h · $0.004 so far',
    ]);
  });

  it('counts by time, never below what is booked, never backwards, and not at all once it is gone or was never asked for', () => {
    const lease = aLease();
    expect(costSoFarUsd(lease, after(3600))).toBeCloseTo(0.018, 9);
    expect(costSoFarUsd({ ...lease, costUsd: 0.01 }, after(10))).toBe(0.01);
    expect(costSoFarUsd(lease, after(-10))).toBe(0);
    expect(costSoFarUsd({ ...lease, state: 'gone', costUsd: 0.01 }, after(36_000))).toBe(0.01);
    expect(costSoFarUsd(aLease({ state: 'planned', askedAtMs: null }), after(36_000))).toBe(0);
  });

  it('never shows what has begun to cost as free', () => {
    expect([0, 0.000_001, 0.0004, 0.0179, 1.5].map(fineUsd)).toEqual([
      '$0.00',
      '$0.0001',
      '$0.0004',
      '$0.018',
      '$1.500',
    ]);
  });

  it('says after a minute without confirmation that nobody knows, and not before', () => {
    const lease = aLease(destroying);
    expect(phaseOf(lease, after(180))).toBe('stopping');
    expect(phaseOf(lease, after(181))).toBe('unconfirmed');
    expect(meterText(lease, after(181))).toMatch(/^Helper not confirmed gone · /);
    expect(stopText(lease, after(130), 'UTC')).toBe('Stopping… asked 14:05:02');
    expect(stopText(lease, after(181), 'UTC')).toBe(
      'We asked the provider to delete it and have no confirmation. It may still cost money.',
    );
  });
});

describe('the helper page', () => {
  it('shows each step from asking to working with its time', () => {
    expect(steps(aLease({ state: 'planned', askedAtMs: null, machineId: null, readyAtMs: null }), after(0))).toEqual([
      'Asked provider: running, not yet: nothing costs money',
      'Created, billing: waiting',
      'Booting: waiting',
      'Connected: waiting',
      'Working: waiting',
    ]);
    expect(steps(aLease({ state: 'unknown', machineId: null, readyAtMs: null }), after(20))).toEqual([
      'Asked provider: done, 14:03:02',
      'Created, billing: running, no answer: it may exist',
      'Booting: waiting',
      'Connected: waiting',
      'Working: waiting',
    ]);
    expect(steps(aLease(booting), after(31))).toEqual([
      'Asked provider: done, 14:03:02',
      'Created, billing: done, counted from 14:03:02',
      'Booting: running, 31 s',
      'Connected: waiting',
      'Working: waiting',
    ]);
    expect(steps(aLease(), after(110)).slice(2)).toEqual([
      'Booting: done, 50 s',
      'Connected: done, 14:03:52',
      'Working: running, 1:00',
    ]);
    expect(steps(aLease({ jobId: null }), after(110)).at(-1)).toBe('Working: waiting, no job');
  });

  it('shows where it ended when it was stopped', () => {
    expect(steps(aLease({ ...destroying, readyAtMs: null }), after(130)).slice(2)).toEqual([
      'Booting: stopped',
      'Connected: waiting',
      'Working: waiting',
    ]);
    expect(steps(aLease(destroying), after(130)).at(-1)).toBe('Working: done');
  });

  it('says what is usual only once five helpers have shown it, and when one is slower', () => {
    const past = [90, 40, 60, 45, 70].map((took) => aLease({ state: 'gone', readyAtMs: after(took) }));
    expect(usualBoot(past.slice(1))).toBeNull();
    expect(usualBoot([...past.slice(1), aLease({ readyAtMs: null })])).toBeNull();
    expect(usualBoot(past)).toEqual({ fromMs: 60_000, toMs: 90_000, slowMs: 90_000 });
    expect(steps(aLease(booting), after(31), past)[2]).toBe('Booting: running, 31 s, usually 1:00 to 1:30');
    expect(steps(aLease(booting), after(91), past)[2]).toBe(
      'Booting: running, 1:31, slower than usual, usually 1:00 to 1:30',
    );
  });

  it('says what the provider last said, and claims that it runs only where that was the answer', () => {
    const said = LeaseState.options.map((state) => checkedText(aLease({ state }), 'UTC'));
    expect(said).toEqual([
      'answered 14:05:10',
      'answered 14:05:10',
      'answered 14:05:10',
      'confirmed running 14:05:10',
      'confirmed running 14:05:10',
      'answered 14:05:10',
      'confirmed gone 14:05:10',
    ]);
    expect(checkedText(aLease({ checkedAtMs: null }))).toBe('not checked yet');
  });

  it('says that nothing costs money only when no stray machine is left either', () => {
    expect(noHelperText(0)).toBe('No helper exists. Nothing is costing money.');
    expect(noHelperText(1)).not.toMatch(/costing/);
  });

  it('says how one ended, and what it cost', () => {
    const gone = { state: 'gone', destroyAskedAtMs: after(120), goneAtMs: after(137), costUsd: 0.0042 };
    expect(stopText(aLease(gone), 0, 'UTC')).toBe('Gone, confirmed by provider 14:05:19, cost $0.004');
    expect(stopText(aLease({ ...gone, machineId: null, readyAtMs: null, costUsd: 0 }), 0)).toBe(
      'Never made, nothing was billed',
    );
    expect(stopText(aLease(), after(60))).toBeNull();
  });
});
