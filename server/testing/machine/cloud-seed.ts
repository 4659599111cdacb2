/** What a machine needs to take its orders from cloud-init as a rented one does, with the seed of the "NoCloud" source. */
import type { MachineOptions } from './machine.ts';

/** For `bootMachine`. sshd is started with the machine, and waits for cloud-init's first stage as it does on an installed system. */
export function cloudSeed(userData: string): Pick<MachineOptions, 'units' | 'files'> {
  return {
    units: [
      'cloud-init-local.service',
      'cloud-init.service',
      'cloud-config.service',
      'cloud-final.service',
      'ssh.service',
    ],
    files: {
      '/etc/cloud/cloud.cfg.d/99-test.cfg': 'datasource_list: [NoCloud]\n',
      '/var/lib/cloud/seed/nocloud/meta-data': 'instance-id: test\n',
      '/var/lib/cloud/seed/nocloud/user-data': userData,
      // Where the package is installed, its alias sshd.service has this place in the order.
      '/etc/systemd/system/ssh.service.d/order.conf': '[Unit]\nAfter=cloud-init.service\n',
    },
  };
}
