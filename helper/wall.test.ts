import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Assignment } from '#contract/helper-wire.ts';
import type { SandboxEvent } from '../server/ports.ts';
import { judgedCalls, refusedCalls } from './seccomp.ts';
import {
  helperPath,
  limits,
  ownHelpers,
  processesWith,
  tryAll,
  tryDirectly,
  tryOne,
  uniqueWord,
  World,
} from './test-kit.ts';

const world = new World();
const canary = uniqueWord();
const home = mkdtempSync(join(homedir(), 'patchgit-canary-'));
const planted = [join(home, 'secret'), world.path('secret'), join('/dev/shm', uniqueWord())];
const callers: string[] = [];
const listeners: Server[] = [];
let tcpPort = 0;
const socketPath = world.path('door.sock');
const abstractName = uniqueWord();

beforeAll(async () => {
  for (const path of planted) writeFileSync(path, canary, { mode: 0o644 });
  process.env['PATCHGIT_TEST_CANARY'] = canary;
  for (const address of [{ host: '127.0.0.1', port: 0 }, { path: socketPath }, { path: `\0${abstractName}` }]) {
    const listener = createServer((socket) => {
      callers.push(JSON.stringify(address));
      socket.destroy();
    });
    listeners.push(listener);
    await new Promise<void>((resolve) => listener.listen(address, resolve));
  }
  const address = listeners[0]?.address();
  if (typeof address === 'object' && address !== null) tcpPort = address.port;
});

afterAll(() => {
  listeners.forEach((listener) => listener.close());
  delete process.env['PATCHGIT_TEST_CANARY'];
  planted.forEach((path) => rmSync(path, { force: true }));
  rmSync(home, { recursive: true, force: true });
  world.remove();
});

/** Perl is in every Debian, and has `syscall`. Prints "name errno" per line, errno 0 for success. */
function callEach(calls: readonly (readonly [name: string, nr: number, ...args: (number | string)[]])[]): string {
  const lines = calls.map(
    ([name, ...args]) => `$! = 0; $r = syscall(${args.join(', ')}); printf "%s %d\\n", "${name}", $r == -1 ? $!+0 : 0;`,
  );
  return `perl -e '$| = 1; ${lines.join(' ')}'`;
}

const column = process.arch === 'arm64' ? 1 : 0;

describe.each(world.runners())('the wall, with the helper run by $name', (runner) => {
  const sandbox = world.sandbox(runner);
  const lower = world.tree({ 'a.txt': 'a' }, runner.uid);

  it('hides the files, the environment and the processes of this machine', async () => {
    const [read, searched, settings] = await tryAll(
      sandbox,
      { lower },
      [
        `cat /etc/shadow ${planted.join(' ')} /proc/1/root${planted[0]} /proc/$PPID/root${planted[0]}`,
        'ls -A /root /home /work /srv /mnt /media /boot /oldroot /newroot /sys /var/lib',
        'cat /proc/*/environ /proc/*/cmdline /proc/kcore | tr "\\0" "\\n"',
        'ls -d /proc/[0-9]* | wc -l',
      ].join('\n'),
      // Whatever can be opened, by a name or through another process's root and folder.
      `find / /proc/1/root/ /proc/1/cwd/ -xdev -type f -size -64k -not -path '/usr/*' -readable -exec cat {} + ; env; true`,
      'ls -A /etc',
    );
    expect(read?.log).not.toContain(canary);
    expect(read?.log).not.toMatch(/^root:[^x]/m);
    expect(Number(read?.log.trim().split('\n').at(-1))).toBeLessThan(10);
    expect(searched?.log).not.toContain(canary);
    const known = /^(alternatives|group|hosts|java-\d+-openjdk|ld\.so\.cache|nsswitch\.conf|passwd|php|ssl)$/;
    expect(
      settings?.log
        .trim()
        .split('\n')
        .filter((name) => !known.test(name)),
    ).toEqual([]);
    expect(read?.log.match(/No such file or directory/g)?.length).toBeGreaterThan(10);
  });

  it('has no way to the network, to sockets of this machine or to the cloud’s metadata', async () => {
    const script = `
      const net = require('node:net'), dgram = require('node:dgram');
      const tell = (name) => (error) => console.log(name, error?.code ?? 'CONNECTED');
      for (const [name, options] of Object.entries({
        loopback: { host: '127.0.0.1', port: ${tcpPort} },
        six: { host: '::1', port: ${tcpPort} },
        metadata: { host: '169.254.169.254', port: 80 },
        internet: { host: '192.0.2.1', port: 443 },
        unix: { path: ${JSON.stringify(socketPath)} },
        abstract: { path: '\\0${abstractName}' },
      })) net.connect(options, tell(name)).on('error', tell(name));
      dgram.createSocket('udp4').unref().send('x', 53, '192.0.2.1', tell('udp'));`;
    const { log } = await tryOne(
      sandbox,
      { lower },
      `node -e '${script.replaceAll("'", String.raw`'\''`)}'; cat /proc/net/route /proc/net/dev`,
    );
    expect(log).not.toContain('CONNECTED');
    for (const name of ['loopback', 'six', 'metadata', 'internet', 'unix', 'abstract', 'udp']) {
      expect(log).toMatch(new RegExp(`^${name} E[A-Z]+$`, 'm'));
    }
    expect(log.match(/^ *\S+:/gm)).toEqual(['    lo:']);
    expect(callers).toEqual([]);
  });

  it('lets nothing be written but the tree and the temporary folders', async () => {
    const places = ['/', '/usr', '/etc', '/opt', '/opt/node/bin', '/dev', '/run', '/var', '/proc', '/bin'];
    const files = ['/etc/passwd', '/opt/node/bin/node', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger'];
    const { log } = await tryOne(
      sandbox,
      { lower },
      [
        ...places.map((place) => `touch ${place}/x 2>/dev/null && echo ${place}`),
        ...files.map((file) => `sh -c ': >> ${file}' 2>/dev/null && echo ${file}`),
        'for each in /ws /tmp /dev/shm /var/tmp "$HOME"; do touch $each/x || echo $each; done; true',
      ].join('\n'),
    );
    expect(log).toBe('');
  });

  it('refuses what an escape needs, by the kernel’s own word', async () => {
    const permission = (
      name: keyof typeof refusedCalls,
      ...args: (number | string)[]
    ): [string, number, ...(number | string)[]] => [name, refusedCalls[name][column] ?? 0, ...args];
    const calls = [
      permission('ptrace', 0, 0, 0, 0),
      permission('process_vm_readv', '$$', 0, 0, 0, 0, 0),
      permission('kcmp', '$$', '$$', 0, 0, 0),
      permission('pidfd_getfd', -1, 0, 0),
      permission('userfaultfd', 0),
      permission('io_uring_setup', 1, 0),
      permission('perf_event_open', 0, 0, -1, -1, 0),
      permission('keyctl', 0, -3, 0),
      permission('unshare', 0),
      permission('setns', -1, 0),
      permission('mount', 0, 0, 0, 0, 0),
      permission('open_tree', -1, 0, 0),
      permission('bpf', 0, 0, 0),
      permission('chroot', 0),
    ];
    const clone = judgedCalls.clone[column];
    const socket = judgedCalls.socket[column];
    const judged = [
      ['clone', clone, 0x1000_0011, 0, 0, 0, 0],
      ['clone3', judgedCalls.clone3[column], 0, 0],
      ['ioctl', judgedCalls.ioctl[column], 0, 0x5412, 0],
      ...[17, 38, 40].map((family) => [`socket${family}`, socket, family, 3, 0]),
      ['socket1', socket, 1, 1, 0],
      ['socket2', socket, 2, 1, 0],
    ] as [string, number, ...number[]][]; // rows of one shape, which the spread hides from the compiler
    const [refused, judgedCallsTried, namespaces] = await tryAll(
      sandbox,
      { lower },
      callEach(calls),
      callEach(judged),
      'unshare --user true && echo made; unshare --net true && echo made; mount -t tmpfs x /tmp && echo made; exit 0',
    );
    expect(refused?.log.trim().split('\n')).toEqual(calls.map(([name]) => `${name} 1`));
    expect(judgedCallsTried?.log.trim().split('\n')).toEqual([
      'clone 1',
      'clone3 38',
      'ioctl 1',
      'socket17 97',
      'socket38 97',
      'socket40 97',
      'socket1 0',
      'socket2 0',
    ]);
    expect(namespaces?.log).not.toContain('made');
  });

  it('has no capability, cannot gain one, and is filtered', async () => {
    const { log } = await tryOne(sandbox, { lower }, 'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status');
    expect(log.replaceAll('\t', ' ').trim().split('\n')).toEqual([
      ...['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}: 0000000000000000`),
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
  });

  it('is an unprivileged user of this machine, in every process', async () => {
    const word = uniqueWord();
    const abort = new AbortController();
    const users: string[] = [];
    const onEvent = (event: SandboxEvent): void => {
      if (event.type !== 'output') return;
      for (const pid of processesWith(word)) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        for (const [, ids = ''] of status.matchAll(/^[UG]id:\t(.*)$/gm)) users.push(ids);
      }
      abort.abort();
    };
    const command = `echo running; sleep 60; : ${word}`;
    await expect(tryOne(sandbox, { lower, onEvent, signal: abort.signal }, command)).rejects.toThrow(/cancelled/);
    const ids = Array.from({ length: 4 }, () => runner.uid).join('\t');
    expect(new Set(users)).toEqual(new Set([ids]));
  });

  it('ends everything that a step started when its command ends, and tells its code', async () => {
    const word = uniqueWord();
    const command = `setsid sh -c 'trap "" TERM HUP; while :; do sleep 100 ${word}; sleep 1; done' >/dev/null 2>&1 & setsid sh -c 'exec -a ${word} sleep 300; : ${word}' & exit 3`;
    expect(await tryOne(sandbox, { lower }, command)).toMatchObject({ exitCode: 3, limit: null });
    expect(processesWith(word)).toEqual([]);
  });

  it('lets nothing live on when the helper is killed', async () => {
    const word = uniqueWord();
    const running = tryOne(
      sandbox,
      {
        lower,
        onEvent: (event) => {
          if (event.type === 'output') for (const pid of ownHelpers()) process.kill(pid, 'SIGKILL');
        },
      },
      `setsid sh -c ': ${word}; sleep 300; :' & echo running; sleep 300; : ${word}`,
    );
    await expect(running).rejects.toThrow('The sandbox helper ended before it was done (SIGKILL).');
    await vi.waitFor(() => expect(processesWith(word)).toEqual([]), { timeout: 5_000 });
  });
});

it('forbids user namespaces also where the call filter lets everything pass', async () => {
  const allowAll = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
  const command = 'grep Seccomp: /proc/self/status; unshare --user true';
  const log = await tryDirectly({}, allowAll, world.tree({}, 65_534), command);
  expect(log).toBe('Seccomp:\t2\nunshare: unshare failed: No space left on device\n');
});

it.each(['the end of its input', 'SIGTERM'])('ends everything and itself at %s', async (reason) => {
  const word = uniqueWord();
  const helper = spawn(process.execPath, [helperPath], { env: {} });
  const assignment: Assignment = {
    type: 'assignment',
    protocol: 1,
    workspace: { lower: world.tree({}, process.getuid?.() === 0 ? 65_534 : 0), delta: null, remove: [] },
    steps: [
      { name: 'a', command: `setsid sh -c 'sleep 300; : ${word}' & echo running; sleep 300; : ${word}`, reports: [] },
    ],
    limits,
  };
  helper.stdin.write(`${JSON.stringify(assignment)}\n`);
  let frames = '';
  helper.stdout.on('data', (chunk: Buffer) => {
    frames += chunk.toString();
    if (!frames.includes('"output"')) return;
    if (reason === 'SIGTERM') helper.kill();
    else helper.stdin.destroy();
  });
  expect(await new Promise((resolve) => helper.once('close', (...ended) => resolve(ended)))).toEqual([1, null]);
  expect(frames).toContain('{"type":"trouble","message":"The run was cancelled."}');
  expect(processesWith(word)).toEqual([]);
});
