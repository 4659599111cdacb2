/** What the owner is told about a helper that did not go as planned. */
import { never } from '../../lib/assert.ts';
import type { CloudFailure } from '../../ports-cloud.ts';
import type { LeaseRow, Reason } from './states.ts';

/** Null for what is no trouble. */
export function reasonText(
  why: Reason,
  lease: Pick<LeaseRow, 'size' | 'region'>,
  failure?: CloudFailure,
): string | null {
  const said = failure === undefined ? '' : ` The cloud said: ${failure.message}`;
  switch (why) {
    case 'done':
    case 'refused':
      return null;
    case 'restarted':
      return 'patchgit was started again. The keys of a helper live in memory only, so this one is given back and its job begins anew.';
    case 'overdue':
      return 'Its time was up.';
    case 'powered_off':
      return 'It was switched off, which is still billed, so it was destroyed.';
    case 'vanished':
      return 'The cloud does not show it any more, although nobody here asked to destroy it.';
    case 'renamed':
      return 'The machine with its id carries another name now, so patchgit will not touch it. Look at it in the control panel of the cloud: it is billed until it is destroyed.';
    case 'boot_too_long':
      return `It could not be used within ${bootMinutesText}, so it was destroyed.`;
    case 'lost_but_there':
      return 'The cloud never answered the order, but the machine was made. It is destroyed, and the job can be tried again.';
    case 'refused_but_there':
      return 'The cloud refused the order and made the machine all the same. It is destroyed.';
    case 'never_came':
      return 'The cloud never answered the order, and no machine came of it in ten minutes. If one comes later, it is destroyed.';
    case 'not_asked':
      return 'It was not needed any more before the cloud was asked.';
    case 'not_funded':
      return 'The money that was set aside for it is not set aside any more, so the cloud was not asked.';
    case 'cloud_silent':
      return failure?.kind === 'unauthorized'
        ? `${tokenText}${said}`
        : `The cloud could not be asked what is there, so no helper was ordered.${said}`;
    case 'one_still_there':
      return 'An earlier machine of this installation is still there and could not be destroyed in time, so no second one was ordered.';
    default:
      return never(why);
  }
}

const bootMinutesText = 'six minutes';
const tokenText = 'The cloud refuses the token. Make a new one and put it in place of the old.';

export type Refusal = 'capacity' | 'account_limit' | 'image' | 'token' | 'too_many_calls' | 'other';

/** What the cloud's no means (notes of what it says in the field). It has one code for nearly all of them, so its words count. */
export function refusalOf({ kind, message }: CloudFailure): Refusal {
  if (kind === 'unauthorized' || kind === 'not_found') return 'token';
  if (kind === 'rate_limited') return 'too_many_calls';
  if (/droplet limit|exceed your/i.test(message)) return 'account_limit';
  if (/image/i.test(message)) return 'image';
  if (/(?:size|region).*(?:not |un)available|capacity/i.test(message)) return 'capacity';
  return 'other';
}

export function refusalText(failure: CloudFailure, lease: Pick<LeaseRow, 'size' | 'region'>): string {
  const said = ` The cloud said: ${failure.message}`;
  const refusal = refusalOf(failure);
  switch (refusal) {
    case 'capacity':
      return `There is no ${lease.size} to be had in ${lease.region} now.${said}`;
    case 'account_limit':
      return `The account may not have more machines. Destroy one that is not needed, or ask the cloud for a higher limit.${said}`;
    case 'image':
      return `The image for helpers is not there. Make it anew with \`patchgit helper bake\`.${said}`;
    case 'token':
      return `${tokenText}${said}`;
    case 'too_many_calls':
      return `The cloud takes no more calls for now. Does another program use the same token?${said}`;
    case 'other':
      return `The cloud refused to make the machine.${said}`;
    default:
      return never(refusal);
  }
}

/** Of what the machine printed. */
export const logMissedText =
  'patchgit was started again before it was fetched, and the keys to the machine were gone with the old process.';

export const lostText =
  'The cloud has not answered the order. Whether a machine was made is looked up in its list; until that is known, its money stays set aside.';

export function blindText(failure: CloudFailure): string {
  const why = failure.kind === 'unauthorized' || failure.kind === 'not_found' ? `${tokenText} ` : '';
  return `${why}Whether the helper is still there cannot be seen, and it may still be billed. The cloud said: ${failure.message}`;
}

export function stuckText(minutes: number, failure: CloudFailure | null): string {
  const said =
    failure === null ? 'The cloud says yes to it and still shows the machine.' : `The cloud said: ${failure.message}`;
  return `It could not be destroyed for ${minutes} minutes and is still billed. It is tried again each minute; you can destroy it in the control panel of the cloud too. ${said}`;
}
