import { utils } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { digitalOcean } from '../../adapters/digitalocean.ts';
import { canBoot } from '../machine/layer.ts';
import { until } from '../wait.ts';
import { startFakeCloud } from './cloud.ts';
import { machineHooks } from './machines.ts';

/** Not more than 250 requests a minute: the fake counts them. */
const pollMs = 400;
const name = 'a droplet that is a real machine';

describe.runIf(canBoot(name))(name, { timeout: 300_000 }, () => {
  it('is ordered over the API, boots with its user data and its host key, and is gone when it is destroyed', async () => {
    const hostKey = utils.generateKeyPairSync('ed25519', { comment: 'host' });
    const userData = [
      ['#cloud-config', 'ssh_deletekeys: true', 'ssh_keys:', '  ed25519_private: |'],
      hostKey.private
        .trim()
        .split('\n')
        .map((line) => `    ${line}`),
      [
        `  ed25519_public: ${hostKey.public.trim()}`,
        'write_files:',
        '  - path: /etc/patchgit/lease',
        '    content: one',
      ],
      [''],
    ].flat();
    const hooks = machineHooks();
    const cloud = await startFakeCloud({ ...hooks, conditions: { bootMs: 100, destroyMs: 100 } });
    try {
      const port = digitalOcean({ token: cloud.token, apiUrl: cloud.url, wallMs: 10_000 });
      const order = { name: 'pg-real', region: 'fra1', size: 's-2vcpu-4gb', image: 'debian-12-x64', tag: 'patchgit' };
      const created = await port.create({ ...order, userData: userData.join('\n') });
      const id = created.ok ? created.value.id : 0;
      const active = await until(
        'it is active',
        async () => {
          const found = await port.find(id);
          return found.ok && found.value.status === 'active' ? found.value : false;
        },
        240_000,
        pollMs,
      );
      const machine = hooks.machines.get(id);
      expect(active.address).toBe(machine?.address);
      expect(await machine?.must(['cat', '/etc/patchgit/lease'])).toBe('one');
      expect((await machine?.must(['hostname']))?.trim()).toBe(order.name);
      const offered = await machine?.must(['sh', '-c', 'cat /etc/ssh/ssh_host_*_key.pub']);
      expect(offered?.trim().split(' ').slice(0, 2)).toEqual(hostKey.public.trim().split(' ').slice(0, 2));
      expect(await port.destroy(id)).toEqual({ ok: true, value: null });
      await until(
        'it is gone',
        async () => {
          const found = await port.find(id);
          return !found.ok && found.why.kind === 'not_found';
        },
        10_000,
        pollMs,
      );
      await cloud.world.settled();
      expect(machine?.isUp()).toBe(false);
      expect(cloud.bill()).toMatchObject([{ id, usdMicros: 10_000 }]);
    } finally {
      await cloud.close();
    }
    expect(hooks.machines.size).toBe(0);
  });
});
