import type { ProposalRow } from '#contract/api.ts';
import { count } from '../format.ts';
import { stateLabel } from '../go.ts';
import { Empty, Text, Time } from '../parts/bits.tsx';
import { Counts } from '../parts/diff-view.tsx';
import { Icon } from '../parts/icons.tsx';
import { pullWords } from '../parts/outcome.tsx';
import { Page } from '../parts/page.tsx';
import { PasteForm } from '../parts/paste-form.tsx';
import { useView } from '../store.ts';

const groups: readonly { readonly title: string; readonly states: readonly ProposalRow['state'][] }[] = [
  { title: 'Needs you', states: ['open'] },
  { title: 'Under way', states: ['publishing', 'undoing', 'unknown'] },
  { title: 'Published', states: ['published'] },
  { title: 'Closed', states: ['undone', 'rejected', 'superseded'] },
];

/** Proposals by whose turn it is, and the door for a pasted diff. */
export function ProposalsPage({ pasting }: { readonly pasting: boolean }) {
  const { state } = useView();
  const proposals = state?.proposals ?? [];
  const open = pasting || proposals.length === 0;
  return (
    <Page
      title={pasting ? 'Paste a diff' : 'Proposals'}
      class={`proposals ${open ? 'pasting' : ''}`}
      actions={
        open ? null : (
          <a class="button narrow-only" href="/proposals?paste">
            <Icon name="plus" />
            Paste a diff
          </a>
        )
      }
    >
      <div class="split">
        <div class="split-main">
          {proposals.some((proposal) => proposal.state === 'open') ? null : <Empty>Nothing needs you.</Empty>}
          {groups.map((group) => (
            <Group
              key={group.title}
              title={group.title}
              rows={proposals.filter((one) => group.states.includes(one.state))}
            />
          ))}
        </div>
        <aside class="split-side" aria-label="Paste a diff">
          <PasteForm />
          {pasting ? (
            <p class="narrow-only">
              <a href="/proposals">All proposals</a>
            </p>
          ) : null}
        </aside>
      </div>
    </Page>
  );
}

function Group({ title, rows }: { readonly title: string; readonly rows: readonly ProposalRow[] }) {
  if (rows.length === 0) return null;
  const id = title.toLowerCase().replaceAll(' ', '-');
  return (
    <section class="section" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <ul class="ledger">
        {rows
          .toSorted((a, b) => b.createdAtMs - a.createdAtMs)
          .map((row) => (
            <li key={row.id}>
              <Line row={row} />
            </li>
          ))}
      </ul>
    </section>
  );
}

function Line({ row }: { readonly row: ProposalRow }) {
  return (
    <a class="line" href={`/proposals/${row.id}`}>
      <span class="line-main">
        <span class="line-title">
          <Text value={row.title} />
        </span>
        <span class="line-sub">
          {row.repository} · {count(row.files, 'file')} · <Counts additions={row.additions} deletions={row.deletions} />
          {row.state === 'open' ? ` · ${row.risk} risk` : ''}
        </span>
      </span>
      <span class="line-end">
        <span class={`line-state ${isBad(row) ? 'bad-text' : ''}`}>
          {row.state === 'open' ? proofWord(row) : (pullWords(row) ?? stateLabel(row))}
        </span>
        <span class="line-sub num">
          <Time atMs={row.createdAtMs} />
        </span>
      </span>
    </a>
  );
}

function isBad({ state, newFailures, ciState, publication }: ProposalRow): boolean {
  if (state === 'published') return ciState === 'failure' && publication?.pr?.state === 'open';
  return state === 'open' && newFailures > 0;
}

function proofWord(row: ProposalRow): string {
  return row.newFailures > 0 ? `× ${count(row.newFailures, 'new failure')}` : '✓ 0 new failures';
}
