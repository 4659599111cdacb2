import type { ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Proposal } from '#contract/proposal.ts';
import type { Pull } from '#contract/repository.ts';
import { assert } from '../../lib/assert.ts';
import type { Result } from '../../lib/result.ts';
import { decidePull } from './decide.ts';
import { againMsDefault, recordUnknown, refuse, type PublishParts } from './rest.ts';

/**
 * The pull request of a pushed branch: the one that is there, or one that is asked for. Always false, because the publication rests
 * after it: opened, refused with nothing left at the forge, or waiting with the reason in its row.
 */
export async function openPull(parts: PublishParts, proposal: Proposal): Promise<false> {
  const { forge, publications, clock } = parts;
  const { document } = proposal;
  const { commitId, askedAtMs } = publications.get(document.id);
  assert(commitId !== null, 'a pushed publication has its commit');
  const { branch } = document.publishing;
  const found = await forge.findPull(document.repo, branch);
  const step = decidePull({
    isThere: found.ok ? found.value !== null : isUnanswered(found.why) ? null : 'forbidden',
    askedAtMs,
    nowMs: clock.nowMs(),
    landsWithinMs: forge.landsWithinMs(document.repo),
  });
  if (step === 'take') {
    assert(found.ok && found.value !== null, 'what is there was found');
    return opened(parts, proposal, commitId, found.value);
  }
  if (step === 'wait') {
    const why = found.ok
      ? 'The forge did not answer when it was asked for the pull request, and shows none so far. patchgit keeps looking.'
      : found.why.message;
    recordUnknown(parts, proposal, why);
    return false;
  }
  if (step === 'withdraw') {
    assert(!found.ok, 'whoever may look does not withdraw for it');
    await withdraw(parts, proposal, commitId, found.why);
    return false;
  }
  parts.db.transaction(() => publications.asked(document.id));
  const asked = await askFor(parts, proposal, commitId);
  if (asked.ok) return opened(parts, proposal, commitId, asked.value);
  if (asked.why.code === 'forge_unreachable') {
    recordUnknown(parts, proposal, asked.why.message);
    return false;
  }
  const isLater = asked.why.code === 'forge_rate_limited';
  const againAtMs = isLater ? clock.nowMs() + (asked.why.retryAfterMs ?? againMsDefault) : null;
  parts.db.transaction(() => publications.notDone(document.id, asked.why.message, againAtMs));
  if (!isLater) await withdraw(parts, proposal, commitId, asked.why);
  return false;
}

/** Whether the same question may have another answer soon. */
function isUnanswered({ code }: Problem): boolean {
  return code === 'forge_unreachable' || code === 'forge_rate_limited';
}

function askFor({ forge }: PublishParts, { document }: Proposal, commit: ObjectId): Promise<Result<Pull, Problem>> {
  const { branch, pullTitle: title, pullBody, isDraft } = document.publishing;
  return forge.openPull(document.repo, {
    title,
    body: `${pullBody}\n\nDigest ${document.digest}`,
    branch,
    base: document.base.ref,
    commit,
    proposalId: document.id,
    ...(isDraft === undefined ? {} : { isDraft }),
  });
}

function opened(parts: PublishParts, { document }: Proposal, commit: ObjectId, { number, url }: Pull): false {
  const { branch } = document.publishing;
  parts.db.transaction(() => {
    // The embedded forge's pages are found by the repository's name, which may change.
    const pullUrl = URL.canParse(url) ? url : null;
    parts.publications.advance(document.id, 'pushed', 'opened', { pullNumber: number, pullUrl });
    parts.proposals.take(document.id, 'opened', { kind: 'publication.opened', body: { branch, commit, number, url } });
  });
  parts.log.info({ proposalId: document.id, branch, number }, 'pull request opened');
  parts.onOpened?.();
  return false;
}

/** The forge takes the branch and no pull request: a GO gives both or nothing, so the branch goes, while it is still ours. */
async function withdraw(parts: PublishParts, proposal: Proposal, commit: ObjectId, why: Problem): Promise<void> {
  const { document } = proposal;
  const { branch } = document.publishing;
  const gitDir = parts.mirrors.gitDir(document.repo.id);
  const deleted = await parts.git.deleteBranch({ gitDir, url: document.repo.url, commit, branch });
  const isTheirs = !deleted.ok && deleted.why.trouble === 'moved';
  if (!deleted.ok && !isTheirs) {
    recordUnknown(
      parts,
      proposal,
      `${why.message} The branch ${branch} is still there (${deleted.why.detail}). patchgit keeps trying.`,
    );
    return;
  }
  const rest = isTheirs
    ? `The branch ${branch} was left alone, because somebody else pushed to it.`
    : 'Its branch was taken back, so nothing was published.';
  refuse(parts, proposal, problem(why.code, `${why.message} ${rest}`));
}
