import { problem } from '#contract/problem.ts';
import type { Freshness, Proposal, ProposalDocument } from '#contract/proposal.ts';
import { assert, never } from '../../lib/assert.ts';
import { withCommit } from './commit.ts';
import { decide, type PublishStep } from './decide.ts';
import { openPull } from './pull.ts';
import { push } from './push.ts';
import { note, refuse, type PublishParts } from './rest.ts';
import { closePull, deleteBranch } from './undo.ts';

/**
 * Brings one publication (or undo) as far as it goes: decided, committed, pushed, opened. Every step first finds what an
 * earlier try has done, so it can be called again after a crash at any point: one branch, one pull request.
 */
export async function performPublication(parts: PublishParts, id: ProposalDocument['id']): Promise<void> {
  let freshness: Freshness | null = null;
  for (;;) {
    const proposal = parts.proposals.get(id);
    assert(proposal !== null, `proposal ${id} has a row`);
    if (!['publishing', 'unknown', 'undoing'].includes(proposal.state)) return;
    const { step: at, againAtMs } = parts.publications.get(id);
    const nowMs = parts.clock.nowMs();
    const step = decide({ state: proposal.state, step: at, freshness, nowMs, againAtMs });
    if (step === 'nothing') return;
    if (step === 'check_base') freshness = await parts.refresh(proposal);
    else if (!(await performStep(parts, proposal, step, freshness))) return;
  }
}

/** Does one step. False: the publication rests here, and the rows say why. */
async function performStep(
  parts: PublishParts,
  proposal: Proposal,
  step: Exclude<PublishStep, 'check_base' | 'nothing'>,
  freshness: Freshness | null,
): Promise<boolean> {
  switch (step) {
    case 'refuse_stale':
      refuse(
        parts,
        proposal,
        problem('stale_base', `${freshness?.message ?? 'The base moved.'} Nothing was published.`),
      );
      return false;
    case 'commit':
      return await commit(parts, proposal.document);
    case 'push':
      return await push(parts, proposal);
    case 'open_pull':
      return await openPull(parts, proposal);
    case 'close_pull':
      return await closePull(parts, proposal);
    case 'delete_branch':
      return await deleteBranch(parts, proposal);
    default:
      return never(step);
  }
}

async function commit(parts: PublishParts, document: ProposalDocument): Promise<boolean> {
  const made = await withCommit(parts, document, async (id) => id);
  if (!made.ok) {
    const proposal = parts.proposals.get(document.id);
    assert(proposal !== null, 'a proposal that is being published has a row');
    refuse(parts, proposal, made.why);
    return false;
  }
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'decided', 'committed', { commitId: made.value });
    note(parts, document, 'publication.committed', { commit: made.value, tree: document.patch.treeAfter });
  });
  return true;
}
