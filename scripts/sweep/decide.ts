/** What of all that an account shows is ours and too old. Pure: the same list, the same steps. */
import { parseMachineName } from '../../server/resources/lease/names.ts';

export interface SeenMachine {
  readonly id: number;
  readonly name: string;
  /** Null when the cloud does not say it in a way that can be read. */
  readonly createdAtMs: number | null;
}
export type SeenSnapshot = SeenMachine;
export type SeenKey = Pick<SeenMachine, 'id' | 'name'>;

export interface Seen {
  readonly machines: readonly SeenMachine[];
  readonly snapshots: readonly SeenSnapshot[];
  readonly keys: readonly SeenKey[];
}

export interface SweepRule {
  /** Ids of our installations, 12 hex digits each. What carries no other id in its name is never touched. */
  readonly installs: ReadonlySet<string>;
  readonly nowMs: number;
  /** After the deadline; until then the daemon has its chance. */
  readonly marginMs: number;
  /** How many of the newest snapshots of each installation stay; at least 1. */
  readonly keepSnapshots: number;
}

export interface SweepStep {
  readonly kind: 'machine' | 'snapshot' | 'key';
  readonly id: number;
  readonly name: string;
  readonly why: string;
}

/** No lease lasts longer (budget: `lifetimeMinutesMax`), so a deadline beyond that is a mistake that must not cost money for years. */
const lifeMsMax = 24 * 3_600_000;

/**
 * Right on a part of a list too: each machine is judged by itself, and a snapshot goes only when enough newer ones were seen.
 * Machines come first, for they cost the most.
 */
export function decideSweep(rule: SweepRule, seen: Seen): SweepStep[] {
  return [
    ...seen.machines.flatMap((machine) => overdue(rule, 'machine', machine, machine.createdAtMs)),
    ...oldSnapshots(rule, seen.snapshots),
    ...seen.keys.flatMap((key) => overdue(rule, 'key', key, null)),
  ];
}

function overdue(
  { installs, nowMs, marginMs }: SweepRule,
  kind: 'machine' | 'key',
  { id, name }: SeenKey,
  createdAtMs: number | null,
): SweepStep[] {
  const parsed = parseMachineName(name);
  if (parsed === null || !installs.has(parsed.install)) return [];
  const endsAtMs = createdAtMs === null ? Number.POSITIVE_INFINITY : createdAtMs + lifeMsMax;
  const deadlineAtMs = Math.min(parsed.deadlineAtMs, endsAtMs);
  if (nowMs < deadlineAtMs + marginMs) return [];
  const minutes = Math.floor((nowMs - deadlineAtMs) / 60_000);
  const why = deadlineAtMs === endsAtMs ? 'older than any lease may be' : 'past the deadline in its name';
  return [{ kind, id, name, why: `${why}, for ${minutes} minutes` }];
}

const snapshotName = /^patchgit-([0-9a-f]{12})-helper-[0-9A-Za-z.-]{1,64}$/;

function oldSnapshots({ installs, keepSnapshots }: SweepRule, snapshots: readonly SeenSnapshot[]): SweepStep[] {
  return [...installs].flatMap((install) => {
    const ours = snapshots.flatMap(({ id, name, createdAtMs }) =>
      snapshotName.exec(name)?.[1] === install && createdAtMs !== null ? [{ id, name, createdAtMs }] : [],
    );
    ours.sort((one, other) => other.createdAtMs - one.createdAtMs || other.id - one.id);
    const why = `${keepSnapshots} newer snapshots stay`;
    return ours.slice(keepSnapshots).map(({ id, name }): SweepStep => ({ kind: 'snapshot', id, name, why }));
  });
}
