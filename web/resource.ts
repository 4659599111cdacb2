import { useEffect } from 'preact/hooks';
import type { LedgerEntry } from '#contract/ledger.ts';
import { call, callText } from './api.ts';
import { useChanges } from './changes.ts';

/** Which ledger entries change what is behind a path. */
export type Concerns = (entry: LedgerEntry) => boolean;

export interface Held<T> {
  readonly value: T | null;
  /** Why the last reading failed; what was read before stays. */
  readonly error: unknown;
}

interface Resource {
  readonly path: string;
  held: Held<unknown>;
  concerns: Concerns;
  readonly listeners: Set<() => void>;
  stale: boolean;
  reading: boolean;
  again: boolean;
  /** Counts what was put here by a command's answer: a reading that began before is older and is dropped. */
  version: number;
  timer: ReturnType<typeof setTimeout> | null;
}

const keptMax = 80;
/** Entries come in bursts while checks run; one reading answers them all. */
const gatherMs = 120;
const resources = new Map<string, Resource>();
const nobody = new Set<() => void>();

function resourceAt(path: string, concerns: Concerns): Resource {
  const known = resources.get(path);
  if (known) {
    known.concerns = concerns;
    return known;
  }
  const made: Resource = {
    path,
    held: { value: null, error: null },
    concerns,
    listeners: new Set(),
    stale: true,
    reading: false,
    again: false,
    version: 0,
    timer: null,
  };
  resources.set(path, made);
  for (const [key, old] of resources) {
    if (resources.size <= keptMax) break;
    if (old.listeners.size === 0 && key !== path) resources.delete(key);
  }
  return made;
}

function tell(resource: Resource, held: Held<unknown>): void {
  resource.held = held;
  for (const listener of resource.listeners) listener();
}

async function read(resource: Resource): Promise<void> {
  if (resource.reading) {
    resource.again = true;
    return;
  }
  resource.reading = true;
  resource.stale = false;
  const version = resource.version;
  try {
    const text = resource.path.endsWith('/diff') || resource.path.startsWith('/api/artifacts/');
    const value: unknown = text ? await callText(resource.path) : await call('GET', resource.path);
    if (version === resource.version) tell(resource, { value, error: null });
    else resource.again = true;
  } catch (error) {
    resource.stale = true;
    tell(resource, { value: resource.held.value, error });
  } finally {
    resource.reading = false;
  }
  if (resource.again) {
    resource.again = false;
    soon(resource);
  }
}

function soon(resource: Resource): void {
  resource.stale = true;
  if (resource.listeners.size === 0 || resource.timer !== null) return;
  resource.timer = setTimeout(() => {
    resource.timer = null;
    void read(resource);
  }, gatherMs);
}

/** New ledger entries: reads again what they concern and is on screen; the rest when it is next shown. */
export function concern(entries: readonly LedgerEntry[]): void {
  for (const resource of resources.values()) {
    if (entries.some((entry) => resource.concerns(entry))) soon(resource);
  }
}

/** Everything may have changed (a restore, a poll, an unlocked door). What is loaded stays until the answer is here. */
export function concernAll(): void {
  for (const resource of resources.values()) soon(resource);
}

/** Puts the answer of a command in place of what was read before it. */
export function put(path: string, value: unknown): void {
  const resource = resources.get(path);
  if (!resource) return;
  resource.version += 1;
  tell(resource, { value, error: null });
}

/** Forgets everything: the owner locked this device. */
export function forgetAll(): void {
  resources.clear();
}

export interface Reading<T> extends Held<T> {
  readonly reload: () => void;
}

/** What is at `path`, kept up to date by the ledger. A null path reads nothing. */
export function useResource<T>(path: string | null, concerns: Concerns): Reading<T> {
  const resource = path === null ? null : resourceAt(path, concerns);
  useChanges(resource?.listeners ?? nobody, () => resource?.held);
  useEffect(() => {
    if (resource?.stale) void read(resource);
  }, [resource]);
  return {
    // Every path has one type in the contract; the caller names it.
    ...((resource?.held ?? { value: null, error: null }) as Held<T>),
    reload: () => {
      if (resource) void read(resource);
    },
  };
}

export const never: Concerns = () => false;

export function concernsKinds(...prefixes: string[]): Concerns {
  return (entry) => prefixes.some((prefix) => entry.kind.startsWith(`${prefix}.`));
}
