/** A fake cloud and the adapter that talks to it, for tests of the adapter. */
import { inspect } from 'node:util';
import { digitalOcean } from '../../adapters/digitalocean.ts';
import type { Log } from '../../ports.ts';
import type { Cloud, CloudFailure, NewCloudMachine } from '../../ports-cloud.ts';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import { startFakeCloud, type FakeCloud } from './cloud.ts';
import { openContract } from './contract.ts';

export interface CloudDesk {
  readonly cloud: FakeCloud;
  readonly clock: FakeClock;
  readonly port: Cloud;
  readonly log: Log;
  readonly logged: object[];
}

export const order: NewCloudMachine = {
  name: 'pg-abcdefgh-0123456789ab-1800003600',
  region: 'fra1',
  size: 's-2vcpu-4gb',
  image: 'debian-12-x64',
  tag: 'patchgit-abcdefgh',
  userData: '#cloud-config\n',
};

export async function openCloudDesk(): Promise<CloudDesk> {
  const logged: object[] = [];
  const keep = (fields: object, sentence: string): void => void logged.push({ ...fields, sentence });
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const clock = fakeClock();
  const cloud = await startFakeCloud({ clock, contract: openContract() });
  const port = digitalOcean({ token: cloud.token, apiUrl: cloud.url, wallMs: 10_000, log });
  return { cloud, clock, port, log, logged };
}

/** Every way in which a value may come to be written somewhere. */
export function shown(value: unknown): string {
  const parts = [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value) ?? '', String(value)];
  if (value instanceof Error) parts.push(value.stack ?? '', inspect(value.cause, { depth: 20 }));
  return parts.join('\n');
}

export function refused(outcome: { ok: true } | { ok: false; why: CloudFailure }): CloudFailure {
  if (outcome.ok) throw new Error('it was said to be done');
  return outcome.why;
}
