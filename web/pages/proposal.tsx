import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Proposal } from '#contract/proposal.ts';
import { useGo } from '../go-state.ts';
import type { GoState } from '../go-state.ts';
import { stateLabel } from '../go.ts';
import { onKey } from '../keys.ts';
import { Button, Loading, Text } from '../parts/bits.tsx';
import { Decision } from '../parts/decision.tsx';
import { DiffPane } from '../parts/diff-pane.tsx';
import { Outcome } from '../parts/outcome.tsx';
import { Page } from '../parts/page.tsx';
import { Changes, Conditions, CostLines, Digest, NotProved, Plan, Risk, WhatGoDoes } from '../parts/proposal-parts.tsx';
import { Evidence } from '../parts/proof.tsx';
import { Stronger } from '../parts/stronger.tsx';
import { never, useResource } from '../resource.ts';

/** The GO screen: what, where, the diff, the evidence, risk, confidence, cost, and one button. */
export function ProposalPage({ id }: { readonly id: string }) {
  return <GoScreen key={id} id={id} />;
}

function GoScreen({ id }: { readonly id: string }) {
  const go = useGo(id);
  const wide = useWide();
  const back = { href: '/proposals', label: 'Proposals' };
  useEffect(
    () =>
      onKey((key) => {
        if (key === 'e') document.querySelector<HTMLElement>('#evidence summary')?.focus();
        // Only moves there: no key presses GO.
        if (key === 'd') document.querySelector<HTMLElement>('#decision button, #decision a')?.focus();
      }),
    [],
  );
  if (!go.shown) {
    return (
      <Page title="Proposal" back={back}>
        <Loading error={go.error} what="the proposal" />
      </Page>
    );
  }
  return (
    <Page
      title={go.shown.document.title}
      back={back}
      class={`go ${wide ? 'two-panes' : ''}`}
      foot={wide ? null : <Decision go={go} />}
    >
      <Panes go={go} shown={go.shown} wide={wide} />
    </Page>
  );
}

function Panes({ go, shown, wide }: { readonly go: GoState; readonly shown: Proposal; readonly wide: boolean }) {
  const [target, setTarget] = useState<number | null>(null);
  const { document: proposal } = shown;
  return (
    <>
      <div class="decision-column">
        <a class="skip" href="#decision">
          Skip to decision
        </a>
        {wide ? (
          <a class="skip" href="#diff">
            Skip to diff
          </a>
        ) : null}
        <p class={`state-word ${shown.state}`}>{stateLabel(shown)}</p>
        <Elsewhere go={go} />
        <WhatGoDoes proposal={shown} />
        <Outcome proposal={shown} reload={go.reload} />
        <Plan plan={proposal.plan} title={proposal.title} />
        <Changes proposal={proposal} {...(wide ? { onOpen: setTarget } : {})} />
        <Evidence proposal={proposal} />
        <Risk proposal={proposal} />
        <Conditions gates={proposal.gates} />
        <CostLines cost={proposal.cost} />
        <Stronger shown={shown} />
        <NotProved reasons={proposal.proof.notProved} />
        <Digest proposal={shown} go={go} />
        {wide ? <Decision go={go} /> : null}
      </div>
      {wide ? <WideDiff id={proposal.id} truncated={proposal.patch.diff.truncated} target={target} /> : null}
    </>
  );
}

/** What happened elsewhere while this was on the screen; the screen changes when the owner says so (R3). */
function Elsewhere({ go }: { readonly go: GoState }) {
  if (!go.latest || !go.shown || go.latest.state === go.shown.state) return null;
  return (
    <div class="banner" role="alert">
      <p>
        Meanwhile: <Text value={stateLabel(go.latest)} />.
      </p>
      <Button onPress={go.takeNew}>Show it</Button>
    </div>
  );
}

function WideDiff({
  id,
  truncated,
  target,
}: {
  readonly id: string;
  readonly truncated: boolean;
  readonly target: number | null;
}) {
  const { value, error } = useResource<string>(`/api/proposals/${id}/diff`, never);
  return (
    <section class="diff-column" id="diff" aria-label="Diff" tabIndex={-1}>
      {value === null ? (
        <Loading error={error} what="the diff" />
      ) : (
        <DiffPane text={value} truncated={truncated} target={target} />
      )}
    </section>
  );
}

/** Two panes need room for a column of 400 px and a readable diff. */
function useWide(): boolean {
  const query = useMemo(() => matchMedia('(min-width: 1100px)'), []);
  const [wide, setWide] = useState(query.matches);
  useEffect(() => {
    const update = (): void => setWide(query.matches);
    query.addEventListener('change', update);
    return () => query.removeEventListener('change', update);
  }, []);
  return wide;
}
