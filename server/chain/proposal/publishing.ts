import type { CheckSide } from '#contract/check.ts';
import { usdText } from '#contract/money.ts';
import type { ProposalDocument, Publishing } from '#contract/proposal.ts';

/** Who commits when the owner has not said: the tool, by its own name. */
const defaultAuthor = { name: 'patchgit', email: 'patchgit@localhost' };

const subjectCharactersMax = 72;
const slugCharactersMax = 40;

/** Branch, commit message and pull request text, decided before they are shown, so that the digest covers them. Pure. */
export function writePublishing(
  document: Omit<ProposalDocument, 'digest' | 'publishing'>,
  author: { readonly name: string; readonly email: string } | null,
  ledgerHead: string,
): Publishing {
  // A title of nothing but invisible characters is none; a cut must not leave half of a character.
  const title = oneLine(document.title) || `Patch for ${oneLine(document.repo.name)}`;
  const subject = title.slice(0, subjectCharactersMax).replace(/[\uD800-\uDBFF]$/, '');
  return {
    branch: branchName(document),
    commitMessage: `${subject}\n\nPatchgit-Proposal: ${document.id}\nPatchgit-Base: ${document.base.sha}\nPatchgit-Ledger: ${ledgerHead}\n`,
    author: author === null ? defaultAuthor : { name: oneLine(author.name), email: oneLine(author.email) },
    pullTitle: subject,
    pullBody: pullBody(document),
  };
}

/** The name is ours alone: letters, digits and dashes, ending in the proposal's own id, so that no two proposals share one. */
function branchName(document: Pick<ProposalDocument, 'title' | 'id'>): string {
  const slug = document.title
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, slugCharactersMax)
    .replace(/-+$/, '');
  const own = document.id.replace(/^prop_/, '');
  return slug === '' ? `patchgit/${own}` : `patchgit/${slug}-${own}`;
}

function pullBody(document: Omit<ProposalDocument, 'digest' | 'publishing'>): string {
  const { proof, patch, confidence, cost } = document;
  const rows = document.checks.map(
    (check) =>
      `| ${cell(check.command)} | ${sideText(check.before)} | ${sideText(check.after)} | ${check.newFailures.length} |`,
  );
  return [
    cell(document.title),
    '',
    `${patch.files.length} ${patch.files.length === 1 ? 'file' : 'files'}, +${patch.additions} -${patch.deletions}, on ${document.base.ref} at ${document.base.sha}.`,
    '',
    `**Proof** (${proof.placement} sandbox, no network): ${proof.failingBefore} failing before, ${proof.failingAfter} failing after, ${proof.newFailures} new.`,
    '',
    '| Check | Before | After | New failures |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `**Risk** ${document.risk.level}${document.risk.reasons.length === 0 ? ': no rule matched' : `: ${document.risk.reasons.map((reason) => cell(reason.message)).join('; ')}`}`,
    '',
    `**Confidence** ${confidence.percent} % (${confidence.low} to ${confidence.high} %), derived from outcomes and evidence.`,
    '',
    `**Cost** ${usdText(cost.spentUsd + cost.projectedUsd)}`,
    '',
    `Tree ${patch.treeAfter}. Proposal ${document.id} by patchgit; nothing is merged automatically.`,
  ].join('\n');
}

function sideText(side: CheckSide): string {
  const passed = side.passed === null ? '' : `, ${side.passed} passed`;
  return side.conclusion === 'success'
    ? `success${passed}`
    : `${side.conclusion.replace('_', ' ')}: ${side.failing.length} failing${passed}`;
}

/** Text of somebody else inside our Markdown: one line, nothing that the forge would act on. */
function cell(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_{}[\]<>|#!~]/g, (mark) => `\\${mark}`)
    .replaceAll('@', '@\u200B');
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
