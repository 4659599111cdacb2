/**
 * A real OpenSSH server on a port of the loopback, with its own configuration, keys and folder. As root it runs in a mount
 * namespace of its own, because it wants a user and a folder that no machine has that did not install it.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { layerFolder } from './machine/layer.ts';
import { descendantsOf, lookAt, stillRuns } from './processes.ts';
import { until } from './wait.ts';

export interface TestSshd {
  readonly address: string;
  readonly port: number;
  /** The one who may come in: whoever runs the test. */
  readonly user: string;
  /** How often somebody connected. */
  readonly callers: () => number;
  /** What it wrote to its log so far. */
  readonly said: () => string;
  /** Kills every process of sshd itself, as if the machine had lost them; what they started is left to find out. */
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const program = ['/usr/sbin/sshd', join(layerFolder, 'usr/sbin/sshd')].find((path) => existsSync(path)) ?? null;
const asRoot = process.getuid?.() === 0;

/** Whether sshd can be run here. Says why not where it cannot, so that nobody takes silence for a pass. */
export function canRunSshd(what: string): boolean {
  const why = whyNoSshd();
  if (why !== null) process.stderr.write(`Not tried here, ${what}: ${why}.\n`);
  return why === null;
}

function whyNoSshd(): string | null {
  if (program === null)
    return 'there is no sshd: install openssh-server, or run "npm test" as root on Debian or Ubuntu';
  // sshd hands every command to the shell of whoever comes in.
  if (/(?:^|\/)(?:nologin|false)$/.test(userInfo().shell ?? '')) return 'the user of this process has no shell';
  if (!asRoot) return null;
  const tried = spawnSync('unshare', ['--mount', '--', 'mount', '-t', 'tmpfs', 'probe', '/run'], { encoding: 'utf8' });
  return tried.status === 0 ? null : `this host forbids it: ${tried.error?.message ?? tried.stderr.trim()}`;
}

/** `lines`: of sshd_config(5), ahead of ours, so that they count. */
export async function startSshd(
  keys: { readonly hostPrivateKey: string; readonly clientPublicKey: string },
  lines: readonly string[] = [],
): Promise<TestSshd> {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-sshd-'));
  const configuration = writeFiles(folder, keys, lines);
  const running = new Set<ChildProcess>();
  let said = '';
  let callers = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    callers += 1;
    // As inetd did it: the connection is its input and output. So no port has to be guessed.
    const child = spawn(...command(folder, configuration), { cwd: '/', stdio: [socket, socket, 'pipe'] });
    running.add(child);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('close', () => running.delete(child));
    // It has its own copy of the connection now.
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('sshd has no port');
  const kill = async (): Promise<void> => {
    const all = [...running].flatMap(({ pid }) => {
      const top = pid === undefined ? null : lookAt(pid);
      return top === null ? [] : [top, ...descendantsOf(top.pid)];
    });
    const own = all.filter(({ command }) => command.startsWith('sshd') || command.includes(`-f ${configuration}`));
    for (const seen of own) if (stillRuns(seen)) process.kill(seen.pid, 'SIGKILL');
    await until('the end of sshd', () => running.size === 0);
  };
  return {
    address: '127.0.0.1',
    port: address.port,
    user: userInfo().username,
    callers: () => callers,
    said: () => said,
    kill,
    close: async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeFiles(
  folder: string,
  { hostPrivateKey, clientPublicKey }: { readonly hostPrivateKey: string; readonly clientPublicKey: string },
  lines: readonly string[],
): string {
  const file = (name: string, text: string, mode: number): string => {
    writeFileSync(join(folder, name), text, { mode });
    return join(folder, name);
  };
  const host = file('host-key', hostPrivateKey, 0o600);
  const authorized = file('authorized-keys', `${clientPublicKey}\n`, 0o644);
  file(
    'passwd',
    `${readFileSync('/etc/passwd', 'utf8').trim()}\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n`,
    0o644,
  );
  file('shadow', 'root:*:20000::::::\nsshd:*:20000::::::\n', 0o640);
  const own = [
    [`HostKey ${host}`, `AuthorizedKeysFile ${authorized}`, 'PidFile none', 'UsePAM no', 'StrictModes no'],
    ['PermitRootLogin prohibit-password', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
    ['AllowTcpForwarding local', 'X11Forwarding no', 'AllowAgentForwarding no', 'PrintMotd no', 'UseDNS no'],
  ];
  return file('config', `${[...lines, ...own.flat()].join('\n')}\n`, 0o644);
}

function command(folder: string, configuration: string): [string, string[]] {
  const sshd = [program ?? '', '-i', '-e', '-f', configuration];
  const libraries = join(layerFolder, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`);
  const found = program?.startsWith(layerFolder) === true ? [`LD_LIBRARY_PATH=${libraries}`] : [];
  const clean = ['env', '-i', ...found, ...sshd];
  if (!asRoot) return ['env', clean.slice(1)];
  const script = `set -eu
    mount -t tmpfs -o mode=755 run /run
    mkdir /run/sshd
    mount --bind "$1/passwd" /etc/passwd
    mount --bind "$1/shadow" /etc/shadow
    shift
    exec "$@"`;
  return ['unshare', ['--mount', '--', 'sh', '-c', script, 'sshd', folder, ...clean]];
}
