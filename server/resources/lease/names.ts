/** What our machines are called. Pure, and used by the sweep too, which has nothing but names to go by. */
import { LeaseId } from '#contract/lease.ts';
import { assert } from '../../lib/assert.ts';

export interface MachineName {
  /** 12 hex digits (record/install.ts). */
  readonly install: string;
  readonly leaseId: LeaseId;
  /** In whole seconds, rounded up. */
  readonly deadlineAtMs: number;
}

const pattern = /^pg-([0-9a-f]{12})-([0-9a-f]{12})-([1-9][0-9]{0,11})$/;

/** `pg-<install>-<lease>-<deadline in unix seconds>`: within what the cloud takes as a name, which has no underscore. */
export function machineName({ install, leaseId, deadlineAtMs }: MachineName): string {
  const name = `pg-${install}-${leaseId.slice('lease_'.length)}-${Math.ceil(deadlineAtMs / 1000)}`;
  assert(pattern.test(name), 'what we name is known as ours again');
  return name;
}

/** Null for whatever we have not named: nothing else is ever ours. */
export function parseMachineName(name: string): MachineName | null {
  const [, install, lease, seconds] = pattern.exec(name) ?? [];
  if (install === undefined || lease === undefined || seconds === undefined) return null;
  return { install, leaseId: LeaseId.parse(`lease_${lease}`), deadlineAtMs: Number(seconds) * 1000 };
}

/** The one tag of all our machines, for the firewall and for people. It never says whose a machine is: names do. */
export function machineTag(install: string): string {
  return `patchgit-${install}`;
}

const snapshotPattern = /^patchgit-([0-9a-f]{12})-helper-[0-9]{8}t[0-9]{6}z$/;

/** `patchgit-<install>-helper-<UTC time to the second>`; scripts/sweep knows it too. */
export function snapshotName(install: string, atMs: number): string {
  // oxlint-disable-next-line no-restricted-globals -- Writes a time that is known already.
  const time = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[:-]/g, '').toLowerCase();
  const name = `patchgit-${install}-helper-${time}z`;
  assert(snapshotPattern.test(name), 'what we name is known as ours again');
  return name;
}

/** Whether this installation has given this name to a snapshot. No other one is ever deleted. */
export function isOurSnapshot(name: string, install: string): boolean {
  return snapshotPattern.exec(name)?.[1] === install;
}

/** What this database knows about who "we" are. */
export interface Owner {
  readonly install: string;
  /** Names of the leases that are not over, whatever installation gave them. */
  readonly liveNames: ReadonlySet<string>;
  /** Installations that this database was before it was restored from a backup. */
  readonly earlierInstalls: ReadonlySet<string>;
}

/**
 * Whether we may destroy what has this name. What an earlier installation named is ours once its deadline has passed: before, the
 * one that the backup was taken from may still be at work with it.
 */
export function isOurs(name: string, owner: Owner, nowMs: number): boolean {
  if (owner.liveNames.has(name)) return true;
  const parsed = parseMachineName(name);
  if (parsed === null) return false;
  return (
    parsed.install === owner.install || (owner.earlierInstalls.has(parsed.install) && nowMs >= parsed.deadlineAtMs)
  );
}
