import type { Proposal, ProposalDocument } from '#contract/proposal.ts';
import { assert } from '../../lib/assert.ts';
import { againMsDefault, note, type PublishParts } from './rest.ts';

/** What was merged cannot be taken back by closing: that is a change of its own. */
export async function closePull(parts: PublishParts, { document }: Proposal): Promise<boolean> {
  const { pullNumber } = parts.publications.get(document.id);
  assert(pullNumber !== null, 'an opened publication has its pull request');
  const closed = await parts.forge.closePull(document.repo, pullNumber);
  if (!closed.ok && closed.why.code === 'forge_rate_limited') {
    const { message, retryAfterMs } = closed.why;
    const againAtMs = parts.clock.nowMs() + (retryAfterMs ?? againMsDefault);
    parts.db.transaction(() => parts.publications.notDone(document.id, message, againAtMs));
    return false;
  }
  if (!closed.ok) return keepPublished(parts, document, `${closed.why.message} Undo can be asked for again.`);
  if (closed.value.state === 'merged')
    return keepPublished(
      parts,
      document,
      `Pull request ${pullNumber} was merged, so it cannot be undone here. Paste a diff that takes it back ("git show -R").`,
    );
  const told = await parts.forge.comment(document.repo, {
    number: pullNumber,
    key: `undo:${document.id}`,
    text: 'Undone by the owner with patchgit: closed, and the branch deleted unless somebody else pushed to it.',
  });
  if (!told.ok) parts.log.warn({ proposalId: document.id, code: told.why.code }, 'the undo was not commented');
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'opened', 'closed');
    note(parts, document, 'publication.closed', { number: pullNumber });
  });
  return true;
}

export async function deleteBranch(parts: PublishParts, { document }: Proposal): Promise<boolean> {
  const { commitId, branch } = parts.publications.get(document.id);
  assert(commitId !== null, 'an opened publication has its commit');
  const gitDir = parts.mirrors.gitDir(document.repo.id);
  const deleted = await parts.git.deleteBranch({ gitDir, url: document.repo.url, commit: commitId, branch });
  // Somebody built on the branch: it is theirs now. Everything else is tried again by the owner.
  const kept = !deleted.ok && deleted.why.trouble === 'moved';
  if (!deleted.ok && !kept)
    return keepPublished(
      parts,
      document,
      `The pull request is closed, but the branch ${branch} could not be deleted: ${deleted.why.detail} Undo can be asked for again.`,
    );
  parts.db.transaction(() => {
    parts.publications.advance(document.id, 'closed', 'undone');
    if (kept) parts.publications.trouble(document.id, `Somebody else pushed to ${branch}, so it was left alone.`);
    parts.proposals.take(document.id, 'undone', { kind: 'publication.undone', body: { branch, branchDeleted: !kept } });
  });
  return false;
}

/** The undo did not get through: say so, and leave it to the owner to try again. */
function keepPublished(parts: PublishParts, document: ProposalDocument, sentence: string): boolean {
  parts.db.transaction(() => {
    parts.publications.trouble(document.id, sentence);
    parts.proposals.take(document.id, 'kept', { kind: 'publication.refused', body: { why: sentence } });
  });
  return false;
}
