import { useEffect, useState } from 'preact/hooks';
import type { AuditPage as AuditShape } from '#contract/api.ts';
import { maskEntry } from '#contract/ledger-mask.ts';
import type { ChainVerdict, ShownEntry } from '#contract/ledger.ts';
import { call } from '../api.ts';
import { clock, count, dayText, short } from '../format.ts';
import { actorText, inGroup, kindGroups, sentenceOf } from '../ledger-text.ts';
import type { KindGroup } from '../ledger-text.ts';
import { Alert, Button, Empty, Text, useAct } from '../parts/bits.tsx';
import { Page } from '../parts/page.tsx';
import { onEntries } from '../store.ts';

const pageSize = 100;
/** A rare group may need several pages; looking further is the owner's choice. */
const pagesPerPress = 5;
const wantedRows = 25;

interface AuditProps {
  readonly job: string | null;
  readonly subject: string | null;
}

/** Everything that was asked, decided, run, published or refused; newest first. */
export function AuditPage({ job, subject }: AuditProps) {
  return <Audit key={`${job}:${subject}`} job={job} subject={subject} />;
}

function Audit({ job, subject }: AuditProps) {
  const [group, setGroup] = useState<KindGroup | null>(null);
  const ledger = useLedger(job, subject, group);
  const rows = ledger.entries.filter((entry) => inGroup(entry, group));
  const filtered = job ?? subject;
  return (
    <Page title="Audit" class="audit">
      <div class="audit-tools">
        <Verify />
        <a class="button" href="/api/audit/export" download="patchgit-audit.jsonl">
          Export
        </a>
      </div>
      <fieldset class="chips">
        <legend class="sr">Show</legend>
        {[null, ...kindGroups].map((one) => (
          <label key={one?.name ?? 'all'}>
            <input type="radio" name="group" checked={group === one} onChange={() => setGroup(one)} />
            <span>{one?.name ?? 'All'}</span>
          </label>
        ))}
      </fieldset>
      {filtered ? (
        <p class="notice">
          Only {job ? 'one job' : 'one subject'}: <code>{filtered}</code> <a href="/audit">Show everything</a>
        </p>
      ) : null}
      <Alert>{ledger.said}</Alert>
      {rows.length === 0 && !ledger.busy ? <Empty>No entry of this kind so far.</Empty> : <Days rows={rows} />}
      {ledger.more ? (
        <Button onPress={ledger.older} enabled={!ledger.busy}>
          {ledger.busy ? 'Reading…' : 'Load older'}
        </Button>
      ) : null}
    </Page>
  );
}

function useLedger(job: string | null, subject: string | null, group: KindGroup | null) {
  const [entries, setEntries] = useState<readonly ShownEntry[]>([]);
  const [more, setMore] = useState(false);
  const { busy, said, act } = useAct();
  const mine = (entry: ShownEntry): boolean =>
    (job === null || entry.jobId === job) && (subject === null || entry.subject === subject);
  const read = async (before: number | null): Promise<void> => {
    let [from, found] = [before, 0];
    for (let pages = 0; pages < pagesPerPress && found < wantedRows; pages += 1) {
      const page = await call<AuditShape>('GET', `/api/audit?${queryOf(from, job, subject)}`);
      setEntries((known) => merge(known, page.entries));
      setMore(page.more);
      found += page.entries.filter((entry) => inGroup(entry, group)).length;
      from = page.entries.at(-1)?.seq ?? from;
      if (!page.more) break;
    }
  };
  useEffect(() => {
    act(() => read(null));
    return onEntries((fresh) => setEntries((known) => merge(known, fresh.filter(mine))));
  }, []);
  const older = (): void => act(() => read(entries.at(-1)?.seq ?? null));
  const matching = entries.filter((entry) => inGroup(entry, group)).length;
  useEffect(() => {
    if (group !== null && more && matching < wantedRows) older();
  }, [group]);
  return { entries, more, busy, said, older };
}

function queryOf(before: number | null, job: string | null, subject: string | null): URLSearchParams {
  const query = new URLSearchParams({ limit: String(pageSize) });
  if (before !== null) query.set('before', String(before));
  if (job !== null) query.set('job', job);
  if (subject !== null) query.set('subject', subject);
  return query;
}

/** Newest first, each entry once: the stream and the pages overlap. Only the stream's come as they are written, so they are masked here. */
function merge(known: readonly ShownEntry[], fresh: readonly ShownEntry[]): readonly ShownEntry[] {
  const seen = new Set(known.map((entry) => entry.seq));
  return [...known, ...fresh.filter((entry) => !seen.has(entry.seq)).map(maskEntry)].toSorted((a, b) => b.seq - a.seq);
}

function Days({ rows }: { readonly rows: readonly ShownEntry[] }) {
  const days = Map.groupBy(rows, (entry) => dayText(entry.atMs));
  return (
    <>
      {[...days].map(([day, entries]) => (
        <section key={day} class="section" aria-label={day}>
          <h2>{day}</h2>
          <ol class="ledger" reversed>
            {entries.map((entry) => (
              <li key={entry.seq}>
                <Entry entry={entry} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

function Entry({ entry }: { readonly entry: ShownEntry }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="entry" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <time class="num muted" dateTime={new Date(entry.atMs).toISOString()}>
          {clock(entry.atMs)}
        </time>
        <span class={`actor ${entry.actor}`}>{actorText(entry.actor)}</span>
        <span class="entry-text">
          <Text value={sentenceOf(entry)} />
          {entry.isMasked === true ? <span class="entry-masked">masked</span> : null}
        </span>
        <code class="entry-hash">{short(entry.hash)}</code>
      </summary>
      {open ? (
        <div class="entry-body">
          <p class="muted num">
            Entry {entry.seq}, {entry.kind}
            {entry.subject ? (
              <>
                {', '}
                <Subject id={entry.subject} />
              </>
            ) : null}
            {entry.jobId ? (
              <>
                {', '}
                <a href={`/jobs/${entry.jobId}`}>its job</a>,{' '}
                <a href={`/audit?job=${entry.jobId}`}>all of its entries</a>
              </>
            ) : null}
          </p>
          {entry.isMasked === true ? (
            <p class="muted">
              Something in this entry has the shape of a credential and is masked here. The chain is verified over what
              was really written, which only the export holds.
            </p>
          ) : null}
          <pre class="code wrap" tabIndex={0} role="group" aria-label={`Entry ${entry.seq}`}>
            <Text value={JSON.stringify(entry, null, 2)} />
          </pre>
        </div>
      ) : null}
    </details>
  );
}

function Subject({ id }: { readonly id: string }) {
  if (id.startsWith('job_')) return <a href={`/jobs/${id}`}>{id}</a>;
  if (id.startsWith('prop_')) return <a href={`/proposals/${id}`}>{id}</a>;
  return <a href={`/audit?subject=${encodeURIComponent(id)}`}>{id}</a>;
}

function Verify() {
  const [verdict, setVerdict] = useState<{ readonly found: ChainVerdict; readonly atMs: number } | null>(null);
  const { busy, said, act } = useAct();
  const verify = (): void =>
    act(async () =>
      setVerdict({
        found: await call<ChainVerdict>('GET', '/api/audit/verify', undefined, { wallMs: 120_000 }),
        atMs: Date.now(),
      }),
    );
  return (
    <>
      <Button onPress={verify} enabled={!busy}>
        {busy ? 'Verifying…' : 'Verify the chain'}
      </Button>
      <p role="status" class={`verdict num ${verdict && !verdict.found.ok ? 'bad-text' : ''}`}>
        {verdict ? verdictText(verdict.found, verdict.atMs) : ''}
      </p>
      <Alert>{said}</Alert>
    </>
  );
}

function verdictText(found: ChainVerdict, atMs: number): string {
  if (found.ok) return `✓ Chain verified: ${count(found.entries, 'entry', 'entries')} at ${clock(atMs)}`;
  return `× The chain is broken at entry ${found.firstBad?.seq ?? '?'}: ${found.firstBad?.why ?? 'no reason given'}`;
}
