import { useState } from 'preact/hooks';
import type { FileChange } from '#contract/patch.ts';
import type { Cost, Gate, Plan as PlanShape, Proposal, ProposalDocument } from '#contract/proposal.ts';
import { fieldsOf, typed } from '../form.ts';
import { count, ends, short, usd } from '../format.ts';
import type { GoState } from '../go-state.ts';
import { useView } from '../store.ts';
import { Button, PathText, Section, Sheet, Submit, Text, Time } from './bits.tsx';
import { Counts } from './diff-view.tsx';
import { Meter } from './meter.tsx';

type Document = ProposalDocument;

/** Names the one thing GO does, and what it does not. */
export function WhatGoDoes({
  proposal: { document: proposal, freshness, publication },
}: {
  readonly proposal: Proposal;
}) {
  const { isDraft, labels = [] } = proposal.publishing;
  const kind = isDraft === true ? 'a draft pull request' : 'a pull request';
  return (
    <Section id="what" title={`GO ${publication?.pr ? 'opened' : 'opens'} ${kind}`} class="lead">
      <p class="route">
        <strong>{proposal.repo.name}</strong>{' '}
        <code>
          <Text value={proposal.publishing.branch} />
        </code>{' '}
        → <code>{proposal.base.ref}</code>
      </p>
      <p>
        Based on <code title={proposal.base.sha}>{short(proposal.base.sha)}</code>. Nothing is merged.
      </p>
      {labels.length === 0 ? null : (
        <p>
          With {labels.length === 1 ? 'the label' : 'the labels'} <Text value={labels.join(', ')} />.
        </p>
      )}
      {freshness && freshness.verdict !== 'current' && freshness.overlapping.length > 0 ? (
        <p class="reason warn">
          Changed there too: <PathText value={freshness.overlapping.join(', ')} />
        </p>
      ) : null}
    </Section>
  );
}

/** Where a plan is carried out. */
const proved = {
  none: 'Not proved',
  base: 'Proved on this machine',
  helper: 'Proved on a helper',
  external: 'Proved elsewhere',
};

/** `title`: of the proposal, which stands above; a goal in the same words is not said again. */
export function Plan({ plan, title }: { readonly plan: PlanShape; readonly title: string }) {
  const { model, placement, estimateUsd } = plan.option;
  const by = model ? `written by ${model}` : 'from your diff, no model';
  return (
    <Section id="plan" title="Plan" aside={by} class={model ? 'by-model' : ''}>
      {plan.goal === title ? null : (
        <p>
          <Text value={plan.goal} />
        </p>
      )}
      {plan.steps.length > 0 ? (
        <ol class="steps">
          {plan.steps.map((step, index) => (
            <li key={index}>
              <Text value={step} />
            </li>
          ))}
        </ol>
      ) : null}
      <PolicyLines policy={plan.policy} />
      <p class="muted num">
        {proved[placement]}, about {usd(estimateUsd)}.
      </p>
    </Section>
  );
}

/** What the repository itself asks for, in its base commit: a patch cannot weaken what it is judged by. */
function PolicyLines({ policy }: { readonly policy: PlanShape['policy'] }) {
  if (!policy.found) return null;
  const lines = [
    ...policy.mistakes.map((mistake) => `Mistake: ${mistake}`),
    ...(policy.forbid.length > 0 ? [`Not to be changed: ${policy.forbid.join(', ')}`] : []),
    ...(policy.protect.length > 0 ? [`Needs a second look: ${policy.protect.join(', ')}`] : []),
    ...(policy.checkSecondsMax === null ? [] : [`A check may take ${policy.checkSecondsMax} s`]),
  ];
  return (
    <details class="quiet" open={policy.mistakes.length > 0}>
      <summary>
        Policy of the base, <code>.patchgit.yml</code>
      </summary>
      <ul class="reasons">
        {lines.length === 0 ? <li>It adds nothing here.</li> : null}
        {lines.map((line) => (
          <li key={line}>
            <Text value={line} />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The files, those that a risk rule named first: they are the ones to open. */
export function Changes({
  proposal,
  onOpen,
}: {
  readonly proposal: Document;
  readonly onOpen?: (index: number) => void;
}) {
  const { patch, risk } = proposal;
  const flagged = new Set(risk.reasons.flatMap((reason) => reason.paths));
  const rows = patch.files
    .map((file, index) => ({ file, index, flag: flagged.has(file.path) }))
    .toSorted((a, b) => Number(b.flag) - Number(a.flag) || a.index - b.index);
  return (
    <Section
      id="changes"
      title="Changes"
      aside={
        <>
          {count(patch.files.length, 'file')} <Counts additions={patch.additions} deletions={patch.deletions} />
        </>
      }
    >
      <ul class="files">
        {rows.map(({ file, index, flag }) => (
          <li key={file.path}>
            <a
              href={`/proposals/${proposal.id}/diff?f=${index}`}
              onClick={(event) => {
                if (!onOpen) return;
                event.preventDefault();
                onOpen(index);
              }}
            >
              <span class="file-flag">{flag ? <span title="Named by a risk rule">▲</span> : null}</span>
              <span class="file-path">
                <PathText value={file.path} />
              </span>
              <span class="file-word">{fileWord(file)}</span>
              <Counts additions={file.additions} deletions={file.deletions} binary={file.binary} />
            </a>
          </li>
        ))}
      </ul>
      {patch.mends.map((mend) => (
        <p key={mend.code} class="reason warn">
          Mended before git read it: <Text value={mend.message} />
        </p>
      ))}
    </Section>
  );
}

function fileWord(file: FileChange): string {
  if (file.status === 'added') return 'new';
  if (file.oldMode !== file.newMode && file.status === 'modified')
    return file.newMode === '100755' ? 'now executable' : 'mode';
  return file.status === 'modified' ? '' : file.status.replace('_', ' ');
}

export function Risk({ proposal: { risk, confidence } }: { readonly proposal: Document }) {
  return (
    <Section id="risk" title="Risk and confidence">
      <p class={`risk-line ${risk.level}`}>
        <strong>{{ low: 'Low', medium: 'Medium', high: 'High' }[risk.level]} risk</strong>
        {risk.reasons.length === 0 ? '. No rule has anything to say.' : '.'}
      </p>
      <ul class="reasons">
        {risk.reasons.map((reason) => (
          <li key={reason.code}>
            <span class={`level ${reason.level}`}>{reason.level}</span> <Text value={reason.message} />
          </li>
        ))}
      </ul>
      <details class="quiet">
        <summary class="num">
          <strong>Confidence {confidence.percent} %</strong>, between {confidence.low} and {confidence.high}
        </summary>
        <ul class="reasons">
          {confidence.reasons.map((reason, index) => (
            <li key={index}>
              <Text value={reason} />
            </li>
          ))}
        </ul>
        <p class="muted">Worked out from your own outcomes and this evidence. No model said it.</p>
      </details>
    </Section>
  );
}

const gateShapes = { open: '✓', warned: '▲', closed: '×' } as const;
const gateWords = { open: 'holds', warned: 'holds, with a warning', closed: 'does not hold' } as const;

export function Conditions({ gates }: { readonly gates: readonly Gate[] }) {
  if (gates.length === 0) return null;
  const order = { closed: 0, warned: 1, open: 2 };
  return (
    <Section id="gates" title="Conditions for GO">
      <ul class="gates">
        {gates
          .toSorted((a, b) => order[a.verdict] - order[b.verdict])
          .map((gate) => (
            <li key={gate.name} class={gate.verdict}>
              <span class="shape" aria-hidden="true">
                {gateShapes[gate.verdict]}
              </span>
              <span>
                <Text value={gate.reason} />
                <span class="sr">, {gateWords[gate.verdict]}</span>
              </span>
            </li>
          ))}
      </ul>
    </Section>
  );
}

export function CostLines({ cost }: { readonly cost: Cost }) {
  const budget = useView().state?.budget;
  return (
    <Section id="cost" title="Cost">
      <p class="num">
        This run has cost <strong>{usd(cost.spentUsd)}</strong>. GO costs <strong>{usd(cost.projectedUsd)}</strong>.
      </p>
      {budget ? (
        <div class="meters">
          <Meter name="This hour" window={budget.hour} />
          <Meter name="Today" window={budget.day} />
        </div>
      ) : null}
    </Section>
  );
}

export function NotProved({ reasons }: { readonly reasons: readonly string[] }) {
  if (reasons.length === 0) return null;
  return (
    <Section id="not-proved" title="What this does not prove">
      <ul class="reasons">
        {reasons.map((reason, index) => (
          <li key={index}>
            <Text value={reason} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What GO will write, word for word, and the digest it is bound to. */
export function Digest({ proposal, go }: { readonly proposal: Proposal; readonly go: GoState }) {
  const [discarding, setDiscarding] = useState(false);
  const { document: frozen, state } = proposal;
  return (
    <Section id="digest" title="What will be written">
      <details class="quiet">
        <summary>Commit message and pull request text</summary>
        <p class="muted">
          Author <Text value={`${frozen.publishing.author.name} <${frozen.publishing.author.email}>`} />
        </p>
        <pre class="code wrap" tabIndex={0} role="group" aria-label="Commit message">
          <Text value={frozen.publishing.commitMessage} />
        </pre>
        <pre class="code wrap" tabIndex={0} role="group" aria-label="Pull request text">
          <Text value={`${frozen.publishing.pullTitle}\n\n${frozen.publishing.pullBody}`} />
        </pre>
      </details>
      <p class="muted num">
        Made <Time atMs={frozen.createdAtMs} /> by <a href={`/jobs/${frozen.jobId}`}>this job</a>. Digest{' '}
        <code title={frozen.digest}>{ends(frozen.digest)}</code>. <a href={`/audit?job=${frozen.jobId}`}>History</a>
      </p>
      {state === 'open' ? (
        <Button kind="text" class="discard" onPress={() => setDiscarding(true)}>
          Discard proposal
        </Button>
      ) : null}
      {discarding ? <Discard go={go} onClose={() => setDiscarding(false)} /> : null}
    </Section>
  );
}

function Discard({ go, onClose }: { readonly go: GoState; readonly onClose: () => void }) {
  return (
    <Sheet title="Discard this proposal" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          go.decide('reject', typed(fieldsOf(event), 'note').trim());
          onClose();
        }}
      >
        <p>Nothing is published. The diff and the evidence stay in the audit.</p>
        <label class="field">
          <span>Why (optional)</span>
          <input name="note" maxLength={2000} autocomplete="off" />
        </label>
        <div class="row-buttons">
          <Button onPress={onClose}>Keep the proposal</Button>
          <Submit busy={go.busy} kind="stop">
            Discard proposal
          </Submit>
        </div>
      </form>
    </Sheet>
  );
}
