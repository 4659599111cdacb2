import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGroup, sweepGroups } from './cgroup.ts';
import { findParents, ownGroups, parseMounts } from './cgroup-parents.ts';
import { limits, mebibyte } from './test-kit.ts';

describe('the control groups of this process', () => {
  it.each([
    [
      'version 1, controllers apart or together',
      '30 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 20 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n',
      '4:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n',
      [
        { version: 1, names: ['memory'], folder: '/sys/fs/cgroup/memory/a/b' },
        { version: 1, names: ['cpu', 'cpuacct'], folder: '/sys/fs/cgroup/cpu,cpuacct/' },
      ],
    ],
    [
      'version 2 in a service',
      '35 25 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n',
      '0::/system.slice/patchgit.service/daemon\n',
      [{ version: 2, names: [], folder: '/sys/fs/cgroup/system.slice/patchgit.service/daemon' }],
    ],
    [
      'version 2 seen from a container whose mount shows only its own part',
      '35 25 0:30 /docker/1f /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n',
      '0::/docker/1f/inner:x\n',
      [{ version: 2, names: [], folder: '/sys/fs/cgroup/inner:x' }],
    ],
    [
      'a group outside of what is mounted',
      '35 25 0:30 /docker/1f /sys/fs/cgroup rw - cgroup2 cgroup rw\n',
      '0::/../x\n',
      [],
    ],
  ])('are found under %s', (_, mounts, own, expected) => {
    expect(ownGroups(own, parseMounts(mounts))).toEqual(expected);
  });
});

describe('the group of a step', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-group-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.runIf(findParents().length > 0)('is made with its limits and leaves nothing behind', async () => {
    const parents = findParents();
    const group = makeGroup(parents, 0, { ...limits, memoryBytes: 64 * mebibyte, processes: 10, cpuPercent: 50 });
    const folders = group.entrances.map((path) => join(path, '..'));
    const read = (name: string): string | null => {
      const found = folders.map((each) => join(each, name)).find((path) => existsSync(path));
      return found === undefined ? null : readFileSync(found, 'utf8').trim();
    };
    if (group.holds.includes('memory')) {
      expect(read('memory.max') ?? read('memory.limit_in_bytes')).toBe(`${64 * mebibyte}`);
    }
    if (group.holds.includes('pids')) expect(read('pids.max')).toBe('12');
    if (group.holds.includes('cpu'))
      expect(read('cpu.max') ?? `${read('cpu.cfs_quota_us')} 100000`).toBe('50000 100000');
    expect(group.events()).toEqual({ outOfMemoryKills: 0, refusedForks: 0 });
    await group.remove();
    expect(folders.filter((each) => existsSync(each))).toEqual([]);
  });

  it('is swept when its helper is gone, and only then', () => {
    const gone = 2 ** 22 + 1; // more than any process id
    const names = [
      `patchgit-step-${gone}-0`,
      `patchgit-step-${process.pid}-0`,
      `patchgit-step-${process.ppid}-0`,
      'patchgit-step-x-0',
      'else',
    ];
    names.forEach((name) => mkdirSync(join(folder, name)));
    sweepGroups([{ version: 2, folder, controllers: ['pids'] }]);
    expect(readdirSync(folder).sort()).toEqual(names.slice(2).sort());
  });
});
