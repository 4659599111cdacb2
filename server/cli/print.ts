import type { Doctor, State } from '#contract/api.ts';
import { failedSetUp } from '#contract/check.ts';
import type { Budget } from '#contract/budget.ts';
import type { LedgerEntry } from '#contract/ledger.ts';
import type { HelperView, Lease } from '#contract/lease.ts';
import { usdText } from '#contract/money.ts';
import type { Proposal } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { redactText } from '../lib/redact.ts';
import { outcomeText, pullSettingsText, pullsLine } from './forge-text.ts';
import { imageLines } from './helper-images.ts';

/** Text from outside is data: control characters never reach the terminal as they are (CWE-150). */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, (character) =>
    character === '\n' ? '\n' : `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** A proposal as a person decides on it. */
export function proposalText(proposal: Proposal): string {
  const { document, state, freshness, publication } = proposal;
  const { patch, proof, risk, confidence, cost, gates } = document;
  const lines = [
    `${document.title}   [${state}]   ${document.id}`,
    `${document.repo.name}, on ${document.base.ref} at ${document.base.sha.slice(0, 12)}; tree after ${patch.treeAfter.slice(0, 12)}`,
    '',
    'Plan',
    ...document.plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
    '',
    `Changes  ${patch.files.length} ${patch.files.length === 1 ? 'file' : 'files'}, +${patch.additions} -${patch.deletions}`,
    ...patch.files.map(
      (file) =>
        `  ${file.status.padEnd(12)} ${file.path}  ${file.binary ? 'binary' : `+${file.additions} -${file.deletions}`}`,
    ),
    ...patch.mends.map((mend) => `  mended: ${mend.message}`),
    '',
    `Evidence  ${failedSetUp(document.checks) === null ? '' : 'the set-up failed on the base, so no check ran; '}${proof.failingBefore} failing before, ${proof.failingAfter} after, ${proof.newFailures} new (${proof.placement} sandbox)`,
    ...document.checks.map(
      (check) =>
        `  ${check.phase === undefined ? '' : `${check.name}: `}${check.command}: ${check.before.conclusion} before, ${check.after.conclusion} after`,
    ),
    ...document.checks.flatMap((check) => check.newFailures.map((name) => `    new failure: ${name}`)),
    `Risk  ${risk.level}${risk.reasons.map((reason) => `\n  ${reason.level}: ${reason.message}`).join('')}`,
    `Confidence  ${confidence.percent} % (${confidence.low} to ${confidence.high} %)${confidence.reasons.map((reason) => `\n  ${reason}`).join('')}`,
    `Cost  ${usdText(cost.spentUsd)} so far, GO costs ${usdText(cost.projectedUsd)}; left this hour ${usdText(cost.hourLeftUsd)}, today ${usdText(cost.dayLeftUsd)}`,
    ...escalationLines(document),
    'Gates',
    ...gates.map((gate) => `  ${gate.verdict.padEnd(7)} ${gate.name}: ${gate.reason}`),
    ...(freshness === null ? [] : [`Base  ${freshness.message}`]),
    ...(publication === null
      ? []
      : [
          `Published  ${publication.branch} ${publication.commit.slice(0, 12)}${publication.pr ? `, pull request #${publication.pr.number} ${publication.pr.state}` : ''}`,
        ]),
    ...outcomeText(proposal),
    '',
    `Digest  ${document.digest}`,
  ];
  if (state === 'open')
    lines.push(`${whatGoOpens(document)} and merges nothing:  patchgit go ${document.id} --digest ${document.digest}`);
  // A name of a file may be a token, and is masked as one in a line is.
  return plain(redactText(lines.join('\n')));
}

function whatGoOpens({ publishing: { isDraft, labels = [] } }: Proposal['document']): string {
  const noun = isDraft === true ? 'a draft pull request' : 'a pull request';
  return `GO opens ${noun}${labels.length === 0 ? '' : ` with ${labels.length === 1 ? 'the label' : 'labels'} ${labels.join(', ')}`}`;
}

function escalationLines({ plan, escalation }: Proposal['document']): string[] {
  const why = plan.option.why === undefined ? [] : [`Way  ${plan.option.key}: ${plan.option.why}`];
  if (escalation === undefined) return why;
  const { title, expectedMinutes, estimateUsd, worstUsd, confidenceGain, reasons } = escalation;
  const price =
    worstUsd === null
      ? 'price not known'
      : `about ${usdText(estimateUsd ?? worstUsd)}, never above ${usdText(Math.ceil(worstUsd * 100) / 100)}`;
  return [
    ...why,
    `Stronger  ${title}: ${price}, about ${Math.ceil(expectedMinutes)} min`,
    `  ${escalation.why}`,
    `  ${confidenceGain}`,
    ...reasons.map((reason) => `  needs approval: ${reason}`),
    ...(worstUsd === null
      ? []
      : ['  with: patchgit go … --approve-extra-spend USD (proves it first, publishes nothing)']),
  ];
}

export function repositoryText(repository: Repository): string {
  const checks = (repository.checks ?? repository.detectedChecks).map((check) => check.command).join(', ') || 'none';
  const head = repository.head?.slice(0, 12) ?? 'no commit';
  const trouble = repository.trouble === null ? '' : `\n  trouble: ${repository.trouble}`;
  const setUp = repository.setUp ?? repository.detectedSetUp ?? 'none';
  return plain(
    `${repository.name}  ${repository.url}  ${repository.defaultBranch} at ${head}  checks: ${checks}  set-up: ${setUp}${pullSettingsText(repository.pulls)}${trouble}`,
  );
}

export function findingsText(findings: Doctor['findings']): string {
  const marks = { good: 'ok  ', warned: 'note', bad: 'BAD ' } as const;
  return plain(findings.map((finding) => `${marks[finding.verdict]} ${finding.name}: ${finding.sentence}`).join('\n'));
}

export function stateText(
  state: Pick<State, 'proposals' | 'lock' | 'repositories' | 'integrations' | 'helper'>,
): string {
  const open = state.proposals.filter((proposal) => proposal.state === 'open');
  const holder = state.lock.holder;
  const helper = state.helper;
  const costs = helper !== undefined && (helper.current !== null || helper.strays.length > 0);
  return plain(
    [
      holder === null
        ? `Nothing is running.${costs ? '' : ' Nothing is costing money.'}`
        : `Running: ${holder.title} (${holder.id}), ${state.lock.waiting} waiting`,
      ...(costs ? [helperText({ ...helper, past: [], unavailable: null })] : []),
      open.length === 0 ? 'Nothing needs you.' : `${open.length} waiting for your decision:`,
      ...open.map(
        (proposal) =>
          `  ${proposal.id}  ${proposal.title}  ${proposal.newFailures} new failures, risk ${proposal.risk}`,
      ),
      ...pullsLine(state.proposals),
      `Repositories: ${state.repositories.map((repository) => repository.name).join(', ') || 'none'}`,
      ...state.integrations.map((integration) => `${integration.name}: ${integration.sentence}`),
    ].join('\n'),
  );
}

export function budgetText(budget: Budget): string {
  const line = (name: string, window: Budget['hour']): string =>
    `${name}  spent ${usdText(window.spentUsd)}, reserved ${usdText(window.pendingUsd)}, left ${usdText(window.leftUsd)} of ${usdText(window.capUsd)}`;
  const reservation = (one: Budget['reservations'][number]): string =>
    `  ${one.id}  ${one.state.padEnd(7)} ${usdText(one.postedUsd ?? one.reservedUsd)}  ${one.purpose}  ${one.jobId ?? ''}`;
  const lines = [
    ...(budget.mistakes ?? []).map((mistake) => `Not in force: ${mistake} The last right budget.json counts.`),
    line('Last 60 minutes', budget.hour),
    line(`Today (${budget.timeZone})`, budget.day),
    ...(budget.approvals.length === 0 ? [] : ['Approved, not used yet:']),
    ...budget.approvals.map(
      ({ id, usd, purpose, expiresAtMs }) =>
        `  ${id}  ${usdText(usd)}  ${purpose}, until ${new Date(expiresAtMs).toISOString().slice(11, 16)} UTC`,
    ),
    ...(budget.reservations.length === 0 ? ['Nothing has been reserved or spent.'] : ['Reservations:']),
    ...budget.reservations.slice(0, 20).map(reservation),
  ];
  return plain(lines.join('\n'));
}

/** What exists or may exist, what it costs, what is not known, and the newest that were. Times in UTC. */
export function helperText({ current, past, strays, unavailable, bake, images, asOfMs }: HelperView): string {
  const nothing = strays.length === 0 ? ' Nothing is costing money.' : '';
  const lines = [
    ...(current === null ? [`No helper exists.${nothing} Verified ${timeText(asOfMs)}.`] : leaseLines(current, asOfMs)),
    ...strays.map(({ id, name }) => `Stray machine ${id} ${name}: no lease owns it, it is being destroyed.`),
    ...(unavailable === null ? [] : [unavailable]),
    ...imageLines({ bake, images }),
    ...(past.length === 0 ? [] : ['Earlier:']),
    ...past.slice(0, 10).map((lease) => `  ${lease.id}  ${lease.size} in ${lease.region}  ${goneText(lease)}`),
  ];
  return plain(lines.join('\n'));
}

function leaseLines(lease: Lease, asOfMs: number): string[] {
  const { state, machineId, jobId, usdPerHour, checkedAtMs, trouble } = lease;
  const price = `$${usdPerHour.toFixed(4)} an hour, $${lease.costUsd.toFixed(4)} so far (estimate until it is gone)`;
  return [
    `${lease.name}  [${state}]  ${lease.id}`,
    `  ${lease.size} in ${lease.region}, machine ${machineId ?? 'not known yet'}${jobId === null ? '' : `, for ${jobId}`}`,
    `  ${price}; ends ${timeText(lease.deadlineAtMs)} at the latest`,
    `  ${checkedAtMs === null ? 'The cloud was not asked yet' : `The cloud last answered ${timeText(checkedAtMs)}`}`,
    ...stopLines(lease, asOfMs),
    ...(trouble === null ? [] : [`  ${trouble}`]),
  ];
}

/** As long as a cloud may take to confirm before nobody knows. */
const confirmWithinMs = 60_000;

function stopLines({ state, destroyAskedAtMs }: Lease, asOfMs: number): string[] {
  if (state === 'unknown') return ['  The cloud was asked for it and has not answered. It may exist and cost money.'];
  if (state !== 'destroying') return [];
  const late = destroyAskedAtMs !== null && asOfMs - destroyAskedAtMs >= confirmWithinMs;
  const since = destroyAskedAtMs === null ? '' : ` Asked ${timeText(destroyAskedAtMs)}.`;
  return [
    late
      ? `  We asked the cloud to delete it and have no confirmation. It may still cost money.${since} Ask again: patchgit helper destroy`
      : `  Stopping.${since}`,
  ];
}

/** How one ended. Only the cloud's word counts as gone. */
export function goneText({ goneAtMs, costUsd, machineId, readyAtMs, trouble }: Lease): string {
  const why = trouble === null ? '' : ` (${trouble})`;
  if (machineId === null && readyAtMs === null && costUsd === 0) return `never made, nothing was billed${why}`;
  const at = goneAtMs === null ? '' : ` ${timeText(goneAtMs)}`;
  return plain(`gone, confirmed by the cloud${at}, cost $${costUsd.toFixed(4)}${why}`);
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

export function entryText(entry: LedgerEntry): string {
  const at = new Date(entry.atMs).toISOString().replace('T', ' ').slice(0, 19);
  return plain(
    `${String(entry.seq).padStart(6)}  ${at}  ${entry.actor.padEnd(8)} ${entry.kind.padEnd(24)} ${entry.subject ?? ''}`,
  );
}
