import type { DeviceId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../../lib/result.ts';
import { decideTry, deviceIsGood, waitLeftMs } from './decide.ts';
import type { DoorParts } from './parts.ts';
import { refused, tooManyAtOnce, tooManyPins, wrongPin } from './sentences.ts';
import type { Throttle } from './states.ts';

/** The hash the PIN was right for, or why not. A try is counted as wrong first, and forgiven when it was right. */
export async function checkPin(parts: DoorParts, id: DeviceId, pin: string): Promise<Result<string, Problem>> {
  const { db, store, ledger, clock, hasher } = parts;
  // Turned away before it is counted: a crowd must not use up the owner's tries.
  if (!hasher.hasRoom()) return no(tooManyAtOnce());
  const counted = db.transaction(() => countTry(parts, id));
  if (!counted.ok) return counted;
  const { hash, throttle } = counted.value;
  const verified = await hasher.verify(hash, pin);
  if (!verified.ok) return no(tooManyAtOnce());
  if (verified.value) {
    db.transaction(() => store.setDeviceThrottle(id, { failures: 0, blockedUntilMs: 0 }));
    return ok(hash);
  }
  const body = { reason: 'wrong_pin', wrongInARow: throttle.failures };
  db.transaction(() => ledger.append({ kind: 'session.refused', actor: 'stranger', subject: id, body }));
  return no(wrongPin(throttle.failures, waitLeftMs(throttle, clock.nowMs())));
}

function countTry(
  { store, clock, refusals }: DoorParts,
  id: DeviceId,
): Result<{ readonly hash: string; readonly throttle: Throttle }, Problem> {
  const device = store.findDeviceById(id);
  if (!device || !deviceIsGood(device, clock.nowMs())) return no(refused('unknown_device'));
  const hash = store.pinHash();
  if (hash === null) return no(refused('choose_pin'));
  const step = decideTry(device.throttle, clock.nowMs());
  if (step.step === 'wait') {
    refusals.note('session.refused', { reason: 'throttled' }, id);
    return no(tooManyPins(step.waitMs));
  }
  store.setDeviceThrottle(id, step.counted);
  return ok({ hash, throttle: step.counted });
}

/** While we hashed, the PIN may have been changed or reset and the device revoked: then nothing opens. */
export function changedMeanwhile({ store, clock }: DoorParts, id: DeviceId, hash: string): Problem | null {
  const device = store.findDeviceById(id);
  if (!device || !deviceIsGood(device, clock.nowMs())) return refused('unknown_device');
  if (store.pinHash() === hash) return null;
  return problem('wrong_pin', 'The PIN was changed a moment ago. Type the new one.');
}
