/** A helper as it boots: real cloud-init, sshd, nftables and systemd, with the orders that a rented machine gets. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HelperFrame, type Assignment } from '#contract/helper-wire.ts';
import { silentLog } from '../helper/test-kit.ts';
import { remoteSandbox } from './adapters/remote-sandbox.ts';
import { makeKeys } from './adapters/ssh-link-keys.ts';
import { sshLink } from './adapters/ssh-link.ts';
import { cloudInit } from './resources/lease/cloud-init.ts';
import { places, users } from './resources/lease/cloud-init-places.ts';
import { prepareScript } from './resources/lease/cloud-init-scripts.ts';
import { canBoot } from './testing/machine/layer.ts';
import { cloudSeed } from './testing/machine/cloud-seed.ts';
import { bootMachine, type Machine } from './testing/machine/machine.ts';
import { until } from './testing/wait.ts';

const made = makeKeys(ssh2);
const client = { public: made.clientPublicKey, private: made.clientPrivateKey };
const host = { public: made.hostPublicKey, private: made.hostPrivateKey };
const stranger = { private: makeKeys(ssh2).clientPrivateKey };
const hostname = 'pg-0123456789ab-ba9876543210-1790003600';
const mebibyte = 1024 * 1024;

interface Said {
  readonly code: number | null;
  readonly output: string;
}

const name = 'a helper, booted with its orders';
describe.runIf(canBoot(name))(name, () => {
  let machine: Machine;
  let outside: Server;
  const selfDestructAtMs = Date.now() + 3_600_000;
  beforeAll(async () => {
    const keys = { clientPublicKey: client.public, hostPublicKey: host.public, hostPrivateKey: host.private };
    const userData = cloudInit({
      hostname,
      keys,
      image: 'plain',
      nowMs: Date.now(),
      selfDestructAtMs,
      sshFromAddresses: [],
    });
    machine = await bootMachine({ network: 'link', ...cloudSeed(userData) });
    outside = createServer((socket) => socket.end('here\n')).listen(0, machine.address?.replace(/2$/, '1'));
    await once(outside, 'listening');
    await until('the helper is ready', async () => {
      const failed = await machine.run(['cat', places.failedMarker]);
      if (failed.code === 0) throw new Error(failed.stdout);
      return (await machine.run(['test', '-e', places.readyMarker])).code === 0;
    });
    // Somebody may have set them: an image, or the cloud.
    await machine.must(['chpasswd'], { stdin: 'patchgit:planted\nroot:planted\n' });
  });
  afterAll(async () => {
    outside?.close();
    await machine?.close();
  });

  const connection = (more: ConnectConfig = {}): Promise<ssh2.Client> => connect(machine.address ?? '', more);
  /** Whether a user of the machine gets an answer from there. */
  const reaches = async (user: string, address: string, port: number): Promise<boolean> => {
    const program = `const s = require('net').connect(${port}, '${address}');
      s.on('data', () => process.exit(0)).on('error', () => process.exit(3)).setTimeout(5000, () => process.exit(4));`;
    const { code, stderr } = await machine.run(['node', '-e', program], { user });
    if (code !== 0 && code !== 3) throw new Error(`neither reached nor refused: ${code} ${stderr}`);
    return code === 0;
  };

  it('says last that it is ready, which machine it is, and that cloud-init found no fault', async () => {
    const marker: unknown = JSON.parse(await machine.must(['cat', places.readyMarker]));
    expect(marker).toMatchObject({ machine: hostname, image: 'plain', node: expect.stringMatching(/^v\d/) });
    expect(await machine.must(['hostname'])).toBe(`${hostname}\n`);
    expect(await machine.must(['cloud-init', 'status', '--wait'], { wallMs: 60_000 })).toContain('status: done');
    expect(await machine.must(['systemctl', '--failed', '--quiet'])).toBe('');
  });

  it('lets the injected key in as its one user, and shows the injected host key and no other', async () => {
    const seen: Buffer[] = [];
    const ssh = await connection({ hostVerifier: (key: Buffer): boolean => seen.push(key) > 0 });
    expect((await said(ssh, 'id -un; pwd')).output).toBe(`patchgit\n${places.home}\n`);
    ssh.end();
    expect(seen.map((key) => key.toString('base64'))).toEqual([host.public.split(' ')[1]]);
    expect(await machine.must(['sh', '-c', 'ls /etc/ssh/ssh_host_*'])).toBe(
      '/etc/ssh/ssh_host_ed25519_key\n/etc/ssh/ssh_host_ed25519_key.pub\n',
    );
  });

  it.each<readonly [string, ConnectConfig]>([
    ['root with the same key', { username: 'root' }],
    ['the run user with the same key', { username: 'patchgit-run' }],
    ['a key that was not injected', { privateKey: stranger.private }],
    ['a password', { authHandler: ['password'], password: 'planted' }],
    ['root with a password', { username: 'root', authHandler: ['password'], password: 'planted' }],
  ])('refuses %s', async (_, how) => {
    await expect(connection(how)).rejects.toThrow('All configured authentication methods failed');
  });

  it.each<readonly [string, NonNullable<ConnectConfig['algorithms']>]>([
    ['an old key exchange', { kex: ['diffie-hellman-group14-sha256'] }],
    ['an old cipher', { cipher: ['aes128-cbc'] }],
    ['a host key of another kind', { serverHostKey: ['rsa-sha2-512'] }],
  ])('does not agree on %s', async (_, algorithms) => {
    await expect(connection({ algorithms })).rejects.toThrow('no matching');
  });

  it('forwards the port of the model and no other, and nothing back', async () => {
    const script = `require('net').createServer((s) => s.end('model')).listen(${places.modelPort}, '127.0.0.1')`;
    await machine.must(['systemd-run', '--quiet', '--unit=model', 'node', '-e', script]);
    const ssh = await connection();
    const answer = await until('the model listens', () => forwarded(ssh, '127.0.0.1', places.modelPort));
    expect(answer).toBe('model');
    expect(await forwarded(ssh, '127.0.0.1', 22)).toBe(false);
    expect(await forwarded(ssh, '169.254.169.254', 80)).toBe(false);
    await expect(
      new Promise((resolve, reject) =>
        ssh.forwardIn('127.0.0.1', 9999, (error) => (error ? reject(error) : resolve(0))),
      ),
    ).rejects.toThrow('Unable to bind');
    ssh.end();
  });

  it('shows its user data at the metadata address to root alone', async () => {
    const script = `require('net').createServer((s) => s.end('key')).listen(80, '169.254.169.254')`;
    await machine.must(['ip', 'address', 'add', '169.254.169.254/32', 'dev', 'lo']);
    await machine.must(['systemd-run', '--quiet', '--unit=metadata', 'node', '-e', script]);
    await until('metadata answers', () => reaches('root', '169.254.169.254', 80));
    for (const user of ['patchgit', 'patchgit-run', 'nobody']) {
      expect(await reaches(user, '169.254.169.254', 80), user).toBe(false);
    }
  });

  it('the run user reaches neither the outside nor the loopback; the login user does', async () => {
    const address = outside.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    expect(await reaches('patchgit', address.address, address.port)).toBe(true);
    expect(await reaches('patchgit-run', address.address, address.port)).toBe(false);
    expect(await reaches('patchgit', '127.0.0.1', places.modelPort)).toBe(true);
    expect(await reaches('patchgit-run', '127.0.0.1', places.modelPort)).toBe(false);
  });

  it('no user but root can read the host key, and no copy of it is left elsewhere', async () => {
    const body = host.private.split('\n')[2] ?? '';
    const doubled = [0, 1, 2].map((shift) =>
      Buffer.from(`${'x'.repeat(shift)}${body}`)
        .toString('base64')
        .slice(4, 60),
    );
    const find = ['grep', '-rlF', ...[body, ...doubled].flatMap((text) => ['-e', text])];
    const found = await machine.run([...find, '/etc', '/var', '/run', '/opt', '/root', '/tmp', '/srv'], {
      wallMs: 60_000,
    });
    expect(found.stdout).toBe('/etc/ssh/ssh_host_ed25519_key\n');
    expect(await machine.must(['stat', '-c', '%a %U', '/etc/ssh/ssh_host_ed25519_key'])).toBe('600 root\n');
  });

  it('runs the helper over SSH as the run user, in a sandbox, and ends it with the connection', async () => {
    const ssh = await connection();
    const program = readFileSync(join(import.meta.dirname, '../dist/helper.cjs'));
    expect((await said(ssh, `cat > ${places.helperProgram}`, program)).code).toBe(0);
    const tree = '/var/lib/patchgit/tree';
    expect((await said(ssh, `mkdir -p ${tree}; echo one > ${tree}/file`)).code).toBe(0);
    const answer = await conversation(ssh, assignment(tree, 'cat file; exit 7'));
    expect(answer.map(({ type }) => type)).toContain('done');
    const ready = answer.find((frame) => frame.type === 'ready');
    expect(ready?.isolation.join(' ')).toContain('bubblewrap runs checks as user 4302');
    const outcome = answer.find((frame) => frame.type === 'outcome')?.outcome;
    expect(outcome?.exitCode).toBe(7);
    expect(Buffer.from(outcome?.logBase64 ?? '', 'base64').toString()).toBe('one\n');
    const asleep = async (): Promise<boolean> =>
      (await machine.run(['pgrep', '--uid', 'patchgit-run', '--exact', 'sleep'])).code === 0;
    ssh.exec(places.helperCommand, (_, stream) => stream.write(`${JSON.stringify(assignment(tree, 'sleep 60'))}\n`));
    await until('the check runs', asleep);
    ssh.destroy();
    await until('nothing of the check is left', async () => !(await asleep()));
  });

  it('is a sandbox for the daemon, over its own link', async () => {
    const link = sshLink({ log: silentLog });
    const keys = {
      clientPrivateKey: client.private,
      clientPublicKey: client.public,
      hostPrivateKey: '',
      hostPublicKey: host.public,
    };
    const target = { address: machine.address ?? '', port: 22, user: users.login.name, keys };
    const opened = await link.connect(target, AbortSignal.timeout(30_000));
    if (!opened.ok) throw new Error(opened.why);
    const tree = mkdtempSync(join(tmpdir(), 'patchgit-tree-'));
    try {
      writeFileSync(join(tree, 'file'), 'one\n');
      const sandbox = remoteSandbox({
        connection: opened.value,
        helperBundle: readFileSync(join(import.meta.dirname, '../dist/helper.cjs')),
        folder: places.trees,
        helper: { kind: 'service', command: [places.helperCommand], program: places.helperProgram },
        log: silentLog,
      });
      const { usable, isolation } = await sandbox.inspect();
      expect(usable).toBe(true);
      expect(isolation.join(' ')).toContain(`as user ${users.run.uid}`);
      // Of version 1 nothing is passed on to a unit (testing/machine/installed.ts), and a rented machine has version 2.
      if (machine.controllers.version2.includes('memory')) {
        expect(isolation.join(' ')).toContain('A control group limits memory, pids, cpu.');
      }
      const { limits, steps } = assignment(tree, 'cat file; exit 7');
      const workspace = { lower: tree, delta: null, remove: [] };
      const ran = await sandbox.run({ workspace, steps, limits }, () => undefined, AbortSignal.timeout(60_000));
      expect(ran).toMatchObject({
        ok: true,
        value: [{ exitCode: 7, logBase64: Buffer.from('one\n').toString('base64') }],
      });
    } finally {
      rmSync(tree, { recursive: true });
      await opened.value.close();
    }
  });

  it('prepares itself again without harm, and takes an image for baked only when it was', async () => {
    const again = (image: 'plain' | 'baked') =>
      machine.run(['sh', '-s'], { stdin: prepareScript({ hostname, image }), wallMs: 60_000 });
    const failed = ['sh', '-c', `cat ${places.failedMarker} && rm ${places.failedMarker}`];
    expect((await again('plain')).code).toBe(0);
    expect((await again('baked')).code).toBe(1);
    expect(await machine.must(failed)).toBe('The image is not one that was baked.\n');
    await machine.writeFile(places.bakedMarker, '');
    expect((await again('baked')).code).toBe(0);
    expect(await machine.must(['cat', places.readyMarker])).toContain('"image":"baked"');
    expect((await machine.run(failed)).code).toBe(1);
  });

  it('is powered off at its deadline', async () => {
    expect(await machine.must(['systemctl', 'is-active', 'patchgit-deadline.timer'])).toBe('active\n');
    const next = await machine.must([
      'systemctl',
      'show',
      '--value',
      '-p',
      'TimersCalendar',
      'patchgit-deadline.timer',
    ]);
    const deadline = new Date(Math.ceil(selfDestructAtMs / 1000) * 1000).toISOString();
    expect(next).toContain(`OnCalendar=${deadline.slice(0, 19).replace('T', ' ')} UTC`);
    // What the timer starts. Its own end may come before the answer.
    await machine.run(['systemctl', 'start', 'patchgit-deadline.service'], { wallMs: 10_000 });
    await until('the machine is off', () => !machine.isUp());
  });
});

const closed = 'a helper whose firewall does not load';
describe.runIf(canBoot(closed))(closed, () => {
  it('lets nobody in and is never ready, and says why', async () => {
    const keys = { clientPublicKey: client.public, hostPublicKey: host.public, hostPrivateKey: host.private };
    const nowMs = Date.now();
    const orders = {
      hostname,
      keys,
      image: 'plain',
      nowMs,
      selfDestructAtMs: nowMs + 60_000,
      sshFromAddresses: [],
    } as const;
    const userData = cloudInit(orders).replace('type filter hook output', 'type filter hook nowhere');
    const machine = await bootMachine({ network: 'link', ...cloudSeed(userData) });
    try {
      await machine.run(['cloud-init', 'status', '--wait'], { wallMs: 60_000 });
      expect(await machine.must(['cat', places.failedMarker])).toBe('The firewall could not be made to stay.\n');
      expect((await machine.run(['test', '-e', places.readyMarker])).code).toBe(1);
      expect((await machine.run(['systemctl', 'is-active', 'ssh.service'])).stdout).toBe('inactive\n');
      await expect(connect(machine.address ?? '', {})).rejects.toThrow('ECONNREFUSED');
    } finally {
      await machine.close();
    }
  });
});

function connect(address: string, more: ConnectConfig): Promise<ssh2.Client> {
  const ssh = new ssh2.Client();
  return new Promise((resolve, reject) => {
    ssh.once('ready', () => resolve(ssh));
    // Also what comes after the end of the machine; before, it is the reason.
    ssh.on('error', reject);
    ssh.connect({ host: address, username: 'patchgit', privateKey: client.private, readyTimeout: 20_000, ...more });
  });
}

function said(ssh: ssh2.Client, command: string, input: string | Buffer = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    ssh.exec(command, (error, stream) => {
      if (error) return reject(error);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('close', (code: number | null) => resolve({ code, output: Buffer.concat(chunks).toString('utf8') }));
      stream.end(input);
    });
  });
}

/** Keeps its end open until the helper is done: the end means "stop". */
function conversation(ssh: ssh2.Client, order: Assignment): Promise<HelperFrame[]> {
  return new Promise((resolve, reject) => {
    ssh.exec(places.helperCommand, (error, stream) => {
      if (error) return reject(error);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('close', () => {
        const lines = Buffer.concat(chunks).toString('utf8').split('\n').filter(Boolean);
        resolve(lines.map((line) => HelperFrame.parse(JSON.parse(line))));
      });
      stream.write(`${JSON.stringify(order)}\n`);
    });
  });
}

/** What answers at a port of the helper's, or false when the way is refused. */
function forwarded(ssh: ssh2.Client, address: string, port: number): Promise<string | false> {
  return new Promise((resolve) => {
    ssh.forwardOut('127.0.0.1', 1, address, port, (error, stream) => {
      if (error) return resolve(false);
      stream.once('data', (chunk: Buffer) => {
        stream.end();
        resolve(chunk.toString('utf8'));
      });
    });
  });
}

function assignment(lower: string, command: string): Assignment {
  return {
    type: 'assignment',
    protocol: 1,
    workspace: { lower, delta: null, remove: [] },
    steps: [{ name: 'asked', command, reports: [] }],
    limits: {
      wallMs: 60_000,
      cpuPercent: 100,
      memoryBytes: 128 * mebibyte,
      processes: 64,
      diskBytes: 16 * mebibyte,
      tmpBytes: 16 * mebibyte,
      logBytes: 16 * 1024,
      outputBytes: mebibyte,
    },
  };
}
