/**
 * Droplets that are real machines: the distribution's own systemd, cloud-init and sshd in namespaces, started with the user data
 * of the order and reached at their own address, port 22. For a fake cloud that runs on real time, where `canBoot` says yes.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { places } from '../../resources/lease/cloud-init-places.ts';
import { bootMachine, type Machine, type MachineOptions } from '../machine/machine.ts';
import type { FakeDroplet, Hooks } from './world.ts';

export interface MachineHooks extends Required<Hooks> {
  /** Those that run now, by the id of their droplet. */
  readonly machines: ReadonlyMap<number, Machine>;
}

const cloudInit = ['cloud-init-local.service', 'cloud-init.service', 'cloud-config.service', 'cloud-final.service'];

/** What a snapshot carries from one machine to the next; programs below /usr are those of this computer anyway. */
const carried = ['etc', 'opt', 'var/lib', 'root', 'home'];
/** Its end waits until what a snapshot would carry was copied: the disk of such a machine is memory, and goes with it. */
const keeper = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=true
ExecStop=/bin/sh -c ': > /run/stopping; until [ -e /run/kept ]; do sleep 0.1; done'
TimeoutStopSec=60
`;
/**
 * Before anything else of the machine: lays what the snapshot carried over the files that every machine begins with. systemd has given
 * it its number by then, which it finds empty on a disk.
 */
const unpack = `[Unit]
DefaultDependencies=no
Before=sysinit.target cloud-init-local.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cp -p /etc/machine-id /run/own-id && cp -a /snapshot/. / && cp -p /run/own-id /etc/machine-id'
`;
const system = '/etc/systemd/system';
const unpacking = {
  [`${system}/droplet-snapshot.service`]: unpack,
  [`${system}/sysinit.target.d/snapshot.conf`]: '[Unit]\nWants=droplet-snapshot.service\n',
};
const lookEveryMs = 300;

/** To spread into `startFakeCloud`. A machine that does not boot makes `close` of the fake reject. */
export function machineHooks(options: Omit<MachineOptions, 'hostname' | 'network'> = {}): MachineHooks {
  const machines = new Map<number, Machine>();
  /** Folders with what is left of machines that were switched off, by the id of their droplet. */
  const kept = new Map<number, string>();
  const forget = (): void => {
    for (const folder of kept.values()) rmSync(folder, { recursive: true, force: true });
    kept.clear();
  };
  const snapshotFolder = ({ image }: FakeDroplet): string | null =>
    image.fromId === null ? null : (kept.get(image.fromId) ?? null);
  return {
    machines,
    onBoot: async (droplet, userData) => {
      const { id, name } = droplet;
      const hostname = name.slice(0, 63);
      const snapshot = snapshotFolder(droplet);
      const machine = await bootMachine({
        ...options,
        hostname,
        network: 'link',
        units: [...cloudInit, ...(options.units ?? [])],
        folders: { ...options.folders, ...(snapshot === null ? {} : { [snapshot]: '/snapshot' }) },
        files: {
          ...options.files,
          '/etc/cloud/cloud.cfg.d/99-droplet.cfg': 'datasource_list: [NoCloud]\n',
          '/var/lib/cloud/seed/nocloud/meta-data': `instance-id: "${id}"\nlocal-hostname: ${hostname}\n`,
          '/var/lib/cloud/seed/nocloud/user-data': userData,
          [`${system}/droplet-keeper.service`]: keeper,
          ...(snapshot === null ? {} : unpacking),
        },
      });
      machines.set(id, machine);
      // Only who makes an image of itself is worth keeping.
      if (userData.includes(places.bake)) await machine.must(['systemctl', 'start', 'droplet-keeper.service']);
      // After cloud-init has put its host keys in, as on a droplet.
      await machine.run(['cloud-init', 'status', '--wait'], { wallMs: 240_000 });
      await machine.must(['systemctl', 'start', 'ssh']);
      return machine.address;
    },
    whenOff: async ({ id, userData }) => {
      const isKept = userData.includes(places.bake);
      for (let machine = machines.get(id); machine?.isUp() === true; machine = machines.get(id)) {
        const isStopping = isKept && !kept.has(id) && (await machine.run(['test', '-e', '/run/stopping'])).code === 0;
        if (isStopping) kept.set(id, await keep(machine));
        await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      }
    },
    onClose: forget,
    onDestroy: async ({ id }) => {
      const machine = machines.get(id);
      machines.delete(id);
      await machine?.close();
    },
  };
}

/** Copies what a snapshot of it carries, and lets it end. Resolves with the folder. */
async function keep(machine: Machine): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-snapshot-'));
  // Its own mode becomes that of the next machine's root folder.
  chmodSync(folder, 0o755);
  const packed = await machine.must(['sh', '-c', `tar -C / -c ${carried.join(' ')} 2> /dev/null | base64 -w 0`]);
  const unpacked = spawnSync('tar', ['-x', '-C', folder], { input: Buffer.from(packed, 'base64'), encoding: 'utf8' });
  if (unpacked.status !== 0) throw new Error(`a snapshot could not be unpacked: ${unpacked.stderr}`);
  await machine.must(['touch', '/run/kept']);
  return folder;
}
