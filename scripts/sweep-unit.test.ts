/** The sweep as systemd starts it, on a machine where no daemon runs and none ever did. */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LeaseId } from '#contract/lease.ts';
import { machineName } from '../server/resources/lease/names.ts';
import { startFakeCloud, type FakeCloud } from '../server/testing/cloud/cloud.ts';
import { openContract } from '../server/testing/cloud/contract.ts';
import { canBoot } from '../server/testing/machine/layer.ts';
import { bootMachine, type Machine } from '../server/testing/machine/machine.ts';
import { until } from '../server/testing/wait.ts';

const install = '0123456789ab';
const leaseId = LeaseId.parse('lease_cccccccccccc');
const units = ['patchgit-sweep.service', 'patchgit-sweep.timer'];
/** What `systemd-analyze security` gives systemd 252 for this file, in tenths; 100 is a unit with no wall at all. */
const exposureMax = 15;

const name = 'the sweep, under a real systemd';
describe.runIf(canBoot(name))(name, () => {
  let machine: Machine;
  let cloud: FakeCloud;
  let door: Server;
  beforeAll(async () => {
    cloud = await startFakeCloud({ contract: openContract() });
    const root = join(import.meta.dirname, '..');
    machine = await bootMachine({ network: 'link', folders: { [root]: '/opt/patchgit' } });
    // Outside of a container systemd does this itself, and hands out credentials in a mount that must be seen by its services.
    await machine.must(['mount', '--make-rshared', '/']);
    const nearAddress = machine.address?.replace(/2$/, '1') ?? '';
    door = createServer((socket) => {
      const far = connect(Number(new URL(cloud.url).port), '127.0.0.1');
      socket.pipe(far).pipe(socket);
      // Either end may hang up first.
      for (const end of [socket, far]) end.on('error', () => end.destroy());
    }).listen(0, nearAddress);
    await once(door, 'listening');
    const address = door.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    // Plain HTTP is only spoken on the loopback, so the cloud is brought there.
    const relay = `require('net').createServer((s) => s.pipe(require('net').connect(${address.port}, '${nearAddress}')).pipe(s))
      .listen(8080, '127.0.0.1')`;
    await machine.must(['systemd-run', '--quiet', '--unit=relay', 'node', '-e', relay]);
    await machine.must(['sh', '-c', 'cp /opt/patchgit/systemd/patchgit-sweep.* /etc/systemd/system']);
    await machine.writeFile('/etc/patchgit/sweep-token', `${cloud.token}\n`, 0o600);
    const environment = `PATCHGIT_INSTALL=${install}\nDIGITALOCEAN_API_URL=http://127.0.0.1:8080\n`;
    await machine.writeFile('/etc/patchgit/sweep.environment', environment);
    await machine.must(['systemctl', 'daemon-reload']);
    const listens = ['sh', '-c', "grep -q '^ *[0-9]*: 0100007F:1F90 ' /proc/net/tcp"];
    await until('the way to the cloud', async () => (await machine.run(listens)).code === 0);
  });
  afterAll(async () => {
    door?.close();
    await machine?.close();
    await cloud?.close();
  });

  const sweep = async (): Promise<string> => {
    await machine.run(['systemctl', 'start', 'patchgit-sweep.service'], { wallMs: 60_000 });
    return machine.must(['systemctl', 'show', '--value', '--property=Result', 'patchgit-sweep.service']);
  };

  it('destroys what is past its deadline with a token of its own, and leaves its words in the journal', async () => {
    cloud.plant({ name: machineName({ install, leaseId, deadlineAtMs: Date.now() - 3_600_000 }) });
    cloud.plant({ name: machineName({ install, leaseId, deadlineAtMs: Date.now() + 3_600_000 }) });
    cloud.plant({ name: 'web-1' });
    const result = await sweep();
    const journal = await machine.must(['journalctl', '--no-pager', '--unit=patchgit-sweep']);
    expect(result, journal).toBe('success\n');
    expect(cloud.calls.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
    expect(journal).toContain('"result":"asked"');
    expect(journal).not.toContain(cloud.token);
  });

  it('has failed, for everybody to see, when its token is refused', async () => {
    Object.assign(cloud.conditions, { token: 'answers_401' });
    expect(await sweep()).toBe('exit-code\n');
    Object.assign(cloud.conditions, { token: 'good' });
    expect(await sweep()).toBe('success\n');
  });

  it('is started again and again by its timer, and by nothing of the daemon', async () => {
    await machine.must(['systemctl', 'start', 'patchgit-sweep.timer']);
    expect(await machine.must(['systemctl', 'is-active', 'patchgit-sweep.timer'])).toBe('active\n');
    const shown = await machine.must(['systemctl', 'show', '--value', '-p', 'TimersCalendar', 'patchgit-sweep.timer']);
    expect(shown).toContain('OnCalendar=*-*-* *:00/5:00');
    expect((await machine.run(['systemctl', 'is-active', 'patchgit'])).stdout).toBe('inactive\n');
  });

  it('consists of units without a fault, exposed no more than they need', async () => {
    const paths = units.map((unit) => `/etc/systemd/system/${unit}`);
    const verified = await machine.run(['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', ...paths]);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    const analyze = ['systemd-analyze', 'security', '--no-pager', `--threshold=${exposureMax}`];
    const found = await machine.run([...analyze, 'patchgit-sweep.service']);
    expect(found.code, found.stdout.slice(-300)).toBe(0);
  });
});
