import type { Approver } from '../../chain/job/continue.ts';
import type { Problem } from '#contract/problem.ts';
import { ok, type Result } from '../../lib/result.ts';
import type { PinDesk } from '../auth/pin-desk.ts';
import type { Owner } from './route.ts';

/** Who approves, with the PIN checked when one was typed. Over the unix socket there is none: whoever can open it is the owner. */
export async function approverOf(
  desk: Pick<PinDesk, 'confirmPin'>,
  owner: Owner,
  pin: string | undefined,
): Promise<Result<Approver, Problem>> {
  if (owner.deviceId === null) return ok({ by: owner.by, isPinChecked: true });
  if (pin === undefined) return ok({ by: owner.by, isPinChecked: false });
  const confirmed = await desk.confirmPin(owner.deviceId, pin);
  return confirmed.ok ? ok({ by: owner.by, isPinChecked: true }) : confirmed;
}
