import type { Log } from '../ports.ts';
import type { HelperConnection, HelperLink } from '../ports-cloud.ts';
import { no, ok } from '../lib/result.ts';
import { attempt, readKeys, type Trouble } from './ssh-link-attempt.ts';
import { SshConnection } from './ssh-link-connection.ts';
import { makeKeys } from './ssh-link-keys.ts';
import { patientTimes, type SshTimes } from './ssh-link-times.ts';

interface SshLinkOptions {
  readonly log: Log;
  readonly times?: Partial<SshTimes>;
}

/**
 * SSH with the host key known beforehand, only modern algorithms, only our key, and nothing offered to the other side. ssh2 is
 * loaded when it is first needed. `why` is a sentence of ours: nothing in it was said by whoever could not be verified.
 */
export function sshLink({ log, times: changed = {} }: SshLinkOptions): HelperLink {
  const times = { ...patientTimes, ...changed };
  return {
    makeKeys: async () => makeKeys((await import('ssh2')).default),
    connect: async (target, signal) => {
      const { default: ssh } = await import('ssh2');
      const keys = readKeys(ssh, target.keys);
      if (!keys.ok) return keys;
      let pauseMs = times.pauseMsMin;
      let refusals = 0;
      let last: Trouble | null = null;
      for (let tries = 1; ; tries += 1) {
        const tried = await attempt(ssh, { ...target, keys: keys.value }, times, signal);
        if (tried.ok) {
          const connection: HelperConnection = new SshConnection(tried.value, times);
          if (!signal.aborted) return ok(connection);
          await connection.close();
          return no(gaveUp(target.address, last));
        }
        // What an aborted try says is only that it was aborted.
        if (signal.aborted) return no(gaveUp(target.address, last));
        last = tried.why;
        log.debug({ address: target.address, tries, trouble: last.why }, 'a helper machine did not let us in yet');
        if (last.again === 'key') refusals += 1;
        if (last.again === 'never' || refusals >= times.refusalsMax) return no(last.why);
        await pause(pauseMs, signal);
        if (signal.aborted) return no(gaveUp(target.address, last));
        pauseMs = Math.min(pauseMs * 1.5, times.pauseMsMax);
      }
    },
  };
}

function gaveUp(address: string, last: Trouble | null): string {
  const ended = `The helper machine at ${address} could not be reached over SSH before the time for it was over.`;
  return last === null ? ended : `${ended} ${last.why}`;
}

/** Resolves early when the signal aborts; leaves no timer behind. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener('abort', end);
  });
}
