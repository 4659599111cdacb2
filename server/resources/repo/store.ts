import { z } from 'zod';
import type { CheckDefinition } from '#contract/check.ts';
import { ObjectId, RepositoryId } from '#contract/ids.ts';
import { Repository, type RepositoryChange } from '#contract/repository.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Database } from '../../record/db/open.ts';
import type { Ledger } from '../../record/ledger/store.ts';

export interface Fetched {
  readonly head: ObjectId | null;
  readonly defaultBranch: string;
  readonly detectedChecks: readonly CheckDefinition[];
  readonly detectedFormatter: string | null;
  readonly detectedSetUp: string | null;
}

export interface Repositories {
  readonly list: () => Repository[];
  /** By name (any letter case) or by id. */
  readonly find: (nameOrId: string) => Repository | null;
  readonly get: (id: string) => Repository;
  readonly newId: () => RepositoryId;
  readonly add: (repository: Repository) => Repository;
  readonly change: (id: RepositoryId, change: RepositoryChange) => Repository;
  readonly fetched: (id: RepositoryId, fetched: Fetched) => Repository;
  readonly unreachable: (id: RepositoryId, why: string) => void;
  readonly remove: (id: RepositoryId) => void;
}

const Row = z.object({
  id: RepositoryId,
  name: z.string(),
  url: z.string(),
  forge: z.enum(['local', 'github']),
  default_branch: z.string(),
  head: ObjectId.nullable(),
  fetched_at_ms: z.int().nullable(),
  owner_checks: z.string().nullable(),
  detected_checks: z.string(),
  owner_formatter: z.string().nullable(),
  detected_formatter: z.string().nullable(),
  owner_setup: z.string().nullable(),
  /** null: not looked yet. Empty: nothing to install. */
  detected_setup: z.string().nullable(),
  author: z.string().nullable(),
  pull_settings: z.string().nullable(),
  trouble: z.string().nullable(),
  added_at_ms: z.int(),
});

function toRepository(row: unknown): Repository {
  const read = Row.parse(row);
  return Repository.parse({
    id: read.id,
    name: read.name,
    url: read.url,
    forge: read.forge,
    defaultBranch: read.default_branch,
    head: read.head,
    fetchedAtMs: read.fetched_at_ms,
    checks: read.owner_checks === null ? null : JSON.parse(read.owner_checks),
    detectedChecks: JSON.parse(read.detected_checks),
    formatter: read.owner_formatter,
    detectedFormatter: read.detected_formatter,
    setUp: read.owner_setup,
    detectedSetUp: read.detected_setup === null ? undefined : read.detected_setup || null,
    author: read.author === null ? null : JSON.parse(read.author),
    pulls: read.pull_settings === null ? undefined : JSON.parse(read.pull_settings),
    trouble: read.trouble,
    addedAtMs: read.added_at_ms,
  });
}

export function repositoryStore(db: Database, ledger: Ledger, clock: Clock, random: Random): Repositories {
  const { sqlite } = db;
  const all = sqlite.prepare('select * from repository where removed_at_ms is null order by name');
  const byName = sqlite.prepare('select * from repository where removed_at_ms is null and (name = ? or id = ?)');
  const byId = sqlite.prepare('select * from repository where id = ?');
  const get = (id: string): Repository => {
    const row = byId.get(id);
    assert(row !== undefined, `repository ${id} has a row`);
    return toRepository(row);
  };
  const parts: Parts = { db, ledger, clock, get };
  return {
    list: () => all.all().map(toRepository),
    find: (nameOrId) => {
      const row = byName.get(nameOrId, nameOrId);
      return row === undefined ? null : toRepository(row);
    },
    get,
    newId: () => RepositoryId.parse(`repo_${random.bytes(6).toString('hex')}`),
    add: (repository) => db.transaction(() => insert(parts, repository)),
    change: (id, change) => db.transaction(() => changeByOwner(parts, id, change)),
    fetched: (id, fetched) => db.transaction(() => recordFetch(parts, id, fetched)),
    unreachable: (id, why) => db.transaction(() => recordTrouble(parts, id, why)),
    remove: (id) => db.transaction(() => remove(parts, id)),
  };
}

interface Parts {
  readonly db: Database;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly get: (id: string) => Repository;
}

/** Runs one statement and holds it to one row. */
function changeOne({ db }: Parts, sql: string, ...values: (string | number | null)[]): void {
  assert(db.sqlite.prepare(sql).run(...values).changes === 1, 'exactly one repository row changed');
}

function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function insert({ db, ledger, get }: Parts, repository: Repository): Repository {
  db.sqlite
    .prepare(
      `insert into repository (id, name, url, forge, default_branch, head, fetched_at_ms, owner_checks, detected_checks,
         owner_formatter, detected_formatter, owner_setup, detected_setup, author, trouble, added_at_ms)
       values (@id, @name, @url, @forge, @defaultBranch, @head, @fetchedAtMs, @checks, @detectedChecks, @formatter,
         @detectedFormatter, @setUp, @detectedSetUp, @author, @trouble, @addedAtMs)`,
    )
    .run({
      ...repository,
      checks: json(repository.checks),
      detectedChecks: JSON.stringify(repository.detectedChecks),
      setUp: repository.setUp ?? null,
      detectedSetUp: repository.detectedSetUp ?? '',
      author: json(repository.author),
    });
  const { id, name, url, head, defaultBranch } = repository;
  ledger.append({ kind: 'repository.added', actor: 'owner', subject: id, body: { name, url, head, defaultBranch } });
  return get(id);
}

function changeByOwner(parts: Parts, id: RepositoryId, change: RepositoryChange): Repository {
  const now = parts.get(id);
  const checks = change.checks === undefined ? now.checks : ownerChecks(change.checks);
  const formatter = change.formatter === undefined ? now.formatter : change.formatter || null;
  const setUp = (change.setUp === undefined ? now.setUp : change.setUp) ?? null;
  const author = change.author === undefined ? now.author : change.author;
  const pulls = changedPulls(now.pulls, change.pulls);
  const sql =
    'update repository set owner_checks = ?, owner_formatter = ?, owner_setup = ?, author = ?, pull_settings = ? where id = ?';
  changeOne(parts, sql, json(checks), formatter, setUp, json(author), json(pulls), id);
  const body = { name: now.name, checks, formatter, setUp, author, ...(pulls === undefined ? {} : { pulls }) };
  parts.ledger.append({ kind: 'repository.changed', actor: 'owner', subject: id, body });
  return parts.get(id);
}

/** What is not named stays as it is. */
function changedPulls(now: Repository['pulls'], change: RepositoryChange['pulls']): Repository['pulls'] {
  if (change === undefined) return now;
  if (change === null) return undefined;
  return { isDraft: change.isDraft ?? now?.isDraft ?? false, labels: change.labels ?? now?.labels ?? [] };
}

function recordFetch(parts: Parts, id: RepositoryId, fetched: Fetched): Repository {
  const before = parts.get(id);
  changeOne(
    parts,
    `update repository set head = ?, default_branch = ?, detected_checks = ?, detected_formatter = ?, detected_setup = ?,
       fetched_at_ms = ?, trouble = null where id = ?`,
    fetched.head,
    fetched.defaultBranch,
    JSON.stringify(fetched.detectedChecks),
    fetched.detectedFormatter,
    fetched.detectedSetUp ?? '',
    parts.clock.nowMs(),
    id,
  );
  // Fetching happens every minute; only news is worth an entry.
  if (before.head !== fetched.head || before.trouble !== null) {
    const body = { name: before.name, from: before.head, to: fetched.head };
    parts.ledger.append({ kind: 'repository.fetched', actor: 'system', subject: id, body });
  }
  return parts.get(id);
}

function recordTrouble(parts: Parts, id: RepositoryId, why: string): void {
  const before = parts.get(id);
  changeOne(parts, 'update repository set trouble = ? where id = ?', why, id);
  if (before.trouble === why) return;
  parts.ledger.append({
    kind: 'repository.unreachable',
    actor: 'system',
    subject: id,
    body: { name: before.name, why },
  });
}

/** The row stays for the history that points at it; its name becomes free. */
function remove(parts: Parts, id: RepositoryId): void {
  const { name, url } = parts.get(id);
  const sql = `update repository set removed_at_ms = ?, name = name || ' (removed ' || id || ')' where id = ? and removed_at_ms is null`;
  changeOne(parts, sql, parts.clock.nowMs(), id);
  parts.ledger.append({ kind: 'repository.removed', actor: 'owner', subject: id, body: { name, url } });
}

export function ownerChecks(checks: readonly { name: string; command: string }[] | null): CheckDefinition[] | null {
  return checks === null ? null : checks.map((check) => ({ ...check, source: 'owner' as const }));
}
