/**
 * Droplets that are real machines: the distribution's own systemd, cloud-init and sshd in namespaces, started with the user data
 * of the order and reached at their own address, port 22. For a fake cloud that runs on real time, where `canBoot` says yes.
 */
import { bootMachine, type Machine, type MachineOptions } from '../machine/machine.ts';
import type { Hooks } from './world.ts';

export interface MachineHooks extends Required<Hooks> {
  /** Those that run now, by the id of their droplet. */
  readonly machines: ReadonlyMap<number, Machine>;
}

const cloudInit = ['cloud-init-local.service', 'cloud-init.service', 'cloud-config.service', 'cloud-final.service'];

/** To spread into `startFakeCloud`. A machine that does not boot makes `close` of the fake reject. */
export function machineHooks(options: Omit<MachineOptions, 'hostname' | 'network'> = {}): MachineHooks {
  const machines = new Map<number, Machine>();
  return {
    machines,
    onBoot: async ({ id, name }, userData) => {
      const hostname = name.slice(0, 63);
      const machine = await bootMachine({
        ...options,
        hostname,
        network: 'link',
        units: [...cloudInit, ...(options.units ?? [])],
        files: {
          ...options.files,
          '/etc/cloud/cloud.cfg.d/99-droplet.cfg': 'datasource_list: [NoCloud]\n',
          '/var/lib/cloud/seed/nocloud/meta-data': `instance-id: "${id}"\nlocal-hostname: ${hostname}\n`,
          '/var/lib/cloud/seed/nocloud/user-data': userData,
        },
      });
      machines.set(id, machine);
      // After cloud-init has put its host keys in, as on a droplet.
      await machine.run(['cloud-init', 'status', '--wait'], { wallMs: 240_000 });
      await machine.must(['systemctl', 'start', 'ssh']);
      return machine.address;
    },
    onDestroy: async ({ id }) => {
      const machine = machines.get(id);
      machines.delete(id);
      await machine?.close();
    },
  };
}
