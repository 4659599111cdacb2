import { networkText } from '#contract/network-text.ts';
import type { ProposalDocument } from '#contract/proposal.ts';
import { count } from '../format.ts';
import { Section, Text } from './bits.tsx';
import { EvidenceRow } from './evidence.tsx';

const ranAt = { none: 'nothing ran', base: 'in the sandbox', helper: 'on a helper' };

/** What was proved: in one line, then each check, then the terms it ran under. */
export function Evidence({ proposal }: { readonly proposal: ProposalDocument }) {
  const { checks, proof } = proposal;
  const setUp = checks.find(({ phase }) => phase === 'set_up');
  const isStuck = setUp !== undefined && setUp.before.conclusion !== 'success';
  return (
    <Section id="evidence" title="Evidence" aside={ranAt[proof.placement]}>
      {proof.placement === 'none' ? null : isStuck ? (
        <p class="proof-line bad-text">The set-up failed on the base itself, so no check ran.</p>
      ) : (
        <p class={`proof-line num ${proof.newFailures > 0 ? 'bad-text' : ''}`}>
          {proof.failingBefore} failing before, {proof.failingAfter} after, <strong>{proof.newFailures} new</strong>
        </p>
      )}
      {checks.length === 0 ? <p>No check ran. Nothing is proved beyond that the patch applies.</p> : null}
      {checks.map((check) => (
        <EvidenceRow key={check.name} check={check} />
      ))}
      {proof.formatter ? (
        <p class="check-line">
          <span class="shape" aria-hidden="true">
            {proof.formatter.clean ? '✓' : '▲'}
          </span>
          <code>
            <Text value={proof.formatter.command} />
          </code>{' '}
          {proof.formatter.clean ? 'finds nothing to change' : 'would change this'}
        </p>
      ) : null}
      <Terms proposal={proposal} />
    </Section>
  );
}

/** Under which terms it ran: what the pull request says too, and here also the names of the hosts. */
function Terms({ proposal }: { readonly proposal: ProposalDocument }) {
  const { checks, plan, proof } = proposal;
  if (proof.placement === 'none') return null;
  const hosts = checks.some(({ phase }) => phase === 'set_up') ? (plan.setUp?.hosts ?? []) : [];
  return (
    <div class="terms muted">
      <p>
        Before and after, each in a fresh sandbox without credentials: {networkText(proposal)}. Limits:{' '}
        <Text value={proof.limits} />.
      </p>
      {hosts.length === 0 ? null : (
        <details class="quiet">
          <summary>{count(hosts.length, 'host')} behind the door</summary>
          <ul class="reasons">
            {hosts.map((host) => (
              <li key={host}>
                <code>
                  <Text value={host} />
                </code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
