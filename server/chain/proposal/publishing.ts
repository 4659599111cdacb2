import type { CheckSide } from '#contract/check.ts';
import { usdText } from '#contract/money.ts';
import { networkText } from '#contract/network-text.ts';
import type { ProposalDocument, Publishing } from '#contract/proposal.ts';
import type { Repository } from '#contract/repository.ts';
import { redactText } from '../../lib/redact.ts';

/** Who commits when the owner has not said: the tool, by its own name. */
const defaultAuthor = { name: 'patchgit', email: 'patchgit@localhost' };

const subjectCharactersMax = 72;
const slugCharactersMax = 40;

/**
 * Branch, commit message and pull request text, decided before they are shown, so that the digest covers them. `publicUrl`: where a
 * browser finds this patchgit, for the link back. Pure.
 */
export function writePublishing(
  document: Omit<ProposalDocument, 'digest' | 'publishing'>,
  { author, pulls }: Pick<Repository, 'author' | 'pulls'>,
  ledgerHead: string,
  publicUrl: string | null = null,
): Publishing {
  // What is pushed is there for all who read it, and a title may hold a token: it is masked before a cut could hide what it is.
  // One of nothing but invisible characters is none; a cut must not leave half of a character.
  const title = redactText(oneLine(document.title)) || `Patch for ${oneLine(document.repo.name)}`;
  const subject = inert(title.slice(0, subjectCharactersMax))
    .slice(0, subjectCharactersMax)
    .replace(/[\uD800-\uDBFF]$/, '');
  return {
    branch: branchName(document),
    commitMessage: `${subject}\n\nPatchgit-Proposal: ${document.id}\nPatchgit-Base: ${document.base.sha}\nPatchgit-Ledger: ${ledgerHead}\n`,
    author: author === null ? defaultAuthor : { name: oneLine(author.name), email: oneLine(author.email) },
    pullTitle: subject,
    pullBody: pullBody(document, publicUrl),
    ...(pulls === undefined ? {} : { isDraft: pulls.isDraft, labels: pulls.labels }),
  };
}

/** The name is ours alone: letters, digits and dashes, ending in the proposal's own id, so that no two proposals share one. */
function branchName(document: Pick<ProposalDocument, 'title' | 'id'>): string {
  const slug = redactText(document.title)
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, slugCharactersMax)
    .replace(/-+$/, '');
  const own = document.id.replace(/^prop_/, '');
  return slug === '' ? `patchgit/${own}` : `patchgit/${slug}-${own}`;
}

const tableHead = ['| Check | Before | After | New failures |', '| --- | --- | --- | --- |'];

function pullBody(document: Omit<ProposalDocument, 'digest' | 'publishing'>, publicUrl: string | null): string {
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
    ...(proof.placement === 'none'
      ? ['**Proof** none: nothing was run.', '']
      : [
          `**Proof** (${proof.placement} sandbox; ${networkText(document)}): ${proof.failingBefore} failing before, ${proof.failingAfter} failing after, ${proof.newFailures} new.`,
          '',
        ]),
    ...(rows.length === 0 ? [] : [...tableHead, ...rows, '']),
    `**Risk** ${document.risk.level}${document.risk.reasons.length === 0 ? ': no rule matched' : `: ${document.risk.reasons.map((reason) => cell(reason.message)).join('; ')}`}`,
    '',
    `**Confidence** ${confidence.percent} % (${confidence.low} to ${confidence.high} %), derived from outcomes and evidence.`,
    '',
    `**Cost** ${usdText(cost.spentUsd + cost.projectedUsd)}`,
    '',
    `Tree ${patch.treeAfter}. ${proposalLink(document.id, publicUrl)} by patchgit; nothing is merged automatically.`,
  ].join('\n');
}

/** Only the owner can open it, and only where patchgit has an address that others can use. */
function proposalLink(id: ProposalDocument['id'], publicUrl: string | null): string {
  const text = `Proposal ${id}`;
  return publicUrl === null ? text : `[${text}](${new URL(`/proposals/${id}`, publicUrl).href})`;
}

function sideText(side: CheckSide): string {
  const passed = side.passed === null ? '' : `, ${side.passed} passed`;
  return side.conclusion === 'success'
    ? `success${passed}`
    : `${side.conclusion.replace('_', ' ')}: ${side.failing.length} failing${passed}`;
}

/** Text of somebody else inside our Markdown: one line, no credential, nothing that the forge would act on. */
function cell(text: string): string {
  return inert(redactText(oneLine(text)).replaceAll(/[\\`*_{}[\]<>|#!~]/g, (mark) => `\\${mark}`));
}

/**
 * A forge tells people who are mentioned, links issues and closes them ("fixes #7") wherever it finds their names, in a commit
 * message as well, and looks for them after it has made HTML of Markdown: a backslash does not stop it, a space that nobody sees does.
 */
function inert(text: string): string {
  return text
    .replaceAll(/@(?=\w)/g, '@\u200B')
    .replaceAll(/(?<=#|\bGH-|\/(?:issues|pull|pulls|discussions)\/)(?=\d)/gi, '\u200B');
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
