/** The /etc of a machine: its own users and units, and of the host only what programs under /usr cannot do without. */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Nothing in these is a secret of the host, and none of them starts anything. */
const shared = [
  ['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'ssl/certs', 'ssl/openssl.cnf'],
  ['pam.d', 'security', 'login.defs', 'nsswitch.conf', 'dbus-1', 'services', 'protocols', 'debian_version'],
].flat();

/**
 * Units that would change the host, whose kernel this is, or that wait for hardware that a machine of namespaces has not.
 * The kernel's settings below /proc/sys stay writable, because an unprivileged user can mount /proc in the sandbox only
 * where nothing hides a part of it; so whatever sets them at the start must not run.
 */
const masked = [
  ['systemd-sysctl.service', 'systemd-binfmt.service', 'proc-sys-fs-binfmt_misc.automount'],
  ['proc-sys-fs-binfmt_misc.mount', 'systemd-modules-load.service', 'systemd-random-seed.service'],
  ['systemd-udevd.service', 'systemd-udev-trigger.service', 'systemd-udevd-control.socket'],
  ['systemd-udevd-kernel.socket', 'systemd-hwdb-update.service', 'kmod-static-nodes.service'],
  ['systemd-timesyncd.service', 'systemd-networkd.service', 'systemd-networkd.socket', 'systemd-resolved.service'],
  ['systemd-logind.service', 'getty.target', 'getty-static.service', 'console-getty.service'],
  ['dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-config.mount', 'sys-kernel-debug.mount'],
  ['sys-kernel-tracing.mount', 'sys-fs-fuse-connections.mount', 'systemd-remount-fs.service', 'tmp.mount'],
  ['systemd-firstboot.service', 'systemd-pstore.service', 'ldconfig.service', 'systemd-journal-catalog-update.service'],
  ['systemd-update-done.service', 'systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service'],
].flat();

/** Generators would read the host's ways of starting (init scripts, disks, the kernel's command line). */
const generatorFolder = '/usr/lib/systemd/system-generators';

interface Settings {
  readonly folder: string;
  readonly layer: string;
  readonly hostname: string;
  readonly machineId: string;
  /** Units that start with the machine, beside what systemd itself needs. */
  readonly units: readonly string[];
}

export function writeSettings({ folder, layer, hostname, machineId, units }: Settings): void {
  mkdirSync(folder, { recursive: true });
  for (const name of shared) copy(join('/etc', name), join(folder, name));
  copy(join(layer, 'etc'), folder);
  // The set-up script of its package would put it there.
  const sshd = 'usr/share/openssh/sshd_config';
  const sshdConfig = [join(layer, sshd), join('/', sshd)].find((path) => existsSync(path));
  if (sshdConfig !== undefined) copy(sshdConfig, join(folder, 'ssh/sshd_config'));
  // What a package of the layer wants to have started is started when a test asks for it, and not before.
  rmSync(join(folder, 'systemd/system'), { recursive: true, force: true });
  const write = (name: string, text: string, mode = 0o644): void => writeFileSync(join(folder, name), text, { mode });
  write('hostname', `${hostname}\n`);
  write('hosts', `127.0.0.1 localhost ${hostname}\n::1 localhost\n`);
  write('machine-id', `${machineId}\n`, 0o444);
  write('fstab', '');
  const users = systemLines('/etc/passwd', passwdLines);
  write('passwd', users);
  write('shadow', users.replaceAll(/^([^:\n]+):.*$/gm, '$1:*:20000::::::'), 0o640);
  write('group', systemLines('/etc/group', groupLines));
  write('gshadow', '', 0o640);
  symlinkSync('../usr/lib/os-release', join(folder, 'os-release'));
  const system = join(folder, 'systemd/system');
  mkdirSync(join(system, 'multi-user.target.wants'), { recursive: true });
  for (const unit of masked) symlinkSync('/dev/null', join(system, unit));
  symlinkSync('/usr/lib/systemd/system/multi-user.target', join(system, 'default.target'));
  for (const unit of units) {
    symlinkSync(`/usr/lib/systemd/system/${unit}`, join(system, 'multi-user.target.wants', unit));
  }
  const generators = join(folder, 'systemd/system-generators');
  mkdirSync(generators, { recursive: true });
  const installed = [generatorFolder, join(layer, generatorFolder)].filter((path) => existsSync(path));
  for (const name of new Set(installed.flatMap((path) => readdirSync(path)))) {
    symlinkSync('/dev/null', join(generators, name));
  }
}

/** Users of packages whose set-up scripts have not run here. */
const passwdLines = [
  'messagebus:x:100:107::/nonexistent:/usr/sbin/nologin',
  'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin',
  'systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin',
];
const groupLines = ['messagebus:x:107:', 'systemd-journal:x:999:', 'systemd-network:x:998:'];

/** The lines of the distribution itself (numbers below 100, and nobody), then ours. */
function systemLines(file: string, ours: readonly string[]): string {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^[^:]+:[^:]*:(?:\d{1,2}|65534):/.test(line));
  return `${[...lines, ...ours].join('\n')}\n`;
}

function copy(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true, verbatimSymlinks: true, force: true });
}
