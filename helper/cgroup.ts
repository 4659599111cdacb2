/**
 * Control groups, version 1 or 2 per controller as the host has them. The group is made below the one this process is
 * in, so that an outer limit (a unit's MemoryMax) still counts, and this process stays outside: the kernel's
 * out-of-memory killer must be able to take everything inside without taking who reports it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits } from '#contract/helper-wire.ts';
import { tryWrite, words } from './cgroup-parents.ts';
import type { Controller, Parent } from './cgroup-parents.ts';
import { isSystemError } from './host.ts';

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

/** Removes empty groups that an earlier helper left when it was killed. To be called before any group is made. */
export function sweepGroups(parents: readonly Parent[]): void {
  for (const { folder } of parents) {
    for (const name of readdirSync(folder)) {
      const owner = ownerInName.exec(name)?.[1];
      // A group with this process's own number was left by an earlier process of the same number.
      const isLeft = owner === `${process.pid}` || !existsSync(`/proc/${owner}`);
      if (owner !== undefined && isLeft) removeFolder(join(folder, name));
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
      if (existsSync(path)) set(path, value);
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

function set(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    // Version 1 refuses a share of cpu above that of a parent, whose own smaller share then holds.
    if (!path.endsWith('/cpu.cfs_quota_us') || !isSystemError(error, 'EINVAL')) throw error;
  }
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
