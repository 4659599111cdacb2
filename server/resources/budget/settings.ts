/** budget.json as it is now: taken as soon as it is saved and right; what is wrong is said, and the last right one stays. */
import { createHash } from 'node:crypto';
import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { BudgetFile } from '#contract/budget.ts';
import { no, type Result } from '../../lib/result.ts';
import type { Clock, Log } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';

export interface BudgetSettings {
  readonly current: () => BudgetFile;
  /** Why the file as it is saved now does not count; empty when it does. */
  readonly mistakes: () => readonly string[];
  readonly close: () => void;
}

export interface BudgetSettingsParts {
  readonly file: string;
  /** What the start has read: it counts while the file cannot be read. */
  readonly initial: BudgetFile;
  /** The file's text to a budget, or every mistake in it with its place. */
  readonly parse: (file: string, text: string) => Result<BudgetFile, string[]>;
  readonly ledger: Ledger;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/** Editors write in pieces, or replace the file: after the last sign of that, this long nothing may happen. */
const settleMs = 200;
const changesMax = 40;
const mistakesMax = 40;
const sentenceCharactersMax = 300;

/** Looks at the file once, then whenever its folder says that it changed. Sleeps otherwise. */
export function budgetSettings(parts: BudgetSettingsParts): BudgetSettings {
  const { file, clock } = parts;
  const state: State = { budget: parts.initial, sha256: null, refused: null, mistakes: [] };
  look(parts, state);
  let cancel = (): void => undefined;
  const watcher = watchFolder(parts, () => {
    cancel();
    cancel = clock.after(settleMs, () => look(parts, state));
  });
  // What was saved between the first look and the watch has told nobody.
  if (readText(file).sha256 !== (state.refused ?? state.sha256)) look(parts, state);
  return {
    current: () => state.budget,
    mistakes: () => state.mistakes,
    close: () => {
      cancel();
      watcher?.close();
    },
  };
}

interface State {
  budget: BudgetFile;
  /** Of the text that counts; null before the first look. */
  sha256: string | null;
  /** Of the text that was refused last, so that it is said once. */
  refused: string | null;
  mistakes: readonly string[];
}

/** The folder, not the file: a file that is replaced is another file, and its watcher would wait for ever. */
function watchFolder({ file, log }: BudgetSettingsParts, onChange: () => void): FSWatcher | null {
  const restart = 'budget.json is not watched; a change takes effect when patchgit is started again';
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) onChange();
    });
    watcher.on('error', (error) => {
      log.warn({ error: error.message }, restart);
      watcher.close();
    });
    return watcher;
  } catch (error) {
    log.warn({ error: error instanceof Error ? error.message : String(error) }, restart);
    return null;
  }
}

function look(parts: BudgetSettingsParts, state: State): void {
  const { text, sha256, trouble } = readText(parts.file);
  if (sha256 === state.sha256) {
    const isMended = state.refused !== null;
    state.refused = null;
    state.mistakes = [];
    // Open pages learn from the ledger that there is nothing wrong any more.
    if (isMended) writeLoaded(parts, state.budget, sha256);
    return;
  }
  const read = text === null ? no([`${parts.file} cannot be read (${trouble}).`]) : parts.parse(parts.file, text);
  if (!read.ok) {
    if (state.refused === sha256) return;
    state.refused = sha256;
    state.mistakes = bounded(read.why, mistakesMax);
    return refuse(parts, read.why);
  }
  const before = state.sha256 === null ? null : state.budget;
  state.budget = read.value;
  state.sha256 = sha256;
  state.refused = null;
  state.mistakes = [];
  if (before === null) return sayLoaded(parts, read.value, sha256);
  const changes = differences(before, read.value);
  // Another comma is no other budget.
  if (changes.length === 0) return;
  const body = { sha256, caps: read.value.caps, capsBefore: before.caps, changes: bounded(changes, changesMax) };
  parts.db.transaction(() => parts.ledger.append({ kind: 'budget.changed', actor: 'owner', body }));
  parts.log.info({ changes: changes.length }, 'budget.json has changed and counts from now on');
}

interface ReadText {
  readonly text: string | null;
  readonly sha256: string;
  readonly trouble: string;
}

function readText(file: string): ReadText {
  try {
    const text = readFileSync(file, 'utf8');
    return { text, sha256: createHash('sha256').update(text).digest('hex'), trouble: '' };
  } catch (error) {
    return { text: null, sha256: 'missing', trouble: error instanceof Error ? error.message : String(error) };
  }
}

function refuse({ db, ledger, log }: BudgetSettingsParts, mistakes: readonly string[]): void {
  const body = { mistakes: bounded(mistakes, mistakesMax), keeps: 'The last right budget.json stays in force.' };
  db.transaction(() => ledger.append({ kind: 'budget.refused', actor: 'system', body }));
  log.warn({ mistakes: body.mistakes }, 'budget.json is wrong, so the last right one stays in force');
}

/** One entry for each content, not for each start. */
function sayLoaded(parts: BudgetSettingsParts, budget: BudgetFile, sha256: string): void {
  const last = (['budget.loaded', 'budget.changed'] as const)
    .flatMap((kind) => parts.ledger.list({ limit: 1, kind }).entries)
    .toSorted((a, b) => b.seq - a.seq)[0];
  if (last?.body['sha256'] !== sha256) writeLoaded(parts, budget, sha256);
}

function writeLoaded({ db, ledger }: BudgetSettingsParts, budget: BudgetFile, sha256: string): void {
  const body = { sha256, caps: budget.caps, timeZone: budget.timeZone };
  db.transaction(() => ledger.append({ kind: 'budget.loaded', actor: 'system', body }));
}

/** Every place with another value, in words: "caps.hourUsd was 0.25 and is 0.5". */
export function differences(before: BudgetFile, after: BudgetFile): string[] {
  const was = leaves(before);
  const is = leaves(after);
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((place) => {
    const [from, to] = [was.get(place), is.get(place)];
    if (from === to) return [];
    if (from === undefined) return [`${place} is new: ${to}`];
    return [to === undefined ? `${place} is gone: it was ${from}` : `${place} was ${from} and is ${to}`];
  });
}

function leaves(value: unknown, place = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) return new Map([[place, JSON.stringify(value)]]);
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [...leaves(inner, place === '' ? key : `${place}.${key}`)]),
  );
}

function bounded(sentences: readonly string[], most: number): string[] {
  const kept = sentences.slice(0, most).map((one) => one.slice(0, sentenceCharactersMax));
  return sentences.length > most ? [...kept, `and ${sentences.length - most} more`] : kept;
}
