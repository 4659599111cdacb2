import { useEffect, useRef, useState } from 'preact/hooks';
import type { Proposal } from '#contract/proposal.ts';
import { fieldsOf, typed } from '../form.ts';
import { clock, usd } from '../format.ts';
import type { GoState } from '../go-state.ts';
import type { GoFix } from '../go.ts';
import { useView } from '../store.ts';
import { Alert, Button, PathText, Sheet, Submit, Text } from './bits.tsx';

/** The bar with the one button; after GO the receipt stands in its place. */
export function Decision({ go }: { readonly go: GoState }) {
  const { shown } = go;
  if (!shown) return null;
  const asking = shown.state === 'open';
  return (
    <div class="decision" id="decision" role="region" aria-label="Decision">
      <Alert>{go.said}</Alert>
      {asking ? <Ask go={go} shown={shown} /> : <Receipt go={go} shown={shown} />}
    </div>
  );
}

function Ask({ go, shown }: { readonly go: GoState; readonly shown: Proposal }) {
  const [revising, setRevising] = useState(false);
  const [asking, setAsking] = useState(false);
  const asksPin = shown.document.gates.some((gate) => gate.asksPin === true);
  const { button } = go;
  if (!button) return null;
  const settling = button.action !== 'none' && !button.enabled;
  return (
    <>
      <div class="decision-why" aria-live="polite">
        {button.reason ? (
          <p class={`reason ${button.tone}`} id="go-reason">
            <PathText value={button.reason} />
          </p>
        ) : null}
        <Fix fix={button.fix} go={go} />
      </div>
      <MoneyLine runUsd={shown.document.cost.spentUsd} />
      <div class="decision-buttons">
        <Button onPress={() => setRevising(true)} enabled={!go.busy}>
          Ask for changes
        </Button>
        <Button
          kind={button.action === 'prove_again' ? 'primary' : 'go'}
          class={`big ${settling ? 'arming' : ''}`}
          enabled={button.enabled && !go.busy}
          describedBy={button.reason ? 'go-reason go-money' : 'go-money'}
          onPress={() => (asksPin && button.action === 'go' ? setAsking(true) : go.press())}
        >
          <span class="big-label">{button.label}</span>
          {button.action === 'go' ? (
            <span class="big-cost num">costs {usd(shown.document.cost.projectedUsd)}</span>
          ) : null}
        </Button>
      </div>
      {revising ? <Revise go={go} onClose={() => setRevising(false)} /> : null}
      {asking ? <TypePin go={go} shown={shown} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

/** What was spent and what is left, on the same bar as the button that may spend (DESIGN section 1.1). */
function MoneyLine({ runUsd }: { readonly runUsd: number }) {
  const { state, link } = useView();
  if (!state) return null;
  const { hour, day, asOfMs } = state.budget;
  const old = link !== 'live' && link !== 'polling';
  return (
    <p class={`money num ${old ? 'old' : ''}`} id="go-money">
      <span>
        Spent: hour {usd(hour.spentUsd)} · today {usd(day.spentUsd)} · run {usd(runUsd)}
      </span>
      <span>Left {usd(Math.min(hour.leftUsd, day.leftUsd))}</span>
      {old ? <span>as of {clock(asOfMs)}</span> : null}
    </p>
  );
}

function Fix({ fix, go }: { readonly fix: GoFix; readonly go: GoState }) {
  switch (fix) {
    case 'check_now':
      return (
        <Button kind="text" onPress={go.refresh}>
          Check now
        </Button>
      );
    case 'reload':
      return (
        <Button kind="text" onPress={() => location.reload()}>
          Reload
        </Button>
      );
    case 'show_new':
      return (
        <Button kind="text" onPress={go.takeNew}>
          Show it
        </Button>
      );
    case null:
      return null;
  }
}

/** A change to what protects the project: the PIN again, for exactly what is on the screen. */
function TypePin({
  go,
  shown,
  onClose,
}: {
  readonly go: GoState;
  readonly shown: Proposal;
  readonly onClose: () => void;
}) {
  const { document: frozen } = shown;
  return (
    <Sheet title="Your PIN for this GO" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          go.press(typed(fieldsOf(event), 'pin'));
          onClose();
        }}
      >
        <p>
          <Text value={frozen.title} />, {frozen.repo.name}, {usd(frozen.cost.projectedUsd)}:
        </p>
        <ul class="reasons">
          {frozen.gates
            .filter((gate) => gate.asksPin)
            .map((gate) => (
              <li key={gate.name}>
                <Text value={gate.reason} />
              </li>
            ))}
        </ul>
        <label class="field">
          <span>PIN</span>
          <input name="pin" type="password" autocomplete="current-password" required />
        </label>
        <div class="row-buttons">
          <Button onPress={onClose}>Not now</Button>
          <Submit busy={go.busy} kind="go">
            GO: open pull request
          </Submit>
        </div>
      </form>
    </Sheet>
  );
}

function Revise({ go, onClose }: { readonly go: GoState; readonly onClose: () => void }) {
  return (
    <Sheet title="Ask for changes" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          go.decide('revise', typed(fieldsOf(event), 'note').trim());
          onClose();
        }}
      >
        <label class="field">
          <span>What should change?</span>
          <textarea name="note" rows={4} maxLength={2000} required />
        </label>
        <p class="muted">This closes the proposal with your note. Nothing is published.</p>
        <div class="row-buttons">
          <Button onPress={onClose}>Keep the proposal</Button>
          <Submit busy={go.busy}>Send back</Submit>
        </div>
      </form>
    </Sheet>
  );
}

/** What became of it, in the button's place: who, when, where, and the way back. */
function Receipt({ go, shown }: { readonly go: GoState; readonly shown: Proposal }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { decision, state } = shown;
  useEffect(() => {
    // The button that had the focus is gone; the reader goes on where it stood.
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [state]);
  return (
    <div class={`receipt ${state}`}>
      <h2 tabIndex={-1} ref={heading} aria-live="polite">
        {receiptTitle(shown)}
      </h2>
      {decision ? (
        <p class="muted num">
          {{ go: 'GO', reject: 'Discarded', revise: 'Sent back' }[decision.kind]} by {decision.by},{' '}
          {clock(decision.atMs)}.
          {decision.note ? (
            <>
              {' '}
              “<Text value={decision.note} />”
            </>
          ) : null}
        </p>
      ) : null}
      {shown.publication?.trouble ? (
        <p class="reason warn">
          <Text value={shown.publication.trouble} />
        </p>
      ) : null}
      <ReceiptWays go={go} shown={shown} />
    </div>
  );
}

function receiptTitle({ state, publication, decision }: Proposal): string {
  const number = publication?.pr?.number;
  switch (state) {
    case 'published':
      if (publication?.pr?.state === 'merged') return `Pull request #${number} was merged.`;
      return publication?.pr?.state === 'closed'
        ? `Pull request #${number} was closed.`
        : `Pull request #${number} is open.`;
    case 'publishing':
      return 'GO is recorded. Publishing now…';
    case 'unknown':
      return 'Outcome unknown. Finding out…';
    case 'undoing':
      return 'Undoing: closing the pull request and deleting the branch…';
    case 'undone':
      return `Undone. Pull request #${number ?? ''} is closed and the branch is deleted.`;
    case 'superseded':
      return 'A newer proof replaced this one. Nothing was published.';
    case 'rejected':
      return decision?.kind === 'revise'
        ? 'Sent back with your note. Nothing was published.'
        : 'Discarded. Nothing was published.';
    case 'open':
      return '';
  }
}

function ReceiptWays({ go, shown }: { readonly go: GoState; readonly shown: Proposal }) {
  const armed = useSettled(shown.state);
  const pr = shown.publication?.pr;
  const { repo } = shown.document;
  const repository = useView().state?.repositories.find((one) => one.id === repo.id);
  const outside = repository?.forge === 'github';
  return (
    <div class="decision-buttons">
      {shown.state === 'published' && pr?.state === 'open' ? (
        <Button onPress={go.undo} enabled={armed && !go.busy}>
          {go.busy ? 'Undoing…' : 'Undo'}
        </Button>
      ) : null}
      {shown.supersededBy ? (
        <a class="button" href={`/jobs/${shown.supersededBy}`}>
          Open the newer job
        </a>
      ) : null}
      {shown.state === 'rejected' ? (
        <a class="button" href="/">
          Open chat
        </a>
      ) : null}
      {pr && outside ? (
        <a class="button primary" href={pr.url} target="_blank" rel="noopener noreferrer">
          Open pull request
        </a>
      ) : null}
      {pr && !outside ? (
        <a class="button primary" href={`/pulls/${repo.name}/${pr.number}`}>
          Open pull request
        </a>
      ) : null}
    </div>
  );
}

/** Undo appears near where GO was: a second tap of the same finger must not press it. */
function useSettled(state: string): boolean {
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(state), 800);
    return () => clearTimeout(timer);
  }, [state]);
  return settled === state;
}
