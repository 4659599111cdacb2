import { problem, type Problem } from '#contract/problem.ts';
import { doorStates, freeTries, type DoorState } from './states.ts';

/** "2 seconds", "15 minutes": rounded up, so that nobody comes back too early. */
export function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [count, unit] = seconds <= 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

export function tooManyPins(waitMs: number): Problem {
  return problem('throttled', `Too many wrong PINs on this device. Wait ${durationText(waitMs)}, then try again.`, {
    retryAfterMs: waitMs,
  });
}

export function tooManyLinks(waitMs: number): Problem {
  return problem(
    'throttled',
    `Too many wrong links from devices that are not enrolled. A new link works at once; for another try with this one, wait ${durationText(waitMs)}.`,
    { retryAfterMs: waitMs },
  );
}

export function tooManyAtOnce(): Problem {
  return problem('throttled', 'Several PINs are being checked right now. Try again in a moment.', {
    retryAfterMs: 1000,
  });
}

/** `failures`: wrong tries in a row, this one included. */
export function wrongPin(failures: number, waitMs: number): Problem {
  if (waitMs > 0) {
    return problem('wrong_pin', `That PIN is not right. Wait ${durationText(waitMs)} before the next try.`, {
      retryAfterMs: waitMs,
    });
  }
  const left = freeTries - failures;
  return problem('wrong_pin', `That PIN is not right. ${left} ${left === 1 ? 'try' : 'tries'} left before a wait.`);
}

export function pinAlreadySet(): Problem {
  return problem(
    'pin_already_set',
    'A PIN is set. Change it in Settings; if it is lost, run "patchgit pin reset" on the machine patchgit runs on.',
  );
}

export function linkInvalid(): Problem {
  return problem(
    'enrol_link_invalid',
    'This link was used already, has expired, or never was one. Ask for a new one with "patchgit device add" on the machine patchgit runs on.',
  );
}

/** For a visitor who is not as far in as they asked for. */
export function refused(state: Exclude<DoorState, 'open'>): Problem {
  const { refusal, sentence } = doorStates[state];
  return problem(refusal, sentence);
}
