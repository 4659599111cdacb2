/** The control groups that hold a whole machine: made below the group this process is in, or where version 2 allows it. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ownGroups, parseMounts, tryWrite, words } from '../../../helper/cgroup-parents.ts';
import { until } from '../wait.ts';

export interface MachineGroups {
  /** `cgroup.procs` of each hierarchy, to be entered before the machine starts. */
  readonly entrances: readonly string[];
  /** What the machine mounts, one word each: "unified", or the controllers of version 1 ("memory", "name=systemd"). */
  readonly hierarchies: readonly string[];
  /** Which controllers hold the machine and can be passed on in it: by version 2, by version 1. */
  readonly controllers: { readonly version2: readonly string[]; readonly version1: readonly string[] };
  /** The same for what is started in a running machine beside its units. */
  readonly sideEntrances: () => string[];
  readonly remove: () => Promise<void>;
}

const wantedControllers = ['memory', 'pids', 'cpu'] as const;
/** Of everything a machine has on its host. */
export const namePrefix = 'patchgit-machine-';
let made = 0;

type Own = ReturnType<typeof ownGroups>[number];

function groupsOfThisProcess(): Own[] {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  return ownGroups(readFileSync('/proc/self/cgroup', 'utf8'), mounts);
}

/** False in a container that shows its groups read-only, or none. */
export function canMakeGroups(): boolean {
  const own = groupsOfThisProcess();
  return own.length > 0 && own.every(({ folder }) => isWritable(folder));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** Removes the groups of a process that was killed: its machine died with it, its empty groups did not. */
export async function sweepMachineGroups(): Promise<void> {
  for (const { version, folder } of groupsOfThisProcess()) {
    const parent = version === 2 ? parentThatPassesOn(folder) : folder;
    for (const name of readdirSync(parent).filter(isLeftBehind)) {
      await until(`${name} is swept`, () => removeTree(join(parent, name)));
    }
  }
}

/** Whether something with this name belongs to a process that has ended. Names carry the number of who made it. */
export function isLeftBehind(name: string): boolean {
  const owner = name.startsWith(namePrefix) ? /^\d+(?=-)/.exec(name.slice(namePrefix.length))?.[0] : undefined;
  return owner !== undefined && !existsSync(`/proc/${owner}`);
}

export function makeMachineGroups(limits: {
  readonly memoryBytes: number;
  readonly processesMax: number;
}): MachineGroups {
  made += 1;
  const name = `${namePrefix}${process.pid}-${made}`;
  const groups = groupsOfThisProcess().flatMap(({ version, names, folder }) => {
    // All of them: systemd mounts whatever the kernel has, and would otherwise make its groups among the host's.
    const hierarchy = version === 2 ? 'unified' : names.join(',');
    const parent = version === 2 ? parentThatPassesOn(folder) : folder;
    const group = join(parent, name);
    mkdirSync(group);
    inheritProcessors(parent, group);
    return [{ version, hierarchy, names, folder: group }];
  });
  const limit = (file: string, value: string): void => {
    for (const { folder } of groups) if (existsSync(join(folder, file))) writeFileSync(join(folder, file), value);
  };
  limit('memory.limit_in_bytes', `${limits.memoryBytes}`);
  limit('memory.max', `${limits.memoryBytes}`);
  limit('pids.max', `${limits.processesMax}`);
  const held = (version: 1 | 2): string[] =>
    groups
      .filter((group) => group.version === version)
      .flatMap(({ folder, names }) => (version === 1 ? names : words(join(folder, 'cgroup.controllers'))))
      .filter((controller) => wantedControllers.some((wanted) => wanted === controller));
  return {
    entrances: groups.map(({ folder }) => join(folder, 'cgroup.procs')),
    hierarchies: groups.map(({ hierarchy }) => hierarchy),
    controllers: { version1: held(1), version2: held(2) },
    // Version 2 allows no process in a group that passes controllers on, which the machine's root does.
    sideEntrances: () =>
      groups.map(({ folder }) => {
        const scope = join(folder, 'init.scope');
        return join(existsSync(scope) ? scope : folder, 'cgroup.procs');
      }),
    remove: async () => {
      for (const { folder } of groups) await until(`${folder} is empty and removed`, () => removeTree(folder));
    },
  };
}

/** Version 1 lets no process into a group that has no processors yet; its own children inherit by themselves. */
function inheritProcessors(parent: string, group: string): void {
  if (!existsSync(join(group, 'cpuset.cpus')) || !existsSync(join(group, 'cgroup.clone_children'))) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    writeFileSync(join(group, file), readFileSync(join(parent, file), 'utf8'));
  }
  writeFileSync(join(group, 'cgroup.clone_children'), '1');
}

/** The nearest group of version 2 at or above `folder` whose children can have memory limits; `folder` if there is none. */
function parentThatPassesOn(folder: string): string {
  for (let at = folder; existsSync(join(at, 'cgroup.subtree_control')); at = dirname(at)) {
    const offered = wantedControllers.filter((name) => words(join(at, 'cgroup.controllers')).includes(name));
    const control = join(at, 'cgroup.subtree_control');
    const missing = offered.filter((name) => !words(control).includes(name));
    if (offered.includes('memory') && missing.every((name) => tryWrite(control, `+${name}`))) return at;
  }
  return folder;
}

/** False while a member is still ending. */
function removeTree(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() && !removeTree(path)) return false;
  }
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EBUSY' || error.code === 'ENOENT')) return false;
    throw error;
  }
}
