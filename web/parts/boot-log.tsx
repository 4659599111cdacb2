import type { BootLog, Lease } from '#contract/lease.ts';
import { bytesText } from '../format.ts';
import { Text } from './bits.tsx';

/**
 * Why the console log of a helper is not here, or null: it is, or may still come, or there never was a machine. Only a helper that is
 * over and was never reached has never answered.
 */
export function noBootLogText({
  bootLog,
  bootLogTrouble,
  state,
  machineId,
  readyAtMs,
}: Pick<Lease, 'bootLog' | 'bootLogTrouble' | 'state' | 'machineId' | 'readyAtMs'>): string | null {
  if (bootLog !== null) return null;
  if (bootLogTrouble !== null) return `Its console log was not fetched. ${bootLogTrouble}`;
  if (machineId === null || readyAtMs !== null) return null;
  const never = 'It never answered over SSH, so there is no console log of it here.';
  // Nobody can look there any more at one that is gone.
  if (state === 'gone')
    return `${never} If it happens again: DigitalOcean’s web console shows what a machine prints, as long as it exists.`;
  return state === 'destroying'
    ? `${never} DigitalOcean’s web console shows what it printed, as long as the machine exists.`
    : null;
}

/** What it printed while it set itself up: plain text, in a page of its own. `isNamed`: what stands before it says what it is. */
export function BootLogLink({ log, isNamed = false }: { readonly log: BootLog; readonly isNamed?: boolean }) {
  return (
    <a href={log.path} target="_blank" rel="noreferrer">
      {isNamed ? <span class="sr">Console log, </span> : 'console log, '}
      {bytesText(log.bytes)}
      {isNamed ? ', as text' : ''}
    </a>
  );
}

/** The sentence for when there is none. */
export function NoBootLog({ lease }: { readonly lease: Lease }) {
  const text = noBootLogText(lease);
  return text === null ? null : (
    <span class="no-log muted">
      <Text value={text} />
    </span>
  );
}
