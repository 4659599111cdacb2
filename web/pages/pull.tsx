import type { PullPage as PullShape } from '#contract/api.ts';
import { short } from '../format.ts';
import { lazy } from '../lazy.tsx';
import { Loading, Section, Text, Time } from '../parts/bits.tsx';
import { DiffPane } from '../parts/diff-pane.tsx';
import { Page } from '../parts/page.tsx';
import { concernsKinds, useResource } from '../resource.ts';

const Markdown = lazy(async () => (await import('../parts/markdown.tsx')).Markdown, '');
const stateWords = { open: 'Open', closed: 'Closed, not merged', merged: 'Merged' } as const;

/** A pull request of the local forge, with its text and its diff. */
export function PullPage({ repository, number }: { readonly repository: string; readonly number: string }) {
  const path = `/api/repositories/${encodeURIComponent(repository)}/pulls/${encodeURIComponent(number)}`;
  const { value, error } = useResource<PullShape>(path, concernsKinds('publication'));
  const back = { href: '/proposals', label: 'Proposals' };
  if (!value) {
    return (
      <Page title={`Pull request #${number}`} back={back}>
        <Loading error={error} what="the pull request" />
      </Page>
    );
  }
  const { pull } = value;
  return (
    <Page title={`#${pull.number} ${pull.title}`} back={back} class="pull">
      <p class={`state-word pull-${pull.state}`}>{stateWords[pull.state]}</p>
      <p class="route">
        <strong>{pull.repository}</strong>{' '}
        <code>
          <Text value={pull.branch} />
        </code>{' '}
        → <code>{pull.base}</code>
      </p>
      <p class="muted num">
        Commit <code title={pull.commit}>{short(pull.commit)}</code>, opened <Time atMs={pull.openedAtMs} />
        {pull.closedAtMs === null ? null : (
          <>
            , closed <Time atMs={pull.closedAtMs} />
          </>
        )}
        . {pull.proposalId ? <a href={`/proposals/${pull.proposalId}`}>Open its proposal</a> : null}
      </p>
      <Section id="text" title="Description">
        {pull.body ? <Markdown text={pull.body} /> : <p class="muted">No description.</p>}
      </Section>
      <Section id="pull-diff" title="Changes" class="flush">
        <DiffPane text={value.diff} truncated={value.diffTruncated} target={null} />
      </Section>
    </Page>
  );
}
