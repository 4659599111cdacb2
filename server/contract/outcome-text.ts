import type { Outcome } from './forge.ts';
import type { Proposal } from './proposal.ts';

/** What has become of a published change, line by line, for the page and the command alike. */
export interface OutcomeLines {
  readonly pull: string;
  /** null: nothing is expected of the repository's own CI any more, or it never said anything. */
  readonly ci: string | null;
  readonly ciVerdict: 'good' | 'bad' | 'open';
  /** Comments, and whether somebody else pushed. */
  readonly others: readonly string[];
  readonly trouble: string | null;
}

/** Whole sentences; null before there is a pull request. `outcome` absent: the forge was not asked yet. */
export function outcomeLines({
  state,
  publication,
  outcome,
}: Pick<Proposal, 'state' | 'publication' | 'outcome'>): OutcomeLines | null {
  if (state !== 'published' || !publication?.pr) return null;
  const { number } = publication.pr;
  if (outcome === undefined) {
    const pull = `Pull request #${number} is opened; how it stands there was not asked yet.`;
    return { pull, ci: null, ciVerdict: 'open', others: [], trouble: null };
  }
  const { head, comments } = outcome;
  // The embedded forge has pages of ours, and no CI.
  const hasCi = URL.canParse(publication.pr.url);
  const isOthers = head !== null && head !== publication.commit && outcome.state === 'open';
  return {
    pull: pullSentence(number, outcome),
    ...(hasCi ? ciSentence(outcome) : { ci: null, ciVerdict: 'open' }),
    others: [
      ...(comments === 0 ? [] : [`It has ${comments} ${comments === 1 ? 'comment' : 'comments'}.`]),
      ...(isOthers
        ? [`Somebody else pushed to its branch: it is at ${head.slice(0, 7)} now, which patchgit has not proved.`]
        : []),
    ],
    trouble: outcome.trouble,
  };
}

function pullSentence(number: number, { state, isDraft }: Outcome): string {
  switch (state) {
    case 'open':
      return `Pull request #${number} is open${isDraft ? ', as a draft' : ''}.`;
    case 'merged':
      return `Pull request #${number} was merged.`;
    case 'closed':
      return `Pull request #${number} was closed without being merged.`;
  }
}

function ciSentence({ state, checks }: Outcome): Pick<OutcomeLines, 'ci' | 'ciVerdict'> {
  const { total, failed } = checks;
  const all = total === 1 ? 'one check' : `${total} checks`;
  const which = total === 1 ? 'its one check' : `${failed.length} of ${all}`;
  switch (checks.state) {
    case 'none':
      return { ci: state === 'open' ? 'The CI there has said nothing yet.' : null, ciVerdict: 'open' };
    case 'pending':
      return { ci: state === 'open' ? `The CI there is running (${all}).` : null, ciVerdict: 'open' };
    case 'success':
      return { ci: `The CI there passed (${all}).`, ciVerdict: 'good' };
    case 'failure':
      return { ci: `The CI there failed: ${which}.`, ciVerdict: 'bad' };
  }
}
