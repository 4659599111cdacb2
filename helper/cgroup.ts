/**
 * Control groups, version 1 or 2 per controller as the host has them. The group is made below the one this process is
 * in, so that an outer limit (a unit's MemoryMax) still counts, and this process stays outside: the kernel's
 * out-of-memory killer must be able to take everything inside without taking who reports it.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits } from '#contract/helper-wire.ts';
import { isSystemError } from './host.ts';

export const controllers = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof controllers)[number];

export interface Parent {
  readonly version: 1 | 2;
  readonly folder: string;
  readonly controllers: readonly Controller[];
}

export interface GroupEvents {
  /** Processes the kernel killed because the group's memory was used up. */
  readonly outOfMemoryKills: number;
  /** Forks refused because the group's number of processes was used up. */
  readonly refusedForks: number;
}

export interface Group {
  /** Files into which a process writes "0" to enter. */
  readonly entrances: readonly string[];
  readonly holds: readonly Controller[];
  readonly events: () => GroupEvents;
  /** Kills everything in the group. Processes of a sandbox also die with its init; this is the second rope. */
  readonly kill: () => void;
  /** Waits until the group is empty and removes it. */
  readonly remove: () => Promise<void>;
}

const namePrefix = 'patchgit-step-';
/** Names carry the process id of the helper that made them. */
const ownerInName = new RegExp(`^${namePrefix}(\\d+)-\\d+$`);
/** bubblewrap's own two processes (its monitor and the sandbox's init) count, and are not the check's. */
const ownProcesses = 2;
const removeAttemptsMax = 200;
const removeEveryMs = 10;

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

/** Removes empty groups that an earlier helper left when it was killed. */
export function sweepGroups(parents: readonly Parent[]): void {
  for (const { folder } of parents) {
    for (const name of readdirSync(folder)) {
      const owner = ownerInName.exec(name)?.[1];
      if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeFolder(join(folder, name));
    }
  }
}

export function makeGroup(parents: readonly Parent[], step: number, limits: Limits): Group {
  const made = parents.map((parent) => {
    const folder = join(parent.folder, `${namePrefix}${process.pid}-${step}`);
    mkdirSync(folder);
    for (const [file, value] of settings(parent, limits)) {
      const path = join(folder, file);
      // Swap accounting is a choice of the kernel's builder.
      if (existsSync(path)) writeFileSync(path, value);
    }
    return { ...parent, folder };
  });
  const folderOf = (controller: Controller): string | null =>
    made.find((group) => group.controllers.includes(controller))?.folder ?? null;
  return {
    entrances: made.map(({ folder }) => join(folder, 'cgroup.procs')),
    holds: made.flatMap((group) => group.controllers),
    events: () => ({
      outOfMemoryKills:
        readCount(folderOf('memory'), 'memory.events', 'oom_kill') ??
        readCount(folderOf('memory'), 'memory.oom_control', 'oom_kill') ??
        0,
      refusedForks: readCount(folderOf('pids'), 'pids.events', 'max') ?? 0,
    }),
    kill: () => made.forEach(({ folder }) => killMembers(folder)),
    remove: async () => {
      for (const { folder } of made) {
        let attempts = 0;
        while (!removeFolder(folder) && attempts < removeAttemptsMax) {
          attempts += 1;
          killMembers(folder);
          await sleep(removeEveryMs);
        }
      }
    },
  };
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

function tryWrite(path: string, value: string): boolean {
  try {
    writeFileSync(path, value);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'EBUSY', 'EOPNOTSUPP', 'ENOENT')) return false;
    throw error;
  }
}

function words(path: string): string[] {
  return readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
}

function settings({ version, controllers: held }: Parent, limits: Limits): [string, string][] {
  const quota = `${limits.cpuPercent * 1000}`;
  const period = '100000';
  const memory = `${limits.memoryBytes}`;
  const processes = `${limits.processes + ownProcesses}`;
  const all: Record<1 | 2, Record<Controller, [string, string][]>> = {
    1: {
      memory: [
        ['memory.limit_in_bytes', memory],
        ['memory.memsw.limit_in_bytes', memory],
      ],
      pids: [['pids.max', processes]],
      cpu: [
        ['cpu.cfs_period_us', period],
        ['cpu.cfs_quota_us', quota],
      ],
    },
    2: {
      memory: [
        ['memory.max', memory],
        ['memory.swap.max', '0'],
        // All or nothing: a check that lost one process would go on and fail in a way that explains nothing.
        ['memory.oom.group', '1'],
      ],
      pids: [['pids.max', processes]],
      cpu: [['cpu.max', `${quota} ${period}`]],
    },
  };
  return held.flatMap((controller) => all[version][controller]);
}

/** The number after `key` in a "key number" file, or null where the file or the key does not exist. */
function readCount(folder: string | null, file: string, key: string): number | null {
  if (folder === null || !existsSync(join(folder, file))) return null;
  const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(readFileSync(join(folder, file), 'utf8'));
  return found?.[1] === undefined ? null : Number(found[1]);
}

function killMembers(folder: string): void {
  const atOnce = join(folder, 'cgroup.kill');
  if (existsSync(atOnce)) {
    tryWrite(atOnce, '1');
    return;
  }
  const members = join(folder, 'cgroup.procs');
  if (!existsSync(members)) return;
  for (const word of words(members)) killProcess(Number(word));
}

/** SIGKILL by number; a process that is already gone is what was wanted. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

/** False while the group still has members. */
function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    if (isSystemError(error, 'EBUSY', 'EACCES', 'EPERM')) return false;
    throw error;
  }
}
