/** Who may knock at a helper: the cloud's own firewall in front of all of them, and the one that each has itself. */
import type { Doctor } from '#contract/api.ts';
import type { Clock, Log } from '../../ports.ts';
import type { Cloud } from '../../ports-cloud.ts';
import { machineTag } from './names.ts';

export interface WallParts {
  readonly cloud: Pick<Cloud, 'ensureFirewall'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly install: string;
  /** The IPv4 address that connections of this machine come from; null: not known. */
  readonly ownAddress: () => Promise<string | null>;
}

export interface Walls {
  /** For the orders of a machine: empty when everybody may knock. */
  readonly fromAddresses: () => readonly string[];
  readonly finding: () => Doctor['findings'][number];
  readonly stop: () => void;
}

const everywhere = ['0.0.0.0/0', '::/0'];
const lookEveryMs = 60_000;
/** What somebody has changed at the cloud meanwhile is mended. */
const guardEveryMs = 6 * 60 * 60_000;

/**
 * Keeps the cloud's firewall as it must be, for the address that is known now: one that has changed is let in within a minute. Not known:
 * everybody may knock, and the key that is made for each helper decides alone.
 */
export function helperWalls({ cloud, clock, log, install, ownAddress }: WallParts): Walls {
  const tag = machineTag(install);
  let known: string | null = null;
  /** What the cloud's firewall was last made for, and when; null before the first. */
  let guarded: { readonly address: string | null; readonly atMs: number } | null = null;
  const look = async (): Promise<void> => {
    known = await ownAddress();
    const nowMs = clock.nowMs();
    if (guarded?.address === known && nowMs - guarded.atMs < guardEveryMs) return;
    const address = known;
    const made = await cloud.ensureFirewall({
      name: tag,
      tag,
      fromAddresses: address === null ? everywhere : [address],
    });
    if (made.ok) guarded = { address, atMs: nowMs };
    else log.warn({ why: made.why.message, code: made.why.code }, 'the firewall for helpers was not made');
  };
  let looking: Promise<void> = look();
  const stop = clock.every(lookEveryMs, () => {
    looking = looking.then(look);
  });
  return {
    // One whose own wall is narrower than the cloud's is as safe; the reverse would shut us out.
    fromAddresses: () => (known === null ? [] : [known]),
    finding: () => ({ name: 'helper walls', ...sentence(known) }),
    stop,
  };
}

function sentence(address: string | null): Pick<Doctor['findings'][number], 'verdict' | 'sentence'> {
  return address === null
    ? {
        verdict: 'warned',
        sentence:
          'The address that this machine is seen at is not known here, so the firewall of helpers lets everybody knock at SSH, where only the key made for each helper is let in. With an address that stays, say it in PATCHGIT_PUBLIC_ADDRESS.',
      }
    : { verdict: 'good', sentence: `Only ${address}, which is this machine, may knock at a helper.` };
}
