/** A helper on a machine of its own, as its orders make it, and the daemon's way to it. */
import { silentLog } from '../../../helper/test-kit.ts';
import { sshLink } from '../../adapters/ssh-link.ts';
import type { HelperConnection } from '../../ports-cloud.ts';
import { cloudInit, type DoorOrders } from '../../resources/lease/cloud-init.ts';
import { places, users } from '../../resources/lease/cloud-init-places.ts';
import { until } from '../wait.ts';
import { cloudSeed } from './cloud-seed.ts';
import { bootMachine, type Machine } from './machine.ts';

export interface HelperMachine {
  readonly machine: Machine;
  /** Of this side, on the machine's network: a private address, and one that is public by its number. */
  readonly neighbour: string;
  readonly internet: string;
  readonly connect: () => Promise<HelperConnection>;
  readonly close: () => Promise<void>;
}

/** Resolves when it says that it is ready; `names` are hosts that it knows by themselves, as it would from a name server. */
export async function bootHelper(
  door: DoorOrders,
  names: (internet: string) => Readonly<Record<string, string>>,
): Promise<HelperMachine> {
  const link = sshLink({ log: silentLog });
  const keys = await link.makeKeys();
  const nowMs = Date.now();
  const userData = cloudInit({
    hostname: 'pg-0123456789ab-ba9876543210-1790003600',
    keys,
    image: 'plain',
    nowMs,
    selfDestructAtMs: nowMs + 3_600_000,
    sshFromAddresses: [],
    door,
  });
  const machine = await bootMachine({ network: 'link', ...cloudSeed(userData) });
  const { address, internet } = machine;
  if (address === null || internet === null) throw new Error('the machine has no network');
  await until('the helper is ready', async () => {
    const failed = await machine.run(['cat', places.failedMarker]);
    if (failed.code === 0) throw new Error(failed.stdout);
    return (await machine.run(['test', '-e', places.readyMarker])).code === 0;
  });
  await nameHosts(machine, names(internet));
  return {
    machine,
    neighbour: address.replace(/\d+$/, '1'),
    internet,
    connect: async () => {
      const target = { address, port: 22, user: users.login.name, keys };
      const opened = await link.connect(target, AbortSignal.timeout(30_000));
      if (!opened.ok) throw new Error(opened.why);
      return opened.value;
    },
    close: machine.close,
  };
}

export async function nameHosts(machine: Machine, names: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
  await machine.must(['sh', '-c', 'cat >> /etc/hosts'], { stdin: lines.join('') });
}
