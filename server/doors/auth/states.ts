import type { Hello } from '#contract/door.ts';
import type { ProblemCode } from '#contract/problem.ts';

export type DoorState = Hello['door'];

/** What a visitor in each state may do, and what asking for more is refused with. `open` is the only one let in. */
export const doorStates = {
  unknown_device: {
    refusal: 'device_unknown',
    sentence:
      'This device is not enrolled. Ask for a one-time link with "patchgit device add" on the machine patchgit runs on.',
  },
  choose_pin: { refusal: 'pin_required', sentence: 'No PIN is set yet. Choose one on this device first.' },
  locked: { refusal: 'locked', sentence: 'This device is locked. Type the PIN.' },
  open: { refusal: null, sentence: '' },
} as const satisfies Record<DoorState, { readonly refusal: ProblemCode | null; readonly sentence: string }>;

export const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** One device's (or all strangers') wrong tries in a row, and until when it has to wait. */
export interface Throttle {
  readonly failures: number;
  readonly blockedUntilMs: number;
}

/** Tries that cost no waiting. After them the wait doubles: 2 s, 4 s … */
export const freeTries = 5;
/** Never longer and never for ever: nobody may lock the owner out for good. */
export const waitMsMax = 15 * minuteMs;

export const linkLifeMs = 15 * minuteMs;
/** The link that the very first start prints; the owner may still be reading. */
export const firstLinkLifeMs = hourMs;

export const deviceLifeMs = 180 * dayMs;
export const sessionIdleMs = 30 * minuteMs;
export const sessionLifeMs = 12 * hourMs;
/** A session's last use is written at most this often: reading a page should not cost a disk write. */
export const seenEveryMs = 60_000;
/** Ended sessions and spent links are kept this long; the ledger keeps what happened for ever. */
export const forgottenAfterMs = 30 * dayMs;
