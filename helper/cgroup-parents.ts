/** Finds the control groups, version 1 or 2 per controller, below which the groups of steps can be made. */
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSystemError } from './host.ts';

export const controllers = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof controllers)[number];

export interface Parent {
  readonly version: 1 | 2;
  readonly folder: string;
  readonly controllers: readonly Controller[];
}

/** Which groups this process may make children of. Nothing is created except the enabling of v2 controllers. */
export function findParents(): Parent[] {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const parents: Parent[] = [];
  for (const { version, names, folder } of ownGroups(readFileSync('/proc/self/cgroup', 'utf8'), mounts)) {
    if (version === 1) {
      const held = controllers.filter((name) => names.includes(name));
      if (held.length > 0 && canMakeChild(folder)) parents.push({ version, folder, controllers: held });
    } else {
      // A group of version 2 with processes in it cannot pass controllers on, unless it is the real root. So the
      // service is started in a child group of its delegated one, and the steps become that child's siblings.
      const parent = enabledParent(folder) ?? enabledParent(dirname(folder));
      if (parent !== null) parents.push(parent);
    }
  }
  return parents;
}

interface Mount {
  readonly version: 1 | 2;
  /** The group that the mount shows as its root. */
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
}

interface OwnGroup {
  readonly version: 1 | 2;
  readonly names: readonly string[];
  readonly folder: string;
}

/** Lines of proc_pid_mountinfo(5): fields up to " - ", then type, source and the options that name v1 controllers. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [type = '', , options = ''] = right.split(' ');
    const [, , , root, point] = left.split(' ');
    if (!type.startsWith('cgroup') || root === undefined || point === undefined) return [];
    return [{ version: type === 'cgroup2' ? 2 : 1, root, point, options: options.split(',') } as const];
  });
}

/** Lines of cgroups(7) /proc/self/cgroup ("4:memory:/a/b", "0::/a/b") as folders under what is mounted. */
export function ownGroups(text: string, mounts: readonly Mount[]): OwnGroup[] {
  return text.split('\n').flatMap((line) => {
    const [, names, ...rest] = line.split(':');
    if (names === undefined) return [];
    const path = rest.join(':');
    const wanted = names === '' ? [] : names.split(',');
    const mount = mounts.find(({ version, options }) =>
      names === '' ? version === 2 : version === 1 && wanted.every((name) => options.includes(name)),
    );
    if (mount === undefined || !isWithin(path, mount.root)) return [];
    const below = mount.root === '/' ? path : path.slice(mount.root.length);
    return [{ version: mount.version, names: wanted, folder: join(mount.point, below) }];
  });
}

function isWithin(path: string, root: string): boolean {
  return root === '/' || path === root || path.startsWith(`${root}/`);
}

/** Enables the controllers for children of a v2 group, or says by null that it cannot be had. */
function enabledParent(folder: string): Parent | null {
  const control = join(folder, 'cgroup.subtree_control');
  if (!existsSync(control)) return null;
  const offered = words(join(folder, 'cgroup.controllers'));
  for (const name of controllers) {
    if (offered.includes(name) && !words(control).includes(name) && !tryWrite(control, `+${name}`)) return null;
  }
  const enabled = words(control);
  const held = controllers.filter((name) => enabled.includes(name));
  return held.length > 0 && canMakeChild(folder) ? { version: 2, folder, controllers: held } : null;
}

function canMakeChild(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOENT')) return false;
    throw error;
  }
}

/** False where the kernel or the file's owner refuses. */
export function tryWrite(path: string, value: string): boolean {
  try {
    writeFileSync(path, value);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'EBUSY', 'EOPNOTSUPP', 'ENOENT')) return false;
    throw error;
  }
}

/** What a file of words holds. */
export function words(path: string): string[] {
  return readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
}
