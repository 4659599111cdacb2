import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../wait.ts';
import { namePrefix } from './groups.ts';
import { canBoot } from './layer.ts';
import { bootMachine, type Machine } from './machine.ts';

const name = 'a machine made of namespaces';

const cloudConfig = `#cloud-config
locale: false
ssh_deletekeys: false
users:
  - name: pgctl
    ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlantedKeyThatBelongsToNobodyAtAll0000000000 test]
write_files:
  - path: /etc/patchgit/intent.json
    content: '{"kind":"test"}'
`;

/** What the machines of a process have on this host, by name: groups, mounts, folders. */
function traces(pid: number | undefined): string[] {
  const mine = `${namePrefix}${pid}-`;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const groups = mounts
    .filter((line) => line.includes(' - cgroup'))
    .flatMap((line) => readdirSync(line.split(' ')[4] ?? '/', { recursive: true }).map(String));
  return [...groups, ...mounts, ...readdirSync(tmpdir())].filter((text) => text.includes(mine));
}

/** The networks of this host that a machine could be on. */
const links = (): string[] =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));

describe.runIf(canBoot(name))(name, () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await bootMachine({
      hostname: 'droplet',
      network: 'link',
      units: ['cloud-init-local.service', 'cloud-init.service', 'cloud-config.service', 'cloud-final.service'],
      files: {
        '/etc/cloud/cloud.cfg.d/99-test.cfg': 'datasource_list: [NoCloud]\n',
        '/var/lib/cloud/seed/nocloud/meta-data': 'instance-id: test\n',
        '/var/lib/cloud/seed/nocloud/user-data': cloudConfig,
      },
    });
  });
  afterAll(() => machine?.close());

  it('runs the real systemd as pid 1, with a name, users and a root of its own, and shows nothing of the host', async () => {
    expect(await machine.must(['cat', '/proc/1/comm'])).toBe('systemd\n');
    expect(await machine.must(['hostname'])).toBe('droplet\n');
    expect(await machine.must(['ls', '-A', '/srv', '/mnt', '/opt'])).not.toMatch(/^[^/\n]/m);
    expect(Number(await machine.must(['sh', '-c', 'ls -d /proc/[0-9]* | wc -l']))).toBeLessThan(40);
    const code = (await machine.run(['sh', '-c', 'exit 7'])).code;
    expect(code).toBe(7);
    expect((await machine.run(['sleep', '60'], { wallMs: 100 })).code).toBe(137);
    expect(await machine.must(['id', '-un'], { user: 'nobody' })).toBe('nobody\n');
  });

  it('writes to itself and to nothing of the host', async () => {
    await machine.writeFile('/etc/patchgit-written', 'here\n', 0o600);
    expect(await machine.must(['stat', '-c', '%a %s', '/etc/patchgit-written'])).toBe('600 5\n');
    expect(existsSync('/etc/patchgit-written')).toBe(false);
    expect((await machine.run(['touch', '/usr/written'])).stderr).toContain('Read-only file system');
    expect((await machine.run(['sh', '-c', 'echo 1 > /sys/kernel/mm/ksm/run'])).code).not.toBe(0);
  });

  it('cloud-init takes its orders, and sshd answers at the address of the machine', async () => {
    const { stdout } = await machine.run(['cloud-init', 'status', '--wait', '--long'], { wallMs: 60_000 });
    expect(stdout).toContain('status: done');
    expect(await machine.must(['cat', '/etc/patchgit/intent.json'])).toBe('{"kind":"test"}');
    expect(await machine.must(['cat', '/home/pgctl/.ssh/authorized_keys'])).toContain('ssh-ed25519');
    await machine.must(['systemctl', 'start', 'ssh']);
    const greeting = await until('sshd answers', () => firstLine(machine.address ?? ''));
    expect(greeting).toMatch(/^SSH-2\.0-OpenSSH/);
  });

  it('leaves nothing behind when it is closed', async () => {
    const nearAddress = machine.address?.replace(/2$/, '1');
    expect(traces(process.pid)).not.toEqual([]);
    expect(links()).toContain(nearAddress);
    await machine.close();
    expect(machine.isUp()).toBe(false);
    expect(traces(process.pid)).toEqual([]);
    expect(links()).not.toContain(nearAddress);
  });

  it('dies with the process that booted it, and the next one sweeps up what it left', async () => {
    const script = `import { bootMachine } from ${JSON.stringify(join(import.meta.dirname, 'machine.ts'))};
      const machine = await bootMachine();
      console.log((await machine.must(['cat', '/etc/machine-id'])).trim());
      setInterval(() => undefined, 60_000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], { stdio: 'pipe' });
    const id = await new Promise<string>((resolve) =>
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim())),
    );
    const isAlive = (): boolean => machineIds().includes(id);
    expect(isAlive()).toBe(true);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await until('the machine is dead', () => !isAlive());
    const next = await bootMachine();
    await next.close();
    expect(traces(child.pid)).toEqual([]);
  });
});

/** Of every machine that runs: each has a systemd that shows its own /etc. */
function machineIds(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/root/etc/machine-id`, 'utf8').trim();
      } catch (error) {
        if (error instanceof Error && 'code' in error) return [];
        throw error;
      }
    });
}

function firstLine(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(22, address);
    socket.once('data', (chunk: Buffer) => {
      socket.destroy();
      resolve(chunk.toString('utf8'));
    });
    socket.once('error', () => resolve(null));
  });
}
