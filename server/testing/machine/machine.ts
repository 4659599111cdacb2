/**
 * A whole machine made of namespaces: the distribution's own systemd as pid 1, with a root file system, users, units,
 * control groups, a network and a host name of its own. Nothing of the host is changed, and everything of it is gone
 * when it is closed or when this process dies. Its kernel is the host's: what a test sets below /proc/sys, other than for
 * namespaces of its own, it sets for the host as well.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '../wait.ts';
import { bootScript } from './boot-script.ts';
import { isLeftBehind, makeMachineGroups, namePrefix, sweepMachineGroups, type MachineGroups } from './groups.ts';
import { layerFolder } from './layer.ts';
import { connect, type Link } from './link.ts';
import { enterGroups, programs, runIn, type Ran, type RunOptions } from './run.ts';
import { writeSettings } from './settings.ts';

export interface MachineOptions {
  readonly hostname?: string;
  /** Folders of the host, read-only in the machine: path here to path there. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Files that are there before anything starts: path to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Units of packages that start with the machine, for example `ssh.service`. */
  readonly units?: readonly string[];
  /** `link` gives it an address that this process reaches; `loopback` nothing but itself. */
  readonly network?: 'loopback' | 'link';
  readonly memoryBytes?: number;
  readonly processesMax?: number;
  readonly bootMsMax?: number;
}

export interface Machine {
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** The standard output of a command that must end with 0. */
  readonly must: (argv: readonly string[], options?: RunOptions) => Promise<string>;
  readonly writeFile: (path: string, content: string | Buffer, mode?: number) => Promise<void>;
  /** An IPv4 address that this process reaches; null on `loopback`. */
  readonly address: string | null;
  /** An address that the machine reaches and takes for one of the internet, and that is this process's to listen on; null on `loopback`. */
  readonly internet: string | null;
  /** Which controllers its units can be given, by which version of control groups. */
  readonly controllers: MachineGroups['controllers'];
  readonly bootMs: number;
  /** False when pid 1 has ended, for example because the machine was powered off. */
  readonly isUp: () => boolean;
  readonly close: () => Promise<void>;
}

const mebibyte = 1024 * 1024;
/** Root of the machine could use these on the kernel it shares with the host, and no test needs them. */
const droppedCapabilities = [
  'sys_module',
  'sys_rawio',
  'sys_time',
  'syslog',
  'wake_alarm',
  'mac_admin',
  'mac_override',
];

export async function bootMachine(options: MachineOptions = {}): Promise<Machine> {
  const startedAtMs = Date.now();
  await sweepMachineGroups();
  for (const name of readdirSync(tmpdir()).filter(isLeftBehind)) rmSync(join(tmpdir(), name), { recursive: true });
  const memoryBytes = options.memoryBytes ?? 1024 * mebibyte;
  const folder = mkdtempSync(join(tmpdir(), `${namePrefix}${process.pid}-`));
  const groups = makeMachineGroups({ memoryBytes, processesMax: options.processesMax ?? 2048 });
  prepare(folder, options);
  const body = start(folder, groups, options, memoryBytes);
  let link: Link | null = null;
  const close = async (): Promise<void> => {
    await body.end();
    await groups.remove();
    link?.remove();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const pid = await until('the namespaces of the machine', () => body.isMade() && childOf(body.pid));
    if (options.network === 'link') link = connect(pid);
    body.go();
    const run: Machine['run'] = (argv, how = {}) => runIn(pid, groups, argv, how);
    await untilBooted(pid, body, run, options.bootMsMax ?? 60_000);
    const must: Machine['must'] = async (argv, how) => {
      const ran = await run(argv, how);
      if (ran.code !== 0) throw new Error(`${argv.join(' ')} ended with ${ran.code}: ${ran.stderr}${ran.stdout}`);
      return ran.stdout;
    };
    return {
      run,
      must,
      writeFile: async (file, content, mode = 0o644) => {
        const script = 'set -eu; mkdir -p "$(dirname "$1")"; cat > "$1"; chmod "$2" "$1"';
        await must(['sh', '-c', script, 'write', file, mode.toString(8)], { stdin: content });
      },
      address: link?.address ?? null,
      internet: link?.internet ?? null,
      controllers: groups.controllers,
      bootMs: Date.now() - startedAtMs,
      isUp: body.isUp,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the machine begins with: its /etc, and the files that the test wants there. */
function prepare(folder: string, { hostname = 'machine', units = [], files = {} }: MachineOptions): void {
  const made = join(folder, 'made');
  mkdirSync(join(folder, 'root'));
  const machineId = randomBytes(16).toString('hex');
  writeSettings({ folder: join(made, 'etc'), layer: layerFolder, hostname, machineId, units });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(made, path)), { recursive: true });
    writeFileSync(join(made, path), content);
  }
}

/** Booted is when systemd has nothing more to start; a unit that failed is for the test to see. */
async function untilBooted(pid: number, body: Body, run: Machine['run'], bootMsMax: number): Promise<void> {
  const hasBooted = async (): Promise<boolean> => {
    if (!body.isUp()) throw new Error(`the machine ended while it booted: ${body.said()}`);
    if (!existsSync(`/proc/${pid}/root/run/systemd/private`)) return false;
    const state = await run(['systemctl', 'is-system-running', '--wait'], { wallMs: bootMsMax });
    return ['running', 'degraded'].includes(state.stdout.trim());
  };
  await until('systemd in the machine', hasBooted, bootMsMax);
}

interface Body {
  readonly pid: number;
  readonly isUp: () => boolean;
  /** True once the namespaces are there; throws when there will be none. */
  readonly isMade: () => boolean;
  /** The network is in: boot. */
  readonly go: () => void;
  readonly said: () => string;
  readonly end: () => Promise<void>;
}

/** The starter: dies with this process, and takes pid 1 of the machine with it. */
function start(folder: string, groups: MachineGroups, options: MachineOptions, memoryBytes: number): Body {
  const folders = Object.entries(options.folders ?? {}).flat();
  const spaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--fork', '--kill-child=KILL'];
  const init = [
    ['setpriv', `--bounding-set=${droppedCapabilities.map((name) => `-${name}`).join(',')}`],
    // systemd leaves devices, the clock and the like alone when it is told that it is in a container.
    ['env', '-i', 'container=patchgit', `PATH=${programs}`],
    ['/usr/lib/systemd/systemd', '--system', '--log-target=journal', '--show-status=no'],
  ].flat();
  const script = [
    [bootScript, 'boot', layerFolder, join(folder, 'root'), join(folder, 'made')],
    [`mode=755,size=${memoryBytes}`, ...groups.hierarchies, '--', ...folders, '--', ...init],
  ].flat();
  const starter = spawn(
    'setpriv',
    [
      ['--pdeathsig', 'KILL', 'sh', '-c', enterGroups, 'enter', ...groups.entrances, '--'],
      ['unshare', ...spaces, '--', 'sh', '-c', ...script],
    ].flat(),
    { cwd: '/', env: { PATH: programs }, stdio: 'pipe' },
  );
  const ended = new Promise<void>((resolve) => starter.once('close', () => resolve()));
  let said = '';
  for (const stream of [starter.stdout, starter.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const isUp = (): boolean => starter.exitCode === null && starter.signalCode === null;
  return {
    pid: starter.pid ?? 0,
    isUp,
    isMade: () => {
      if (!isUp()) throw new Error(`the machine did not start: ${said}`);
      return said.includes('here');
    },
    go: () => starter.stdin.end('go\n'),
    said: () => said,
    end: async () => {
      // The kernel was told to kill pid 1, and with it everything, when its starter ends.
      if (isUp()) starter.kill('SIGKILL');
      await ended;
    },
  };
}

/** The one child of the starter, which is pid 1 of the machine. */
function childOf(pid: number): number | false {
  const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return first === undefined ? false : Number(first);
}
