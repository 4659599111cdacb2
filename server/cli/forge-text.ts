import type { ProposalRow } from '#contract/api.ts';
import type { ForgeCandidates } from '#contract/forge.ts';
import { outcomeLines } from '#contract/outcome-text.ts';
import type { Proposal } from '#contract/proposal.ts';
import type { PullSettings } from '#contract/repository.ts';

const textLinesMax = 12;

/** What became of a published change; nothing before there is a pull request. Not made safe for a terminal yet. */
export function outcomeText(proposal: Proposal): string[] {
  const lines = outcomeLines(proposal);
  if (lines === null) return [];
  const { outcome, publication } = proposal;
  const url = publication?.pr?.url ?? '';
  const checkedAtMs = outcome?.checkedAtMs ?? null;
  const asOf = checkedAtMs === null ? '' : `  (as of ${new Date(checkedAtMs).toISOString().slice(11, 16)} UTC)`;
  return [
    `Outcome  ${lines.pull}${asOf}`,
    ...(URL.canParse(url) ? [`  ${url}`] : []),
    ...(lines.ci === null ? [] : [`  ${lines.ci}`]),
    ...(outcome?.checks.failed ?? []).flatMap(({ name, conclusion, text }) => [
      `    ${name}: ${conclusion.replaceAll('_', ' ')}`,
      ...shownEnd(text).map((line) => `      ${line}`),
    ]),
    ...lines.others.map((line) => `  ${line}`),
    ...(lines.trouble === null ? [] : [`  The last look came to nothing: ${lines.trouble}`]),
    ...(lines.ciVerdict === 'bad' && outcome?.state === 'open'
      ? [`  Ask for a fix with: patchgit fix ${proposal.document.id}`]
      : []),
  ];
}

/** The end of what a check printed says why it failed. */
function shownEnd(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const left = lines.length - textLinesMax;
  return left > 0 ? [`(${left} lines more before)`, ...lines.slice(-textLinesMax)] : lines;
}

/** One line for `status`: pull requests that are open, and how many of them are red. */
export function pullsLine(proposals: readonly ProposalRow[]): string[] {
  const open = proposals.filter(({ state, publication }) => state === 'published' && publication?.pr?.state === 'open');
  if (open.length === 0) return [];
  const red = open.filter(({ ciState }) => ciState === 'failure').map(({ id }) => id);
  const noun = open.length === 1 ? 'pull request is' : 'pull requests are';
  return [`${open.length} ${noun} open${red.length === 0 ? '' : `; CI failed for ${red.join(', ')}`}.`];
}

/** "opens a draft, with labels a, b"; nothing where it is as patchgit does it by itself. */
export function pullSettingsText(pulls: PullSettings | undefined): string {
  if (pulls === undefined || (!pulls.isDraft && pulls.labels.length === 0)) return '';
  const labels = pulls.labels.length === 0 ? '' : `, labels: ${pulls.labels.join(', ')}`;
  return `  pull requests: ${pulls.isDraft ? 'draft' : 'ready'}${labels}`;
}

export function candidatesText({ candidates, isWhole }: ForgeCandidates): string {
  if (candidates.length === 0) return 'The connection to GitHub can see no repository.';
  return [
    ...candidates.map(({ name, url, isPrivate, canPush, addedAs }) => {
      const facts = [
        isPrivate ? 'private' : 'public',
        ...(canPush === false ? ['no right to push'] : []),
        ...(addedAs === null ? [] : [`added as ${addedAs}`]),
      ];
      return `${name}  ${url}  ${facts.join(', ')}`;
    }),
    ...(isWhole ? [] : ['There are more; any other is added by its address.']),
    'Add one: patchgit repo add URL --name NAME',
  ].join('\n');
}
