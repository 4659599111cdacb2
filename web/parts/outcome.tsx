import { useEffect } from 'preact/hooks';
import type { ProposalRow } from '#contract/api.ts';
import type { Message } from '#contract/chat.ts';
import type { FailedCheck } from '#contract/forge.ts';
import { outcomeLines } from '#contract/outcome-text.ts';
import type { Proposal } from '#contract/proposal.ts';
import { maskTokens } from '#contract/token-shapes.ts';
import { call } from '../api.ts';
import { clock } from '../format.ts';
import { navigate } from '../router.ts';
import { Alert, Button, Section, Text, useAct } from './bits.tsx';

/** A look that found nothing new writes nothing into the ledger, so "as of" is asked for while the page is seen. */
const askEveryMs = 30_000;
/** Until the first look, which comes soon after GO. */
const askFirstEveryMs = 3_000;

/** What has become of a published change where it was published: the pull request, its CI, and what others did. */
export function Outcome({ proposal, reload }: { readonly proposal: Proposal; readonly reload: () => void }) {
  const lines = outcomeLines(proposal);
  const isOpen = lines !== null && (proposal.outcome?.state ?? 'open') === 'open';
  const isFirst = proposal.outcome === undefined;
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(
      () => {
        if (document.visibilityState === 'visible') reload();
      },
      isFirst ? askFirstEveryMs : askEveryMs,
    );
    return () => clearInterval(timer);
  }, [isOpen, isFirst, proposal.document.id]);
  if (lines === null) return null;
  const { outcome } = proposal;
  const checkedAtMs = outcome?.checkedAtMs ?? null;
  return (
    <Section
      id="outcome"
      title="What became of it"
      aside={checkedAtMs === null ? null : <span class="num">as of {clock(checkedAtMs)}</span>}
    >
      <p class="outcome-line">
        <span class="shape" aria-hidden="true">
          {shapeOf(outcome?.state ?? 'open')}
        </span>
        <span>
          {lines.pull} <PullLink proposal={proposal} />
        </span>
      </p>
      {lines.ci === null ? null : (
        <p class={`outcome-line ${lines.ciVerdict === 'bad' ? 'bad-text' : ''}`}>
          <span class="shape" aria-hidden="true">
            {ciShapes[lines.ciVerdict]}
          </span>
          <span>{lines.ci}</span>
        </p>
      )}
      {outcome && outcome.checks.failed.length > 0 ? <FailedChecks failed={outcome.checks.failed} /> : null}
      {lines.others.map((line) => (
        <p key={line} class="outcome-line">
          <span class="shape" aria-hidden="true">
            ·
          </span>
          <span>{line}</span>
        </p>
      ))}
      {lines.trouble === null ? null : (
        <p class="reason warn">
          The last look came to nothing: <Text value={lines.trouble} />
        </p>
      )}
      {isOpen && lines.ciVerdict === 'bad' ? <FixIt id={proposal.document.id} /> : null}
    </Section>
  );
}

const ciShapes = { good: '✓', bad: '×', open: '○' } as const;

function shapeOf(state: 'open' | 'closed' | 'merged'): string {
  return { open: '○', closed: '–', merged: '✓' }[state];
}

function PullLink({ proposal: { publication } }: { readonly proposal: Proposal }) {
  const url = publication?.pr?.url;
  if (url === undefined || !isWeb(url)) return null;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      Open it there
    </a>
  );
}

/** What a forge names as an address is only followed when it is one of the web. */
function isWeb(url: string): boolean {
  return URL.canParse(url) && ['https:', 'http:'].includes(new URL(url).protocol);
}

/** Names and texts are what somebody's CI said: shown as text, and the texts only when asked for. */
function FailedChecks({ failed }: { readonly failed: readonly FailedCheck[] }) {
  return (
    <ul class="failed-checks">
      {failed.map((check, index) => (
        <li key={index}>
          <details class="quiet">
            <summary>
              <Text value={maskTokens(check.name)} />: <Text value={check.conclusion.replaceAll('_', ' ')} />
            </summary>
            {check.text.trim() === '' ? (
              <p class="muted">It gave no text.</p>
            ) : (
              <pre class="code wrap" tabIndex={0} role="group" aria-label={`What ${maskTokens(check.name)} said`}>
                <Text value={maskTokens(check.text)} />
              </pre>
            )}
            {check.url !== null && isWeb(check.url) ? (
              <p>
                <a href={check.url} target="_blank" rel="noopener noreferrer">
                  Open this check there
                </a>
              </p>
            ) : null}
          </details>
        </li>
      ))}
    </ul>
  );
}

/** Asks for a follow-up with what the CI said, and goes to where the answer will come. */
function FixIt({ id }: { readonly id: string }) {
  const { busy, said, act } = useAct();
  return (
    <div class="fix-it">
      <Button
        kind="primary"
        enabled={!busy}
        onPress={() =>
          act(async () => {
            const message = await call<Message>('POST', `/api/proposals/${id}/fix`);
            navigate(`/?thread=${message.threadId}`);
          })
        }
      >
        {busy ? 'Asking…' : 'Fix it'}
      </Button>
      <span class="muted">Asks in the chat, with what the checks said. Nothing is published by it.</span>
      <Alert>{said}</Alert>
    </div>
  );
}

/** "PR #3 open, × CI failed": for one line of a list. null: nothing was published. */
export function pullWords(row: Pick<ProposalRow, 'state' | 'publication' | 'ciState'>): string | null {
  const pull = row.publication?.pr;
  if (row.state !== 'published' || !pull) return null;
  const ci = { none: '', pending: ', CI runs', success: ', ✓ CI passed', failure: ', × CI failed' }[
    row.ciState ?? 'none'
  ];
  return `PR #${pull.number} ${pull.state}${pull.state === 'open' ? ci : ''}`;
}
