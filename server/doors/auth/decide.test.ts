import { describe, expect, it } from 'vitest';
import { decideDoor, decideTry, deviceIsGood, sessionIsOpen, waitLeftMs } from './decide.ts';

const now = 1_800_000_000_000;
const second = 1000;
const minute = 60 * second;

describe('the throttle', () => {
  it('lets five wrong tries go without a wait, then doubles it up to fifteen minutes, and never ends for good', () => {
    let throttle = { failures: 0, blockedUntilMs: 0 };
    let atMs = now;
    const waits: number[] = [];
    for (let count = 0; count < 1000; count += 1) {
      const step = decideTry(throttle, atMs);
      if (step.step !== 'try') throw new Error('after the wait a try is always possible');
      throttle = step.counted;
      waits.push(waitLeftMs(throttle, atMs) / second);
      atMs += waitLeftMs(throttle, atMs);
    }
    expect(waits.slice(0, 16)).toEqual([0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(Math.max(...waits)).toBe(900);
  });

  it('refuses a try until the wait is over, and not a millisecond longer', () => {
    const throttle = { failures: 7, blockedUntilMs: now + 8000 };
    expect(decideTry(throttle, now)).toEqual({ step: 'wait', waitMs: 8000 });
    expect(decideTry(throttle, now + 7999)).toEqual({ step: 'wait', waitMs: 1 });
    expect(decideTry(throttle, now + 8000)).toMatchObject({ step: 'try', counted: { failures: 8 } });
  });

  it('does not lock the owner out for ever when the clock is set back', () => {
    expect(waitLeftMs({ failures: 7, blockedUntilMs: now + 365 * 24 * 60 * minute }, now)).toBe(8000);
  });
});

describe('a session', () => {
  const session = { openedAtMs: now, seenAtMs: now, endedAtMs: null };
  it.each([
    ['just opened', session, 0, true],
    ['used 29 minutes ago', session, 29 * minute, true],
    ['unused for 30 minutes', session, 30 * minute, false],
    ['in use for just under 12 hours', { ...session, seenAtMs: now + 719 * minute }, 719 * minute, true],
    ['in use for 12 hours', { ...session, seenAtMs: now + 719 * minute }, 720 * minute, false],
    ['ended', { ...session, endedAtMs: now }, 1, false],
  ])('%s', (_what, times, laterMs, open) => {
    expect(sessionIsOpen(times, now + laterMs)).toBe(open);
  });
});

describe('a device', () => {
  const day = 24 * 60 * minute;
  const device = { enrolledAtMs: now, lastSeenAtMs: null, revokedAtMs: null };
  it.each([
    ['just enrolled', device, 0, true],
    ['not used for 180 days', device, 180 * day, false],
    ['used lately', { ...device, lastSeenAtMs: now + 179 * day }, 180 * day, true],
    ['revoked', { ...device, revokedAtMs: now }, 1, false],
  ])('%s', (_what, times, laterMs, good) => {
    expect(deviceIsGood(times, now + laterMs)).toBe(good);
  });
});

describe('the door', () => {
  const device = { mayChoosePin: true };
  it.each([
    ['a stranger', { device: null, pinIsSet: true, sessionIsOpen: false }, 'unknown_device'],
    ['a stranger with a session cookie', { device: null, pinIsSet: true, sessionIsOpen: true }, 'unknown_device'],
    ['a new device before the first PIN', { device, pinIsSet: false, sessionIsOpen: false }, 'choose_pin'],
    [
      'a device from before the PIN was reset',
      { device: { mayChoosePin: false }, pinIsSet: false, sessionIsOpen: false },
      'unknown_device',
    ],
    ['an enrolled device', { device, pinIsSet: true, sessionIsOpen: false }, 'locked'],
    ['a session on it', { device, pinIsSet: true, sessionIsOpen: true }, 'open'],
    ['a session that outlived its PIN', { device, pinIsSet: false, sessionIsOpen: true }, 'choose_pin'],
  ])('shows %s the right side', (_what, facts, state) => {
    expect(decideDoor(facts)).toBe(state);
  });
});
