/** The packages a machine is made of, beside what the host has: unpacked once by `scripts/setup.mjs`, installed nowhere. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { canMakeGroups } from './groups.ts';

const root = join(import.meta.dirname, '../../..');

/** Laid out like a root file system; only its `usr` and `etc` are used. */
export const layerFolder = join(root, 'node_modules/.patchgit-machine/layer');

/** Whether a machine can be booted here. Says why not where it cannot, so that nobody takes silence for a pass. */
export function canBoot(what: string): boolean {
  const why = whyNoMachine();
  if (why !== null) process.stderr.write(`Not tried here, ${what}: ${why}.\n`);
  return why === null;
}

/** Null where a machine can be booted. Tries what could be forbidden, which takes 20 ms. */
function whyNoMachine(): string | null {
  if (process.getuid?.() !== 0) return 'only root can boot a machine of namespaces';
  if (!existsSync(join(layerFolder, 'usr'))) {
    return 'its packages are not there: run "npm test" as root on Debian or Ubuntu, with a way to its packages';
  }
  const programs = ['usr/lib/systemd/systemd', 'usr/bin/dbus-daemon', 'usr/sbin/useradd', 'usr/bin/pgrep'];
  const missing = programs.find((name) => !existsSync(join('/', name)) && !existsSync(join(layerFolder, name)));
  if (missing !== undefined) return `/${missing} is missing here`;
  if (!canMakeGroups()) return 'the control groups of this host cannot be written';
  const spaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--fork'];
  const mounts =
    'mount -t tmpfs probe /mnt && mkdir /mnt/usr && mount -t overlay -o ro,lowerdir=usr:/usr probe /mnt/usr';
  const tried = spawnSync('unshare', [...spaces, '--', 'sh', '-c', mounts], { cwd: layerFolder, encoding: 'utf8' });
  return tried.status === 0 ? null : `this host forbids it: ${tried.error?.message ?? tried.stderr.trim()}`;
}
