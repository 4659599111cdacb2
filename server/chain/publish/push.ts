import type { ObjectId } from '#contract/ids.ts';
import { problem, type Problem } from '#contract/problem.ts';
import type { Proposal, ProposalDocument } from '#contract/proposal.ts';
import { assert, never } from '../../lib/assert.ts';
import type { Result } from '../../lib/result.ts';
import type { Transferred, TransferTrouble } from '../../ports.ts';
import { withCommit } from './commit.ts';
import { decidePush, type PushFacts } from './decide.ts';
import { note, recordUnknown, refuse, type PublishParts } from './rest.ts';

type Trouble = Extract<Transferred, { readonly ok: false }>['why'];

/**
 * Pushes the branch. True: it is there, with our commit. Pushing the same again changes nothing, so after a lost answer the repository
 * is asked, and the next pass pushes again; "nothing was published" is said only when no push of ours can land any more.
 */
export async function push(parts: PublishParts, proposal: Proposal): Promise<boolean> {
  const { document } = proposal;
  const { askedAtMs, commitId } = parts.publications.get(document.id);
  assert(commitId !== null, 'what is pushed was recorded');
  parts.db.transaction(() => parts.publications.asked(document.id));
  const pushed = await pushOnce(parts, document, commitId);
  if (!pushed.ok) {
    refuse(parts, proposal, pushed.why);
    return false;
  }
  if (pushed.value.ok) return pushedNow(parts, document, commitId);
  const { why } = pushed.value;
  const answer = isFinal(why.trouble) ? 'final' : 'lost';
  const isOpen = answer === 'lost' || askedAtMs !== null;
  const seen = isOpen ? await look(parts, document, commitId) : { there: null, detail: why.detail };
  const landsWithinMs = parts.forge.landsWithinMs(document.repo);
  const step = decidePush({ answer, there: seen.there, askedAtMs, nowMs: parts.clock.nowMs(), landsWithinMs });
  switch (step) {
    case 'pushed':
      return pushedNow(parts, document, commitId);
    case 'taken':
      refuse(parts, proposal, pushProblem(document, { ...why, trouble: 'moved' }));
      return false;
    case 'refuse':
      refuse(parts, proposal, pushProblem(document, why));
      return false;
    case 'wait':
      // A push that was refused is not on its way: only the one before it is waited for.
      if (answer === 'final' && askedAtMs !== null)
        parts.db.transaction(() => parts.publications.asked(document.id, askedAtMs));
      recordUnknown(parts, proposal, waitingSentence(seen));
      return false;
    default:
      return never(step);
  }
}

function pushOnce(
  parts: PublishParts,
  document: ProposalDocument,
  commit: ObjectId,
): Promise<Result<Transferred, Problem>> {
  return withCommit(parts, document, (made, { objectsDir }) => {
    assert(made === commit, 'the commit made again is the commit that was recorded');
    const gitDir = parts.mirrors.gitDir(document.repo.id);
    const { branch } = document.publishing;
    return parts.git.push({ gitDir, url: document.repo.url, commit, branch, objectsDir });
  });
}

type Seen = { readonly there: PushFacts['there']; readonly detail: string };

/** Only the remote knows whether a branch is there. */
async function look({ git, mirrors }: PublishParts, document: ProposalDocument, commit: ObjectId): Promise<Seen> {
  const { branch } = document.publishing;
  const found = await git.remoteBranch(mirrors.gitDir(document.repo.id), document.repo.url, branch);
  if (!found.ok) return { there: null, detail: found.why.detail };
  const there = found.value === commit ? 'ours' : found.value === null ? 'nothing' : 'other';
  return { there, detail: '' };
}

function waitingSentence({ there, detail }: Seen): string {
  return there === null
    ? `It is not known whether the branch was pushed: the repository does not answer (${detail}). patchgit keeps asking.`
    : 'The push was not answered, and the branch is not there so far. patchgit keeps trying.';
}

function pushedNow(parts: PublishParts, document: ProposalDocument, commit: ObjectId): true {
  const { branch } = document.publishing;
  parts.db.transaction(() => {
    // Found out: what was unknown goes on where it was.
    if (parts.proposals.get(document.id)?.state === 'unknown') {
      parts.proposals.take(document.id, 'found', {
        kind: 'publication.pushed',
        body: { branch, commit, found: true },
      });
    } else {
      note(parts, document, 'publication.pushed', { branch, commit });
    }
    parts.publications.advance(document.id, 'committed', 'pushed');
  });
  return true;
}

function isFinal(trouble: TransferTrouble): boolean {
  return trouble === 'refused' || trouble === 'moved' || trouble === 'not_git' || trouble === 'needs_password';
}

function pushProblem(document: ProposalDocument, why: Trouble): Problem {
  const { branch } = document.publishing;
  if (why.trouble === 'moved') {
    return problem(
      'branch_taken',
      `The branch ${branch} exists at ${document.repo.name} with something else. Nothing was published. Prove again to get a new branch name.`,
    );
  }
  return problem(
    'push_refused',
    `${document.repo.name} did not take the branch ${branch}, so nothing was published. It said: ${why.detail}`,
  );
}
