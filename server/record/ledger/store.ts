import type { Statement } from 'better-sqlite3';
import { LedgerEntry, type Actor, type AuditFilter, type ChainVerdict, type LedgerKind } from '#contract/ledger.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../ports.ts';
import type { Database } from '../db/open.ts';
import { checkLink, linkHash, type LedgerRow } from './chain.ts';

export interface NewEntry {
  readonly kind: LedgerKind;
  readonly actor: Actor;
  readonly subject?: string;
  readonly jobId?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

const bodyCharactersMax = 64 * 1024;

export interface Ledger {
  /** Appends in the open transaction; state that is not written in the same transaction is a bug. Returns the new seq. */
  readonly append: (entry: NewEntry) => number;
  /** Entries after `seq`, oldest first, at most `limit`. */
  readonly after: (seq: number, limit: number) => LedgerEntry[];
  /** Newest first. */
  readonly list: (filter: AuditFilter) => { entries: LedgerEntry[]; more: boolean };
  readonly head: () => number;
  /** Walks the whole chain, a page at a time: a long ledger costs no memory, and chat and STOP get their turn in between. */
  readonly verify: () => Promise<ChainVerdict>;
  /** Every entry as one JSON line, oldest first. */
  readonly lines: () => Generator<string>;
  /** Called after each commit that appended something. */
  readonly onAppended: (listener: () => void) => () => void;
}

const columns = 'seq, at_ms, kind, actor, subject, job_id, body, prev_hash, hash';
const pageRows = 1000;

export function ledgerStore(db: Database, clock: Clock): Ledger {
  const { sqlite } = db;
  const last = sqlite.prepare<[], LedgerRow>(`select ${columns} from ledger order by seq desc limit 1`);
  const insert = sqlite.prepare(
    `insert into ledger (${columns}) values (@seq, @at_ms, @kind, @actor, @subject, @job_id, @body, @prev_hash, @hash)`,
  );
  const afterSeq = sqlite.prepare<[number, number], LedgerRow>(
    `select ${columns} from ledger where seq > ? order by seq limit ?`,
  );
  const ledgerHead = sqlite.prepare<[], { seq: number; hash: string }>('select seq, hash from ledger_head');
  const listeners = new Set<() => void>();
  let told = last.get()?.seq ?? 0;
  const head = (): number => last.get()?.seq ?? 0;

  db.onCommit(() => {
    const now = head();
    if (now === told) return;
    told = now;
    for (const listener of listeners) listener();
  });

  return {
    append: (entry) => {
      assert(sqlite.inTransaction, 'a ledger entry is written in the transaction of the state it describes');
      const previous = last.get();
      const body = JSON.stringify(entry.body ?? {});
      assert(body.length <= bodyCharactersMax, 'a ledger entry names artifacts, it does not hold them');
      const link = {
        seq: (previous?.seq ?? 0) + 1,
        at_ms: clock.nowMs(),
        kind: entry.kind,
        actor: entry.actor,
        subject: entry.subject ?? null,
        job_id: entry.jobId ?? null,
        body,
        prev_hash: previous?.hash ?? '',
      };
      insert.run({ ...link, hash: linkHash(link) });
      return link.seq;
    },
    after: (seq, limit) => afterSeq.all(seq, limit).map(toEntry),
    list: (filter) => {
      const rows = sqlite
        .prepare<object, LedgerRow>(
          `select ${columns} from ledger where seq < coalesce(@before, 9007199254740991)
             and (@kind is null or kind = @kind) and (@subject is null or subject = @subject) and (@job is null or job_id = @job)
           order by seq desc limit @limit + 1`,
        )
        .all({
          before: filter.before ?? null,
          kind: filter.kind ?? null,
          subject: filter.subject ?? null,
          job: filter.job ?? null,
          limit: filter.limit,
        });
      return { entries: rows.slice(0, filter.limit).map(toEntry), more: rows.length > filter.limit };
    },
    head,
    verify: () => verifyChain(afterSeq, ledgerHead.get()),
    lines: () => allLines(afterSeq),
    onAppended: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

type AfterSeq = Statement<[number, number], LedgerRow>;

/** `end` is read first: entries appended while we read lie beyond it, and are fine. */
async function verifyChain(afterSeq: AfterSeq, end: { readonly seq: number } | undefined): Promise<ChainVerdict> {
  let previous = { seq: 0, hash: '' };
  for (;;) {
    const rows = afterSeq.all(previous.seq, pageRows);
    for (const row of rows) {
      const firstBad = checkLink(previous, row);
      if (firstBad) return { ok: false, entries: previous.seq, head: previous.hash, firstBad };
      previous = { seq: row.seq, hash: row.hash };
    }
    if (rows.length < pageRows) break;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const verdict = { entries: previous.seq, head: previous.hash };
  if (end !== undefined && end.seq <= previous.seq) return { ok: true, ...verdict };
  const seq = previous.seq + 1;
  return {
    ok: false,
    ...verdict,
    firstBad: { seq, why: `the ledger was cut off: entry ${seq} and what came after it is missing` },
  };
}

function* allLines(afterSeq: AfterSeq): Generator<string> {
  for (let seq = 0; ;) {
    const rows = afterSeq.all(seq, pageRows);
    for (const row of rows) yield `${JSON.stringify(toEntry(row))}\n`;
    seq = rows.at(-1)?.seq ?? seq;
    if (rows.length < pageRows) return;
  }
}

function toEntry(row: LedgerRow): LedgerEntry {
  return LedgerEntry.parse({
    seq: row.seq,
    atMs: row.at_ms,
    kind: row.kind,
    actor: row.actor,
    subject: row.subject,
    jobId: row.job_id,
    body: JSON.parse(row.body),
    prevHash: row.prev_hash,
    hash: row.hash,
  });
}
